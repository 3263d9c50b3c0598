/** What is being uploaded, on every page. */
import { useEffect, useRef } from "preact/hooks";
import { describeError } from "../api/errors.ts";
import { formatBytes, formatCount } from "../lib/format.ts";
import { useStore } from "../lib/store.ts";
import { Progress } from "../ui/basics.tsx";
import { useSession } from "../ui/use.ts";
import type { QueueView } from "./queue.ts";
import { isUploading, queueOf, retryUploads, uploads } from "./uploads.ts";

export function UploadsPanel() {
  const view = useStore(uploads);
  const { client } = useSession();
  useWarningBeforeLeaving();
  if (view === undefined || view.count === 0) return null;
  const queue = queueOf(client);
  return (
    <section class="uploads" aria-label="Uploads">
      <div class="uploads-summary">
        <strong>{titleOf(view)}</strong>
        <span>
          {formatCount(view.finished, "file")} of {view.count.toLocaleString("en")}, {formatBytes(view.sentBytes)} of{" "}
          {formatBytes(view.totalBytes)}
        </span>
        <div class="actions">
          {view.isBusy && !view.isPaused && (
            <button type="button" onClick={() => queue.pause()}>
              Pause
            </button>
          )}
          {view.isBusy && view.isPaused && (
            <button type="button" class="primary" onClick={() => queue.resume()}>
              Resume
            </button>
          )}
          {view.failed > 0 && (
            <button type="button" onClick={() => retryUploads(client)}>
              Retry failed
            </button>
          )}
          {view.isBusy ? (
            <button type="button" onClick={() => queue.cancel()}>
              Cancel uploads
            </button>
          ) : (
            <button type="button" onClick={() => queue.clear()}>
              Close uploads
            </button>
          )}
        </div>
      </div>
      <Progress label="All uploads" done={view.sentBytes} total={view.totalBytes} />
      {view.pauseReason !== undefined && <p class="field-error">{describeError(view.pauseReason)}</p>}
      <Details view={view} />
      <Announcement view={view} />
    </section>
  );
}

function titleOf({ isBusy, isPaused, failed, kept }: QueueView): string {
  if (isBusy) return isPaused ? "Paused" : "Uploading";
  if (failed > 0) return `${formatCount(failed, "upload")} failed`;
  return kept > 0 ? `Uploaded; ${formatCount(kept, "object")} existed and stayed` : "Uploaded";
}

function Details({ view }: { readonly view: QueueView }) {
  if (view.sending.length === 0 && view.failures.length === 0) return null;
  return (
    <ul>
      {view.sending.map(({ id, target, sentBytes, sizeBytes }) => (
        <li key={id}>
          <span class="upload-name">{target.key}</span>
          <Progress label={target.key} done={sentBytes} total={sizeBytes} />
        </li>
      ))}
      {view.failures.map(({ id, target, error }) => (
        <li key={id} class="field-error">
          {target.key}: {describeError(error)}
        </li>
      ))}
    </ul>
  );
}

/** Screen readers announce the beginning and the end, not every percent. */
function Announcement({ view }: { readonly view: QueueView }) {
  return (
    <p class="visually-hidden" role="status">
      {view.isBusy && !view.isPaused ? `Uploading ${formatCount(view.count, "file")}` : titleOf(view)}
    </p>
  );
}

function useWarningBeforeLeaving(): void {
  const warn = useRef((event: Event) => {
    if (isUploading()) event.preventDefault();
  });
  useEffect(() => {
    const listener = warn.current;
    addEventListener("beforeunload", listener);
    return () => removeEventListener("beforeunload", listener);
  }, []);
}
