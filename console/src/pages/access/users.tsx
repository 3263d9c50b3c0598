import { useState } from "preact/hooks";
import { createUser, listUsers, type User } from "../../api/iam.ts";
import { formatTime } from "../../lib/format.ts";
import { link } from "../../lib/router.ts";
import { Empty, ErrorBox, Loading, PageHeader } from "../../ui/basics.tsx";
import { NameDialog } from "../../ui/name-dialog.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { notify } from "../../ui/toast.tsx";
import { useSession } from "../../ui/use.ts";
import { usePages } from "../../ui/use-pages.ts";

const COLUMNS: readonly Column<User>[] = [
  {
    id: "name",
    header: "Name",
    isRowHeader: true,
    render: ({ name }) => <a href={link("/users/:user", { user: name })}>{name}</a>,
  },
  { id: "path", header: "Path", width: "9rem", isOptional: true, render: ({ path }) => path },
  {
    id: "created",
    header: "Created",
    width: "10rem",
    isOptional: true,
    render: ({ createdAt }) => formatTime(createdAt),
  },
];

export function Users() {
  const { client } = useSession();
  const [isCreating, setCreating] = useState(false);
  const listing = usePages<User, string>(
    async (marker) => {
      const { users, next } = await listUsers(client, marker);
      return { rows: users, next };
    },
    [client],
  );
  return (
    <>
      <PageHeader title="Users">
        <button type="button" class="primary" onClick={() => setCreating(true)}>
          Create user
        </button>
      </PageHeader>
      <p>Users of this account have keys of their own, and may do what their policies and those of buckets allow.</p>
      <ErrorBox error={listing.error} />
      {listing.rows.length > 0 && (
        <Table
          label="Users"
          columns={COLUMNS}
          rows={listing.rows}
          rowKey={({ name }) => name}
          isComplete={listing.isComplete}
          onNearEnd={listing.loadMore}
        />
      )}
      {listing.isLoading && listing.rows.length === 0 && <Loading />}
      {listing.isComplete && listing.rows.length === 0 && <Empty>This account has no users.</Empty>}
      {isCreating && (
        <NameDialog
          title="Create user"
          hint="Letters, digits and the characters + = , . @ _ -"
          onClose={() => setCreating(false)}
          onCreate={async (name) => {
            await createUser(client, name);
            notify(`The user ${name} exists. A key and a policy are next.`);
            listing.reload();
          }}
        />
      )}
    </>
  );
}
