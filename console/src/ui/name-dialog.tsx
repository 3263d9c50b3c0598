import { useState } from "preact/hooks";
import { FormDialog } from "./dialog.tsx";
import { TextField } from "./fields.tsx";

interface Props {
  readonly title: string;
  /** The characters of a name. */
  readonly hint: string;
  readonly onClose: () => void;
  readonly onCreate: (name: string) => Promise<void>;
}

/** Asks for the name of what is created. */
export function NameDialog({ title, hint, onClose, onCreate }: Props) {
  const [typed, setName] = useState("");
  const name = typed.trim();
  return (
    <FormDialog
      title={title}
      submitLabel="Create"
      isDisabled={name === ""}
      onSubmit={() => onCreate(name)}
      onClose={onClose}
    >
      <TextField label="Name" hint={hint} value={typed} onChange={setName} spellcheck={false} autocomplete="off" />
    </FormDialog>
  );
}
