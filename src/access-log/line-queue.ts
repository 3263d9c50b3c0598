/**
 * The lines of an isolate until they are sent to the queue. No answer waits for it. A batch is sent a second after its first line,
 * or at once when it is full, inside `waitUntil` of any of its requests. So lines are lost only with an isolate that ends within
 * that second, or if the queue refuses them for as long as `RETRY_MS` says.
 */
import { S3Error } from "../errors.ts";
import { inTime } from "../model/deadline.ts";
import type { OwnQueue } from "../storage/journal/messages.ts";

/** How long lines wait for others. */
export const FLUSH_MS = 1_000;
/** Of one message, which may have 128 KB. */
export const MESSAGE_BYTES = 100_000;
/** Of a batch: it is then sent at once. */
const BATCH_BYTES = MESSAGE_BYTES;
/** Of all batches of the isolate that are not sent yet: what comes beyond is not logged. */
export const MAX_WAITING_BYTES = 8_000_000;
/** Of them, of one share: it cannot fill the buffer so that no line of others is taken. */
export const MAX_SHARE_BYTES = MAX_WAITING_BYTES / 2;
/** Between the attempts to send a batch. */
const RETRY_MS = [500, 2_000, 6_000, 12_000];
/** For an attempt, after which the lines are sent again: they may then be logged twice. */
const ATTEMPT_MS = 4_000;
/** For all attempts. A request's `waitUntil` ends after 30 seconds, and what it has not released by then is never released. */
const SEND_MS = 25_000;

export interface QueuedLine<Log> {
  readonly log: Log;
  /** Of the event, milliseconds since 1970. */
  readonly time: number;
  readonly line: string;
}

/** The text of one message. */
export interface Draft<Log> {
  readonly log: Log;
  /** Of the first line's event. */
  readonly time: number;
  /** Each line ends with a newline. */
  readonly text: string;
}

/** What the lines are of. */
export interface LineKind<Log, Message> {
  /** In the report of lines that are lost. */
  readonly name: string;
  /** Lines with the same name go into the same messages. */
  nameOf(line: QueuedLine<Log>): string;
  /** Whose part of the buffer a line takes. */
  shareOf(log: Log): string;
  /** May fail: it is then called again. */
  toMessages(drafts: readonly Draft<Log>[]): readonly Message[] | Promise<readonly Message[]>;
  /** The part of a line that goes into a message, if the whole does not. Without it, such a line is lost. */
  shorten?(line: string): string;
  /** Lines that complete a batch before it is sent. */
  closing?(): readonly QueuedLine<Log>[];
}

export interface LineQueueOptions<Message> {
  readonly queue: Pick<OwnQueue<Message>, "send">;
  /** Keeps the request that calls it alive until the promise has settled. */
  waitUntil(promise: Promise<unknown>): void;
}

interface Batch<Log> {
  readonly dueAt: number;
  readonly drafts: Map<string, GrowingDraft<Log>[]>;
  readonly bytesOfShares: Map<string, number>;
  bytes: number;
  lines: number;
  /** By one of its requests; the others have nothing to do any more. */
  isTaken: boolean;
}

interface GrowingDraft<Log> extends Draft<Log> {
  text: string;
  bytes: number;
}

export class LineQueue<Log, Message> {
  readonly #kind: LineKind<Log, Message>;
  readonly #options: LineQueueOptions<Message>;
  #batch: Batch<Log> | undefined;
  #waitingBytes = 0;
  readonly #bytesOfShares = new Map<string, number>();
  /** Lines that were not taken, and are not reported yet. */
  #refused = 0;

  constructor(kind: LineKind<Log, Message>, options: LineQueueOptions<Message>) {
    this.#kind = kind;
    this.#options = options;
  }

  /** Adds the lines of one request, which then waits until they are sent. */
  add(entries: readonly QueuedLine<Log>[]): void {
    for (const entry of entries) {
      const fitting = this.#fit(entry);
      if (fitting === undefined) this.#reportLost(1, "a line is larger than a message");
      else this.#addOne(fitting);
    }
    this.#waitFor(this.#batch);
  }

  /** Lets a request without a line of its own wait for a batch, which then gets its closing lines. */
  hold(): void {
    this.#waitFor(this.#openBatch());
  }

  #waitFor(batch: Batch<Log> | undefined): void {
    if (batch !== undefined) this.#options.waitUntil(this.#sendWhenDue(batch));
  }

  #openBatch(): Batch<Log> {
    const dueAt = Date.now() + FLUSH_MS;
    this.#batch ??= { dueAt, drafts: new Map(), bytesOfShares: new Map(), bytes: 0, lines: 0, isTaken: false };
    return this.#batch;
  }

  /** A message that is too large would take all lines that are sent with it. */
  #fit(entry: QueuedLine<Log>): QueuedLine<Log> | undefined {
    if (bytesOf(entry) <= MESSAGE_BYTES) return entry;
    const line = this.#kind.shorten?.(entry.line);
    if (line === undefined) return undefined;
    const shorter = { ...entry, line };
    return bytesOf(shorter) <= MESSAGE_BYTES ? shorter : undefined;
  }

  #addOne(entry: QueuedLine<Log>): void {
    const bytes = bytesOf(entry);
    const share = this.#kind.shareOf(entry.log);
    const bytesOfShare = (this.#bytesOfShares.get(share) ?? 0) + bytes;
    if (this.#waitingBytes + bytes > MAX_WAITING_BYTES || bytesOfShare > MAX_SHARE_BYTES) {
      this.#refused++;
      return;
    }
    const batch = this.#openBatch();
    this.#put(batch, entry, bytes);
    batch.bytesOfShares.set(share, (batch.bytesOfShares.get(share) ?? 0) + bytes);
    this.#waitingBytes += bytes;
    this.#bytesOfShares.set(share, bytesOfShare);
    batch.bytes += bytes;
    if (batch.bytes >= BATCH_BYTES) this.#options.waitUntil(this.#send(batch));
  }

  #put(batch: Batch<Log>, entry: QueuedLine<Log>, bytes: number): void {
    const { log, time, line } = entry;
    const name = this.#kind.nameOf(entry);
    const own = batch.drafts.get(name) ?? [];
    batch.drafts.set(name, own);
    let last = own.at(-1);
    if (last === undefined || last.bytes + bytes > MESSAGE_BYTES) {
      last = { log, time, text: "", bytes: 0 };
      own.push(last);
    }
    last.text += `${line}\n`;
    last.bytes += bytes;
    batch.lines++;
  }

  /** Sends what is waiting. */
  async flush(): Promise<void> {
    if (this.#batch !== undefined) await this.#send(this.#batch);
  }

  /** Each request waits by itself, because the end of another one ends its timers. */
  async #sendWhenDue(batch: Batch<Log>): Promise<void> {
    await wait(batch.dueAt - Date.now());
    await this.#send(batch);
  }

  async #send(batch: Batch<Log>): Promise<void> {
    if (batch.isTaken) return;
    batch.isTaken = true;
    if (this.#batch === batch) this.#batch = undefined;
    for (const entry of this.#kind.closing?.() ?? []) this.#put(batch, entry, bytesOf(entry));
    try {
      await inTime(this.#sendPatiently([...batch.drafts.values()].flat()), { ms: SEND_MS, what: "queue sends" });
    } catch (error) {
      this.#reportLost(batch.lines, error instanceof S3Error ? String(error.cause) : String(error));
    } finally {
      this.#release(batch);
      if (this.#refused > 0) this.#reportLost(this.#refused, "too many lines wait for the queue");
      this.#refused = 0;
    }
  }

  #release(batch: Batch<Log>): void {
    this.#waitingBytes -= batch.bytes;
    for (const [share, bytes] of batch.bytesOfShares) {
      const rest = (this.#bytesOfShares.get(share) ?? 0) - bytes;
      if (rest > 0) this.#bytesOfShares.set(share, rest);
      else this.#bytesOfShares.delete(share);
    }
  }

  async #sendPatiently(drafts: readonly Draft<Log>[]): Promise<void> {
    let messages: readonly Message[] | undefined;
    // Made once: an attempt that was thought to have failed is then repeated with the same ids.
    const attempt = async () => {
      messages ??= await this.#kind.toMessages(drafts);
      await this.#options.queue.send(messages);
    };
    for (const pauseMs of RETRY_MS) {
      try {
        return await inTime(attempt(), { ms: ATTEMPT_MS, what: "queue send" });
      } catch {
        await wait(pauseMs);
      }
    }
    await inTime(attempt(), { ms: ATTEMPT_MS, what: "queue send" });
  }

  #reportLost(lines: number, cause: string): void {
    console.error(JSON.stringify({ [this.#kind.name]: "lost", lines, cause }));
  }
}

/** In the message, where quotes take two bytes, and characters beyond ASCII up to three. */
function bytesOf({ line }: { readonly line: string }): number {
  return new TextEncoder().encode(JSON.stringify(line)).byteLength;
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, milliseconds)));
}
