/**
 * The only outgoing requests: to URLs that users configure. Time and the size of the answer are limited, and redirects
 * are not followed. Failures of the network are returned, not thrown: the caller decides about a retry.
 */
import type { Target } from "./target.ts";

export interface CallRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** `content-length` is set from the body. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream needs its length: otherwise it would be sent in chunks, which S3 does not accept. */
  readonly body?: string | Uint8Array<ArrayBuffer> | StreamBody;
  /** For the whole exchange: connecting, sending, waiting, and reading the answer's body. */
  readonly timeoutMs: number;
  /** Bytes of the answer's body to read. 0: the body is not awaited either. */
  readonly maxResponseBytes: number;
}

export interface StreamBody {
  readonly stream: ReadableStream<Uint8Array>;
  readonly sizeBytes: number;
}

export type CallOutcome = Answered | CallFailed;

export interface Answered {
  readonly kind: "answered";
  readonly status: number;
  readonly headers: Headers;
  /** At most `maxResponseBytes`. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** Whether the body is longer, or was not read. */
  readonly isTruncated: boolean;
}

export interface CallFailed {
  readonly kind: "failed";
  /**
   * - `timeout`: not finished within `timeoutMs`.
   * - `unreachable`: name resolution, connection, TLS or HTTP failed, or the request's body ended early.
   * - `redirect`: an answer with a status of 300 to 399 other than 304.
   * - `interrupted`: the answer's body ended early.
   */
  readonly reason: "timeout" | "unreachable" | "redirect" | "interrupted";
  /** For statistics and logs: one line without headers, bodies or query. */
  readonly message: string;
}

const USER_AGENT = "workers-s3";

/** Never throws for failures of the other side or of the network. */
export async function callTarget(target: Target, request: CallRequest): Promise<CallOutcome> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(new TimedOut()), request.timeoutMs);
  let isOver = false;
  try {
    const outcome = await exchange(target, request, abort.signal);
    // `readBody` has ended the answer. The rest of a stream may still be on its way.
    isOver = outcome.kind === "answered" && !isStream(request.body);
    return outcome;
  } finally {
    clearTimeout(timer);
    // Stops the rest of an answer or of a request's body that is no longer needed. An abort costs much, even of nothing.
    if (!isOver) abort.abort();
  }
}

function isStream(body: CallRequest["body"]): body is StreamBody {
  return typeof body === "object" && !(body instanceof Uint8Array);
}

class TimedOut extends Error {
  override readonly name = "TimedOut";
}

async function exchange(target: Target, request: CallRequest, signal: AbortSignal): Promise<CallOutcome> {
  const seconds = request.timeoutMs / 1000;
  const failed = (reason: CallFailed["reason"], otherwise: string): CallFailed =>
    signal.reason instanceof TimedOut
      ? { kind: "failed", reason: "timeout", message: `no complete answer within ${seconds} s` }
      : { kind: "failed", reason, message: otherwise };

  let response: Response;
  try {
    response = await unless(signal, fetch(target.url, requestInit(request, signal)));
  } catch (error) {
    return failed("unreachable", describe(error));
  }
  const { status, headers } = response;
  if (status >= 300 && status < 400 && status !== 304) {
    return { kind: "failed", reason: "redirect", message: `redirects (${status}) are not followed` };
  }
  try {
    return { kind: "answered", status, headers, ...(await readBody(response, request.maxResponseBytes, signal)) };
  } catch (error) {
    return failed("interrupted", describe(error));
  }
}

function requestInit({ method, headers, body }: CallRequest, signal: AbortSignal): RequestInit {
  const sent = new Headers(headers);
  if (!sent.has("user-agent")) sent.set("user-agent", USER_AGENT);
  const init: RequestInit = { method, headers: sent, redirect: "manual", signal };
  // With other methods it would add a Cache-Control header, which S3 stores with the object of a PUT.
  if (method === "GET" || method === "HEAD") init.cache = "no-store";
  if (body === undefined) return init;
  init.body = isStream(body) ? withLength(body, signal) : body;
  return init;
}

/** A stream that ends or fails too early fails the request; a longer one is cut off. */
function withLength({ stream, sizeBytes }: StreamBody, signal: AbortSignal): ReadableStream<Uint8Array> {
  const { readable, writable } = new FixedLengthStream(sizeBytes);
  // The request fails by itself if its body is incomplete.
  stream.pipeTo(writable, { signal }).catch(() => undefined);
  return readable;
}

async function readBody(
  response: Response,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Pick<Answered, "body" | "isTruncated">> {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  if (response.body === null) return { body: new Uint8Array(0), isTruncated: false };
  const reader = response.body.getReader();
  try {
    while (maxBytes > 0) {
      const { done, value } = await unless(signal, reader.read());
      if (done) return { body: join(pieces, sizeBytes), isTruncated: false };
      pieces.push(value);
      sizeBytes += value.byteLength;
      if (sizeBytes > maxBytes) break;
    }
    return { body: join(pieces, Math.min(sizeBytes, maxBytes)), isTruncated: true };
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

function join(pieces: readonly Uint8Array[], sizeBytes: number): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(sizeBytes);
  let offset = 0;
  for (const piece of pieces) {
    joined.set(piece.subarray(0, sizeBytes - offset), offset);
    offset += Math.min(piece.byteLength, sizeBytes - offset);
  }
  return joined;
}

/** Rejects as soon as the signal aborts, even if the platform does not settle the promise. */
function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });
}

/** Platform errors contain hosts and ports at most. Their reference number is removed. */
function describe(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/;? *reference = \w+/, "").slice(0, 200);
}
