/** The heading of every page of a bucket, with its tabs. */
import type { ComponentChildren } from "preact";
import { link } from "../../lib/router.ts";
import { Crumbs, PageHeader } from "../../ui/basics.tsx";
import { useSession } from "../../ui/use.ts";
import { bucketTabs } from "../all-pages.ts";

export interface BucketHeaderProps {
  readonly bucket: string;
  /** The path of the page in `Page`. */
  readonly path: string;
  readonly children?: ComponentChildren;
}

export function BucketHeader({ bucket, path, children }: BucketHeaderProps) {
  const { isDeploymentRoot } = useSession();
  return (
    <>
      <Crumbs
        crumbs={[
          { label: "Buckets", href: link("/buckets") },
          { label: bucket, href: link("/buckets/:bucket", { bucket }) },
        ]}
      />
      <PageHeader title={bucket}>{children}</PageHeader>
      <nav aria-label={`Bucket ${bucket}`} class="tabs">
        {bucketTabs(isDeploymentRoot).map((tab) => (
          <a key={tab.path} href={link(tab.path, { bucket })} aria-current={tab.path === path ? "page" : undefined}>
            {tab.label}
          </a>
        ))}
      </nav>
    </>
  );
}
