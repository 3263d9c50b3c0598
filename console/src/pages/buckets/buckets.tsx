import { useState } from "preact/hooks";
import { type ListedBucket, listBuckets } from "../../api/s3/buckets.ts";
import { formatTime } from "../../lib/format.ts";
import { link } from "../../lib/router.ts";
import { Empty, ErrorBox, Loading, PageHeader } from "../../ui/basics.tsx";
import { TextField } from "../../ui/fields.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { useSession, useSettled } from "../../ui/use.ts";
import { usePages } from "../../ui/use-pages.ts";
import { CreateBucketDialog } from "./create-bucket.tsx";
import { DeleteBucketDialog } from "./delete-bucket.tsx";

type Shown = { readonly kind: "create" } | { readonly kind: "delete"; readonly bucket: string };

export function Buckets() {
  const { client } = useSession();
  const [typed, setTyped] = useState("");
  const prefix = useSettled(typed);
  const [dialog, setDialog] = useState<Shown | undefined>(undefined);
  const listing = usePages<ListedBucket, string>(
    async (token, signal) => {
      const { buckets, next } = await listBuckets(client, { prefix, token, signal });
      return { rows: buckets, next };
    },
    [client, prefix],
  );
  const columns: readonly Column<ListedBucket>[] = [
    {
      id: "name",
      header: "Name",
      isRowHeader: true,
      render: ({ name }) => <a href={link("/buckets/:bucket", { bucket: name })}>{name}</a>,
    },
    { id: "region", header: "Region", width: "9rem", isOptional: true, render: ({ region }) => region },
    {
      id: "created",
      header: "Created",
      width: "10rem",
      isOptional: true,
      render: ({ createdAt }) => formatTime(createdAt),
    },
    {
      id: "actions",
      header: <span class="visually-hidden">Actions</span>,
      width: "6.5rem",
      align: "end",
      render: ({ name }) => (
        <button type="button" aria-label={`Delete ${name}`} onClick={() => setDialog({ kind: "delete", bucket: name })}>
          Delete
        </button>
      ),
    },
  ];
  const close = () => setDialog(undefined);
  return (
    <>
      <PageHeader title="Buckets">
        <button type="button" class="primary" onClick={() => setDialog({ kind: "create" })}>
          Create bucket
        </button>
      </PageHeader>
      <TextField label="Names that begin with" type="search" value={typed} onChange={setTyped} spellcheck={false} />
      <ErrorBox error={listing.error} />
      {listing.rows.length > 0 && (
        <Table
          label="Buckets"
          columns={columns}
          rows={listing.rows}
          rowKey={({ name }) => name}
          isComplete={listing.isComplete}
          onNearEnd={listing.loadMore}
        />
      )}
      {listing.isLoading && listing.rows.length === 0 && <Loading />}
      {listing.isComplete && listing.rows.length === 0 && (
        <Empty>{prefix === "" ? "This account has no buckets." : "No bucket has a name that begins so."}</Empty>
      )}
      {dialog?.kind === "create" && <CreateBucketDialog onClose={close} onDone={listing.reload} />}
      {dialog?.kind === "delete" && (
        <DeleteBucketDialog bucket={dialog.bucket} onClose={close} onDone={listing.reload} />
      )}
    </>
  );
}
