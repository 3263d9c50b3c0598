/** The input of GetObject and HeadObject, and the errors and headers they share. */
import { permissionOn, type VersionTarget } from "../../access/actions.ts";
import type { Grant } from "../../access/authorize.ts";
import { S3Error } from "../../errors.ts";
import { formatContentRange, parseRange, type ResolvedRange, type Selection } from "../../model/byte-range.ts";
import type { Caller } from "../../model/caller.ts";
import { checksumHeader } from "../../model/checksum.ts";
import type { ReplicationMark, StoredObject } from "../../model/object.ts";
import type { ObjectLock } from "../../model/object-lock.ts";
import type { ReadConditions } from "../../protocol/conditions.ts";
import { objectHeaders, parseResponseOverrides } from "../../protocol/object-headers.ts";
import { legalHoldHeaders, retentionHeaders } from "../../protocol/object-lock-headers.ts";
import { parsePartNumber } from "../../protocol/query-parameters.ts";
import type { S3Request } from "../../protocol/s3-request.ts";
import type { ObjectStore } from "../../storage/r2/objects.ts";
import type { Stores } from "../../storage/stores.ts";
import { requireVersion } from "../operation.ts";
import { type PresentedKey, presentedForRead } from "./customer-key.ts";
import { expirationHeader } from "./lifecycle-headers.ts";

export interface ReadInput extends VersionTarget {
  /** Undefined: the whole object. */
  readonly selection: Selection | undefined;
  /** The Range header as sent. */
  readonly rangeText: string;
  readonly checksumMode: boolean;
  /** The key that the request presents. */
  readonly customerKey: PresentedKey | undefined;
  readonly conditions: ReadConditions;
  readonly overrides: Readonly<Record<string, string>>;
}

export function parseReadInput(request: S3Request): ReadInput {
  const object = requireVersion(request);
  const { headers, query, now } = request;
  const rangeText = headers.get("range");
  const partNumber = query.has("partNumber") ? parsePartNumber(query) : undefined;
  if (partNumber !== undefined && rangeText !== null) {
    throw new S3Error("InvalidRequest", { message: "Cannot specify both Range header and partNumber query parameter" });
  }
  return {
    ...object,
    selection: partNumber === undefined ? parseRange(rangeText) : { kind: "part", partNumber },
    rangeText: rangeText ?? "",
    checksumMode: headers.get("x-amz-checksum-mode")?.toUpperCase() === "ENABLED",
    customerKey: presentedForRead(headers),
    conditions: { headers, now },
    overrides: parseResponseOverrides(request.query),
  };
}

/** Overrides control how a browser treats the answer, so only a signed link can have them. */
export function refuseAnonymousOverrides({ overrides }: ReadInput, caller: Caller): void {
  if (caller.kind !== "anonymous" || Object.keys(overrides).length === 0) return;
  throw new S3Error("InvalidRequest", {
    message: "Request specific response headers cannot be used for anonymous GET requests.",
  });
}

export function preconditionFailed({ headers }: ReadConditions): S3Error {
  const condition = headers.has("if-match") ? "If-Match" : "If-Unmodified-Since";
  return new S3Error("PreconditionFailed", { details: { Condition: condition } });
}

/** The error for an object that has nothing of what was selected. */
export function notSatisfiable({ selection, rangeText }: ReadInput, object: StoredObject): S3Error {
  if (selection?.kind === "part") {
    return new S3Error("InvalidPartNumber", {
      details: { ActualPartCount: String(object.partCount ?? 1), PartNumberRequested: String(selection.partNumber) },
    });
  }
  return new S3Error("InvalidRange", {
    details: { RangeRequested: rangeText, ActualObjectSize: String(object.sizeBytes) },
    headers: { "content-range": `bytes */${object.sizeBytes}` },
  });
}

export interface Reading {
  readonly objects: ObjectStore;
  readonly grant: Grant;
  readonly input: ReadInput;
  /** Absent if the answer has no replication status. */
  readonly replicationTasks?: Stores["replicationTasks"];
}

/**
 * All headers of a 200 or a 206. The platform sets the Content-Length of a stream itself; HEAD and the log use this
 * one.
 */
export async function readHeaders(
  reading: Reading,
  object: StoredObject,
  range: ResolvedRange | undefined,
): Promise<Record<string, string>> {
  const { input, replicationTasks } = reading;
  const headers: Record<string, string> = {
    ...objectHeaders(object, input.checksumMode && servesWhole(input, object, range), input.customerKey?.read().md5),
    ...input.overrides,
    "content-length": String(range === undefined ? object.sizeBytes : range.length),
  };
  // Content-Range cannot express an empty range, which an empty object or an empty last part has.
  if (range !== undefined && range.length > 0) headers["content-range"] = formatContentRange(range, object.sizeBytes);
  // The common object needs none of these, and none of their promises.
  const { partCount, tags, lock, replication } = object;
  if (input.selection?.kind === "part" && partCount !== undefined) {
    Object.assign(headers, await partHeaders(reading, object, input.selection.partNumber));
  }
  if (tags.length > 0 && (await mayReadTags(reading))) headers["x-amz-tagging-count"] = String(tags.length);
  if (lock !== undefined) Object.assign(headers, await lockHeaders(reading, lock));
  // AWS was seen to announce it only where the request names no version.
  if (input.versionId === undefined) {
    Object.assign(headers, expirationHeader(reading.grant.bucket(input.bucket), object));
  }
  if (replication !== undefined && replicationTasks !== undefined) {
    headers["x-amz-replication-status"] = await replicationStatus(replication, replicationTasks);
  }
  return headers;
}

/**
 * Whether the object's checksum applies to the bytes of the answer. A range or a part can cover the whole object, but a
 * COMPOSITE checksum is made of the parts' checksums (LocalStack's recordings of AWS, 2026-02).
 */
function servesWhole({ selection }: ReadInput, object: StoredObject, range: ResolvedRange | undefined): boolean {
  const { sizeBytes, partCount, checksum } = object;
  if (selection?.kind !== "part") return range === undefined || range.length === sizeBytes;
  return partCount === undefined || (partCount === 1 && checksum?.type === "FULL_OBJECT");
}

/**
 * The answer for a part has the number of parts and, if the object's checksum is made of the parts' checksums, the
 * part's own (LocalStack's recordings of AWS, 2026-02).
 */
async function partHeaders(
  { objects, grant, input }: Reading,
  object: StoredObject,
  partNumber: number,
): Promise<Record<string, string>> {
  const count = { "x-amz-mp-parts-count": String(object.partCount) };
  if (!input.checksumMode || object.checksum?.type !== "COMPOSITE") return count;
  const found = await objects.parts(grant.bucket(input.bucket), input);
  // If the object was overwritten in the meantime, no checksum is better than a wrong one.
  const part = found?.object.etag === object.etag ? found.parts?.[partNumber - 1] : undefined;
  if (part?.checksum === undefined) return count;
  const { algorithm, value } = part.checksum;
  return { ...count, [checksumHeader(algorithm)]: value, "x-amz-checksum-type": object.checksum.type };
}

/** "x-amz-tagging-count: the number of tags, if any, … when you have the relevant permission to read object tags". */
function mayReadTags({ grant, input }: Reading): Promise<boolean> {
  return grant.allows(permissionOn("s3:GetObjectTagging", input));
}

/** "This header is only returned if the requester has the s3:GetObjectRetention permission" (API_HeadObject), and likewise. */
async function lockHeaders(
  { grant, input: { bucket, key } }: Reading,
  lock: ObjectLock,
): Promise<Record<string, string>> {
  const mayRead = (action: "s3:GetObjectRetention" | "s3:GetObjectLegalHold") =>
    grant.allows({ action, on: "object", bucket, key });
  return {
    ...(lock.retention !== undefined && (await mayRead("s3:GetObjectRetention")) && retentionHeaders(lock)),
    ...(lock.hasLegalHold !== undefined && (await mayRead("s3:GetObjectLegalHold")) && legalHoldHeaders(lock)),
  };
}

/** The replication status of an object that a rule covered when it was written, or that is a replica. */
async function replicationStatus(
  { state, writeId }: ReplicationMark,
  tasks: Stores["replicationTasks"],
): Promise<string> {
  return state === "replica" ? "REPLICA" : tasks.statusOf(writeId);
}
