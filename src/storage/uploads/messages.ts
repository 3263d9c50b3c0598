/**
 * What passes between the Worker and a blob set's Durable Object. Plain data both ways: an error class does not survive
 * the journey, so a refusal is a value.
 */
import type { S3ErrorCode } from "../../errors.ts";
import type { Checksum } from "../../model/checksum.ts";
import type { ObjectAttributes, WriteCondition } from "../../model/object.ts";
import type { CompletionRequest, PartChecksum, UploadChecksum } from "../../model/upload.ts";
import type { WriteTicket } from "../journal/ticket.ts";
import type { ObjectIdentity } from "../r2/entry-record.ts";

/**
 * Version of the messages to the Durable Object. After a deployment its code may be older than the Worker's for some
 * minutes, and so may the Worker's be. Each call says by which version it is to be understood; an object that does not know
 * that version yet does nothing and has the caller come again. So:
 *
 * - A field that may be passed over without harm can be added at any time: it is optional for whoever reads it.
 * - What would be done wrongly by code that passes over it raises the version, and code goes on to understand the one before.
 * - Names of methods and the order of their parameters never change; the version comes last and was not sent at first.
 */
export const MESSAGE_VERSION = 1;

export interface Refusal {
  readonly ok: false;
  readonly code: S3ErrorCode;
  readonly message?: string;
  readonly details?: Readonly<Record<string, string>>;
}

export type Answer<Value> = { readonly ok: true; readonly value: Value } | Refusal;

/** All that completing the upload will need, fixed when it is created. */
export interface UploadDescription {
  readonly uploadId: string;
  readonly blobSetId: string;
  readonly bucketId: string;
  /** Canonical user id. */
  readonly bucketOwnerId: string;
  readonly region: string;
  /** The S3 key. */
  readonly key: string;
  readonly attributes: ObjectAttributes;
  readonly checksum?: UploadChecksum;
  /** Milliseconds since 1970. */
  readonly initiatedAt: number;
  /** What stood at the key when it was created; null for nothing. Absent: created by a release that took no note of it. */
  readonly before?: ObjectIdentity | null;
}

export interface PartRecord {
  readonly partNumber: number;
  /** Name of its blob in the set. */
  readonly blobName: string;
  readonly sizeBytes: number;
  /** Hex. */
  readonly md5: string;
  readonly checksum?: PartChecksum;
  /** Milliseconds since 1970. */
  readonly uploadedAt: number;
}

export interface CompleteCommand {
  readonly request: CompletionRequest;
  readonly condition?: WriteCondition;
  readonly ticket: WriteTicket;
}

/** What the parts of an upload make together. */
export interface CompletedObject {
  readonly etag: string;
  readonly sizeBytes: number;
  readonly checksum?: Checksum;
}

/** The object whose entry has been put. */
export interface CommittedObject extends CompletedObject {
  /** Of the entry. */
  readonly writeId: string;
  /** When the entry was put, milliseconds since 1970. */
  readonly committedAt: number;
}

export interface PartsAnswer {
  readonly description: UploadDescription;
  readonly parts: readonly PartRecord[];
  readonly isTruncated: boolean;
}

/** Parameters of the call that records a reference. */
export type AddReferenceCall = [blobSetId: string, reference: BlobSetReference, now: number, version?: number];

/** An entry that names, or is about to name, the blob set. */
export interface BlobSetReference {
  readonly region: string;
  /** R2 key. */
  readonly entry: string;
}

export interface SweepCommand {
  readonly blobSetId: string;
  readonly region: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly graceMs: number;
}

/** `waiting`: found dead, to be looked at again after the grace period. */
export type SweepOutcome = "alive" | "waiting" | "removed";

export function refuse(code: S3ErrorCode, options: Omit<Refusal, "ok" | "code"> = {}): Refusal {
  return { ok: false, code, ...options };
}
