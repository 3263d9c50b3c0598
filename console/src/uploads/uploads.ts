/** The queue of the session, and what the pages show of it. */
import type { ApiClient } from "../api/client.ts";
import { createStore } from "../lib/store.ts";
import { onSignOut } from "../session.ts";
import { type QueueView, UploadQueue } from "./queue.ts";
import { transportOf } from "./transport.ts";

let current: { readonly client: ApiClient; readonly queue: UploadQueue<Blob> } | undefined;

/** Undefined before the first upload. */
export const uploads = createStore<QueueView | undefined>(undefined);
/** Changes when all uploads have ended: pages list again then. */
export const finishedUploads = createStore(0);

const SHOWN_EVERY_MS = 250;
let isScheduled = false;
/** Whether something was added since the uploads ended last. */
let hasNews = false;

/** Progress is reported for every few kilobytes, and shown four times a second. */
function scheduleView(): void {
  if (isScheduled) return;
  isScheduled = true;
  setTimeout(() => {
    isScheduled = false;
    const view = current?.queue.view();
    uploads.set(view);
    if (view === undefined || view.isBusy || !hasNews) return;
    hasNews = false;
    finishedUploads.set(finishedUploads.get() + 1);
  }, SHOWN_EVERY_MS);
}

export function startUploads(client: ApiClient, files: Parameters<UploadQueue<Blob>["add"]>[0]): void {
  hasNews = true;
  queueOf(client).add(files);
}

export function retryUploads(client: ApiClient): void {
  hasNews = true;
  queueOf(client).retry();
}

export function queueOf(client: ApiClient): UploadQueue<Blob> {
  if (current?.client !== client) current = { client, queue: new UploadQueue(transportOf(client), scheduleView) };
  return current.queue;
}

/** Whether files are being sent, so that the page must not be closed. */
export function isUploading(): boolean {
  const view = current?.queue.view();
  if (view === undefined) return false;
  return view.isBusy && !view.isPaused;
}

onSignOut(() => {
  current?.queue.stop();
  current = undefined;
  uploads.set(undefined);
});
