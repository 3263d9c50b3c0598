/** All versions of a key, newest first. An older one becomes current by a copy; a delete marker that is deleted, too. */
import { useState } from "preact/hooks";
import { deleteObjects } from "../../api/s3/deletion.ts";
import { type ListedVersion, listVersions, type VersionMarker } from "../../api/s3/listing.ts";
import { copyObject, headObject, type ObjectName } from "../../api/s3/objects.ts";
import { formatBytes, formatTime } from "../../lib/format.ts";
import { link } from "../../lib/router.ts";
import { Empty, ErrorBox, Loading } from "../../ui/basics.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { notify } from "../../ui/toast.tsx";
import { useSession, useTask } from "../../ui/use.ts";
import { usePages } from "../../ui/use-pages.ts";
import { DeleteDialog } from "./delete.tsx";

export function Versions({ name: { bucket, key } }: { readonly name: ObjectName }) {
  const { client } = useSession();
  const [deleted, setDeleted] = useState<ListedVersion | undefined>(undefined);
  const task = useTask();
  const listing = usePages<ListedVersion, VersionMarker>(
    async (after, signal) => {
      const page = await listVersions(client, { bucket, prefix: key, signal }, after);
      const rows = page.rows.flatMap((row) => (row.kind === "version" && row.key === key ? [row] : []));
      // Longer keys come behind all versions of this one.
      const isBehind = page.rows.some((row) => row.key !== key);
      return { rows, next: isBehind ? undefined : page.next };
    },
    [client],
  );
  const restore = (version: ListedVersion) =>
    task.run(async () => {
      const source = { bucket, key, versionId: version.versionId };
      const keeps = await headObject(client, source);
      await copyObject(client, { source, target: { bucket, key }, keeps });
      notify("The version was restored.");
      listing.reload();
    });
  const undelete = ({ versionId }: ListedVersion) =>
    task.run(async () => {
      const [failure] = await deleteObjects(client, { bucket, objects: [{ key, versionId }] });
      if (failure !== undefined) throw new Error(failure.reason);
      notify("The object was restored.");
      listing.reload();
    });
  const columns: readonly Column<ListedVersion>[] = [
    {
      id: "version",
      header: "Version",
      isRowHeader: true,
      render: (row) => (
        <>
          {row.isMarker ? (
            "Delete marker"
          ) : (
            <a href={link("/buckets/:bucket/object", { bucket }, { key, version: row.versionId })}>{row.versionId}</a>
          )}
          {row.isLatest && <small> current</small>}
        </>
      ),
    },
    {
      id: "size",
      header: "Size",
      width: "7rem",
      align: "end",
      isOptional: true,
      render: (row) => (row.isMarker ? "" : formatBytes(row.sizeBytes)),
    },
    {
      id: "modified",
      header: "Modified",
      width: "10rem",
      isOptional: true,
      render: ({ modifiedAt }) => formatTime(modifiedAt),
    },
    {
      id: "actions",
      header: <span class="visually-hidden">Actions</span>,
      width: "12.5rem",
      align: "end",
      render: (row) => (
        <>
          {row.isMarker && row.isLatest && (
            <button type="button" disabled={task.isRunning} onClick={() => undelete(row)}>
              Undelete
            </button>
          )}
          {!row.isMarker && !row.isLatest && (
            <button
              type="button"
              disabled={task.isRunning}
              aria-label={`Restore version ${row.versionId}`}
              onClick={() => restore(row)}
            >
              Restore
            </button>
          )}{" "}
          <button type="button" aria-label={`Delete version ${row.versionId}`} onClick={() => setDeleted(row)}>
            Delete
          </button>
        </>
      ),
    },
  ];
  return (
    <>
      <ErrorBox error={task.error ?? listing.error} />
      {listing.rows.length > 0 && (
        <Table
          label={`Versions of ${key}`}
          columns={columns}
          rows={listing.rows}
          rowKey={({ versionId }) => versionId}
          isComplete={listing.isComplete}
          onNearEnd={listing.loadMore}
        />
      )}
      {listing.isLoading && listing.rows.length === 0 && <Loading />}
      {listing.isComplete && listing.rows.length === 0 && <Empty>The key has no versions.</Empty>}
      {deleted !== undefined && (
        <DeleteDialog bucket={bucket} rows={[deleted]} onClose={() => setDeleted(undefined)} onDone={listing.reload} />
      )}
    </>
  );
}
