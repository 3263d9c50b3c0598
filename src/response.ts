/** An operation's answer as an HTTP response. */
import type { LoggedDetail } from "./model/logged-bucket.ts";
import { formatHttpDate } from "./protocol/dates.ts";
import type { Client } from "./protocol/s3-request.ts";
import type { RequestLog } from "./request-log.ts";

/** An answer before request ids and transport headers are added. */
export interface S3Response {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text is sent as `application/xml` unless a content type is given. */
  readonly body?: string | ReadableStream<Uint8Array>;
  /** For the access log only. */
  readonly detail?: LoggedDetail;
}

/** What an answer depends on besides the operation. */
interface Answered {
  readonly request: Request;
  readonly client: Client;
  readonly log: RequestLog;
}

export function toHttpResponse(answer: S3Response, { request, client, log }: Answered): Response {
  const { requestId } = log;
  const headers = new Headers({
    ...answer.headers,
    "x-amz-request-id": requestId,
    "x-amz-id-2": hostId(requestId),
    date: httpDateOf(Date.now()),
  });
  if (typeof answer.body === "string" && !headers.has("content-type")) headers.set("content-type", "application/xml");
  protectFromTransformation(headers, request, client);

  // The platform sets the length of text, and of streams from R2. HEAD keeps the header that it was given.
  const body = request.method === "HEAD" ? null : (answer.body ?? null);
  if (request.method === "HEAD" && typeof answer.body === "string") {
    headers.set("content-length", String(new TextEncoder().encode(answer.body).byteLength));
  }
  const isMeasured = log.isMeasured ?? (log.logged ?? log.copiedFrom ?? log.findLogged) !== undefined;
  if (isMeasured && typeof body === "string") {
    log.textBytes = new TextEncoder().encode(body).byteLength;
  }
  // "manual": bytes stored with a Content-Encoding are sent as they are.
  return new Response(body, { status: answer.status, headers, encodeBody: "manual" });
}

let date = { second: 0, text: "" };

/** Formatted once a second. */
function httpDateOf(timeMs: number): string {
  const second = Math.floor(timeMs / 1000);
  if (date.second !== second) date = { second, text: formatHttpDate(new Date(timeMs)) };
  return date.text;
}

const NO_TRANSFORM = /(?:^|,)\s*no-transform\s*(?:,|$)/i;

/**
 * S3 sends bytes as stored. Without `no-transform`, Cloudflare's edge compresses them for clients that accept it,
 * decompresses those that have a Content-Encoding for clients that do not, and weakens the ETag of both.
 */
function protectFromTransformation(headers: Headers, request: Request, client: Client): void {
  const accepted = client.acceptEncoding ?? request.headers.get("accept-encoding");
  const mayPack = accepted !== null && /gzip|br|deflate|zstd|\*/.test(accepted);
  // A request that came through the edge has a CF-Ray; only the edge decompresses.
  const mayUnpack = headers.has("content-encoding") && request.headers.has("cf-ray");
  if (!mayPack && !mayUnpack) return;
  const cacheControl = headers.get("cache-control");
  if (cacheControl !== null && NO_TRANSFORM.test(cacheControl)) return;
  headers.set("cache-control", cacheControl === null ? "no-transform" : `${cacheControl}, no-transform`);
}

/** On AWS this id encodes more, for AWS support. Here it is the request id in another form. */
export function hostId(requestId: string): string {
  return btoa(requestId);
}
