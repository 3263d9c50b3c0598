import { useState } from "preact/hooks";
import * as iam from "../../api/iam.ts";
import { formatTime } from "../../lib/format.ts";
import { link } from "../../lib/router.ts";
import { Await, Crumbs, Empty, Facts, PageHeader } from "../../ui/basics.tsx";
import { ConfirmDialog, FormDialog } from "../../ui/dialog.tsx";
import { TextField } from "../../ui/fields.tsx";
import { notify } from "../../ui/toast.tsx";
import { useLoad, useSession } from "../../ui/use.ts";
import type { PageProps } from "../page.ts";
import { Keys } from "./keys.tsx";

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
            <Keys
              key={`keys-${name}`}
              owner={name}
              source={{
                list: () => iam.listKeys(client, name),
                create: () => iam.createKey(client, name),
                setStatus: (id, isActive) => iam.setKeyStatus(client, { userName: name, id, isActive }),
                remove: (id) => iam.deleteKey(client, name, id),
              }}
            />
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
