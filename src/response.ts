/** An operation's answer as an HTTP response. */

/** An answer before request ids and transport headers are added. */
export interface S3Response {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text is sent as `application/xml` unless a content type is given. */
  readonly body?: string | ReadableStream<Uint8Array>;
}

export function toHttpResponse(answer: S3Response, request: Request, requestId: string): Response {
  const headers = new Headers(answer.headers);
  headers.set("x-amz-request-id", requestId);
  headers.set("x-amz-id-2", hostId(requestId));
  headers.set("date", new Date().toUTCString());
  if (typeof answer.body === "string" && !headers.has("content-type")) headers.set("content-type", "application/xml");
  protectFromTransformation(headers, request);

  // Text gets its length from the platform, streams from R2; HEAD keeps the header it was given.
  const body = request.method === "HEAD" ? null : (answer.body ?? null);
  if (request.method === "HEAD" && typeof answer.body === "string") {
    headers.set("content-length", String(new TextEncoder().encode(answer.body).byteLength));
  }
  // "manual": bytes stored with a Content-Encoding go out as they are.
  return new Response(body, { status: answer.status, headers, encodeBody: "manual" });
}

/**
 * S3 hands out bytes as stored. Cloudflare's edge compresses for clients that accept it, unpacks what has a Content-Encoding
 * for those that do not, and weakens the ETag of both, unless told `no-transform`.
 */
function protectFromTransformation(headers: Headers, request: Request): void {
  const accepted: unknown = request.cf?.clientAcceptEncoding ?? request.headers.get("accept-encoding");
  const mayPack = typeof accepted === "string" && /gzip|br|deflate|zstd|\*/.test(accepted);
  // What came through the edge has a CF-Ray; nothing else unpacks.
  const mayUnpack = headers.has("content-encoding") && request.headers.has("cf-ray");
  if (!mayPack && !mayUnpack) return;
  const cacheControl = headers.get("cache-control");
  headers.set("cache-control", cacheControl === null ? "no-transform" : `${cacheControl}, no-transform`);
}

/** AWS support reads more out of it; here it is the request id in AWS's place. */
export function hostId(requestId: string): string {
  return btoa(requestId);
}
