/** What the model expects of an answer. Texts that begin with `§` are symbols of ids that the service chooses, or
 * patterns: `§any` is any text, `§date` any time, and `§maybe` any text or none. */
import type { ReadCondition, WriteCondition } from "./commands.ts";
import { type Bucket, currentOf, newestOf, type ObjectVersion, type World } from "./state.ts";

/** A document: an element is its text, or its children by name. Those that may occur several times are lists. */
export type Document = string | readonly Document[] | { readonly [name: string]: Document | undefined };

export interface Answer {
  readonly status: number;
  /** Of an error document. */
  readonly code?: string;
  /** Of those that are compared (COMPARED_HEADERS); the others must be absent. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Absent: empty. */
  readonly body?: string | { readonly document: Document };
  /** Several requests: the pages of a listing. */
  readonly pages?: readonly Answer[];
  /** What follows if the last one says that it is truncated. */
  readonly emptyPage?: Answer;
}

/** Headers that every answer is compared in; content-type and content-length only where they are expected. */
export const COMPARED_HEADERS = [
  "etag",
  "content-range",
  "x-amz-version-id",
  "x-amz-delete-marker",
  "x-amz-meta-a",
  "x-amz-tagging-count",
  "x-amz-mp-parts-count",
  "x-amz-storage-class",
  "x-amz-object-lock-mode",
  "x-amz-object-lock-retain-until-date",
  "x-amz-object-lock-legal-hold",
  "x-amz-copy-source-version-id",
] as const;

const STATUSES = {
  AccessDenied: 403,
  BucketAlreadyExists: 409,
  BucketAlreadyOwnedByYou: 409,
  BucketNotEmpty: 409,
  ConditionalRequestConflict: 409,
  EntityTooSmall: 400,
  InvalidArgument: 400,
  InvalidBucketState: 409,
  InvalidPart: 400,
  InvalidPartNumber: 416,
  InvalidPartOrder: 400,
  InvalidRange: 416,
  InvalidRequest: 400,
  MethodNotAllowed: 405,
  NoSuchBucket: 404,
  NoSuchBucketPolicy: 404,
  NoSuchKey: 404,
  NoSuchObjectLockConfiguration: 404,
  NoSuchUpload: 404,
  NoSuchVersion: 404,
  ObjectLockConfigurationNotFoundError: 404,
  PreconditionFailed: 412,
} as const;

export type ErrorCode = keyof typeof STATUSES;

export function failure(code: ErrorCode, headers: Answer["headers"] = {}): Answer {
  return { status: STATUSES[code], code, headers };
}

export function document(content: Document, headers: Answer["headers"] = {}): Answer {
  return { status: 200, headers, body: { document: content } };
}

/** Either what was looked for, or the answer that ends the request. */
export type Found<Value> = { readonly value: Value } | { readonly answer: Answer };

export function findBucket(world: World, name: string): Found<Bucket> {
  const bucket = world.buckets.get(name);
  return bucket === undefined ? { answer: failure("NoSuchBucket") } : { value: bucket };
}

/** The header by which answers name a version; a bucket that was never versioned has none. */
export function versionHeader(bucket: Bucket, version: Pick<ObjectVersion, "id">): Record<string, string> {
  return bucket.versioning === "never" ? {} : { "x-amz-version-id": version.id };
}

/**
 * RFC 9110, section 13.2.2, as GetObject describes it: If-Match wins over If-Unmodified-Since, and If-None-Match over
 * If-Modified-Since. A date that is later than now is ignored, and all objects are newer than the dates in the past.
 */
export function readFailure({ ifMatch, ifNoneMatch, ifUnmodifiedSince }: ReadCondition): 304 | 412 | undefined {
  if (ifMatch === "other") return 412;
  if (ifMatch === undefined && ifUnmodifiedSince === "past") return 412;
  return ifNoneMatch !== undefined && ifNoneMatch !== "other" ? 304 : undefined;
}

/** The headers that say that a delete marker is the current version. */
export function markerHeaders(bucket: Bucket, key: string): Record<string, string> {
  const newest = newestOf(bucket, key);
  return newest?.isMarker === true ? { ...versionHeader(bucket, newest), "x-amz-delete-marker": "true" } : {};
}

/** Conditions of writes are about the object that is current; a delete marker is no object. */
export function writeFailure(condition: WriteCondition, bucket: Bucket, key: string): Answer | undefined {
  const object = currentOf(bucket, key);
  if (condition.ifMatch !== undefined) {
    if (object === undefined) return failure("NoSuchKey", markerHeaders(bucket, key));
    return condition.ifMatch === "other" ? failure("PreconditionFailed") : undefined;
  }
  return condition.ifNoneMatch !== undefined && object !== undefined ? failure("PreconditionFailed") : undefined;
}
