import type { NewKey } from "../../api/iam.ts";
import { CopyButton, Facts } from "../../ui/basics.tsx";
import { Dialog } from "../../ui/dialog.tsx";

export interface NewKeyDialogProps {
  readonly of: string;
  readonly created: NewKey;
  readonly onClose: () => void;
}

/** A new key and its secret, which are shown here and never again. */
export function NewKeyDialog({ of, created, onClose }: NewKeyDialogProps) {
  const { accessKeyId, secretAccessKey } = created;
  return (
    <Dialog title={`New access key of ${of}`} onClose={onClose}>
      <p class="note">The secret is shown now and never again. Store it before you close this.</p>
      <Facts
        facts={[
          ["Access key id", <code key="id">{accessKeyId}</code>],
          ["Secret access key", <code key="secret">{secretAccessKey}</code>],
        ]}
      />
      <div class="actions">
        <CopyButton label="Copy id" text={accessKeyId} />
        <CopyButton label="Copy secret" text={secretAccessKey} />
      </div>
      <footer>
        <button type="button" class="primary" onClick={onClose}>
          I have stored it
        </button>
      </footer>
    </Dialog>
  );
}
