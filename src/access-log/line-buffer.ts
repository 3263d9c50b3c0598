/** The lines of access logs of an isolate until they are sent to the queue, as one message for each bucket (`line-queue.ts`). */
import { isByEventDay, type LoggedBucket } from "../model/logged-bucket.ts";
import { newIntentId } from "../model/random-ids.ts";
import type { AccessLogMessage } from "../storage/journal/messages.ts";
import { type LineKind, LineQueue, type LineQueueOptions, MAX_SHARE_BYTES } from "./line-queue.ts";

/** The buckets of one account cannot fill the buffer so that requests to others' buckets are not logged. */
export const MAX_ACCOUNT_BYTES = MAX_SHARE_BYTES;

export interface LogEntry {
  readonly bucket: LoggedBucket;
  /** Of the event, milliseconds since 1970. */
  readonly time: number;
  readonly line: string;
}

export type LineBufferOptions = LineQueueOptions<AccessLogMessage>;

const ACCESS_LOG: LineKind<LoggedBucket, AccessLogMessage> = {
  name: "accessLog",
  /** The lines of one bucket under one configuration; with keys by the day of the event, also of one day. */
  nameOf({ log: bucket, time }) {
    const day = isByEventDay(bucket.logging) ? new Date(time).toISOString().slice(0, 10) : "";
    return `${day}${JSON.stringify(bucket)}`;
  },
  shareOf: ({ accountId }) => accountId,
  toMessages: (drafts) =>
    drafts.map(({ log: bucket, time, text }) => ({ kind: "access-log", id: newIntentId(), bucket, time, text })),
};

export class LineBuffer {
  readonly #lines: LineQueue<LoggedBucket, AccessLogMessage>;

  constructor(options: LineBufferOptions) {
    this.#lines = new LineQueue(ACCESS_LOG, options);
  }

  /** Adds the lines of one request, which then waits until they are sent. */
  add(entries: readonly LogEntry[]): void {
    this.#lines.add(entries.map(({ bucket: log, time, line }) => ({ log, time, line })));
  }

  /** Sends what is waiting. */
  flush(): Promise<void> {
    return this.#lines.flush();
  }
}
