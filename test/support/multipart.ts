/** Multipart uploads over HTTP, and their ETag and checksums computed without the code in src. */
import { createHash } from "node:crypto";
import { createHasher } from "../../src/checksum/hasher.ts";
import type { Env } from "../../src/env.ts";
import { encode, type SendOptions, type Style, send } from "./request.ts";
import { createBucket } from "./s3.ts";
import { documentOf, textIn } from "./xml.ts";

export const MIB = 1024 * 1024;

export interface UploadTarget {
  readonly bucket: string;
  readonly key: string;
  readonly style?: Style;
  readonly env?: Env;
}

export interface Part {
  readonly partNumber: number;
  /** Without quotes. */
  readonly etag: string;
  /** `ChecksumCRC32` and so on. */
  readonly checksums?: Readonly<Record<string, string>>;
}

/** Bytes that look random and differ by `seed`. */
export function noise(sizeBytes: number, seed = 1): Uint8Array {
  const words = new Uint32Array(Math.ceil(sizeBytes / 4));
  let state = seed * 0x9e3779b1;
  for (let index = 0; index < words.length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    words[index] = state;
  }
  return new Uint8Array(words.buffer, 0, sizeBytes);
}

export function md5(data: string | Uint8Array): string {
  return createHash("md5").update(data).digest("hex");
}

/** MD5 of the binary MD5s, and their number. */
export function multipartETag(bodies: readonly (string | Uint8Array)[]): string {
  const hash = createHash("md5");
  for (const body of bodies) hash.update(createHash("md5").update(body).digest());
  return `${hash.digest("hex")}-${bodies.length}`;
}

/** Computed by the platform's digests, base64. */
export async function checksumOf(algorithm: string, data: string | Uint8Array): Promise<string> {
  return toBase64(await digestOf(algorithm, [bytesOf(data)]));
}

/** The composite checksum: the checksum of the parts' digests. */
export async function compositeOf(algorithm: string, bodies: readonly (string | Uint8Array)[]): Promise<string> {
  const digests = await Promise.all(bodies.map((body) => digestOf(algorithm, [bytesOf(body)])));
  return `${toBase64(await digestOf(algorithm, digests))}-${bodies.length}`;
}

export async function fullObjectOf(algorithm: string, bodies: readonly (string | Uint8Array)[]): Promise<string> {
  return toBase64(await digestOf(algorithm, bodies.map(bytesOf)));
}

async function digestOf(algorithm: string, pieces: readonly Uint8Array[]): Promise<Uint8Array> {
  // The platform has no xxHash; the unit tests compare ours with the reference implementation.
  if (algorithm === "XXHASH64" || algorithm === "XXHASH3" || algorithm === "XXHASH128") {
    const hasher = createHasher(algorithm);
    for (const piece of pieces) hasher.update(piece);
    return hasher.digest();
  }
  const stream = new crypto.DigestStream(algorithm.replace(/^SHA(\d+)$/, "SHA-$1"));
  const writer = stream.getWriter();
  for (const piece of pieces) await writer.write(piece);
  await writer.close();
  return new Uint8Array(await stream.digest);
}

function bytesOf(data: string | Uint8Array): Uint8Array {
  return typeof data === "string" ? new TextEncoder().encode(data) : data;
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

export function concat(bodies: readonly (string | Uint8Array)[]): Uint8Array {
  const pieces = bodies.map(bytesOf);
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.byteLength;
  }
  return whole;
}

/** Sends CreateMultipartUpload and returns the upload id. */
export async function createUpload(target: UploadTarget, headers: Record<string, string> = {}): Promise<string> {
  const response = await send({ ...target, method: "POST", query: "uploads", headers });
  return textIn(await documentOf(response, "InitiateMultipartUploadResult"), "UploadId") ?? "";
}

export function sendPart(
  target: UploadTarget,
  uploadId: string,
  partNumber: number | string,
  body: string | Uint8Array,
  options: SendOptions = {},
): Promise<Response> {
  const headers = { "x-amz-content-sha256": "UNSIGNED-PAYLOAD", ...options.headers };
  const query = `partNumber=${partNumber}&uploadId=${encode(uploadId)}`;
  return send({ ...target, query, ...options, method: "PUT", body, headers });
}

/** Uploads a part that must be accepted. */
export async function putPart(
  target: UploadTarget,
  uploadId: string,
  partNumber: number,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Part> {
  const response = await sendPart(target, uploadId, partNumber, body, { headers });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`UploadPart ${partNumber}: ${response.status} ${text}`);
  const checksums = [...response.headers]
    .filter(([name]) => name.startsWith("x-amz-checksum-"))
    .map(([name, value]) => [`Checksum${name.slice("x-amz-checksum-".length).toUpperCase()}`, value]);
  return {
    partNumber,
    etag: (response.headers.get("etag") ?? "").replaceAll('"', ""),
    checksums: Object.fromEntries(checksums),
  };
}

export function completionDocument(parts: readonly Part[]): string {
  const elements = parts.map(({ partNumber, etag, checksums = {} }) => {
    const texts = Object.entries(checksums).map(([name, value]) => `<${name}>${value}</${name}>`);
    return `<Part><PartNumber>${partNumber}</PartNumber><ETag>"${etag}"</ETag>${texts.join("")}</Part>`;
  });
  return `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${elements.join("")}</CompleteMultipartUpload>`;
}

export function sendCompletion(
  target: UploadTarget,
  uploadId: string,
  body: readonly Part[] | string,
  options: SendOptions = {},
): Promise<Response> {
  const document = typeof body === "string" ? body : completionDocument(body);
  return send({ ...target, query: `uploadId=${encode(uploadId)}`, ...options, method: "POST", body: document });
}

/** Completes an upload that must be accepted; returns the object's ETag, unquoted. */
export async function complete(
  target: UploadTarget,
  uploadId: string,
  parts: readonly Part[],
  headers: Record<string, string> = {},
): Promise<string> {
  const root = await documentOf(
    await sendCompletion(target, uploadId, parts, { headers }),
    "CompleteMultipartUploadResult",
  );
  return (textIn(root, "ETag") ?? "").replaceAll('"', "");
}

/** A whole upload, parts in parallel; returns the object's ETag, unquoted. */
export async function putMultipart(
  target: UploadTarget,
  bodies: readonly (string | Uint8Array)[],
  headers: Record<string, string> = {},
): Promise<string> {
  const uploadId = await createUpload(target, headers);
  const algorithm = headers["x-amz-checksum-algorithm"];
  const parts = await Promise.all(
    bodies.map(async (body, index) => {
      const checksum = algorithm && {
        [`x-amz-checksum-${algorithm.toLowerCase()}`]: await checksumOf(algorithm, body),
      };
      return putPart(target, uploadId, index + 1, body, checksum || {});
    }),
  );
  return complete(target, uploadId, parts);
}

/** Size and MD5 of the answer to GET, which avoids comparing millions of bytes. */
export async function digestGet(options: SendOptions): Promise<{ status: number; sizeBytes: number; md5: string }> {
  const response = await send(options);
  const bytes = new Uint8Array(await response.arrayBuffer());
  return { status: response.status, sizeBytes: bytes.byteLength, md5: md5(bytes) };
}

export async function newTarget(key = "k"): Promise<UploadTarget> {
  return { bucket: await createBucket(), key };
}

/** An upload with one part, "content". */
export async function started(headers: Record<string, string> = {}): Promise<{
  target: UploadTarget;
  uploadId: string;
  part: Part;
  /** In error documents. */
  resource: string;
}> {
  const target = await newTarget();
  const uploadId = await createUpload(target, headers);
  const algorithm = headers["x-amz-checksum-algorithm"];
  const checksum = algorithm && {
    [`x-amz-checksum-${algorithm.toLowerCase()}`]: await checksumOf(algorithm, "content"),
  };
  const part = await putPart(target, uploadId, 1, "content", checksum || {});
  return { target, uploadId, part, resource: `/${target.bucket}/k` };
}

export const INVALID_PART = /^One or more of the specified parts could not be found/;
export const NO_SUCH_UPLOAD = /upload does not exist\. The upload ID may be invalid/;
