/** The objects of a bucket, folder by folder. */
import { useEffect, useState } from "preact/hooks";
import { listObjects, listVersions, type VersionMarker } from "../../api/s3/listing.ts";
import { formatCount } from "../../lib/format.ts";
import { link } from "../../lib/router.ts";
import { useStore } from "../../lib/store.ts";
import { Crumbs, Empty, ErrorBox, Loading } from "../../ui/basics.tsx";
import { Checkbox, TextField } from "../../ui/fields.tsx";
import { Table } from "../../ui/table.tsx";
import { useSession, useSettled } from "../../ui/use.ts";
import { usePages } from "../../ui/use-pages.ts";
import type { ChosenFile } from "../../uploads/files.ts";
import { finishedUploads } from "../../uploads/uploads.ts";
import { BucketHeader } from "../buckets/header.tsx";
import type { PageProps } from "../page.ts";
import { columnsOf } from "./columns.tsx";
import { CopyDialog } from "./copy.tsx";
import { DeleteDialog } from "./delete.tsx";
import { NewFolderDialog } from "./new-folder.tsx";
import { describeSelection, foldersOf, lastPart, type Row, rowKey } from "./rows.ts";
import { ShareDialog } from "./share.tsx";
import { DropZone, UploadButtons, UploadDialog } from "./upload.tsx";

type Shown =
  | { readonly kind: "upload"; readonly files: readonly ChosenFile[] }
  | { readonly kind: "folder" | "delete" | "copy" | "move" }
  | { readonly kind: "share"; readonly row: Row };

type Position = string | VersionMarker;

export function Objects({ params, query }: PageProps) {
  const bucket = params.bucket ?? "";
  const prefix = query.get("prefix") ?? "";
  const showsVersions = query.get("versions") === "1";
  const { client } = useSession();
  const folder = `${bucket}/${prefix}`;
  /** In another folder it is no search any more. */
  const [typed, setTyped] = useState({ folder, text: "" });
  const settled = useSettled(typed);
  const search = settled.folder === folder ? settled.text : "";
  const [selected, setSelected] = useState<ReadonlyMap<string, Row>>(new Map());
  const [dialog, setDialog] = useState<Shown | undefined>(undefined);
  const finished = useStore(finishedUploads);

  useEffect(() => setSelected(new Map()), [bucket, prefix, showsVersions, search]);

  const listing = usePages<Row, Position>(
    (position, signal) => {
      const request = { bucket, prefix: prefix + search, delimiter: "/", signal } as const;
      if (showsVersions) return listVersions(client, request, typeof position === "object" ? position : undefined);
      return listObjects(client, request, typeof position === "string" ? position : undefined);
    },
    [client, bucket, prefix, search, showsVersions],
  );
  useEffect(() => {
    if (finished > 0) listing.reload();
  }, [finished]);

  const close = () => setDialog(undefined);
  const changed = () => {
    setSelected(new Map());
    listing.reload();
  };
  const rows = [...selected.values()];
  const columns = columnsOf({
    bucket,
    prefix,
    client,
    rows: listing.rows,
    selected,
    onSelect: setSelected,
    onShare: (row) => setDialog({ kind: "share", row }),
    showsVersions,
  });
  const here = { prefix, versions: showsVersions ? "1" : undefined };
  return (
    <DropZone onFiles={(files) => setDialog({ kind: "upload", files })}>
      <BucketHeader bucket={bucket} path="/buckets/:bucket">
        <UploadButtons onFiles={(files) => setDialog({ kind: "upload", files })} />
        <button type="button" onClick={() => setDialog({ kind: "folder" })}>
          New folder
        </button>
      </BucketHeader>
      <FolderCrumbs bucket={bucket} here={here} />
      <div class="filters">
        <TextField
          label="Names in this folder that begin with"
          type="search"
          value={typed.folder === folder ? typed.text : ""}
          onChange={(text) => setTyped({ folder, text })}
          spellcheck={false}
        />
        <Checkbox
          label="Show versions and deleted objects"
          checked={showsVersions}
          onChange={(isOn) => {
            location.hash = link("/buckets/:bucket", { bucket }, { prefix, versions: isOn ? "1" : undefined });
          }}
        />
      </div>
      <div class="selection">
        <span role="status">
          {rows.length > 0 ? `${describeSelection(rows)} selected` : countOf(listing.rows.length, listing.isComplete)}
        </span>
        {rows.length > 0 && (
          <div class="actions">
            {!showsVersions && (
              <>
                <button type="button" onClick={() => setDialog({ kind: "copy" })}>
                  Copy
                </button>
                <button type="button" onClick={() => setDialog({ kind: "move" })}>
                  Move or rename
                </button>
              </>
            )}
            <button type="button" class="danger" onClick={() => setDialog({ kind: "delete" })}>
              Delete
            </button>
          </div>
        )}
      </div>
      <ErrorBox error={listing.error} />
      {listing.rows.length > 0 && (
        <Table
          key={`${bucket} ${prefix} ${showsVersions}`}
          label={`Objects in ${bucket}/${prefix}`}
          columns={columns}
          rows={listing.rows}
          rowKey={rowKey}
          isComplete={listing.isComplete}
          onNearEnd={listing.loadMore}
        />
      )}
      {listing.isLoading && listing.rows.length === 0 && <Loading />}
      {listing.isComplete && listing.rows.length === 0 && (
        <Empty>
          {search === "" ? "This folder is empty. Drop files or folders here to upload them." : "No name begins so."}
        </Empty>
      )}
      {dialog?.kind === "upload" && (
        <UploadDialog bucket={bucket} prefix={prefix} files={dialog.files} onClose={close} />
      )}
      {dialog?.kind === "folder" && (
        <NewFolderDialog bucket={bucket} prefix={prefix} onClose={close} onDone={changed} />
      )}
      {dialog?.kind === "delete" && <DeleteDialog bucket={bucket} rows={rows} onClose={close} onDone={changed} />}
      {(dialog?.kind === "copy" || dialog?.kind === "move") && (
        <CopyDialog
          bucket={bucket}
          prefix={prefix}
          rows={rows}
          isMove={dialog.kind === "move"}
          onClose={close}
          onDone={changed}
        />
      )}
      {dialog?.kind === "share" && <ShareDialog name={{ bucket, ...versionOf(dialog.row) }} onClose={close} />}
    </DropZone>
  );
}

function versionOf(row: Row): { readonly key: string; readonly versionId?: string } {
  return row.kind === "version" ? { key: row.key, versionId: row.versionId } : { key: row.key };
}

function countOf(count: number, isComplete: boolean): string {
  if (count === 0) return "";
  return isComplete ? formatCount(count, "entry", "entries") : `${count.toLocaleString("en")} entries so far`;
}

interface FolderCrumbsProps {
  readonly bucket: string;
  readonly here: { readonly prefix: string; readonly versions: string | undefined };
}

function FolderCrumbs({ bucket, here }: FolderCrumbsProps) {
  const crumbs = ["", ...foldersOf(here.prefix)].map((folder) => ({
    label: folder === "" ? "All objects" : lastPart(folder),
    href: link("/buckets/:bucket", { bucket }, { ...here, prefix: folder }),
  }));
  return <Crumbs label="Folders" crumbs={crumbs} />;
}
