/**
 * Conditional requests: RFC 9110, 13, as GetObject, HeadObject, CopyObject and PutObject document them ("Conditional
 * reads", "Conditional writes"). The conditions of a read are evaluated here against the object that the store
 * returned. The condition of a write is only parsed here: the store evaluates it together with the write.
 */
import { invalidArgument, S3Error } from "../errors.ts";
import type { ExpectedObject, WriteCondition } from "../model/object.ts";
import { parseHttpDate, parseIso8601 } from "./dates.ts";
import { parseETag } from "./header-values.ts";

export interface ConditionSubject {
  /** Without quotes. */
  readonly etag: string;
  readonly lastModified: Date;
}

/** A copy answers 412 for both refusals; a read answers 304 for `not-modified`. */
export type ReadDecision = "proceed" | "not-modified" | "precondition-failed";

/** The conditions of a read, or those on the source of a copy or a rename. */
export interface ReadConditions {
  /** The headers with the conditions. */
  readonly headers: Headers;
  readonly now: Date;
  /** Prefix of the names of all four. */
  readonly prefix?: "" | "x-amz-copy-source-" | "x-amz-rename-source-";
}

/**
 * Evaluates in RFC 9110's order (13.2.2): an ETag condition overrides the date condition of its pair. Invalid dates are
 * ignored, and so is If-Modified-Since with a date later than now (13.1.3; LocalStack's recordings of AWS, 2026-02).
 */
export function evaluateReadConditions(
  { headers, now, prefix = "" }: ReadConditions,
  subject: ConditionSubject,
): ReadDecision {
  const ifMatch = headers.get(`${prefix}if-match`);
  const ifUnmodifiedSince = parseSeconds(headers.get(`${prefix}if-unmodified-since`));
  const ifNoneMatch = headers.get(`${prefix}if-none-match`);
  const ifModifiedSince = parseSeconds(headers.get(`${prefix}if-modified-since`));
  const lastModified = toSeconds(subject.lastModified);

  if (ifMatch !== null) {
    if (!listsETag(ifMatch, subject.etag, "strong")) return "precondition-failed";
  } else if (ifUnmodifiedSince !== undefined && lastModified > ifUnmodifiedSince) {
    return "precondition-failed";
  }
  if (ifNoneMatch !== null) {
    if (listsETag(ifNoneMatch, subject.etag, "weak")) return "not-modified";
  } else if (ifModifiedSince !== undefined && ifModifiedSince <= toSeconds(now) && lastModified <= ifModifiedSince) {
    return "not-modified";
  }
  return "proceed";
}

// Quoted or, as many S3 clients send them, bare.
const ENTITY_TAG = /(?<weak>W\/)?(?:"(?<quoted>[^"]*)"|(?<bare>[^\s,"]+))/g;

function listsETag(list: string, etag: string, comparison: "strong" | "weak"): boolean {
  if (list.trim() === "*") return true;
  for (const { groups } of list.matchAll(ENTITY_TAG)) {
    const isWeak = groups?.weak !== undefined;
    if ((groups?.quoted ?? groups?.bare) === etag && !(isWeak && comparison === "strong")) return true;
  }
  return false;
}

function parseSeconds(header: string | null): number | undefined {
  const date = header === null ? undefined : parseHttpDate(header);
  return date && toSeconds(date);
}

function toSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

/**
 * Parses the condition of a write (PutObject, CompleteMultipartUpload, CopyObject).
 *
 * @throws S3Error `NotImplemented`, as on AWS, for `If-None-Match` other than `*`, both headers at once, several ETags
 *   and date conditions.
 */
export function parseWriteCondition(headers: Headers): WriteCondition | undefined {
  refuseConditions(headers, ["If-Modified-Since", "If-Unmodified-Since"]);
  const ifMatch = headers.get("if-match");
  const ifNoneMatch = headers.get("if-none-match");
  if (ifMatch !== null && ifNoneMatch !== null) {
    throw notImplemented("If-Match,If-None-Match", "Multiple conditional request headers present in the request");
  }
  if (ifNoneMatch !== null) {
    if (ifNoneMatch.trim() !== "*") throw unacceptedValue("If-None-Match");
    return { kind: "if-none-match-any" };
  }
  if (ifMatch === null) return undefined;
  const etag = parseETag(ifMatch);
  // A list or a weak tag still contains a quote or a comma. Deviation: `*`, quoted or not, means any object. AWS
  // answers 501 to it here, but its meaning is clear, and the store evaluates it together with the write.
  if (etag === "" || /[",]/.test(etag)) throw unacceptedValue("If-Match");
  return { kind: "if-match", etag };
}

/** The condition of a deletion. */
export interface DeleteCondition {
  readonly expected: ExpectedObject;
  /** Whether an absent object is an error. It is not for a condition on size and time only (API_DeleteObject). */
  readonly mustExist: boolean;
}

const IF_MATCH_SIZE = "x-amz-if-match-size";
const IF_MATCH_TIME = "x-amz-if-match-last-modified-time";

/**
 * Parses the condition of DeleteObject.
 * @throws S3Error `NotImplemented` for other conditional headers, `InvalidArgument` for an invalid size or time
 */
export function parseDeleteCondition(headers: Headers): DeleteCondition | undefined {
  refuseConditions(headers, ["If-None-Match", "If-Modified-Since", "If-Unmodified-Since"]);
  const ifMatch = headers.get("if-match");
  const size = headers.get(IF_MATCH_SIZE);
  const time = headers.get(IF_MATCH_TIME);
  if (size !== null && !/^\d{1,15}$/.test(size.trim())) {
    throw invalidArgument("Invalid size in the condition", IF_MATCH_SIZE, size);
  }
  return deleteCondition({
    ...(ifMatch !== null && { etag: parseETag(ifMatch) }),
    ...(size !== null && { sizeBytes: Number(size) }),
    ...(time !== null && { lastModifiedTime: parseTime(time) }),
  });
}

function parseTime(text: string): Date {
  const date = parseHttpDate(text) ?? parseIso8601(text);
  if (date === undefined) throw invalidArgument("Invalid date in the condition", IF_MATCH_TIME, text);
  return date;
}

/** The condition that these parts make together; undefined if there are none. */
export function deleteCondition({
  etag,
  sizeBytes,
  lastModifiedTime,
}: {
  readonly etag?: string;
  readonly sizeBytes?: number;
  readonly lastModifiedTime?: Date;
}): DeleteCondition | undefined {
  if (etag === undefined && sizeBytes === undefined && lastModifiedTime === undefined) return undefined;
  const expected = {
    etag: etag ?? "*",
    ...(sizeBytes !== undefined && { sizeBytes }),
    ...(lastModifiedTime !== undefined && { lastModified: lastModifiedTime }),
  };
  return { expected, mustExist: etag !== undefined };
}

/** A condition must not be ignored. @throws S3Error `NotImplemented` for those that the operation does not support */
export function refuseConditions(headers: Headers, names: readonly string[]): void {
  const name = names.find((each) => headers.has(each));
  if (name !== undefined) throw notImplemented(name, `We don't accept the ${name} header for this API`);
}

function unacceptedValue(header: string): S3Error {
  return notImplemented(header, `We don't accept the provided value of ${header} header for this API`);
}

function notImplemented(header: string, additionalMessage: string): S3Error {
  return new S3Error("NotImplemented", { details: { Header: header, additionalMessage } });
}
