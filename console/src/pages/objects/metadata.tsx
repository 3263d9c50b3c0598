/** Changes metadata by copying the object onto itself, as S3 requires. */
import { useState } from "preact/hooks";
import {
  CONTENT_HEADERS,
  type ContentHeader,
  copyObject,
  headObject,
  isUnchanged,
  MAX_COPY_BYTES,
  metadataHeaders,
  type ObjectFacts,
  type ObjectName,
} from "../../api/s3/objects.ts";
import { FormDialog } from "../../ui/dialog.tsx";
import { TextField } from "../../ui/fields.tsx";
import { notify } from "../../ui/toast.tsx";
import { useSession } from "../../ui/use.ts";
import { type TextPair, toRecord } from "./pairs.ts";
import { PairsEditor } from "./pairs-editor.tsx";

interface Props {
  readonly name: ObjectName;
  readonly facts: ObjectFacts;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

const LABELS: Readonly<Record<ContentHeader, string>> = {
  "content-type": "Content-Type",
  "cache-control": "Cache-Control",
  "content-disposition": "Content-Disposition",
  "content-encoding": "Content-Encoding",
  "content-language": "Content-Language",
  expires: "Expires",
  "x-amz-website-redirect-location": "Website redirect",
};

const CHANGED =
  "The object has been changed since this page read it, and to save this would undo that. Reload the page, then edit again.";

export function MetadataDialog({ name, facts, onClose, onDone }: Props) {
  const { client } = useSession();
  const [content, setContent] = useState(facts.content);
  const [pairs, setPairs] = useState<readonly TextPair[]>(
    Object.entries(facts.metadata).map(([key, value]) => ({ key, value })),
  );
  const save = async () => {
    if (facts.sizeBytes > MAX_COPY_BYTES) throw new Error("Metadata of objects above 5 GiB cannot be changed here.");
    // A copy has no condition on metadata, and the entity tag stays when only that is changed.
    if (!isUnchanged(facts, await headObject(client, name))) throw new Error(CHANGED);
    const replaced = metadataHeaders(content, toRecord(pairs));
    await copyObject(client, { source: name, target: name, replaced, keeps: facts, ifMatch: facts.etag });
    notify("The metadata was changed.");
    onDone();
  };
  return (
    <FormDialog title="Edit metadata" submitLabel="Save" onClose={onClose} onSubmit={save}>
      <p class="hint">
        The object is copied onto itself: in a bucket with versions it gets a new one, and its ACL and lock are those of
        a new object.
      </p>
      {CONTENT_HEADERS.map((header) => (
        <TextField
          key={header}
          label={LABELS[header]}
          value={content[header]}
          onChange={(value) => setContent({ ...content, [header]: value })}
          spellcheck={false}
        />
      ))}
      <PairsEditor legend="User metadata" pairs={pairs} onChange={setPairs} keyLabel="Name" />
    </FormDialog>
  );
}
