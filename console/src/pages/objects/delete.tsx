/** Deletes what is selected: objects, whole folders, or versions. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { ApiClient } from "../../api/client.ts";
import {
  type BulkProgress,
  type DeletionFailure,
  deleteBelow,
  deleteObjects,
  MAX_KEYS_PER_REQUEST,
} from "../../api/s3/deletion.ts";
import { ConfirmDialog, FormDialog } from "../../ui/dialog.tsx";
import { Checkbox } from "../../ui/fields.tsx";
import { notify } from "../../ui/toast.tsx";
import { useSession } from "../../ui/use.ts";
import { describeSelection, type Row } from "./rows.ts";

interface Props {
  readonly bucket: string;
  readonly rows: readonly Row[];
  readonly onClose: () => void;
  readonly onDone: () => void;
}

/** More objects than this, folders and versions are deleted only after the bucket's name was typed. */
const FEW_OBJECTS = 10;

export function DeleteDialog({ bucket, rows, onClose, onDone }: Props) {
  const { client } = useSession();
  const [bypassesGovernance, setBypass] = useState(false);
  const [deleted, setDeleted] = useState<number | undefined>(undefined);
  const controller = useRef(new AbortController());
  useEffect(() => () => controller.current.abort(), []);
  const hasVersions = rows.some(({ kind }) => kind === "version");
  const isLarge = hasVersions || rows.length > FEW_OBJECTS || rows.some(({ kind }) => kind === "folder");

  const remove = async () => {
    controller.current = new AbortController();
    const { signal } = controller.current;
    const result = await deleteRows(client, { bucket, rows, bypassesGovernance, signal, onProgress: setDeleted });
    const [failure] = result.failures;
    if (failure !== undefined) {
      onDone();
      throw new Error(`${failure.key} was not deleted. ${failure.reason}`);
    }
    notify(`${describeSelection(rows)} deleted.`);
    onDone();
  };
  const dialog = { title: `Delete ${describeSelection(rows)}`, submitLabel: "Delete", onClose, onSubmit: remove };
  const content = (
    <>
      <p>
        {hasVersions
          ? "Versions are deleted permanently. Where a delete marker is deleted, the version before it is current again."
          : "Without versioning, objects are deleted permanently. With versioning, delete markers hide them, and they can be restored."}
      </p>
      <ul class="names">
        {rows.slice(0, 8).map((row) => (
          <li key={`${row.key} ${row.kind === "version" ? row.versionId : ""}`}>
            <code>{row.key}</code>
          </li>
        ))}
        {rows.length > 8 && <li>and {(rows.length - 8).toLocaleString("en")} more</li>}
      </ul>
      {hasVersions && (
        <Checkbox
          label="Also versions that are locked in governance mode"
          checked={bypassesGovernance}
          onChange={setBypass}
        />
      )}
      {deleted !== undefined && <p role="status">{deleted.toLocaleString("en")} deleted so far.</p>}
    </>
  );
  if (!isLarge)
    return (
      <FormDialog {...dialog} isDangerous>
        {content}
      </FormDialog>
    );
  return (
    <ConfirmDialog {...dialog} typedName={bucket}>
      {content}
    </ConfirmDialog>
  );
}

interface RowDeletion {
  readonly bucket: string;
  readonly rows: readonly Row[];
  readonly bypassesGovernance: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (deleted: number) => void;
}

async function deleteRows(client: ApiClient, deletion: RowDeletion): Promise<BulkProgress> {
  const { bucket, rows, bypassesGovernance, signal, onProgress } = deletion;
  const failures: DeletionFailure[] = [];
  let deleted = 0;
  const objects = rows.filter(({ kind }) => kind !== "folder");
  for (let start = 0; start < objects.length; start += MAX_KEYS_PER_REQUEST) {
    signal.throwIfAborted();
    const some = objects.slice(start, start + MAX_KEYS_PER_REQUEST).map((row) => ({
      key: row.key,
      versionId: row.kind === "version" ? row.versionId : undefined,
    }));
    const failed = await deleteObjects(client, { bucket, objects: some, bypassesGovernance, signal });
    failures.push(...failed);
    deleted += some.length - failed.length;
    onProgress(deleted);
  }
  for (const { key } of rows.filter(({ kind }) => kind === "folder")) {
    const before = deleted;
    const report = (progress: BulkProgress) => onProgress(before + progress.deleted);
    // Of folders the current objects: their versions stay, as with single objects.
    const below = await deleteBelow(client, {
      bucket,
      prefix: key,
      includesVersions: false,
      signal,
      onProgress: report,
    });
    failures.push(...below.failures);
    deleted += below.deleted;
  }
  return { deleted, failures };
}
