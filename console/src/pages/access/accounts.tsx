/** Accounts of the deployment: each is a tenant with its own buckets, users and root keys. */
import { useState } from "preact/hooks";
import {
  type Account,
  createAccount,
  createAccountKey,
  deleteAccountKey,
  listAccountKeys,
  listAccounts,
  setAccountKeyStatus,
} from "../../api/accounts.ts";
import type { NewKey } from "../../api/iam.ts";
import { formatTime } from "../../lib/format.ts";
import { link } from "../../lib/router.ts";
import { Await, Crumbs, PageHeader } from "../../ui/basics.tsx";
import { FormDialog } from "../../ui/dialog.tsx";
import { TextField } from "../../ui/fields.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { useLoad, useSession } from "../../ui/use.ts";
import type { PageProps } from "../page.ts";
import { Keys } from "./keys.tsx";
import { NewKeyDialog } from "./new-key.tsx";

const COLUMNS: readonly Column<Account>[] = [
  {
    id: "name",
    header: "Name",
    isRowHeader: true,
    render: ({ id, displayName }) => <a href={link("/accounts/:account", { account: id })}>{displayName}</a>,
  },
  { id: "id", header: "Account id", width: "10rem", render: ({ id }) => <code>{id}</code> },
  {
    id: "created",
    header: "Created",
    width: "10rem",
    isOptional: true,
    render: ({ createdAt }) => formatTime(createdAt),
  },
];

export function Accounts() {
  const { client } = useSession();
  const [loaded, reload] = useLoad(() => listAccounts(client), [client]);
  const [isCreating, setCreating] = useState(false);
  const [name, setName] = useState("");
  const [created, setCreated] = useState<NewKey | undefined>(undefined);
  return (
    <>
      <PageHeader title="Accounts">
        <button type="button" class="primary" onClick={() => setCreating(true)}>
          Create account
        </button>
      </PageHeader>
      <p>Each account has its own buckets and users. Its root keys may do everything in it.</p>
      <Await loaded={loaded}>
        {(accounts) => <Table label="Accounts" columns={COLUMNS} rows={accounts} rowKey={({ id }) => id} />}
      </Await>
      {isCreating && (
        <FormDialog
          title="Create account"
          submitLabel="Create"
          isDisabled={name.trim() === ""}
          onSubmit={async () => {
            setCreated(await createAccount(client, name.trim()));
            reload();
          }}
          onClose={() => setCreating(false)}
        >
          <TextField label="Name" hint="At most 128 characters." value={name} onChange={setName} autocomplete="off" />
        </FormDialog>
      )}
      {created !== undefined && <NewKeyDialog of={name} created={created} onClose={() => setCreated(undefined)} />}
    </>
  );
}

export function AccountKeys({ params: { account = "" } }: PageProps) {
  const { client } = useSession();
  return (
    <>
      <Crumbs
        crumbs={[
          { label: "Accounts", href: link("/accounts") },
          { label: account, href: link("/accounts/:account", { account }) },
        ]}
      />
      <PageHeader title={`Account ${account}`} />
      <p>
        Keys of the account's root and of its users. A new one is the root's; users get theirs from the account itself.
      </p>
      <Keys
        key={account}
        owner={`account ${account}`}
        source={{
          list: () => listAccountKeys(client, account),
          create: () => createAccountKey(client, account),
          setStatus: (id, isActive) => setAccountKeyStatus(client, id, isActive),
          remove: (id) => deleteAccountKey(client, id),
        }}
      />
    </>
  );
}
