import { useState } from "preact/hooks";
import { hasCode } from "../../api/errors.ts";
import { CANNED_ACLS, type CannedAcl, getAcl, putCannedAcl } from "../../api/s3/object-settings.ts";
import type { ObjectName } from "../../api/s3/objects.ts";
import { Await, ErrorBox } from "../../ui/basics.tsx";
import { Select } from "../../ui/fields.tsx";
import { notify } from "../../ui/toast.tsx";
import { useLoad, useSession, useTask } from "../../ui/use.ts";

export function Access({ name }: { readonly name: ObjectName }) {
  const { client } = useSession();
  const [acl, reload] = useLoad(() => getAcl(client, name), [client]);
  const [chosen, setChosen] = useState<CannedAcl>("private");
  const task = useTask();
  const save = (event: Event) => {
    event.preventDefault();
    void task.run(async () => {
      await putCannedAcl(client, name, chosen);
      notify("The access control list was replaced.");
      reload();
    });
  };
  return (
    <section class="panel" aria-labelledby="acl">
      <h2 id="acl">Access control list</h2>
      <p class="hint">Policies of the bucket and of users apply too. They are among the settings of the bucket.</p>
      <Await loaded={acl}>
        {({ owner, grants }) => (
          <>
            <p>
              Owner: <strong>{owner}</strong>
            </p>
            <table class="small-table">
              <caption class="visually-hidden">Grants</caption>
              <thead>
                <tr>
                  <th scope="col">Who</th>
                  <th scope="col">Permission</th>
                </tr>
              </thead>
              <tbody>
                {grants.map(({ grantee, permission }) => (
                  <tr key={`${grantee} ${permission}`}>
                    <th scope="row">{grantee}</th>
                    <td>{permission}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </>
        )}
      </Await>
      <form onSubmit={save}>
        <Select
          label="Replace it with"
          value={chosen}
          onChange={setChosen}
          options={CANNED_ACLS.map((acl) => ({ value: acl, label: acl }))}
        />
        <ErrorBox error={task.error} />
        {hasCode(task.error, "AccessControlListNotSupported") && (
          <p class="hint">ACLs are disabled in this bucket by its object ownership.</p>
        )}
        <button type="submit" disabled={task.isRunning}>
          Replace
        </button>
      </form>
    </section>
  );
}
