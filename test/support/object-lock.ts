/** Buckets with object lock, and requests about locks. */
import { digestOf } from "./acl.ts";
import { type SendOptions, send } from "./request.ts";
import { type CallOptions, createBucket } from "./s3.ts";

export const DAY_MS = 86_400_000;

/** A date as clients send it. */
export function inDays(days: number): string {
  return new Date(Date.now() + days * DAY_MS).toISOString();
}

export function createLockedBucket({ headers = {}, ...options }: CallOptions = {}): Promise<string> {
  return createBucket({ ...options, headers: { ...headers, "x-amz-bucket-object-lock-enabled": "true" } });
}

/** @param rule content of DefaultRetention */
export function lockConfiguration(rule?: string): string {
  const inner = rule === undefined ? "" : `<Rule><DefaultRetention>${rule}</DefaultRetention></Rule>`;
  return `<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>${inner}</ObjectLockConfiguration>`;
}

export async function putLockConfiguration(bucket: string, body: string, options: SendOptions = {}): Promise<Response> {
  return send({ ...options, method: "PUT", bucket, query: "object-lock", body, headers: await digestOf(body) });
}

export async function putVersioning(bucket: string, status: string, options: SendOptions = {}): Promise<Response> {
  const body = `<VersioningConfiguration><Status>${status}</Status></VersioningConfiguration>`;
  return send({ ...options, method: "PUT", bucket, query: "versioning", body });
}

export function retentionOf(mode: string, date: string): string {
  return `<Retention><Mode>${mode}</Mode><RetainUntilDate>${date}</RetainUntilDate></Retention>`;
}

export function holdOf(status: string): string {
  return `<LegalHold><Status>${status}</Status></LegalHold>`;
}

interface LockRequest extends SendOptions {
  readonly bucket: string;
  readonly key: string;
  readonly versionId?: string;
}

/** @param request with the document as body */
export async function putLock(kind: "retention" | "legal-hold", request: LockRequest): Promise<Response> {
  const { versionId, body = "", headers = {}, ...rest } = request;
  const digest = await digestOf(String(body));
  const query = kind + (versionId === undefined ? "" : `&versionId=${versionId}`);
  return send({ ...rest, method: "PUT", query, body, headers: { ...headers, ...digest } });
}

export function getLock(kind: "retention" | "legal-hold", { versionId, ...request }: LockRequest): Promise<Response> {
  return send({ ...request, query: kind + (versionId === undefined ? "" : `&versionId=${versionId}`) });
}

/** CRC-32 of `content`. */
export const DIGEST = { "x-amz-checksum-crc32": "/sUwqQ==" };

/** Puts an object with a checksum; returns its version id. */
export async function putLocked(
  bucket: string,
  key: string,
  headers: Readonly<Record<string, string>> = {},
  body = "content",
): Promise<string> {
  const response = await send({ method: "PUT", bucket, key, body, headers: { ...(await digestOf(body)), ...headers } });
  if (response.status !== 200) throw new Error(`PutObject: ${response.status} ${await response.text()}`);
  return response.headers.get("x-amz-version-id") ?? "";
}
