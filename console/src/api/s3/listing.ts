/** Listings of objects, versions and uploads. Keys are asked for in percent-encoding, since XML cannot have all characters. */
import type { ApiClient } from "../client.ts";
import { bucketPath } from "../urls.ts";
import { childrenOf, findText, textOf } from "../xml.ts";

export interface ListedFolder {
  readonly kind: "folder";
  /** The whole prefix, with the delimiter at its end. */
  readonly key: string;
}

export interface ListedObject {
  readonly kind: "object";
  readonly key: string;
  readonly sizeBytes: number;
  readonly modifiedAt: string;
  readonly etag: string;
  readonly storageClass: string;
}

export interface ListedVersion extends Omit<ListedObject, "kind"> {
  readonly kind: "version";
  readonly versionId: string;
  readonly isLatest: boolean;
  readonly isMarker: boolean;
}

export interface ListRequest {
  readonly bucket: string;
  readonly prefix: string;
  /** `/` for folders; none lists everything below the prefix. */
  readonly delimiter?: "/";
  readonly maxKeys?: number;
  readonly signal?: AbortSignal;
}

export interface ObjectPage {
  readonly rows: readonly (ListedFolder | ListedObject)[];
  readonly next: string | undefined;
}

/** ListObjectsV2. */
export async function listObjects(client: ApiClient, request: ListRequest, token?: string): Promise<ObjectPage> {
  const { bucket, prefix, delimiter, maxKeys, signal } = request;
  const root = await client.sendForXml({
    method: "GET",
    path: bucketPath(bucket),
    query: {
      "list-type": "2",
      "encoding-type": "url",
      "continuation-token": token,
      prefix,
      delimiter,
      "max-keys": maxKeys,
    },
    ...(signal && { signal }),
  });
  if (root === undefined) throw new Error("The listing is empty.");
  return {
    rows: mergeByKey(foldersOf(root), childrenOf(root, "Contents").map(parseObject)),
    next: findText(root, "NextContinuationToken"),
  };
}

function parseObject(item: Element): ListedObject {
  return { kind: "object", ...commonFields(item) };
}

function commonFields(item: Element) {
  return {
    key: decode(textOf(item, "Key")),
    sizeBytes: Number(textOf(item, "Size") || "0"),
    modifiedAt: textOf(item, "LastModified"),
    etag: textOf(item, "ETag"),
    storageClass: textOf(item, "StorageClass") || "STANDARD",
  };
}

function foldersOf(root: Element): ListedFolder[] {
  return childrenOf(root, "CommonPrefixes").map((item) => ({ kind: "folder", key: decode(textOf(item, "Prefix")) }));
}

/** As S3 encodes with `encoding-type=url`: a space is `+`. */
function decode(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}

/** Folders first, as file managers show them. */
function mergeByKey<Row>(folders: readonly ListedFolder[], rows: readonly Row[]): (ListedFolder | Row)[] {
  return [...folders, ...rows];
}

export interface VersionMarker {
  readonly key: string;
  readonly versionId: string;
}

export interface VersionPage {
  readonly rows: readonly (ListedFolder | ListedVersion)[];
  readonly next: VersionMarker | undefined;
}

/** ListObjectVersions: newest first for each key, delete markers included. */
export async function listVersions(
  client: ApiClient,
  request: ListRequest,
  after?: VersionMarker,
): Promise<VersionPage> {
  const { bucket, prefix, delimiter, maxKeys, signal } = request;
  const root = await client.sendForXml({
    method: "GET",
    path: bucketPath(bucket),
    query: {
      versions: "",
      "encoding-type": "url",
      prefix,
      delimiter,
      "max-keys": maxKeys,
      "key-marker": after?.key,
      "version-id-marker": after?.versionId || undefined,
    },
    ...(signal && { signal }),
  });
  if (root === undefined) throw new Error("The listing is empty.");
  // Versions and markers alternate in the document, in the order of keys and of time.
  const versions = [...root.children].flatMap((item) => parseVersion(item) ?? []);
  const isTruncated = textOf(root, "IsTruncated") === "true";
  const next = { key: decode(textOf(root, "NextKeyMarker")), versionId: textOf(root, "NextVersionIdMarker") };
  return { rows: mergeByKey(foldersOf(root), versions), next: isTruncated ? next : undefined };
}

function parseVersion(item: Element): ListedVersion | undefined {
  const { localName } = item;
  if (localName !== "Version" && localName !== "DeleteMarker") return undefined;
  return {
    kind: "version",
    ...commonFields(item),
    versionId: textOf(item, "VersionId"),
    isLatest: textOf(item, "IsLatest") === "true",
    isMarker: localName === "DeleteMarker",
  };
}

export interface ListedUpload {
  readonly key: string;
  readonly uploadId: string;
  readonly initiatedAt: string;
}

export interface UploadPage {
  readonly rows: readonly ListedUpload[];
  readonly next: { readonly key: string; readonly uploadId: string } | undefined;
}

/** ListMultipartUploads. */
export async function listUploads(
  client: ApiClient,
  { bucket, prefix, signal }: Pick<ListRequest, "bucket" | "prefix" | "signal">,
  after?: UploadPage["next"],
): Promise<UploadPage> {
  const root = await client.sendForXml({
    method: "GET",
    path: bucketPath(bucket),
    query: {
      uploads: "",
      "encoding-type": "url",
      prefix: prefix || undefined,
      "key-marker": after?.key,
      "upload-id-marker": after?.uploadId,
    },
    ...(signal && { signal }),
  });
  if (root === undefined) throw new Error("The listing is empty.");
  const rows = childrenOf(root, "Upload").map((item) => ({
    key: decode(textOf(item, "Key")),
    uploadId: textOf(item, "UploadId"),
    initiatedAt: textOf(item, "Initiated"),
  }));
  const next = { key: decode(textOf(root, "NextKeyMarker")), uploadId: textOf(root, "NextUploadIdMarker") };
  return { rows, next: textOf(root, "IsTruncated") === "true" ? next : undefined };
}
