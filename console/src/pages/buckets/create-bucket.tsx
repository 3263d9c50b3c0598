import { useState } from "preact/hooks";
import { createBucket } from "../../api/s3/buckets.ts";
import { FormDialog } from "../../ui/dialog.tsx";
import { Checkbox, TextField } from "../../ui/fields.tsx";
import { notify } from "../../ui/toast.tsx";
import { useSession } from "../../ui/use.ts";
import { faultOfBucketName } from "./bucket-name.ts";

interface Props {
  readonly onClose: () => void;
  readonly onDone: () => void;
}

export function CreateBucketDialog({ onClose, onDone }: Props) {
  const { client } = useSession();
  const [name, setName] = useState("");
  const [region, setRegion] = useState("");
  const [hasVersions, setVersions] = useState(false);
  const [hasLock, setLock] = useState(false);
  const fault = name === "" ? undefined : faultOfBucketName(name);
  const create = async () => {
    await createBucket(client, { name, region: region.trim(), hasVersions, hasLock });
    notify(`Bucket ${name} was created.`);
    onDone();
  };
  return (
    <FormDialog
      title="Create a bucket"
      submitLabel="Create"
      onClose={onClose}
      onSubmit={create}
      isDisabled={name === "" || fault !== undefined}
    >
      <TextField
        label="Name"
        value={name}
        onChange={setName}
        error={fault}
        hint="3 to 63 lower-case letters, digits, hyphens and dots."
        required
        autocomplete="off"
        spellcheck={false}
      />
      <TextField
        label="Region (optional)"
        value={region}
        onChange={setRegion}
        hint={`Empty for ${client.config.region}.`}
        autocomplete="off"
        spellcheck={false}
      />
      <Checkbox
        label="Keep versions"
        checked={hasVersions || hasLock}
        disabled={hasLock}
        onChange={setVersions}
        hint="What is overwritten or deleted stays as a version."
      />
      <Checkbox
        label="Object lock"
        checked={hasLock}
        onChange={setLock}
        hint="Versions can be protected against deletion. It keeps versions, and cannot be disabled."
      />
    </FormDialog>
  );
}
