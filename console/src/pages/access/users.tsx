import { useState } from "preact/hooks";
import { createUser, listUsers, type User } from "../../api/iam.ts";
import { formatTime } from "../../lib/format.ts";
import { link } from "../../lib/router.ts";
import { Empty, ErrorBox, Loading, PageHeader } from "../../ui/basics.tsx";
import { FormDialog } from "../../ui/dialog.tsx";
import { TextField } from "../../ui/fields.tsx";
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
      {isCreating && <CreateUserDialog onClose={() => setCreating(false)} onDone={listing.reload} />}
    </>
  );
}

interface CreateUserProps {
  readonly onClose: () => void;
  readonly onDone: () => void;
}

function CreateUserDialog({ onClose, onDone }: CreateUserProps) {
  const { client } = useSession();
  const [name, setName] = useState("");
  const create = async () => {
    await createUser(client, name.trim());
    notify(`The user ${name.trim()} exists. A key and a policy are next.`);
    onDone();
  };
  return (
    <FormDialog
      title="Create user"
      submitLabel="Create"
      onSubmit={create}
      onClose={onClose}
      isDisabled={name.trim() === ""}
    >
      <TextField
        label="Name"
        hint="Letters, digits and the characters + = , . @ _ -"
        value={name}
        onChange={setName}
        spellcheck={false}
        autocomplete="off"
      />
    </FormDialog>
  );
}
