/** Retention and legal hold of a version. */
import { useState } from "preact/hooks";
import { getLock, type LockMode, type ObjectLock, putLegalHold, putRetention } from "../../api/s3/object-settings.ts";
import type { ObjectName } from "../../api/s3/objects.ts";
import { formatTime } from "../../lib/format.ts";
import { Await, Empty, ErrorBox, Facts } from "../../ui/basics.tsx";
import { Checkbox, Select, TextField } from "../../ui/fields.tsx";
import { notify } from "../../ui/toast.tsx";
import { useLoad, useSession, useTask } from "../../ui/use.ts";

export function Lock({ name }: { readonly name: ObjectName }) {
  const { client } = useSession();
  const [lock, reload] = useLoad(() => getLock(client, name), [client]);
  return (
    <section class="panel" aria-labelledby="lock">
      <h2 id="lock">Lock</h2>
      <Await loaded={lock}>
        {(value) =>
          value === undefined ? (
            <Empty>Object lock is not enabled in this bucket.</Empty>
          ) : (
            <>
              <Facts
                facts={[
                  ["Retention", describeRetention(value)],
                  ["Legal hold", value.hasLegalHold ? "On" : "Off"],
                ]}
              />
              <LegalHold name={name} lock={value} onDone={reload} />
              <Retention name={name} lock={value} onDone={reload} />
            </>
          )
        }
      </Await>
    </section>
  );
}

function describeRetention({ retention }: ObjectLock): string {
  if (retention === undefined) return "None";
  const { mode, until } = retention;
  return `${mode === "COMPLIANCE" ? "Compliance" : "Governance"} mode until ${formatTime(until)}`;
}

interface FormProps {
  readonly name: ObjectName;
  readonly lock: ObjectLock;
  readonly onDone: () => void;
}

function LegalHold({ name, lock, onDone }: FormProps) {
  const { client } = useSession();
  const task = useTask();
  const isOn = !lock.hasLegalHold;
  const change = () =>
    task.run(async () => {
      await putLegalHold(client, name, isOn);
      notify(`The legal hold is ${isOn ? "on" : "off"}.`);
      onDone();
    });
  return (
    <>
      <ErrorBox error={task.error} />
      <button type="button" onClick={change} disabled={task.isRunning}>
        {isOn ? "Place a legal hold" : "Remove the legal hold"}
      </button>
    </>
  );
}

const MODES = [
  { value: "GOVERNANCE", label: "Governance: users with a permission can change it" },
  { value: "COMPLIANCE", label: "Compliance: no one can shorten or remove it" },
] as const;

function Retention({ name, lock: { retention }, onDone }: FormProps) {
  const { client } = useSession();
  const [mode, setMode] = useState<LockMode>(retention?.mode ?? "GOVERNANCE");
  const [until, setUntil] = useState("");
  const [bypasses, setBypasses] = useState(false);
  const task = useTask();
  const put = (changed: { readonly mode: LockMode; readonly until: Date } | undefined) =>
    task.run(async () => {
      await putRetention(client, name, { retention: changed, bypasses });
      notify(changed === undefined ? "The retention was removed." : "The retention was set.");
      onDone();
    });
  const save = (event: Event) => {
    event.preventDefault();
    void put({ mode, until: new Date(until) });
  };
  return (
    <form onSubmit={save}>
      <h3>Set retention</h3>
      <Select label="Mode" value={mode} onChange={setMode} options={MODES} />
      <TextField label="Until" type="datetime-local" value={until} onChange={setUntil} required />
      {retention?.mode === "GOVERNANCE" && (
        <Checkbox
          label="Bypass governance mode"
          hint="Needed to shorten or to remove the retention."
          checked={bypasses}
          onChange={setBypasses}
        />
      )}
      <ErrorBox error={task.error} />
      <div class="actions">
        <button type="submit" disabled={task.isRunning || until === ""}>
          Set retention
        </button>
        {retention?.mode === "GOVERNANCE" && (
          <button type="button" class="danger" disabled={task.isRunning || !bypasses} onClick={() => put(undefined)}>
            Remove retention
          </button>
        )}
      </div>
    </form>
  );
}
