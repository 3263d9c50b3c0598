import { useState } from "preact/hooks";
import { createTopic, listTopics } from "../../api/sns.ts";
import { link } from "../../lib/router.ts";
import { Empty, ErrorBox, Loading, PageHeader } from "../../ui/basics.tsx";
import { NameDialog } from "../../ui/name-dialog.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { useSession } from "../../ui/use.ts";
import { usePages } from "../../ui/use-pages.ts";

const COLUMNS: readonly Column<string>[] = [
  {
    id: "name",
    header: "Name",
    isRowHeader: true,
    render: (arn) => <a href={link("/topics/topic", {}, { arn })}>{arn.split(":").at(-1)}</a>,
  },
  { id: "arn", header: "ARN", isOptional: true, render: (arn) => <code>{arn}</code> },
];

export function Topics() {
  const { client } = useSession();
  const [isCreating, setCreating] = useState(false);
  const listing = usePages<string, string>((token) => listTopics(client, token), [client]);
  return (
    <>
      <PageHeader title="Topics">
        <button type="button" class="primary" onClick={() => setCreating(true)}>
          Create topic
        </button>
      </PageHeader>
      <p>Buckets whose notifications name a topic send their events to its subscribers.</p>
      <ErrorBox error={listing.error} />
      {listing.rows.length > 0 && (
        <Table
          label="Topics"
          columns={COLUMNS}
          rows={listing.rows}
          rowKey={(arn) => arn}
          isComplete={listing.isComplete}
          onNearEnd={listing.loadMore}
        />
      )}
      {listing.isLoading && listing.rows.length === 0 && <Loading />}
      {listing.isComplete && listing.rows.length === 0 && <Empty>This account has no topics.</Empty>}
      {isCreating && (
        <NameDialog
          title="Create topic"
          hint="Letters, digits, - and _."
          onClose={() => setCreating(false)}
          onCreate={async (name) => {
            location.hash = link("/topics/topic", {}, { arn: await createTopic(client, name) });
          }}
        />
      )}
    </>
  );
}
