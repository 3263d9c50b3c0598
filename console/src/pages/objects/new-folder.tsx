import { useState } from "preact/hooks";
import { createFolder } from "../../api/s3/objects.ts";
import { FormDialog } from "../../ui/dialog.tsx";
import { TextField } from "../../ui/fields.tsx";
import { notify } from "../../ui/toast.tsx";
import { useSession } from "../../ui/use.ts";

interface Props {
  readonly bucket: string;
  readonly prefix: string;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

export function NewFolderDialog({ bucket, prefix, onClose, onDone }: Props) {
  const { client } = useSession();
  const [name, setName] = useState("");
  const fault = name.split("/").some((part) => part === "." || part === "..") ? "A part cannot be . or .." : undefined;
  const create = async () => {
    await createFolder(client, bucket, `${prefix}${name.replace(/\/$/, "")}/`);
    notify(`Folder ${name} was created.`);
    onDone();
  };
  return (
    <FormDialog
      title="New folder"
      submitLabel="Create"
      onClose={onClose}
      onSubmit={create}
      isDisabled={name.replace(/\/$/, "") === "" || fault !== undefined}
    >
      <TextField
        label="Name"
        value={name}
        onChange={setName}
        error={fault}
        hint="The folder is an empty object whose key ends with a slash."
        required
        autocomplete="off"
        spellcheck={false}
      />
    </FormDialog>
  );
}
