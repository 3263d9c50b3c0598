/** All pages. Each area has its own list. */
import { matchPath, type Route } from "../lib/router.ts";
import { ACCESS_PAGES } from "./access/index.ts";
import { BUCKET_PAGES } from "./buckets/index.ts";
import { EVENT_PAGES } from "./events/index.ts";
import { OBJECT_PAGES } from "./objects/index.ts";
import type { Page, PageProps } from "./page.ts";
import { SETTING_PAGES } from "./settings/index.ts";
import { USAGE_PAGES } from "./usage/index.ts";

export const PAGES: readonly Page[] = [
  ...BUCKET_PAGES,
  ...OBJECT_PAGES,
  ...SETTING_PAGES,
  ...ACCESS_PAGES,
  ...EVENT_PAGES,
  ...USAGE_PAGES,
];

export const HOME = "/buckets";

export function findPage({ segments, query }: Route): { readonly page: Page; readonly props: PageProps } | undefined {
  for (const page of PAGES) {
    const params = matchPath(page.path, segments);
    if (params !== undefined) return { page, props: { params, query } };
  }
  return undefined;
}

export function navigationOf(isDeploymentRoot: boolean): readonly { readonly label: string; readonly path: string }[] {
  return ordered(PAGES, (page) => (page.isForDeploymentRoot && !isDeploymentRoot ? undefined : page.nav));
}

export function bucketTabs(isDeploymentRoot: boolean): readonly { readonly label: string; readonly path: string }[] {
  return ordered(PAGES, (page) => (page.isForDeploymentRoot && !isDeploymentRoot ? undefined : page.bucketTab));
}

function ordered(pages: readonly Page[], placementOf: (page: Page) => Page["nav"]) {
  return pages
    .flatMap((page) => {
      const placement = placementOf(page);
      return placement === undefined ? [] : [{ path: page.path, ...placement }];
    })
    .sort((one, other) => one.order - other.order);
}
