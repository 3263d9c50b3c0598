/** Objects as they are stored, read, listed and written on condition. */
import type { Acl } from "./acl.ts";
import type { Checksum } from "./checksum.ts";
import type { ObjectEncryption } from "./encryption.ts";
import type { ObjectLock } from "./object-lock.ts";

/** Storage classes that are accepted; STANDARD_IA maps to R2's InfrequentAccess. */
export const STORAGE_CLASSES = ["STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA"] as const;
export type StorageClass = (typeof STORAGE_CLASSES)[number];

/** The system headers that S3 stores and returns verbatim. */
export interface ContentHeaders {
  readonly contentType: string;
  readonly cacheControl?: string;
  readonly contentDisposition?: string;
  readonly contentEncoding?: string;
  readonly contentLanguage?: string;
  /** As sent: S3 does not require a date. */
  readonly expires?: string;
}

export interface Tag {
  readonly key: string;
  readonly value: string;
}

/** The attributes that a write sets. */
export interface ObjectAttributes {
  readonly content: ContentHeaders;
  /** `x-amz-meta-*` without the prefix, names in lower case, values decoded. */
  readonly userMetadata: Readonly<Record<string, string>>;
  readonly storageClass: StorageClass;
  /** Canonical user id. */
  readonly ownerId: string;
  readonly websiteRedirectLocation?: string;
  readonly tags: readonly Tag[];
  /** Absent: full control for the owner only. */
  readonly acl?: Acl;
  readonly lock?: ObjectLock;
  /** Absent: R2's own encryption at rest (SSE-S3). */
  readonly encryption?: ObjectEncryption;
  /** Id of the set of blobs that are its annotations; absent: it never had one. */
  readonly annotations?: string;
}

/** An object of a bucket, or one version of it. */
export interface ObjectVersion {
  readonly key: string;
  /** As clients name it; absent: the current version. */
  readonly versionId?: string | undefined;
}

/** An object as its entry describes it. */
export interface StoredObject extends ObjectAttributes {
  readonly key: string;
  /** As clients see it; absent in a bucket that was never versioned. */
  readonly versionId?: string;
  readonly sizeBytes: number;
  /** Without quotes. */
  readonly etag: string;
  readonly lastModified: Date;
  readonly checksum?: Checksum;
  /** Number of parts it was uploaded in; absent if it was not uploaded in parts. */
  readonly partCount?: number;
  readonly state: ObjectState;
  /** Absent: no replication rule applied when it was written. */
  readonly replication?: ReplicationMark;
}

/**
 * A state of an object, to be compared with one that was written in another bucket. The later of two is kept everywhere: by
 * Last-Modified, then by the last change of tags or ACL, then by ETag, so that every bucket decides alike.
 */
export interface ObjectState {
  /** Milliseconds since 1970. */
  readonly lastModified: number;
  /** When tags or ACL were last changed, milliseconds since 1970. */
  readonly revision: number;
  /** Of the object it is a replica of, without quotes. */
  readonly etag: string;
}

/** Below 0 if `left` is the earlier one. */
export function compareStates(left: ObjectState, right: ObjectState): number {
  if (left.lastModified !== right.lastModified) return left.lastModified - right.lastModified;
  if (left.revision !== right.revision) return left.revision - right.revision;
  if (left.etag === right.etag) return 0;
  return left.etag < right.etag ? -1 : 1;
}

/** What the entry says about replication. The progress of a source's replication is stored in D1, by the write id. */
export interface ReplicationMark {
  readonly state: "source" | "replica";
  readonly writeId: string;
  /** Id of the bucket a replica comes from. */
  readonly source?: string;
}

/** A client's condition on the object at the key, decided atomically with the write. ETags without quotes. */
export type WriteCondition =
  | { readonly kind: "if-none-match-any" }
  | ({ readonly kind: "if-match" } & ExpectedObject)
  | ModifiedCondition;

/** A condition on when the object was last modified, to the second. */
export interface ModifiedCondition {
  readonly kind: "if-dated";
  /** There is an object, and it was modified later. */
  readonly after?: Date;
  /** There is no object, or it was not modified later. */
  readonly notAfter?: Date;
}

/** The header of a condition on the time that is not met; undefined if all are. @param lastModified absent: no object */
export function findUnmetTime(
  { after, notAfter }: ModifiedCondition,
  lastModified: Date | undefined,
): "If-Modified-Since" | "If-Unmodified-Since" | undefined {
  const isAfter = (date: Date) => lastModified !== undefined && toSeconds(lastModified) > toSeconds(date);
  if (after !== undefined && !isAfter(after)) return "If-Modified-Since";
  return notAfter !== undefined && isAfter(notAfter) ? "If-Unmodified-Since" : undefined;
}

/** What an object must be like; a condition on size and time is only for deletions. */
export interface ExpectedObject {
  /** `*`: any. */
  readonly etag: string | "*";
  readonly sizeBytes?: number;
  /** To the second, as headers show it. */
  readonly lastModified?: Date;
}

/** A header in which an `ExpectedObject` came. */
export type ExpectationHeader = "If-Match" | "x-amz-if-match-size" | "x-amz-if-match-last-modified-time";

/** The header whose condition an object does not meet; undefined if it meets all of them. */
export function findUnmet(
  { etag, sizeBytes, lastModified }: ExpectedObject,
  object: Pick<StoredObject, "etag" | "sizeBytes" | "lastModified">,
): ExpectationHeader | undefined {
  if (etag !== "*" && etag !== object.etag) return "If-Match";
  if (sizeBytes !== undefined && sizeBytes !== object.sizeBytes) return "x-amz-if-match-size";
  if (lastModified !== undefined && toSeconds(lastModified) !== toSeconds(object.lastModified)) {
    return "x-amz-if-match-last-modified-time";
  }
  return undefined;
}

function toSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

/** One row of a listing. */
export interface ListedObject {
  readonly key: string;
  readonly sizeBytes: number;
  readonly etag: string;
  readonly lastModified: Date;
  readonly storageClass: StorageClass;
  readonly ownerId: string;
  readonly checksum?: { readonly algorithm: Checksum["algorithm"]; readonly type: Checksum["type"] };
}

export interface ListQuery {
  readonly prefix: string;
  /** Empty: no grouping. */
  readonly delimiter: string;
  /** Only keys after this one (UTF-8 byte order). A common prefix that contains or equals it is skipped as a whole. */
  readonly after: string;
  /** 0..1000, objects and common prefixes together. */
  readonly maxKeys: number;
}

export interface ListPage {
  /** UTF-8 byte order. */
  readonly objects: readonly ListedObject[];
  /** UTF-8 byte order. */
  readonly commonPrefixes: readonly string[];
  /** A truncated page may be short, or empty, if many entries were skipped; `last` is the position it has reached. */
  readonly isTruncated: boolean;
  /** For a truncated page, `after` of the next one; usually the last key or common prefix. */
  readonly last: string;
}
