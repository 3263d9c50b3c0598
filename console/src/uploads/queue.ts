/**
 * Uploads of any number of files of any size, with at most `MAX_REQUESTS` requests at a time. The browser reads a part from
 * its file while it sends it, so that no file is in memory. A pause ends the requests that run; what was sent of a large file stays, and the upload goes on from there.
 */
import { hasCode, NetworkError } from "../api/errors.ts";
import { type Part, planParts } from "./plan.ts";
import type { SentPart, Target, Transport } from "./transport.ts";

/** Browsers open six connections to a host; one is left for the pages. */
export const MAX_REQUESTS = 5;

/** What the queue needs of a `Blob`: it never reads one. */
export interface Source<Self> {
  readonly size: number;
  slice(start: number, end: number): Self;
}

export type UploadState = "waiting" | "sending" | "done" | "kept" | "failed" | "cancelled";

export interface UploadView {
  readonly id: number;
  readonly target: Target;
  readonly state: UploadState;
  readonly sizeBytes: number;
  readonly sentBytes: number;
  readonly error: unknown;
}

export interface QueueView {
  readonly count: number;
  readonly finished: number;
  readonly failed: number;
  /** Existed already, and were to be kept. */
  readonly kept: number;
  readonly totalBytes: number;
  readonly sentBytes: number;
  readonly isPaused: boolean;
  /** The failure that paused it. */
  readonly pauseReason: unknown;
  readonly isBusy: boolean;
  /** Those that are being sent. */
  readonly sending: readonly UploadView[];
  /** The first of those that failed. */
  readonly failures: readonly UploadView[];
}

const SHOWN_FAILURES = 50;

class Upload<Body extends Source<Body>> implements UploadView {
  readonly id: number;
  readonly target: Target;
  readonly file: Body;
  state: UploadState = "waiting";
  error: unknown;
  controller = new AbortController();
  /** Of parts that are stored. */
  storedBytes = 0;
  readonly inFlight = new Map<number, number>();
  /** Undefined until it is begun. */
  uploadId: string | undefined;
  creation: Promise<string> | undefined;
  isCompleting = false;
  readonly sentParts: SentPart[] = [];
  partsLeft: Part[];
  readonly partCount: number;
  readonly isMultipart: boolean;

  constructor(id: number, target: Target, file: Body) {
    this.id = id;
    this.target = target;
    this.file = file;
    const parts = planParts(file.size);
    this.isMultipart = parts !== undefined;
    this.partsLeft = [...(parts ?? [{ number: 1, start: 0, end: file.size }])];
    this.partCount = this.partsLeft.length;
  }

  get sizeBytes(): number {
    return this.file.size;
  }

  get sentBytes(): number {
    let sum = this.storedBytes;
    for (const bytes of this.inFlight.values()) sum += bytes;
    return Math.min(sum, this.file.size);
  }
}

export class UploadQueue<Body extends Source<Body>> {
  readonly #transport: Transport<Body>;
  readonly #onChange: () => void;
  readonly #uploads = new Map<number, Upload<Body>>();
  /** In the order of their start: those that wait are found from here on. */
  #waiting: Upload<Body>[] = [];
  readonly #sending = new Set<Upload<Body>>();
  #requests = 0;
  #isPaused = false;
  #pauseReason: unknown;
  #lastId = 0;

  /** @param onChange after any change; it may be called often */
  constructor(transport: Transport<Body>, onChange: () => void) {
    this.#transport = transport;
    this.#onChange = onChange;
  }

  add(files: readonly { readonly target: Target; readonly file: Body }[]): void {
    if (!this.view().isBusy) this.#forget("done", "kept", "cancelled");
    for (const { target, file } of files) {
      const upload = new Upload<Body>(++this.#lastId, target, file);
      this.#uploads.set(upload.id, upload);
      this.#waiting.push(upload);
    }
    this.#pump();
  }

  /** @param reason the failure that makes it of no use to go on */
  pause(reason?: unknown): void {
    this.#isPaused = true;
    this.#pauseReason = reason;
    // A completion is short, and must not be sent twice.
    const interrupted = [...this.#sending].filter(({ isCompleting }) => !isCompleting);
    for (const upload of interrupted) {
      this.#interrupt(upload, "waiting");
      this.#sending.delete(upload);
    }
    this.#waiting.unshift(...interrupted);
    this.#onChange();
  }

  resume(): void {
    this.#isPaused = false;
    this.#pauseReason = undefined;
    this.#pump();
  }

  /** Tries those that failed again; what is stored of them is not sent again. */
  retry(): void {
    for (const upload of this.#uploads.values()) {
      if (upload.state !== "failed") continue;
      upload.state = "waiting";
      upload.error = undefined;
      upload.controller = new AbortController();
      this.#waiting.push(upload);
    }
    this.#pump();
  }

  /** Ends everything that is not finished, and deletes what is stored of it. */
  cancel(): void {
    for (const upload of this.#uploads.values()) {
      if (upload.state !== "waiting" && upload.state !== "sending" && upload.state !== "failed") continue;
      this.#interrupt(upload, "cancelled");
      const { uploadId, target } = upload;
      upload.partsLeft = [];
      // Nothing can be done about a failure: unfinished uploads are listed, and lifecycle rules end them.
      if (uploadId !== undefined) void this.#transport.abort(target, uploadId).catch(() => undefined);
    }
    this.#waiting = [];
    this.#sending.clear();
    this.#forget("done", "kept", "cancelled");
    this.#isPaused = false;
    this.#pauseReason = undefined;
    this.#onChange();
  }

  /** For sign-out: no request is made any more. */
  stop(): void {
    for (const upload of this.#uploads.values()) this.#interrupt(upload, "cancelled");
    this.#waiting = [];
    this.#sending.clear();
    this.#uploads.clear();
  }

  /** Forgets what has ended, and deletes what is stored of uploads that failed. */
  clear(): void {
    if (!this.view().isBusy) this.cancel();
  }

  view(): QueueView {
    let [finished, failed, kept, totalBytes, sentBytes] = [0, 0, 0, 0, 0];
    const failures: UploadView[] = [];
    for (const upload of this.#uploads.values()) {
      totalBytes += upload.sizeBytes;
      if (upload.state === "done" || upload.state === "kept") {
        finished++;
        sentBytes += upload.sizeBytes;
      } else sentBytes += upload.sentBytes;
      if (upload.state === "kept") kept++;
      if (upload.state !== "failed") continue;
      failed++;
      if (failures.length < SHOWN_FAILURES) failures.push(upload);
    }
    const count = this.#uploads.size;
    return {
      count,
      finished,
      failed,
      kept,
      totalBytes,
      sentBytes,
      isPaused: this.#isPaused,
      pauseReason: this.#pauseReason,
      isBusy: finished + failed < count,
      sending: [...this.#sending],
      failures,
    };
  }

  #forget(...states: readonly UploadState[]): void {
    for (const [id, { state }] of this.#uploads) if (states.includes(state)) this.#uploads.delete(id);
  }

  #interrupt(upload: Upload<Body>, state: UploadState): void {
    upload.controller.abort();
    upload.controller = new AbortController();
    upload.state = state;
    upload.inFlight.clear();
  }

  /** Starts requests until the limit is reached: parts of files that are begun first. */
  #pump(): void {
    while (!this.#isPaused && this.#requests < MAX_REQUESTS) {
      const upload = this.#next();
      if (upload === undefined) break;
      this.#requests++;
      void this.#step(upload).finally(() => {
        this.#requests--;
        this.#pump();
      });
    }
    this.#onChange();
  }

  #next(): Upload<Body> | undefined {
    for (const upload of this.#sending) {
      if (upload.uploadId !== undefined && upload.partsLeft.length > 0) return upload;
    }
    const upload = this.#waiting.shift();
    if (upload === undefined) return undefined;
    upload.state = "sending";
    this.#sending.add(upload);
    return upload;
  }

  /** One request of the upload, and its completion after the last one. */
  async #step(upload: Upload<Body>): Promise<void> {
    const { signal } = upload.controller;
    try {
      if (!upload.isMultipart) await this.#sendWhole(upload, signal);
      else if (upload.uploadId === undefined) await this.#begin(upload);
      else await this.#sendPart(upload, { uploadId: upload.uploadId, signal });
    } catch (error) {
      if (!signal.aborted && upload.state === "sending") this.#fail(upload, error);
    }
  }

  #fail(upload: Upload<Body>, error: unknown): void {
    if (error instanceof NetworkError) {
      // The next file would fail too.
      this.pause(error);
      return;
    }
    const { target, uploadId } = upload;
    const isKept = hasCode(error, "PreconditionFailed") && target.keepsExisting;
    upload.controller.abort();
    upload.error = error;
    if (hasCode(error, "NoSuchUpload")) this.#beginAgain(upload);
    this.#finish(upload, isKept ? "kept" : "failed");
    if (isKept && uploadId !== undefined) void this.#transport.abort(target, uploadId).catch(() => undefined);
  }

  async #sendWhole(upload: Upload<Body>, signal: AbortSignal): Promise<void> {
    await this.#transport.put(upload.target, upload.file, this.#sendingOf(upload, { number: 1, signal }));
    if (!signal.aborted) this.#finish(upload, "done");
  }

  /** A pause does not end this request, since its answer names what has to be aborted. */
  async #begin(upload: Upload<Body>): Promise<void> {
    upload.creation ??= this.#transport.create(upload.target);
    try {
      const uploadId = await upload.creation;
      if (upload.state === "cancelled") await this.#transport.abort(upload.target, uploadId);
      upload.uploadId = uploadId;
    } finally {
      upload.creation = undefined;
    }
  }

  async #sendPart(
    upload: Upload<Body>,
    { uploadId, signal }: { readonly uploadId: string; readonly signal: AbortSignal },
  ): Promise<void> {
    const part = upload.partsLeft.shift();
    const { target } = upload;
    if (part !== undefined) {
      const { number, start, end } = part;
      try {
        const body = upload.file.slice(start, end);
        const sending = this.#sendingOf(upload, { number, signal });
        const etag = await this.#transport.putPart(target, { uploadId, number, body }, sending);
        if (upload.uploadId !== uploadId) return;
        upload.sentParts.push({ number, etag });
        upload.storedBytes += end - start;
      } catch (error) {
        if (!upload.partsLeft.some((left) => left.number === number)) upload.partsLeft.unshift(part);
        throw error;
      } finally {
        if (!signal.aborted) upload.inFlight.delete(number);
      }
    }
    if (upload.sentParts.length < upload.partCount || upload.isCompleting || signal.aborted) return;
    upload.isCompleting = true;
    try {
      const parts = [...upload.sentParts].sort((one, other) => one.number - other.number);
      await this.#transport.complete(target, { uploadId, parts });
    } finally {
      upload.isCompleting = false;
    }
    this.#finish(upload, "done");
  }

  #sendingOf(upload: Upload<Body>, { number, signal }: { readonly number: number; readonly signal: AbortSignal }) {
    return {
      signal,
      onSent: (bytes: number) => {
        if (signal.aborted) return;
        upload.inFlight.set(number, bytes);
        this.#onChange();
      },
    };
  }

  /** A retry of a file whose upload does not exist any more starts from its beginning. */
  #beginAgain(upload: Upload<Body>): void {
    upload.uploadId = undefined;
    upload.storedBytes = 0;
    upload.sentParts.length = 0;
    upload.partsLeft = [...(planParts(upload.sizeBytes) ?? [])];
  }

  #finish(upload: Upload<Body>, state: UploadState): void {
    upload.state = state;
    upload.inFlight.clear();
    this.#sending.delete(upload);
    this.#onChange();
  }
}
