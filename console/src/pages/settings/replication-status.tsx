/** What the admin API says of a bucket's replication. */
import { callAdmin } from "../../api/admin.ts";
import { encodePart } from "../../api/urls.ts";
import { formatCount } from "../../lib/format.ts";
import { isObject, listAt, numberAt, textAt } from "../../lib/json.ts";
import { Await, ErrorBox, Facts } from "../../ui/basics.tsx";
import { notify } from "../../ui/toast.tsx";
import { useLoad, useSession, useTask } from "../../ui/use.ts";

export function ReplicationStatus({ bucket }: { readonly bucket: string }) {
  const { client } = useSession();
  const path = `/buckets/${encodePart(bucket)}/replication`;
  const [loaded, reload] = useLoad(() => callAdmin(client, { path }), [bucket]);
  const task = useTask();
  const start = async (action: "retry" | "existing") => {
    const done = await task.run(() => callAdmin(client, { method: "POST", path: `${path}/${action}` }));
    if (!done) return;
    notify(action === "retry" ? "Failed replications are tried again." : "Existing objects are being replicated.");
    reload();
  };
  return (
    <section class="panel" aria-label="Replication status">
      <h3>Replication status</h3>
      <Await loaded={loaded}>
        {(status) => (
          <>
            <Facts
              facts={[
                ["Waiting", formatCount(numberAt(status, "pending") ?? 0, "change")],
                ["Failed", formatCount(numberAt(status, "failed") ?? 0, "change")],
                ["Existing objects", textAt(status, "existing")],
              ]}
            />
            <Failures failures={listAt(status, "failures")} />
          </>
        )}
      </Await>
      <ErrorBox error={task.error} />
      <div class="actions">
        <button type="button" onClick={reload}>
          Refresh
        </button>
        <button type="button" disabled={task.isRunning} onClick={() => start("retry")}>
          Try failed ones again
        </button>
        <button type="button" disabled={task.isRunning} onClick={() => start("existing")}>
          Replicate existing objects
        </button>
      </div>
    </section>
  );
}

const SHOWN = 50;

function Failures({ failures }: { readonly failures: readonly unknown[] }) {
  if (failures.length === 0) return null;
  return (
    <ul>
      {failures
        .slice(0, SHOWN)
        .filter(isObject)
        .map((failure, index) => (
          <li key={`${index}`}>
            {Object.values(failure)
              .filter((value) => typeof value === "string" || typeof value === "number")
              .join(" · ")}
          </li>
        ))}
    </ul>
  );
}
