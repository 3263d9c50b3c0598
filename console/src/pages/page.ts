/**
 * What a page is. To add pages: export a list of `Page` from `pages/<area>/index.ts`, and name it in `pages/all-pages.ts`.
 * `load` imports the component when the page is opened first, so that its code is a file of its own.
 *
 *     export const USER_PAGES: readonly Page[] = [
 *       { path: "/users", title: () => "Users", nav: { label: "Users", order: 20 }, load: async () => (await import("./users.tsx")).Users },
 *     ];
 *
 * The component gets `PageProps` and uses `useSession()`; it begins with a `PageHeader`. Pages of a bucket begin with a
 * `BucketHeader` (`pages/buckets/header.tsx`), which shows the tabs: pages with `bucketTab`, whose path has `:bucket`.
 */
import type { ComponentType } from "preact";
import type { Params } from "../lib/router.ts";

export interface PageProps {
  readonly params: Params;
  readonly query: URLSearchParams;
}

interface Placement {
  readonly label: string;
  /** Lower ones come first. */
  readonly order: number;
}

export interface Page {
  /** `/buckets/:bucket/settings`. */
  readonly path: string;
  /** The heading, and the title of the window. */
  readonly title: (props: PageProps) => string;
  readonly load: () => Promise<ComponentType<PageProps>>;
  /** An entry of the main navigation. */
  readonly nav?: Placement;
  /** A tab of each bucket. */
  readonly bucketTab?: Placement;
  /** Only for the root account of the deployment: not offered to others, whom the endpoint would refuse. */
  readonly isForDeploymentRoot?: boolean;
}
