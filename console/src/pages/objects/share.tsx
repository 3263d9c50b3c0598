/** A link to an object that works without keys until it expires. */
import { useEffect, useState } from "preact/hooks";
import { type ObjectName, presignGet } from "../../api/s3/objects.ts";
import { formatTime } from "../../lib/format.ts";
import { CopyButton, ErrorBox } from "../../ui/basics.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Checkbox, Select, TextArea } from "../../ui/fields.tsx";
import { useSession } from "../../ui/use.ts";
import { lastPart } from "./rows.ts";

const EXPIRIES = [
  { value: "900", label: "15 minutes" },
  { value: "3600", label: "1 hour" },
  { value: "43200", label: "12 hours" },
  { value: "86400", label: "1 day" },
  { value: "259200", label: "3 days" },
  { value: "604800", label: "7 days" },
] as const;

type Expiry = (typeof EXPIRIES)[number]["value"];

interface Props {
  readonly name: ObjectName;
  readonly onClose: () => void;
}

export function ShareDialog({ name, onClose }: Props) {
  const { client } = useSession();
  const [expiry, setExpiry] = useState<Expiry>("3600");
  const [isSaved, setSaved] = useState(false);
  const [link, setLink] = useState<{ readonly url: string; readonly until: Date } | undefined>(undefined);
  const [error, setError] = useState<unknown>(undefined);
  useEffect(() => {
    const expiresInSeconds = Number(expiry);
    const until = new Date(Date.now() + expiresInSeconds * 1_000);
    const as = isSaved ? { as: { fileName: lastPart(name.key) } } : {};
    let isCurrent = true;
    presignGet(client, { ...name, expiresInSeconds, ...as }).then(
      (url) => isCurrent && setLink({ url, until }),
      (failure: unknown) => isCurrent && setError(failure),
    );
    return () => {
      isCurrent = false;
    };
  }, [expiry, isSaved]);
  return (
    <Dialog title={`Share ${lastPart(name.key)}`} onClose={onClose}>
      <p>
        Anyone who has the link can read the object until the link expires, or until the key that signed it is deleted.
      </p>
      <Select label="Expires in" value={expiry} onChange={setExpiry} options={EXPIRIES} />
      <Checkbox label="Save as a file instead of showing it" checked={isSaved} onChange={setSaved} />
      <ErrorBox error={error} />
      {link !== undefined && (
        <>
          <TextArea label="Link" value={link.url} onChange={() => undefined} rows={5} isCode isReadOnly />
          <p class="hint">
            Until {formatTime(link.until)}
            {client.isTemporary && ", or earlier if the temporary credentials of this session expire"}.
          </p>
          <footer>
            <CopyButton text={link.url} label="Copy link" />
          </footer>
        </>
      )}
    </Dialog>
  );
}
