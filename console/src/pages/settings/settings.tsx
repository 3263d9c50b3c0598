import { link } from "../../lib/router.ts";
import { Empty } from "../../ui/basics.tsx";
import { useSession } from "../../ui/use.ts";
import { BucketHeader } from "../buckets/header.tsx";
import type { PageProps } from "../page.ts";
import { DocumentEditor } from "./document-editor.tsx";
import { documentOf, SECTIONS } from "./documents.tsx";
import { ReplicationStatus } from "./replication-status.tsx";

const PATH = "/buckets/:bucket/settings";

export function Settings({ params: { bucket = "" }, query }: PageProps) {
  const { client, isDeploymentRoot } = useSession();
  const section = query.get("section") ?? SECTIONS[0]?.id ?? "";
  const edited = documentOf(client, bucket, section);
  return (
    <>
      <BucketHeader bucket={bucket} path={PATH} />
      <div class="settings">
        <nav aria-label="Settings" class="sections">
          {SECTIONS.map(({ id, label }) => (
            <a
              key={id}
              href={link(PATH, { bucket }, { section: id })}
              aria-current={id === section ? "page" : undefined}
            >
              {label}
            </a>
          ))}
        </nav>
        <div>
          {edited === undefined ? (
            <Empty>There is no such setting.</Empty>
          ) : (
            <DocumentEditor key={edited.id} edited={edited} />
          )}
          {section === "replication" && isDeploymentRoot && <ReplicationStatus key={bucket} bucket={bucket} />}
        </div>
      </div>
    </>
  );
}
