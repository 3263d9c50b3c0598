/** Multipart uploads that were begun and neither completed nor aborted: their parts take space. */
import { useState } from "preact/hooks";
import { type ListedUpload, listUploads, type UploadPage } from "../../api/s3/listing.ts";
import { objectPath } from "../../api/urls.ts";
import { formatTime } from "../../lib/format.ts";
import { Empty, ErrorBox, Loading } from "../../ui/basics.tsx";
import { FormDialog } from "../../ui/dialog.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { notify } from "../../ui/toast.tsx";
import { useSession } from "../../ui/use.ts";
import { usePages } from "../../ui/use-pages.ts";
import { BucketHeader } from "../buckets/header.tsx";
import type { PageProps } from "../page.ts";

export function UnfinishedUploads({ params }: PageProps) {
  const bucket = params.bucket ?? "";
  const { client } = useSession();
  const [aborted, setAborted] = useState<ListedUpload | undefined>(undefined);
  const listing = usePages<ListedUpload, NonNullable<UploadPage["next"]>>(
    (after, signal) => listUploads(client, { bucket, prefix: "", signal }, after),
    [client, bucket],
  );
  const abort = async ({ key, uploadId }: ListedUpload) => {
    await client.send({ method: "DELETE", path: objectPath(bucket, key), query: { uploadId } });
    notify(`The upload of ${key} was aborted.`);
    listing.reload();
  };
  const columns: readonly Column<ListedUpload>[] = [
    { id: "key", header: "Key", isRowHeader: true, render: ({ key }) => <span title={key}>{key}</span> },
    { id: "begun", header: "Begun", width: "10rem", render: ({ initiatedAt }) => formatTime(initiatedAt) },
    {
      id: "actions",
      header: <span class="visually-hidden">Actions</span>,
      width: "6.5rem",
      align: "end",
      render: (upload) => (
        <button type="button" aria-label={`Abort the upload of ${upload.key}`} onClick={() => setAborted(upload)}>
          Abort
        </button>
      ),
    },
  ];
  return (
    <>
      <BucketHeader bucket={bucket} path="/buckets/:bucket/uploads" />
      <ErrorBox error={listing.error} />
      {listing.rows.length > 0 && (
        <Table
          label="Unfinished uploads"
          columns={columns}
          rows={listing.rows}
          rowKey={({ key, uploadId }) => `${uploadId} ${key}`}
          isComplete={listing.isComplete}
          onNearEnd={listing.loadMore}
        />
      )}
      {listing.isLoading && listing.rows.length === 0 && <Loading />}
      {listing.isComplete && listing.rows.length === 0 && <Empty>No upload is unfinished.</Empty>}
      {aborted !== undefined && (
        <FormDialog
          title="Abort an upload"
          submitLabel="Abort the upload"
          isDangerous
          onClose={() => setAborted(undefined)}
          onSubmit={() => abort(aborted)}
        >
          <p>
            The parts of <code>{aborted.key}</code> that are stored are deleted.
          </p>
        </FormDialog>
      )}
    </>
  );
}
