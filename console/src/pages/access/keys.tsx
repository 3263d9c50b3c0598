/** The access keys of a user, or of an account's root. */
import { useState } from "preact/hooks";
import type { NewKey } from "../../api/iam.ts";
import { formatTime } from "../../lib/format.ts";
import { Await, Empty, ErrorBox } from "../../ui/basics.tsx";
import { FormDialog } from "../../ui/dialog.tsx";
import { useLoad, useTask } from "../../ui/use.ts";
import { NewKeyDialog } from "./new-key.tsx";

export interface ListedKey {
  readonly id: string;
  readonly isActive: boolean;
  readonly createdAt: string;
  /** The user whose key it is, in a list of several. */
  readonly userName?: string;
}

export interface KeySource {
  readonly list: () => Promise<readonly ListedKey[]>;
  readonly create: () => Promise<NewKey>;
  readonly setStatus: (id: string, isActive: boolean) => Promise<void>;
  readonly remove: (id: string) => Promise<void>;
}

export interface KeysProps {
  /** Whose keys they are. */
  readonly owner: string;
  readonly source: KeySource;
}

export function Keys({ owner, source }: KeysProps) {
  const [loaded, reload] = useLoad(source.list, [owner]);
  const [created, setCreated] = useState<NewKey | undefined>(undefined);
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
            {keys.length === 0 && <Empty>There are no keys yet.</Empty>}
            <ul class="rows">
              {keys.map(({ id, isActive, createdAt, userName }) => (
                <li key={id}>
                  <code>{id}</code> {userName && <span>{userName}</span>}{" "}
                  <span>{isActive ? "active" : "inactive"}</span> <span>{formatTime(createdAt)}</span>
                  <button
                    type="button"
                    aria-label={`${isActive ? "Deactivate" : "Activate"} ${id}`}
                    disabled={task.isRunning}
                    onClick={() => change(() => source.setStatus(id, !isActive))}
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
        onClick={() => change(async () => setCreated(await source.create()))}
      >
        Create access key
      </button>
      {created !== undefined && <NewKeyDialog of={owner} created={created} onClose={() => setCreated(undefined)} />}
      {deleting !== undefined && (
        <FormDialog
          title={`Delete ${deleting}?`}
          submitLabel="Delete key"
          isDangerous
          onSubmit={async () => {
            await source.remove(deleting);
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
