/**
 * Shows an object. Everything except text comes from the S3 endpoint, an origin of its own, by a presigned URL that also
 * fixes the type: no object can run as a page, whatever its stored type is. Text is shown as text.
 */
import { useEffect, useState } from "preact/hooks";
import { type ObjectFacts, type ObjectName, presignGet, readText } from "../../api/s3/objects.ts";
import { formatBytes } from "../../lib/format.ts";
import { type Preview as Kind, previewOf } from "../../lib/media-types.ts";
import { Await, ErrorBox } from "../../ui/basics.tsx";
import { useLoad, useSession } from "../../ui/use.ts";

interface Props {
  readonly name: ObjectName;
  readonly facts: ObjectFacts;
}

const MAX_TEXT_BYTES = 256 * 1024;
/** Larger images and PDFs are shown when a button asks for them. */
const UNASKED_MAX_BYTES = 20 * 1024 ** 2;
const LINK_SECONDS = 3_600;

export function Preview({ name, facts }: Props) {
  const preview = previewOf(name.key, facts.content["content-type"]);
  const isStreamed = preview.kind === "video" || preview.kind === "audio" || preview.kind === "text";
  const [isShown, setShown] = useState(isStreamed || facts.sizeBytes <= UNASKED_MAX_BYTES);
  if (preview.kind === "none" || facts.sizeBytes === 0) return null;
  return (
    <section class="panel preview" aria-labelledby="preview">
      <h2 id="preview">Preview</h2>
      {isShown ? (
        <Shown name={name} facts={facts} preview={preview} />
      ) : (
        <button type="button" onClick={() => setShown(true)}>
          Show {formatBytes(facts.sizeBytes)}
        </button>
      )}
    </section>
  );
}

function Shown({ name, facts, preview }: Props & { readonly preview: Exclude<Kind, { kind: "none" }> }) {
  if (preview.kind === "text") return <Text name={name} facts={facts} />;
  return <Media name={name} kind={preview.kind} type={preview.type} />;
}

interface MediaProps {
  readonly name: ObjectName;
  readonly kind: "image" | "video" | "audio" | "pdf";
  readonly type: string;
}

function Media({ name, kind, type }: MediaProps) {
  const { client } = useSession();
  const [error, setError] = useState<unknown>(undefined);
  const [url, setUrl] = useState<string | undefined>(undefined);
  useEffect(() => {
    presignGet(client, { ...name, expiresInSeconds: LINK_SECONDS, as: { type } }).then(setUrl, setError);
  }, []);
  if (error !== undefined) return <ErrorBox error={error} />;
  if (url === undefined) return null;
  const failed = () => setError(new Error("The browser cannot show this object."));
  switch (kind) {
    case "image":
      return <img src={url} alt={name.key} onError={failed} referrerpolicy="no-referrer" />;
    case "video":
      return <video src={url} controls preload="metadata" onError={failed} aria-label={name.key} />;
    case "audio":
      return <audio src={url} controls preload="metadata" onError={failed} aria-label={name.key} />;
    case "pdf":
      return <iframe src={url} title={name.key} referrerpolicy="no-referrer" />;
    default:
      return kind satisfies never;
  }
}

function Text({ name, facts }: Props) {
  const { client } = useSession();
  const encoding = facts.content["content-encoding"].replace(/\baws-chunked\b,?/, "").trim();
  const isEncoded = encoding !== "" && encoding !== "identity";
  const [start] = useLoad(
    (signal) => readText(client, name, { maxBytes: MAX_TEXT_BYTES, isEncoded, signal }),
    [client],
  );
  return (
    <Await loaded={start}>
      {({ text, isCut }) => (
        <>
          {/* It can be scrolled and copied from by keyboard. */}
          <textarea class="code" readOnly rows={20} aria-label={`Text of ${name.key}`} value={text} />
          {(isCut || (!isEncoded && facts.sizeBytes > MAX_TEXT_BYTES)) && (
            <p class="hint">The first {formatBytes(MAX_TEXT_BYTES)}.</p>
          )}
        </>
      )}
    </Await>
  );
}
