/**
 * Signature Version 4 over paths and queries as they are sent, which URL classes would change ("Create a signed request",
 * "sigv4-streaming", "sigv4-streaming-trailers" of AWS's documentation).
 */
import { createHash, createHmac } from "node:crypto";

export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
}

export interface Signable {
  readonly method: string;
  /** As in the canonical request. */
  readonly path: string;
  /** Encoded, without `?`. */
  readonly query: string;
  /** Lower-case names, with `host`. All are signed. */
  readonly headers: Readonly<Record<string, string>>;
  /** Value of x-amz-content-sha256. */
  readonly payloadHash: string;
}

export const UNSIGNED = "UNSIGNED-PAYLOAD";
export const SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
export const UNSIGNED_CHUNKS = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
const EMPTY_SHA256 = sha256("");

/** UriEncode of AWS's documentation, for a path: a slash stays. */
export function encodePath(text: string): string {
  return encodeBytes(text, /[A-Za-z0-9._~/-]/);
}

/** UriEncode for a name or a value of a query. */
export function encodeQuery(text: string): string {
  return encodeBytes(text, /[A-Za-z0-9._~-]/);
}

function encodeBytes(text: string, kept: RegExp): string {
  return Array.from(Buffer.from(text, "utf8"), (byte) => {
    const character = String.fromCharCode(byte);
    return kept.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
}

export interface Signed {
  readonly headers: Readonly<Record<string, string>>;
  readonly signature: string;
  readonly timestamp: string;
}

/** @returns the headers to send, with `authorization` */
export function signHeaders(request: Signable, keys: Keys, now: Date): Signed {
  const timestamp = timestampOf(now);
  const headers = { ...request.headers, "x-amz-date": timestamp, "x-amz-content-sha256": request.payloadHash };
  const signature = signatureOf({ ...request, headers }, keys, timestamp);
  const credential = `${keys.accessKeyId}/${scopeOf(keys, timestamp)}`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${namesOf(headers)}, Signature=${signature}`;
  return { headers: { ...headers, authorization }, signature, timestamp };
}

/** @returns the query to send */
export function presign(request: Omit<Signable, "payloadHash">, keys: Keys, now: Date): string {
  const timestamp = timestampOf(now);
  const parameters = [
    ["X-Amz-Algorithm", "AWS4-HMAC-SHA256"],
    ["X-Amz-Credential", `${keys.accessKeyId}/${scopeOf(keys, timestamp)}`],
    ["X-Amz-Date", timestamp],
    ["X-Amz-Expires", "900"],
    ["X-Amz-SignedHeaders", namesOf(request.headers)],
  ].map(([name = "", value = ""]) => `${name}=${encodeQuery(value)}`);
  const query = [...(request.query === "" ? [] : [request.query]), ...parameters].join("&");
  const signature = signatureOf({ ...request, query, payloadHash: UNSIGNED }, keys, timestamp);
  return `${query}&X-Amz-Signature=${signature}`;
}

/** The body in chunks of which each is signed. */
export function signChunks(body: Uint8Array, seed: Signed, keys: Keys): Buffer {
  const scope = scopeOf(keys, seed.timestamp);
  const key = signingKey(keys, seed.timestamp);
  const pieces: Buffer[] = [];
  let previous = seed.signature;
  for (let start = 0, isLast = false; !isLast; start += CHUNK_BYTES) {
    const chunk = body.subarray(start, start + CHUNK_BYTES);
    isLast = chunk.byteLength === 0;
    const text = ["AWS4-HMAC-SHA256-PAYLOAD", seed.timestamp, scope, previous, EMPTY_SHA256, sha256(chunk)].join("\n");
    previous = hmac(key, text).toString("hex");
    pieces.push(Buffer.from(`${chunk.byteLength.toString(16)};chunk-signature=${previous}\r\n`), Buffer.from(chunk));
    pieces.push(Buffer.from("\r\n"));
  }
  return Buffer.concat(pieces);
}

const CHUNK_BYTES = 64 * 1024;

/** The body in unsigned chunks with a trailing checksum, as SDKs send it over https. */
export function trailChecksum(body: Uint8Array, trailer: string): Buffer {
  const head = Buffer.from(`${body.byteLength.toString(16)}\r\n`);
  return Buffer.concat([head, body, Buffer.from(`\r\n0\r\n${trailer}\r\n\r\n`)]);
}

export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

export function md5Base64(data: Uint8Array): string {
  return createHash("md5").update(data).digest("base64");
}

export function md5Hex(data: Uint8Array): string {
  return createHash("md5").update(data).digest("hex");
}

function signatureOf({ method, path, query, headers, payloadHash }: Signable, keys: Keys, timestamp: string): string {
  const lines = sorted(headers).map(([name, value]) => `${name}:${value.trim().replaceAll(/ +/g, " ")}\n`);
  const parameters = query
    .split("&")
    .filter((part) => part !== "")
    .map((part) => (part.includes("=") ? part : `${part}=`))
    .sort();
  const canonical = [method, path, parameters.join("&"), lines.join(""), namesOf(headers), payloadHash].join("\n");
  const text = ["AWS4-HMAC-SHA256", timestamp, scopeOf(keys, timestamp), sha256(canonical)].join("\n");
  return hmac(signingKey(keys, timestamp), text).toString("hex");
}

function sorted(headers: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(headers).sort(([left], [right]) => (left < right ? -1 : 1));
}

function namesOf(headers: Readonly<Record<string, string>>): string {
  return sorted(headers)
    .map(([name]) => name)
    .join(";");
}

function timestampOf(now: Date): string {
  return `${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
}

function scopeOf({ region }: Keys, timestamp: string): string {
  return `${timestamp.slice(0, 8)}/${region}/s3/aws4_request`;
}

function signingKey({ secretAccessKey, region }: Keys, timestamp: string): Buffer {
  const day = hmac(`AWS4${secretAccessKey}`, timestamp.slice(0, 8));
  return hmac(hmac(hmac(day, region), "s3"), "aws4_request");
}

function hmac(key: string | Uint8Array, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
