import { useState } from "preact/hooks";
import { listBuckets } from "../../api/s3/buckets.ts";
import { formatBytes, formatTime } from "../../lib/format.ts";
import { link } from "../../lib/router.ts";
import { Empty, ErrorBox, Loading, PageHeader } from "../../ui/basics.tsx";
import { TextField } from "../../ui/fields.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { useSession, useSettled } from "../../ui/use.ts";
import { usePages } from "../../ui/use-pages.ts";
import { CreateBucketDialog } from "./create-bucket.tsx";
import { DeleteBucketDialog } from "./delete-bucket.tsx";
import { type BucketRow, oldestCount, withUsage } from "./with-usage.ts";

const USAGE_COLUMNS: readonly Column<BucketRow>[] = [
  {
    id: "objects",
    header: "Objects",
    width: "8rem",
    align: "end",
    isOptional: true,
    render: ({ usage }) => usage?.objects?.toLocaleString("en") ?? "",
  },
  {
    id: "size",
    header: "Size",
    width: "8rem",
    align: "end",
    isOptional: true,
    render: ({ usage }) => (usage?.bytes === undefined ? "" : formatBytes(usage.bytes)),
  },
];

type Shown = { readonly kind: "create" } | { readonly kind: "delete"; readonly bucket: string };

export function Buckets() {
  const session = useSession();
  const { client, isDeploymentRoot } = session;
  const [typed, setTyped] = useState("");
  const prefix = useSettled(typed);
  const [dialog, setDialog] = useState<Shown | undefined>(undefined);
  const listing = usePages<BucketRow, string>(
    async (token, signal) => {
      const { buckets, next } = await listBuckets(client, { prefix, token, signal });
      return { rows: await withUsage(session, buckets), next };
    },
    [client, prefix],
  );
  const columns: readonly Column<BucketRow>[] = [
    {
      id: "name",
      header: "Name",
      isRowHeader: true,
      render: ({ name }) => <a href={link("/buckets/:bucket", { bucket: name })}>{name}</a>,
    },
    ...(isDeploymentRoot ? USAGE_COLUMNS : []),
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
  const oldest = oldestCount(listing.rows);
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
      {oldest !== undefined && (
        <p class="hint">
          Objects and sizes are counted in the background; the oldest figure is of {formatTime(oldest)}.
        </p>
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
