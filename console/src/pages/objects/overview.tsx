import { useState } from "preact/hooks";
import type { ObjectFacts, ObjectName } from "../../api/s3/objects.ts";
import { formatBytes, formatTime } from "../../lib/format.ts";
import { Facts } from "../../ui/basics.tsx";
import { MetadataDialog } from "./metadata.tsx";
import { Preview } from "./preview.tsx";

interface Props {
  readonly name: ObjectName;
  readonly facts: ObjectFacts;
  readonly onChange: () => void;
}

export function Overview({ name, facts, onChange }: Props) {
  const [isEdited, setEdited] = useState(false);
  const { content, metadata } = facts;
  const metadataFacts = Object.entries(metadata).map(([key, value]) => [key, <code key={key}>{value}</code>] as const);
  return (
    <>
      <Preview name={name} facts={facts} />
      <section class="panel" aria-labelledby="properties">
        <h2 id="properties">Properties</h2>
        <Facts
          facts={[
            ["Key", <code key="key">{name.key}</code>],
            ["Size", `${formatBytes(facts.sizeBytes)}${exactSize(facts.sizeBytes)}`],
            ["Modified", formatTime(facts.modifiedAt)],
            ["Entity tag", <code key="etag">{facts.etag}</code>],
            ["Version", facts.versionId && <code>{facts.versionId}</code>],
            ["Storage class", facts.storageClass],
            ["Encryption", facts.encryption],
            ["Encryption key", facts.kmsKeyId],
            ["Replication", facts.replication],
            ["Expiration", facts.expiration],
            ...facts.checksums.map(([algorithm, value]) => [algorithm, <code key={algorithm}>{value}</code>] as const),
          ]}
        />
      </section>
      <section class="panel" aria-labelledby="metadata">
        <h2 id="metadata">Metadata</h2>
        <Facts
          facts={[
            ["Content-Type", content["content-type"]],
            ["Cache-Control", content["cache-control"]],
            ["Content-Disposition", content["content-disposition"]],
            ["Content-Encoding", content["content-encoding"]],
            ["Content-Language", content["content-language"]],
            ["Expires", content.expires],
            ["Website redirect", content["x-amz-website-redirect-location"]],
            ...metadataFacts,
          ]}
        />
        {name.versionId === undefined && (
          <button type="button" onClick={() => setEdited(true)}>
            Edit metadata
          </button>
        )}
      </section>
      {isEdited && <MetadataDialog name={name} facts={facts} onClose={() => setEdited(false)} onDone={onChange} />}
    </>
  );
}

function exactSize(bytes: number): string {
  return bytes < 1024 ? "" : ` (${bytes.toLocaleString("en")} bytes)`;
}
