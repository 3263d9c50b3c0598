import { useState } from "preact/hooks";
import { type AccountUsage, type BucketUsage, listUsage, type Usage } from "../../api/usage.ts";
import { formatBytes, formatTime } from "../../lib/format.ts";
import { link } from "../../lib/router.ts";
import { Empty, ErrorBox, Loading, PageHeader } from "../../ui/basics.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { useSession } from "../../ui/use.ts";
import { usePages } from "../../ui/use-pages.ts";
import { QuotaDialog } from "./quota.tsx";

const FIGURES: readonly Column<Usage>[] = [
  {
    id: "objects",
    header: "Objects",
    width: "8rem",
    align: "end",
    render: (row) => figure(row.objects, row.quotaObjects, count),
  },
  {
    id: "bytes",
    header: "Size",
    width: "10rem",
    align: "end",
    render: (row) => figure(row.bytes, row.quotaBytes, formatBytes),
  },
  {
    id: "noncurrent",
    header: "Of versions",
    width: "8rem",
    align: "end",
    isOptional: true,
    render: (row) => figure(row.noncurrentBytes, undefined, formatBytes),
  },
  {
    id: "counted",
    header: "Counted",
    width: "10rem",
    isOptional: true,
    render: (row) => formatTime(row.computedAt) || "not yet",
  },
];

/** With its quota, if it has one. */
function figure(value: number | undefined, quota: number | undefined, format: (value: number) => string): string {
  const used = value === undefined ? "–" : format(value);
  return quota === undefined ? used : `${used} of ${format(quota)}`;
}

function count(value: number): string {
  return value.toLocaleString("en");
}

const BUCKETS: readonly Column<BucketUsage>[] = [
  {
    id: "name",
    header: "Bucket",
    isRowHeader: true,
    render: ({ name }) => <a href={link("/buckets/:bucket/usage", { bucket: name })}>{name}</a>,
  },
  ...FIGURES,
];
const accountColumns = (changeQuota: (account: AccountUsage) => void): readonly Column<AccountUsage>[] => [
  {
    id: "name",
    header: "Account",
    isRowHeader: true,
    render: ({ displayName, accountId }) => `${displayName} (${accountId})`,
  },
  {
    id: "buckets",
    header: "Buckets",
    width: "6rem",
    align: "end",
    isOptional: true,
    render: ({ buckets }) => count(buckets),
  },
  ...FIGURES,
  {
    id: "quota",
    header: "Quota",
    width: "7rem",
    render: (row) => (
      <button type="button" aria-label={`Change the quota of ${row.displayName}`} onClick={() => changeQuota(row)}>
        Change
      </button>
    ),
  },
];

export function UsageOverview() {
  const { client } = useSession();
  const [edited, setEdited] = useState<AccountUsage>();
  const [accounts, setAccounts] = useState<readonly AccountUsage[]>([]);
  const listing = usePages<BucketUsage, string>(
    async (after) => {
      const page = await listUsage(client, { after });
      if (after === undefined) setAccounts(page.accounts);
      return { rows: page.buckets, next: page.next };
    },
    [client],
  );
  return (
    <>
      <PageHeader title="Usage">
        <button type="button" onClick={listing.reload}>
          Refresh
        </button>
      </PageHeader>
      <p>Counted in the background: each row says when. What was written or deleted since may be missing.</p>
      <ErrorBox error={listing.error} />
      {listing.isLoading && listing.rows.length === 0 && <Loading />}
      {accounts.length > 0 && (
        <section aria-label="Accounts">
          <h2>Accounts</h2>
          <Table
            label="Usage of accounts"
            columns={accountColumns(setEdited)}
            rows={accounts}
            rowKey={({ accountId }) => accountId}
          />
        </section>
      )}
      <section aria-label="Buckets">
        <h2>Buckets</h2>
        {listing.rows.length > 0 && (
          <Table
            label="Usage of buckets"
            columns={BUCKETS}
            rows={listing.rows}
            rowKey={({ name }) => name}
            isComplete={listing.isComplete}
            onNearEnd={listing.loadMore}
          />
        )}
        {listing.isComplete && listing.rows.length === 0 && <Empty>There are no buckets.</Empty>}
      </section>
      {edited && (
        <QuotaDialog
          subject={{ accountId: edited.accountId }}
          quota={edited}
          onClose={() => setEdited(undefined)}
          onDone={listing.reload}
        />
      )}
    </>
  );
}
