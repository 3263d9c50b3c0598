/**
 * The requests of a random history. A command is plain data with small numbers instead of names, so that collisions are
 * common, fast-check can shrink it and a failure can be printed. What a number refers to is found out when it is applied:
 * `version: 0` is the newest version id that the key ever had, `upload: 0` the upload that was begun last.
 */

export const CALLERS = ["owner", "other", "anonymous"] as const;
export type CallerName = (typeof CALLERS)[number];

/** Neighbours in listings, prefixes of each other, and characters that XML, URLs and form encoding treat differently. */
export const KEYS = ["a", "a/b", "a/c d+é&<", "b", "d/e/f"] as const;

export const MIB = 1024 * 1024;

/** Content by number: an empty object, small ones, and one that may be a part which is not the last. */
export const BODIES = ["", "x", "0123456789", "zz"] as const;
export const LARGE_BODY = BODIES.length;

export function bodyOf(number: number): string {
  return BODIES[number] ?? "L".repeat(5 * MIB);
}

/** Ends of retentions: years that are far away, so that no lock ends while a history runs. */
export const RETAIN_UNTIL = [
  "2090-01-01T00:00:00.000Z",
  "2091-01-01T00:00:00.000Z",
  "2092-01-01T00:00:00.000Z",
] as const;

export type Mode = "GOVERNANCE" | "COMPLIANCE";

export interface Retention {
  readonly mode: Mode;
  /** Index into RETAIN_UNTIL. */
  readonly until: number;
}

export interface RequestedLock {
  readonly retention?: Retention | undefined;
  readonly hold?: boolean | undefined;
}

export interface Tag {
  readonly key: string;
  readonly value: string;
}

export const CANNED_ACLS = ["private", "public-read", "public-read-write", "authenticated-read"] as const;
export const OBJECT_ACLS = [...CANNED_ACLS, "bucket-owner-read", "bucket-owner-full-control"] as const;
export type CannedAcl = (typeof OBJECT_ACLS)[number];

/** `current`: the ETag of the object at the key, or of no object if there is none. */
export type EtagRef = "current" | "other" | "*";

/** Before all objects, and after the end of the history. */
export type DateRef = "past" | "future";

export interface WriteCondition {
  readonly ifMatch?: EtagRef | undefined;
  readonly ifNoneMatch?: "*" | undefined;
}

export interface ReadCondition {
  readonly ifMatch?: EtagRef | undefined;
  readonly ifNoneMatch?: EtagRef | undefined;
  readonly ifModifiedSince?: DateRef | undefined;
  readonly ifUnmodifiedSince?: DateRef | undefined;
}

/**
 * A number: an id that the key has or had. `foreign`: an id of another key, or none if no other key has one. `null` is the
 * version from before versioning, or from when it is suspended.
 */
export type VersionRef = "null" | "foreign" | number;

interface By {
  readonly by: CallerName;
}

interface OnBucket extends By {
  readonly bucket: number;
}

interface OnKey extends OnBucket {
  readonly key: number;
}

export interface OnVersion extends OnKey {
  readonly version?: VersionRef | undefined;
}

/** What a write gives to its object. */
export interface Attributes {
  readonly contentType?: string | undefined;
  readonly meta?: string | undefined;
  readonly tags?: readonly Tag[] | undefined;
  readonly acl?: CannedAcl | undefined;
  readonly isInfrequent?: boolean | undefined;
  readonly lock?: RequestedLock | undefined;
}

export interface PutObject extends OnKey {
  readonly op: "PutObject";
  readonly body: number;
  readonly attributes: Attributes;
  readonly condition: WriteCondition;
}

export interface ReadObject extends OnVersion {
  readonly op: "GetObject" | "HeadObject";
  readonly range?: string | undefined;
  readonly partNumber?: number | undefined;
  readonly condition: ReadCondition;
}

export interface DeleteObject extends OnVersion {
  readonly op: "DeleteObject";
  readonly ifMatch?: EtagRef | undefined;
  readonly bypass?: boolean | undefined;
}

export interface DeleteObjects extends OnBucket {
  readonly op: "DeleteObjects";
  readonly items: readonly {
    readonly key: number;
    readonly version?: VersionRef | undefined;
    readonly ifMatch?: EtagRef | undefined;
  }[];
  readonly isQuiet: boolean;
  readonly bypass?: boolean | undefined;
}

export interface CopyObject extends OnKey {
  readonly op: "CopyObject";
  readonly source: { readonly bucket: number; readonly key: number; readonly version?: VersionRef | undefined };
  readonly replacesMetadata: boolean;
  readonly replacesTags: boolean;
  readonly attributes: Attributes;
  readonly condition: WriteCondition;
  readonly sourceCondition: ReadCondition;
}

export interface Tagging extends OnVersion {
  readonly op: "GetObjectTagging" | "DeleteObjectTagging";
}

export interface PutTagging extends OnVersion {
  readonly op: "PutObjectTagging";
  readonly tags: readonly Tag[];
}

export interface GetAcl extends OnVersion {
  readonly op: "GetObjectAcl";
}

export interface PutAcl extends OnVersion {
  readonly op: "PutObjectAcl";
  readonly acl: CannedAcl;
}

export interface GetLock extends OnVersion {
  readonly op: "GetObjectRetention" | "GetObjectLegalHold";
}

export interface PutRetention extends OnVersion {
  readonly op: "PutObjectRetention";
  /** Absent: the retention is removed. */
  readonly retention?: Retention | undefined;
  readonly bypass?: boolean | undefined;
}

export interface PutHold extends OnVersion {
  readonly op: "PutObjectLegalHold";
  readonly hold: boolean;
}

export interface GetAttributes extends OnVersion {
  readonly op: "GetObjectAttributes";
}

export interface CreateUpload extends OnKey {
  readonly op: "CreateMultipartUpload";
  readonly attributes: Attributes;
}

interface OnUpload extends By {
  readonly upload: number;
  /** The request names another key than that of the upload. */
  readonly atOtherKey?: boolean | undefined;
}

export interface UploadPart extends OnUpload {
  readonly op: "UploadPart";
  readonly partNumber: number;
  readonly body: number;
}

export interface UploadPartCopy extends OnUpload {
  readonly op: "UploadPartCopy";
  readonly partNumber: number;
  readonly source: { readonly bucket: number; readonly key: number; readonly version?: VersionRef | undefined };
}

export interface CompleteUpload extends OnUpload {
  readonly op: "CompleteMultipartUpload";
  /** Parts by their place among the uploaded ones. Empty: all of them. */
  readonly parts: readonly number[];
  /** The ETag of the first part is another one. */
  readonly hasWrongEtag?: boolean | undefined;
  readonly condition: WriteCondition;
}

export interface OtherUploadCall extends OnUpload {
  readonly op: "AbortMultipartUpload" | "ListParts";
}

export interface ListUploads extends OnBucket {
  readonly op: "ListMultipartUploads";
}

/** Reads all pages. */
export interface Listing extends OnBucket {
  readonly op: "ListObjects" | "ListObjectsV2" | "ListObjectVersions";
  readonly prefix: string;
  readonly delimiter: string;
  readonly maxKeys: number;
  /** `marker`, `start-after` or `key-marker` of the first page. */
  readonly after: string;
  readonly isUrlEncoded: boolean;
}

export interface CreateBucket extends OnBucket {
  readonly op: "CreateBucket";
  readonly hasLock: boolean;
  readonly acl?: (typeof CANNED_ACLS)[number] | undefined;
}

export interface BucketCall extends OnBucket {
  readonly op:
    | "DeleteBucket"
    | "HeadBucket"
    | "GetBucketVersioning"
    | "GetBucketAcl"
    | "DeleteBucketPolicy"
    | "ListBuckets";
}

export interface PutVersioning extends OnBucket {
  readonly op: "PutBucketVersioning";
  readonly status: "Enabled" | "Suspended";
}

export interface PutBucketAcl extends OnBucket {
  readonly op: "PutBucketAcl";
  readonly acl: (typeof CANNED_ACLS)[number];
}

/** One of the policies in policies.ts. */
export interface PutPolicy extends OnBucket {
  readonly op: "PutBucketPolicy";
  readonly policy: number;
}

/** Default retention; absent: none. */
export interface PutLockConfiguration extends OnBucket {
  readonly op: "PutObjectLockConfiguration";
  readonly mode?: Mode | undefined;
}

export type Command =
  | PutObject
  | ReadObject
  | DeleteObject
  | DeleteObjects
  | CopyObject
  | Tagging
  | PutTagging
  | GetAcl
  | PutAcl
  | GetLock
  | PutRetention
  | PutHold
  | GetAttributes
  | CreateUpload
  | UploadPart
  | UploadPartCopy
  | CompleteUpload
  | OtherUploadCall
  | ListUploads
  | Listing
  | CreateBucket
  | BucketCall
  | PutVersioning
  | PutBucketAcl
  | PutPolicy
  | PutLockConfiguration;

/** What a bucket is like when the history begins. */
export type Setup = "absent" | "plain" | "versioned" | "suspended" | "locked" | "writable";

export interface History {
  /** One for each bucket. */
  readonly setups: readonly Setup[];
  readonly commands: readonly Command[];
}
