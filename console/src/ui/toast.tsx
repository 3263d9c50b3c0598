/** Short messages, which screen readers announce, and the region that shows them. */
import { createStore, useStore } from "../lib/store.ts";

interface Toast {
  readonly id: number;
  readonly kind: "done" | "failed";
  readonly text: string;
}

const toasts = createStore<readonly Toast[]>([]);
let lastId = 0;

const SHOWN_MS = 6_000;

/** Reports that something was done. */
export function notify(text: string): void {
  show("done", text);
}

/** Reports a failure that has no place on the page; it stays until it is closed. */
export function notifyFailure(text: string): void {
  show("failed", text);
}

function show(kind: Toast["kind"], text: string): void {
  const id = ++lastId;
  toasts.set([...toasts.get(), { id, kind, text }].slice(-4));
  if (kind === "done") setTimeout(() => close(id), SHOWN_MS);
}

function close(id: number): void {
  toasts.set(toasts.get().filter((toast) => toast.id !== id));
}

export function Toasts() {
  const shown = useStore(toasts);
  return (
    <div class="toasts" role="status" aria-live="polite" aria-label="Messages">
      {shown.map(({ id, kind, text }) => (
        <div key={id} class={`toast toast-${kind}`}>
          <span>{text}</span>
          <button type="button" class="plain" aria-label="Close this message" onClick={() => close(id)}>
            ×
          </button>
        </div>
      ))}
    </div>
  );
}
