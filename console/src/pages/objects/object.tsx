/** One object, or one of its versions. */
import { useState } from "preact/hooks";
import { describeError } from "../../api/errors.ts";
import { headObject, type ObjectFacts, type ObjectName } from "../../api/s3/objects.ts";
import { link } from "../../lib/router.ts";
import { Await, Crumbs, PageHeader } from "../../ui/basics.tsx";
import { notifyFailure } from "../../ui/toast.tsx";
import { useLoad, useSession } from "../../ui/use.ts";
import type { PageProps } from "../page.ts";
import { Access } from "./access.tsx";
import { CopyDialog } from "./copy.tsx";
import { DeleteDialog } from "./delete.tsx";
import { download } from "./download.ts";
import { Lock } from "./lock.tsx";
import { Overview } from "./overview.tsx";
import { foldersOf, lastPart, type Row } from "./rows.ts";
import { ShareDialog } from "./share.tsx";
import { Tags } from "./tags.tsx";
import { Versions } from "./versions.tsx";

const TABS = [
  { id: "", label: "Overview" },
  { id: "versions", label: "Versions" },
  { id: "tags", label: "Tags" },
  { id: "lock", label: "Lock" },
  { id: "access", label: "Access" },
] as const;

export function ObjectPage({ params, query }: PageProps) {
  const bucket = params.bucket ?? "";
  const key = query.get("key") ?? "";
  const versionId = query.get("version") ?? undefined;
  const tab = query.get("tab") ?? "";
  const name = { bucket, key, versionId };
  const folder = foldersOf(key.replace(/\/$/, "")).at(-1) ?? "";
  return (
    <>
      <Crumbs
        crumbs={[
          { label: "Buckets", href: link("/buckets") },
          { label: bucket, href: link("/buckets/:bucket", { bucket }) },
          ...foldersOf(folder).map((each) => ({
            label: lastPart(each),
            href: link("/buckets/:bucket", { bucket }, { prefix: each }),
          })),
        ]}
      />
      <PageHeader title={lastPart(key)}>
        <Actions name={name} folder={folder} />
      </PageHeader>
      {versionId !== undefined && (
        <p class="note">
          Version <code>{versionId}</code>.{" "}
          <a href={link("/buckets/:bucket/object", { bucket }, { key })}>Show the current version</a>
        </p>
      )}
      <nav aria-label={`Object ${lastPart(key)}`} class="tabs">
        {TABS.map(({ id, label }) => (
          <a
            key={id}
            href={link("/buckets/:bucket/object", { bucket }, { key, version: versionId, tab: id })}
            aria-current={id === tab ? "page" : undefined}
          >
            {label}
          </a>
        ))}
      </nav>
      <Tab key={`${tab} ${key} ${versionId}`} tab={tab} name={name} />
    </>
  );
}

function Tab({ tab, name }: { readonly tab: string; readonly name: ObjectName }) {
  switch (tab) {
    case "versions":
      return <Versions name={name} />;
    case "tags":
      return <Tags name={name} />;
    case "lock":
      return <Lock name={name} />;
    case "access":
      return <Access name={name} />;
    default:
      return <LoadedOverview name={name} />;
  }
}

function LoadedOverview({ name }: { readonly name: ObjectName }) {
  const { client } = useSession();
  const [facts, reload] = useLoad<ObjectFacts>((signal) => headObject(client, name, signal), [client]);
  return <Await loaded={facts}>{(value) => <Overview name={name} facts={value} onChange={reload} />}</Await>;
}

type Shown = "share" | "copy" | "move" | "delete";

function Actions({ name, folder }: { readonly name: ObjectName; readonly folder: string }) {
  const { client } = useSession();
  const [dialog, setDialog] = useState<Shown | undefined>(undefined);
  const { bucket, key, versionId } = name;
  const close = () => setDialog(undefined);
  const leave = () => {
    location.hash = link("/buckets/:bucket", { bucket }, { prefix: folder });
  };
  const row = rowOf(name);
  const save = () => download(client, name).catch((error: unknown) => notifyFailure(describeError(error)));
  return (
    <>
      <button type="button" class="primary" onClick={save}>
        Download
      </button>
      <button type="button" onClick={() => setDialog("share")}>
        Share
      </button>
      {versionId === undefined && (
        <>
          <button type="button" onClick={() => setDialog("copy")}>
            Copy
          </button>
          <button type="button" onClick={() => setDialog("move")}>
            Move or rename
          </button>
        </>
      )}
      <button type="button" class="danger" onClick={() => setDialog("delete")}>
        Delete
      </button>
      {dialog === "share" && <ShareDialog name={name} onClose={close} />}
      {dialog === "delete" && <DeleteDialog bucket={bucket} rows={[row]} onClose={close} onDone={leave} />}
      {(dialog === "copy" || dialog === "move") && (
        <CopyDialog
          bucket={bucket}
          prefix={folder}
          rows={[{ ...row, key }]}
          isMove={dialog === "move"}
          onClose={close}
          onDone={dialog === "move" ? leave : () => undefined}
        />
      )}
    </>
  );
}

/** What dialogs of lists need of a row. */
function rowOf({ key, versionId }: ObjectName): Row {
  const common = { key, sizeBytes: 0, modifiedAt: "", etag: "", storageClass: "" };
  if (versionId === undefined) return { kind: "object", ...common };
  return { kind: "version", ...common, versionId, isLatest: false, isMarker: false };
}
