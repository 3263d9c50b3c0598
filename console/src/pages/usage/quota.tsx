/** Sets, replaces and removes the quota of a bucket or an account. */
import { useState } from "preact/hooks";
import { type Quota, type QuotaSubject, setQuota } from "../../api/usage.ts";
import { FormDialog } from "../../ui/dialog.tsx";
import { TextField } from "../../ui/fields.tsx";
import { notify } from "../../ui/toast.tsx";
import { useSession } from "../../ui/use.ts";

const GIGABYTE = 1e9;

interface Props {
  readonly subject: QuotaSubject;
  readonly quota: Quota;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

export function QuotaDialog({ subject, quota, onClose, onDone }: Props) {
  const { client } = useSession();
  const [gigabytes, setGigabytes] = useState(quota.quotaBytes === undefined ? "" : String(quota.quotaBytes / GIGABYTE));
  const [objects, setObjects] = useState(quota.quotaObjects?.toString() ?? "");
  const save = async () => {
    const wanted = {
      quotaBytes: gigabytes === "" ? undefined : Math.round(Number(gigabytes) * GIGABYTE),
      quotaObjects: objects === "" ? undefined : Number(objects),
    };
    await setQuota(client, subject, wanted);
    notify("The quota was saved.");
    onDone();
  };
  return (
    <FormDialog
      title={`Quota of ${"bucket" in subject ? subject.bucket : subject.accountId}`}
      submitLabel="Save"
      onClose={onClose}
      onSubmit={save}
    >
      <p class="hint">An empty field is no limit. What is stored already stays, also above a quota.</p>
      <TextField label="Size in GB" type="number" min={0} step="any" value={gigabytes} onChange={setGigabytes} />
      <TextField label="Number of objects" type="number" min={0} value={objects} onChange={setObjects} />
    </FormDialog>
  );
}
