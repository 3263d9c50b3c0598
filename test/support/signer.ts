/**
 * Signature Version 4, implemented only from AWS's description ("Create a signed request", "sigv4-streaming",
 * "sigv4-streaming-trailers"), for what aws4fetch does not send: raw paths, payload hashes and aws-chunked bodies.
 * Synchronous node:crypto, no code of src.
 */
import { type Key, ROOT } from "./s3.ts";
import { hmacHex, scopeOf, sha256Hex, signatureOf, signingKeyOf } from "./sigv4.ts";

export interface SignOptions {
  readonly method: string;
  /** Encoded as AWS encodes; signed and sent unchanged. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Value of x-amz-content-sha256. */
  readonly payloadHash: string;
  readonly key?: Key;
  readonly now?: Date;
}

export interface Signed {
  readonly headers: Record<string, string>;
  readonly signature: string;
  readonly timestamp: string;
  readonly scope: string;
  readonly signingKey: Uint8Array;
}

export const sha256 = sha256Hex;

export function sign({ method, url, headers = {}, payloadHash, key = ROOT, now = new Date() }: SignOptions): Signed {
  const [, host = "", path = "", query = ""] = /^http:\/\/([^/?]+)([^?]*)(?:\?(.*))?$/.exec(url) ?? [];
  const timestamp = `${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
  const signing = { timestamp, region: "us-east-1", service: "s3", secret: key.secretAccessKey };
  const scope = scopeOf(signing);
  const sent: Record<string, string> = { ...headers, "x-amz-date": timestamp, "x-amz-content-sha256": payloadHash };
  const signedHeaders = Object.entries({ ...sent, host })
    .map(([name, value]) => [name.toLowerCase(), value.trim().replaceAll(/ +/g, " ")] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const canonicalQuery = query
    .split("&")
    .filter((part) => part !== "")
    .map((part) => (part.includes("=") ? part : `${part}=`))
    .sort()
    .join("&");
  const signature = signatureOf(
    { method, path: path || "/", query: canonicalQuery, headers: signedHeaders, payloadHash },
    signing,
  );
  const names = signedHeaders.map(([name]) => name).join(";");
  const credential = `${key.accessKeyId}/${scope}`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`;
  return { headers: { ...sent, authorization }, signature, timestamp, scope, signingKey: signingKeyOf(signing) };
}

export interface ChunkedOptions {
  readonly chunkBytes?: number;
  /** Name and value of the trailing header. */
  readonly trailer?: readonly [name: string, value: string];
}

/** The body of STREAMING-AWS4-HMAC-SHA256-PAYLOAD, or -TRAILER if one is given. */
export function signedChunks(bytes: Uint8Array, request: Signed, options: ChunkedOptions = {}): Uint8Array {
  const { chunkBytes = 64 * 1024, trailer } = options;
  const parts: (string | Uint8Array)[] = [];
  let previous = request.signature;
  const signChunk = (data: Uint8Array) => {
    const text = ["AWS4-HMAC-SHA256-PAYLOAD", request.timestamp, request.scope, previous, sha256(""), sha256(data)];
    previous = hmacHex(request.signingKey, text.join("\n"));
    parts.push(`${data.byteLength.toString(16)};chunk-signature=${previous}\r\n`);
  };
  for (let start = 0; start < bytes.byteLength; start += chunkBytes) {
    const data = bytes.subarray(start, start + chunkBytes);
    signChunk(data);
    parts.push(data, "\r\n");
  }
  signChunk(new Uint8Array(0));
  if (trailer !== undefined) {
    const [name, value] = trailer;
    const text = ["AWS4-HMAC-SHA256-TRAILER", request.timestamp, request.scope, previous, sha256(`${name}:${value}\n`)];
    parts.push(`${name}:${value}\r\nx-amz-trailer-signature:${hmacHex(request.signingKey, text.join("\n"))}\r\n`);
  }
  parts.push("\r\n");
  return concat(parts);
}

/** The body of STREAMING-UNSIGNED-PAYLOAD-TRAILER. */
export function unsignedChunks(bytes: Uint8Array, options: ChunkedOptions): Uint8Array {
  const { chunkBytes = 64 * 1024, trailer } = options;
  const parts: (string | Uint8Array)[] = [];
  for (let start = 0; start < bytes.byteLength; start += chunkBytes) {
    const data = bytes.subarray(start, start + chunkBytes);
    parts.push(`${data.byteLength.toString(16)}\r\n`, data, "\r\n");
  }
  parts.push("0\r\n");
  if (trailer !== undefined) parts.push(`${trailer[0]}:${trailer[1]}\r\n`);
  parts.push("\r\n");
  return concat(parts);
}

function concat(parts: readonly (string | Uint8Array)[]): Uint8Array {
  const encoder = new TextEncoder();
  const chunks = parts.map((part) => (typeof part === "string" ? encoder.encode(part) : part));
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0));
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}
