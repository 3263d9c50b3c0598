/**
 * The messages between the Worker and a blob set's Durable Object. They are plain data in both directions: an error class
 * does not survive the transfer, so a refusal is a value.
 */
import type { S3ErrorCode } from "../../errors.ts";
import type { Checksum } from "../../model/checksum.ts";
import type { ObjectEncryption } from "../../model/encryption.ts";
import type { ObjectAttributes, WriteCondition } from "../../model/object.ts";
import type { ObjectLock } from "../../model/object-lock.ts";
import type { CompletionRequest, PartChecksum, UploadChecksum } from "../../model/upload.ts";
import type { Versioning } from "../../model/version.ts";
import type { WriteTicket } from "../journal/ticket.ts";
import type { ObjectIdentity } from "../r2/entry-record.ts";

/**
 * Version of the messages to the Durable Object. For some minutes after a deployment its code may be older than the
 * Worker's, or the other way round. Each call states the version by which it is to be understood; an object that does not
 * know that version yet does nothing and answers that the caller shall retry. So:
 *
 * - A field that can be ignored without harm may be added at any time; readers treat it as optional.
 * - A change that older code would act on wrongly raises the version, and newer code still understands the version before.
 * - Names of methods and the order of their parameters never change; the version comes last and was not sent at first.
 */
export const MESSAGE_VERSION = 3;

/** Of the calls that code from before encrypted objects understands. */
export const VERSIONED_MESSAGE_VERSION = 2;

/** Of the calls that code from before versions of objects understands. */
export const FIRST_MESSAGE_VERSION = 1;

/**
 * By which a completion is to be understood: code from before versions would overwrite the object at the key, and code from
 * before encrypted objects would put an entry that does not say how its blobs are encrypted.
 */
export function versionOfCompletion({ versioning, isEncrypted }: CompleteCommand): number {
  if (isEncrypted === true) return MESSAGE_VERSION;
  return versioning === undefined ? FIRST_MESSAGE_VERSION : VERSIONED_MESSAGE_VERSION;
}

export interface Refusal {
  readonly ok: false;
  readonly code: S3ErrorCode;
  readonly message?: string;
  readonly details?: Readonly<Record<string, string>>;
}

export type Answer<Value> = { readonly ok: true; readonly value: Value } | Refusal;

/** Everything that completing the upload needs, fixed when it is created. */
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
  /** The object at the key when it was created; null for none. Absent: created by a release that did not record it. */
  readonly before?: ObjectIdentity | null;
}

export interface PartRecord {
  readonly partNumber: number;
  /** Name of its blob in the set. */
  readonly blobName: string;
  readonly sizeBytes: number;
  /** Hex: the part's ETag, which is the MD5 of its bytes unless they are encrypted. */
  readonly md5: string;
  readonly checksum?: PartChecksum;
  /** Milliseconds since 1970. */
  readonly uploadedAt: number;
  /** Whether the request stated a digest of the bytes; absent for a copy. */
  readonly statesDigest?: boolean;
}

export interface CompleteCommand {
  readonly request: CompletionRequest;
  readonly condition?: WriteCondition;
  readonly ticket: WriteTicket;
  /** Of the bucket; absent: it was never versioned. */
  readonly versioning?: Versioning;
  /** Whether the upload's parts have a key. */
  readonly isEncrypted?: boolean;
  /** What the bucket gives to an object whose upload names no retention. */
  readonly defaultLock?: ObjectLock;
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
  /** As clients see it; absent in a bucket that was never versioned. */
  readonly versionId?: string;
  /** Absent: R2's own, or an answer of an earlier release. */
  readonly encryption?: ObjectEncryption;
}

export interface PartsAnswer {
  readonly description: UploadDescription;
  readonly parts: readonly PartRecord[];
  readonly isTruncated: boolean;
}

/** Parameters of the call that records a reference. */
export type AddReferenceCall = [blobSetId: string, reference: BlobSetReference, now: number, version?: number];

/** A key of which a version names, or is about to name, the blob set. */
export interface BlobSetReference {
  readonly region: string;
  /** The R2 key of its entry. */
  readonly entry: string;
}

/** What the Durable Object of a set has recorded. */
export interface BlobSetState {
  /** If the set is or was an upload's. */
  readonly upload?: {
    readonly state: "open" | "completing" | "completed" | "aborted";
    readonly bucketId: string;
    readonly region: string;
    readonly key: string;
    readonly uploadId: string;
    /** Milliseconds since 1970. */
    readonly initiatedAt: number;
    /** Ascending, a page of them. */
    readonly parts: readonly PartRecord[];
    /** Of all parts; absent in the answer of an earlier release. */
    readonly partBytes?: number;
  };
  readonly references: readonly (BlobSetReference & { readonly addedAt: number })[];
  /** When a sweep found that no version names it, milliseconds since 1970. */
  readonly deadSince?: number;
  /** Whether it is being removed. */
  readonly isDying: boolean;
}

export interface SweepCommand {
  readonly blobSetId: string;
  readonly region: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly graceMs: number;
}

/** `waiting`: found dead, to be checked again after the grace period. */
export type SweepOutcome = "alive" | "waiting" | "removed";

export function refuse(code: S3ErrorCode, options: Omit<Refusal, "ok" | "code"> = {}): Refusal {
  return { ok: false, code, ...options };
}
