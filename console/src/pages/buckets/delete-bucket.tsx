/** Deletes a bucket, or empties it first: with a count while that runs, and a button that stops it. */
import { useEffect, useRef, useState } from "preact/hooks";
import { deleteBucket } from "../../api/s3/buckets.ts";
import { abortUploads, type BulkProgress, deleteBelow } from "../../api/s3/deletion.ts";
import { formatCount } from "../../lib/format.ts";
import { ConfirmDialog } from "../../ui/dialog.tsx";
import { Checkbox } from "../../ui/fields.tsx";
import { notify } from "../../ui/toast.tsx";
import { useSession } from "../../ui/use.ts";

interface Props {
  readonly bucket: string;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

export function DeleteBucketDialog({ bucket, onClose, onDone }: Props) {
  const { client } = useSession();
  const [isEmptied, setEmptied] = useState(false);
  const [progress, setProgress] = useState<BulkProgress | undefined>(undefined);
  const controller = useRef(new AbortController());
  useEffect(() => () => controller.current.abort(), []);

  const remove = async () => {
    controller.current = new AbortController();
    const { signal } = controller.current;
    if (isEmptied) {
      const options = { bucket, prefix: "", includesVersions: true, signal, onProgress: setProgress };
      const { failures } = await deleteBelow(client, options);
      const [failure] = failures;
      if (failure !== undefined) throw new Error(`${failure.key} was not deleted. ${failure.reason}`);
      await abortUploads(client, bucket, signal);
    }
    await deleteBucket(client, bucket);
    notify(`Bucket ${bucket} was deleted.`);
    onDone();
  };
  return (
    <ConfirmDialog
      title="Delete a bucket"
      typedName={bucket}
      submitLabel="Delete the bucket"
      onClose={onClose}
      onSubmit={remove}
    >
      <p>
        Bucket <strong>{bucket}</strong> and its settings are deleted. This cannot be undone.
      </p>
      <Checkbox
        label="Delete all its objects and versions first"
        hint="Otherwise only an empty bucket is deleted."
        checked={isEmptied}
        onChange={setEmptied}
      />
      {progress !== undefined && (
        <p role="status">
          {formatCount(progress.deleted, "version")} deleted so far. Cancel stops it; what is deleted stays deleted.
        </p>
      )}
    </ConfirmDialog>
  );
}
