/**
 * Request metrics, to a dataset of Workers Analytics Engine where one is bound as METRICS: one data point for each request, each kind
 * of messages in a batch, and each run of a schedule. docs/metrics.md documents the columns; their order never changes. Without the
 * binding that is one comparison. Cloudflare's limits: 20 blobs of 16 KB together, 20 doubles, one index of 96 bytes, 250 points
 * for each invocation ("Limits").
 */
import { callerOf, operationOf } from "../audit/described.ts";
import type { RequestLog } from "../request-log.ts";

/** What the binding does. It returns at once, and the platform writes later. */
export type MetricsDataset = Pick<AnalyticsEngineDataset, "writeDataPoint">;

interface Noted {
  readonly request: Request;
  readonly log: RequestLog;
}

interface Point {
  /** Points with the same index are sampled together: a busy bucket does not displace the points of others. */
  readonly index: string;
  readonly kind: "request" | "queue" | "schedule";
  readonly service?: string;
  readonly operation: string | undefined;
  readonly outcome: string;
  readonly errorCode?: string | undefined;
  readonly bucket?: RequestLog["found"];
  readonly caller?: {
    readonly kind: string;
    readonly accountId?: string;
    readonly accessKeyId?: string;
    readonly arn?: string;
  };
  readonly method?: string;
  readonly tookMs: number;
  readonly receivedBytes?: number;
  readonly sentBytes?: number;
  readonly messages?: number;
}

/** An index has at most 96 bytes, and names of buckets and accounts are ASCII. */
const MAX_INDEX_LENGTH = 96;
const MAX_BLOB_LENGTH = 256;

export class Metrics {
  readonly #dataset: MetricsDataset | undefined;

  /** @param dataset undefined: nothing is measured */
  constructor(dataset: MetricsDataset | undefined) {
    this.#dataset = dataset;
  }

  get isOn(): boolean {
    return this.#dataset !== undefined;
  }

  /** Takes note of an answered request. */
  note({ request, log }: Noted, response: Response): void {
    if (this.#dataset === undefined) return;
    this.#write(() => {
      const caller = callerOf(log);
      const bucket = log.found;
      return {
        index: bucket?.name ?? caller.accountId ?? caller.kind,
        kind: "request",
        service: log.service ?? "s3",
        operation: operationOf(log),
        outcome: String(response.status),
        errorCode: log.code,
        bucket,
        caller,
        method: request.method,
        tookMs: Date.now() - log.startedAt,
        receivedBytes: lengthIn(request.headers),
        sentBytes: request.method === "HEAD" ? 0 : (log.textBytes ?? lengthIn(response.headers)),
      };
    });
  }

  /** Measures a part of a batch, or a run of a schedule. */
  async measure(
    kind: "queue" | "schedule",
    { name, messages = 0 }: { readonly name: string; readonly messages?: number },
    work: () => Promise<void>,
  ): Promise<void> {
    const startedAt = Date.now();
    const note = (outcome: "done" | "failed") =>
      this.#write(() => {
        return { index: kind, kind, operation: name, outcome, tookMs: Date.now() - startedAt, messages };
      });
    try {
      await work();
    } catch (error) {
      note("failed");
      throw error;
    }
    note("done");
  }

  /** Never throws: what is measured is done. */
  #write(describe: () => Point): void {
    try {
      this.#dataset?.writeDataPoint(toDataPoint(describe()));
    } catch (error) {
      console.error(JSON.stringify({ metrics: "lost", cause: String(error) }));
    }
  }
}

function toDataPoint(point: Point): AnalyticsEngineDataPoint {
  const { bucket, caller } = point;
  const blobs = [
    point.kind,
    point.service,
    point.operation,
    point.outcome,
    point.errorCode,
    bucket?.name,
    bucket?.accountId,
    bucket?.region,
    caller?.kind,
    caller?.accountId,
    caller?.accessKeyId,
    caller?.arn,
    point.method,
  ];
  return {
    indexes: [point.index.slice(0, MAX_INDEX_LENGTH)],
    blobs: blobs.map((text = "") => text.slice(0, MAX_BLOB_LENGTH)),
    doubles: [point.tookMs, point.receivedBytes ?? 0, point.sentBytes ?? 0, point.messages ?? 0],
  };
}

/** Content-Length; 0 where a body is sent without it. */
function lengthIn(headers: Headers): number {
  const length = Number(headers.get("content-length") ?? 0);
  return Number.isSafeInteger(length) && length > 0 ? length : 0;
}
