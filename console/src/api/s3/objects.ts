/** Operations on one object. */
import { readStart, type TextStart } from "../../lib/read-start.ts";
import type { ApiClient } from "../client.ts";
import { ApiError } from "../errors.ts";
import { encodeKey, encodePart, objectPath } from "../urls.ts";
import { findText } from "../xml.ts";

export interface ObjectName {
  readonly bucket: string;
  readonly key: string;
  /** None for the current version. */
  readonly versionId?: string | undefined;
}

/** What HeadObject answers. */
export interface ObjectFacts {
  readonly sizeBytes: number;
  readonly etag: string;
  readonly modifiedAt: string;
  readonly versionId: string | undefined;
  /** Headers that PutObject set and a copy can set again, by their lower-case names. */
  readonly content: Readonly<Record<ContentHeader, string>>;
  /** User metadata, without `x-amz-meta-`. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly storageClass: string;
  readonly encryption: string | undefined;
  readonly kmsKeyId: string | undefined;
  /** Name and value of each checksum. */
  readonly checksums: readonly (readonly [name: string, value: string])[];
  readonly replication: string | undefined;
  readonly expiration: string | undefined;
}

export const CONTENT_HEADERS = [
  "content-type",
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "expires",
  "x-amz-website-redirect-location",
] as const;
export type ContentHeader = (typeof CONTENT_HEADERS)[number];

const META = "x-amz-meta-";

export async function headObject(client: ApiClient, name: ObjectName, signal?: AbortSignal): Promise<ObjectFacts> {
  const { headers } = await client.send({
    method: "HEAD",
    path: objectPath(name.bucket, name.key),
    query: { versionId: name.versionId },
    headers: { "x-amz-checksum-mode": "ENABLED" },
    ...(signal && { signal }),
  });
  const content = Object.fromEntries(CONTENT_HEADERS.map((header) => [header, headers.get(header) ?? ""]));
  // The endpoint adds it to every answer.
  content["cache-control"] = (content["cache-control"] ?? "").replace(/(?:^|, *)no-transform$/, "");
  const all = [...headers];
  return {
    sizeBytes: Number(headers.get("content-length") ?? "0"),
    etag: headers.get("etag") ?? "",
    modifiedAt: headers.get("last-modified") ?? "",
    versionId: headers.get("x-amz-version-id") ?? undefined,
    content: content as Record<ContentHeader, string>,
    metadata: Object.fromEntries(
      all.flatMap(([header, value]) => (header.startsWith(META) ? [[header.slice(META.length), value]] : [])),
    ),
    storageClass: headers.get("x-amz-storage-class") ?? "STANDARD",
    encryption: headers.get("x-amz-server-side-encryption") ?? undefined,
    kmsKeyId: headers.get("x-amz-server-side-encryption-aws-kms-key-id") ?? undefined,
    checksums: all.flatMap(([header, value]) => {
      const algorithm = /^x-amz-checksum-(?!type|mode|algorithm)(.+)$/.exec(header)?.[1];
      return algorithm === undefined ? [] : [[algorithm.toUpperCase(), value] as const];
    }),
    replication: headers.get("x-amz-replication-status") ?? undefined,
    expiration: headers.get("x-amz-expiration") ?? undefined,
  };
}

/** Whether an object has the content and the metadata that it had. */
export function isUnchanged(before: ObjectFacts, now: ObjectFacts): boolean {
  const state = ({ etag, modifiedAt, versionId, content, metadata }: ObjectFacts) =>
    JSON.stringify([etag, modifiedAt, versionId, content, metadata]);
  return state(before) === state(now);
}

export interface TextRead {
  readonly maxBytes: number;
  /** Whether the object has a Content-Encoding, which the browser undoes. */
  readonly isEncoded: boolean;
  readonly signal: AbortSignal;
}

/** The first bytes as text; of an encoded text the first bytes of what was encoded. */
export async function readText(
  client: ApiClient,
  name: ObjectName,
  { maxBytes, isEncoded, signal }: TextRead,
): Promise<TextStart> {
  const response = await client.send({
    method: "GET",
    path: objectPath(name.bucket, name.key),
    query: { versionId: name.versionId },
    // Chromium accepts no encoded answer to a range.
    headers: isEncoded ? {} : { range: `bytes=0-${maxBytes - 1}` },
    signal,
  });
  return readStart(response, maxBytes);
}

export interface SignedLink extends ObjectName {
  readonly expiresInSeconds: number;
  /** Shown by the browser as this type, or saved under this name. */
  readonly as?: { readonly type: string } | { readonly fileName: string };
}

export function presignGet(
  client: ApiClient,
  { bucket, key, versionId, expiresInSeconds, as }: SignedLink,
): Promise<string> {
  return client.presign({
    path: objectPath(bucket, key),
    query: { versionId, ...(as !== undefined && overrides(as)) },
    expiresInSeconds,
  });
}

function overrides(as: NonNullable<SignedLink["as"]>) {
  if ("type" in as) return { "response-content-type": as.type, "response-content-disposition": "inline" };
  return { "response-content-disposition": formatAttachment(as.fileName) };
}

/** RFC 6266: the plain name for old programs, and the exact one. */
export function formatAttachment(fileName: string): string {
  const plain = fileName.replace(/[^ -~]|["\\%]/g, "_");
  return `attachment; filename="${plain}"; filename*=UTF-8''${encodePart(fileName)}`;
}

/** Copies of more bytes are refused ("CopyObject" of compatibility.md). */
export const MAX_COPY_BYTES = 5 * 1024 ** 3;

export interface Copy {
  readonly source: ObjectName;
  readonly target: Pick<ObjectName, "bucket" | "key">;
  /** Replaces the metadata of the source. */
  readonly replaced?: Readonly<Record<string, string>>;
  /** Must be kept: a copy has the default of its bucket otherwise. */
  readonly keeps?: Pick<ObjectFacts, "storageClass" | "encryption" | "kmsKeyId">;
  /** Entity tag that the source must still have. */
  readonly ifMatch?: string;
  /** Fails if the target exists. */
  readonly isNew?: boolean;
}

export async function copyObject(client: ApiClient, copy: Copy): Promise<void> {
  const { source, target, replaced, keeps, ifMatch, isNew = false } = copy;
  const version = source.versionId === undefined ? "" : `?versionId=${encodePart(source.versionId)}`;
  const root = await client.sendForXml({
    method: "PUT",
    path: objectPath(target.bucket, target.key),
    headers: {
      "x-amz-copy-source": `/${encodePart(source.bucket)}/${encodeKey(source.key)}${version}`,
      ...(replaced !== undefined && { "x-amz-metadata-directive": "REPLACE", ...replaced }),
      ...(keeps !== undefined && keptHeaders(keeps)),
      ...(ifMatch !== undefined && { "x-amz-copy-source-if-match": ifMatch }),
      ...(isNew && { "if-none-match": "*" }),
    },
  });
  throwIfFailed(root);
}

function keptHeaders({ storageClass, encryption, kmsKeyId }: NonNullable<Copy["keeps"]>): Record<string, string> {
  return {
    ...(storageClass !== "STANDARD" && { "x-amz-storage-class": storageClass }),
    ...(encryption !== undefined && { "x-amz-server-side-encryption": encryption }),
    ...(kmsKeyId !== undefined && { "x-amz-server-side-encryption-aws-kms-key-id": kmsKeyId }),
  };
}

/** CopyObject and CompleteMultipartUpload may answer 200 first and then fail. */
export function throwIfFailed(root: Element | undefined): void {
  if (root?.localName !== "Error") return;
  throw new ApiError({
    status: 500,
    code: findText(root, "Code") ?? "InternalError",
    message: findText(root, "Message") ?? "",
    requestId: findText(root, "RequestId"),
  });
}

/** Moves an object within its bucket without a moment in which it does not exist. */
export async function renameObject(
  client: ApiClient,
  bucket: string,
  names: { from: string; to: string },
): Promise<void> {
  await client.send({
    method: "PUT",
    path: objectPath(bucket, names.to),
    query: { renameObject: "" },
    headers: { "x-amz-rename-source": encodeKey(names.from), "if-none-match": "*" },
  });
}

/** Headers of new metadata. @throws Error for text that a header cannot have */
export function metadataHeaders(
  content: Readonly<Partial<Record<ContentHeader, string>>>,
  metadata: Readonly<Record<string, string>>,
): Record<string, string> {
  const entries = [
    ...Object.entries(content).filter(([, value]) => value !== ""),
    ...Object.entries(metadata).map(([name, value]) => [`${META}${name.toLowerCase()}`, value] as const),
  ];
  for (const [name, value] of entries) {
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name)) throw new Error(`${name} is not a valid name of a header.`);
    if (!/^[\x20-\x7e]*$/.test(value))
      throw new Error(`The value of ${name} has characters other than those of ASCII.`);
  }
  return Object.fromEntries(entries);
}

/** An empty object whose key ends with a slash is shown as a folder. */
export async function createFolder(client: ApiClient, bucket: string, prefix: string): Promise<void> {
  await client.send({
    method: "PUT",
    path: objectPath(bucket, prefix),
    headers: { "content-type": "application/x-directory", "if-none-match": "*" },
    body: "",
  });
}
