import { useState } from "preact/hooks";
import * as iam from "../../api/iam.ts";
import { formatTime } from "../../lib/format.ts";
import { link } from "../../lib/router.ts";
import { Await, Crumbs, Empty, ErrorBox, Facts, PageHeader } from "../../ui/basics.tsx";
import { ConfirmDialog, FormDialog } from "../../ui/dialog.tsx";
import { TextField } from "../../ui/fields.tsx";
import { notify } from "../../ui/toast.tsx";
import { useLoad, useSession, useTask } from "../../ui/use.ts";
import type { PageProps } from "../page.ts";
import { NewKeyDialog } from "./new-key.tsx";

export function UserDetails({ params: { user: name = "" } }: PageProps) {
  const { client } = useSession();
  const [loaded] = useLoad(() => iam.getUser(client, name), [name]);
  const [isDeleting, setDeleting] = useState(false);
  const remove = async () => {
    await iam.deleteUser(client, name);
    notify(`The user ${name} is deleted.`);
    location.hash = link("/users");
  };
  return (
    <>
      <Crumbs
        crumbs={[
          { label: "Users", href: link("/users") },
          { label: name, href: link("/users/:user", { user: name }) },
        ]}
      />
      <PageHeader title={name}>
        <button type="button" onClick={() => setDeleting(true)}>
          Delete user
        </button>
      </PageHeader>
      <Await loaded={loaded}>
        {({ arn, createdAt }) => (
          <>
            <Facts
              facts={[
                ["ARN", <code key="arn">{arn}</code>],
                ["Created", formatTime(createdAt)],
              ]}
            />
            <Keys key={`keys-${name}`} name={name} />
            <Policies key={`policies-${name}`} name={name} />
          </>
        )}
      </Await>
      {isDeleting && (
        <ConfirmDialog
          title={`Delete ${name}?`}
          submitLabel="Delete user"
          typedName={name}
          onSubmit={remove}
          onClose={() => setDeleting(false)}
        >
          <p>
            The keys and the policies of the user are deleted too. Programs that use the keys are refused from then on.
          </p>
        </ConfirmDialog>
      )}
    </>
  );
}

function Keys({ name }: { readonly name: string }) {
  const { client } = useSession();
  const [loaded, reload] = useLoad(() => iam.listKeys(client, name), [name]);
  const [created, setCreated] = useState<iam.NewKey | undefined>(undefined);
  const [deleting, setDeleting] = useState<string | undefined>(undefined);
  const task = useTask();
  const change = async (work: () => Promise<unknown>) => {
    if (await task.run(work)) reload();
  };
  return (
    <section class="panel" aria-label="Access keys">
      <h2>Access keys</h2>
      <Await loaded={loaded}>
        {(keys) => (
          <>
            {keys.length === 0 && <Empty>The user has no keys, and cannot sign requests.</Empty>}
            <ul class="rows">
              {keys.map(({ id, isActive, createdAt }) => (
                <li key={id}>
                  <code>{id}</code> <span>{isActive ? "active" : "inactive"}</span> <span>{formatTime(createdAt)}</span>
                  <button
                    type="button"
                    aria-label={`${isActive ? "Deactivate" : "Activate"} ${id}`}
                    onClick={() => change(() => iam.setKeyStatus(client, { userName: name, id, isActive: !isActive }))}
                  >
                    {isActive ? "Deactivate" : "Activate"}
                  </button>
                  <button type="button" aria-label={`Delete ${id}`} onClick={() => setDeleting(id)}>
                    Delete
                  </button>
                </li>
              ))}
            </ul>
          </>
        )}
      </Await>
      <ErrorBox error={task.error} />
      <button
        type="button"
        disabled={task.isRunning}
        onClick={() => change(async () => setCreated(await iam.createKey(client, name)))}
      >
        Create access key
      </button>
      {created !== undefined && <NewKeyDialog of={name} created={created} onClose={() => setCreated(undefined)} />}
      {deleting !== undefined && (
        <FormDialog
          title={`Delete ${deleting}?`}
          submitLabel="Delete key"
          isDangerous
          onSubmit={async () => {
            await iam.deleteKey(client, name, deleting);
            reload();
          }}
          onClose={() => setDeleting(undefined)}
        >
          <p>
            Programs that use the key are refused within seconds. It cannot be restored; a key can be deactivated
            instead.
          </p>
        </FormDialog>
      )}
    </section>
  );
}

function Policies({ name }: { readonly name: string }) {
  const { client } = useSession();
  const [loaded] = useLoad(() => iam.listPolicies(client, name), [name]);
  const [isAdding, setAdding] = useState(false);
  const [newName, setNewName] = useState("");
  const hrefOf = (policy: string) => link("/users/:user/policy", { user: name }, { name: policy });
  return (
    <section class="panel" aria-label="Policies">
      <h2>Policies</h2>
      <Await loaded={loaded}>
        {(names) =>
          names.length === 0 ? (
            <Empty>The user has no policies, and may do only what policies of buckets and topics allow.</Empty>
          ) : (
            <ul class="rows">
              {names.map((policy) => (
                <li key={policy}>
                  <a href={hrefOf(policy)}>{policy}</a>
                </li>
              ))}
            </ul>
          )
        }
      </Await>
      <button type="button" onClick={() => setAdding(true)}>
        Add policy
      </button>
      {isAdding && (
        <FormDialog
          title="Add policy"
          submitLabel="Continue"
          isDisabled={newName.trim() === ""}
          onSubmit={async () => {
            location.hash = hrefOf(newName.trim());
          }}
          onClose={() => setAdding(false)}
        >
          <TextField
            label="Name of the policy"
            value={newName}
            onChange={setNewName}
            spellcheck={false}
            autocomplete="off"
          />
        </FormDialog>
      )}
    </section>
  );
}
