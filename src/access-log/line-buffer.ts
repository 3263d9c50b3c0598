/**
 * The lines of an isolate until they are sent to the queue, as one message for each bucket. No answer waits for it. A batch is
 * sent a second after its first line, or at once when it is full, inside `waitUntil` of any of its requests. So lines are lost
 * only with an isolate that ends within that second, or if the queue refuses them for as long as `RETRY_MS` says.
 */
import { S3Error } from "../errors.ts";
import { inTime } from "../model/deadline.ts";
import { isByEventDay, type LoggedBucket } from "../model/logged-bucket.ts";
import { newIntentId } from "../model/random-ids.ts";
import type { AccessLogMessage, OwnQueue } from "../storage/journal/messages.ts";

/** How long lines wait for others. */
export const FLUSH_MS = 1_000;
/** Of one message, which may have 128 KB. */
export const MESSAGE_BYTES = 100_000;
/** Of a batch: it is then sent at once. */
const BATCH_BYTES = MESSAGE_BYTES;
/** Of all batches of the isolate that are not sent yet: what comes beyond is not logged. */
export const MAX_WAITING_BYTES = 8_000_000;
/** Of them, about the buckets of one account: it cannot fill the buffer so that requests to others' buckets are not logged. */
export const MAX_ACCOUNT_BYTES = MAX_WAITING_BYTES / 2;
/** Between the attempts to send a batch. */
const RETRY_MS = [500, 2_000, 6_000, 12_000];
/** For an attempt, after which the lines are sent again: they may then be logged twice. */
const ATTEMPT_MS = 4_000;
/** For all attempts. A request's `waitUntil` ends after 30 seconds, and what it has not released by then is never released. */
const SEND_MS = 25_000;

interface Batch {
  readonly dueAt: number;
  readonly logs: Map<string, Log>;
  bytes: number;
  lines: number;
  /** By one of its requests; the others have nothing to do any more. */
  isTaken: boolean;
}

interface Log {
  readonly bucket: LoggedBucket;
  readonly messages: Draft[];
}

interface Draft {
  readonly time: number;
  text: string;
  bytes: number;
}

export interface LogEntry {
  readonly bucket: LoggedBucket;
  /** Of the event, milliseconds since 1970. */
  readonly time: number;
  readonly line: string;
}

export interface LineBufferOptions {
  readonly queue: Pick<OwnQueue<AccessLogMessage>, "send">;
  /** Keeps the request that calls it alive until the promise has settled. */
  waitUntil(promise: Promise<unknown>): void;
}

export class LineBuffer {
  readonly #options: LineBufferOptions;
  #batch: Batch | undefined;
  #waitingBytes = 0;
  readonly #bytesOfAccounts = new Map<string, number>();
  /** Lines that were not taken, and are not reported yet. */
  #refused = 0;

  constructor(options: LineBufferOptions) {
    this.#options = options;
  }

  /** Adds the lines of one request, which then waits until they are sent. */
  add(entries: readonly LogEntry[]): void {
    for (const entry of entries) this.#addOne(entry);
    const batch = this.#batch;
    if (batch !== undefined) this.#options.waitUntil(this.#sendWhenDue(batch));
  }

  #addOne({ bucket, time, line }: LogEntry): void {
    // Quotes take two bytes in the message.
    const bytes = JSON.stringify(line).length;
    const { accountId } = bucket;
    const bytesOfAccount = (this.#bytesOfAccounts.get(accountId) ?? 0) + bytes;
    if (this.#waitingBytes + bytes > MAX_WAITING_BYTES || bytesOfAccount > MAX_ACCOUNT_BYTES) {
      this.#refused++;
      return;
    }
    this.#batch ??= { dueAt: Date.now() + FLUSH_MS, logs: new Map(), bytes: 0, lines: 0, isTaken: false };
    const batch = this.#batch;
    addTo(logOf(batch, bucket, time), { time, line, bytes });
    batch.bytes += bytes;
    batch.lines++;
    this.#waitingBytes += bytes;
    this.#bytesOfAccounts.set(accountId, bytesOfAccount);
    if (batch.bytes >= BATCH_BYTES) this.#options.waitUntil(this.#send(batch));
  }

  /** Sends what is waiting. */
  async flush(): Promise<void> {
    if (this.#batch !== undefined) await this.#send(this.#batch);
  }

  /** Each request waits by itself, because the end of another one ends its timers. */
  async #sendWhenDue(batch: Batch): Promise<void> {
    await wait(batch.dueAt - Date.now());
    await this.#send(batch);
  }

  async #send(batch: Batch): Promise<void> {
    if (batch.isTaken) return;
    batch.isTaken = true;
    if (this.#batch === batch) this.#batch = undefined;
    const messages = [...batch.logs.values()].flatMap(toMessages);
    try {
      await inTime(this.#sendPatiently(messages), { ms: SEND_MS, what: "queue sends" });
    } catch (error) {
      reportLost(batch.lines, error instanceof S3Error ? String(error.cause) : String(error));
    } finally {
      this.#release(batch);
      if (this.#refused > 0) reportLost(this.#refused, "too many lines wait for the queue");
      this.#refused = 0;
    }
  }

  #release(batch: Batch): void {
    this.#waitingBytes -= batch.bytes;
    for (const { bucket, messages } of batch.logs.values()) {
      let rest = this.#bytesOfAccounts.get(bucket.accountId) ?? 0;
      for (const { bytes } of messages) rest -= bytes;
      if (rest > 0) this.#bytesOfAccounts.set(bucket.accountId, rest);
      else this.#bytesOfAccounts.delete(bucket.accountId);
    }
  }

  async #sendPatiently(messages: readonly AccessLogMessage[]): Promise<void> {
    for (const pauseMs of RETRY_MS) {
      try {
        return await this.#attempt(messages);
      } catch {
        await wait(pauseMs);
      }
    }
    await this.#attempt(messages);
  }

  #attempt(messages: readonly AccessLogMessage[]): Promise<void> {
    return inTime(this.#options.queue.send(messages), { ms: ATTEMPT_MS, what: "queue send" });
  }
}

/** The lines of one bucket under one configuration; with keys by the day of the event, also of one day. */
function logOf({ logs }: Batch, bucket: LoggedBucket, time: number): Log {
  const day = isByEventDay(bucket.logging) ? new Date(time).toISOString().slice(0, 10) : "";
  const name = `${day}${JSON.stringify(bucket)}`;
  const log = logs.get(name) ?? { bucket, messages: [] };
  logs.set(name, log);
  return log;
}

function addTo({ messages }: Log, { time, line, bytes }: { time: number; line: string; bytes: number }): void {
  let last = messages.at(-1);
  if (last === undefined || last.bytes + bytes > MESSAGE_BYTES) {
    last = { time, text: "", bytes: 0 };
    messages.push(last);
  }
  last.text += `${line}\n`;
  last.bytes += bytes;
}

function toMessages({ bucket, messages }: Log): AccessLogMessage[] {
  return messages.map(({ time, text }) => ({ kind: "access-log", id: newIntentId(), bucket, time, text }));
}

function reportLost(lines: number, cause: string): void {
  console.error(JSON.stringify({ accessLog: "lost", lines, cause }));
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, milliseconds)));
}
