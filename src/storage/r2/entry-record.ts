/**
 * The record in an entry's `customMetadata`: one JSON value under `s3`, at most R2's 8,192 bytes together with its key.
 * Its names are short, since every HEAD and GET transfers them. `docs/storage-schema.md` lists them with their lifetimes.
 */
import { S3Error } from "../../errors.ts";
import type { Acl, AclGrant, AclPermission, Grantee } from "../../model/acl.ts";
import type { Checksum } from "../../model/checksum.ts";
import type { ObjectEncryption } from "../../model/encryption.ts";
import type { ContentHeaders, ObjectAttributes, StorageClass } from "../../model/object.ts";
import type { ObjectLock, RetentionMode } from "../../model/object-lock.ts";
import { hasTags } from "../../model/replication.ts";
import type { VersionToken } from "../../model/version.ts";
import type { WriteTicket } from "../journal/ticket.ts";
import { clusterHead, type EntryPlace } from "./entry-place.ts";

const METADATA_KEY = "s3";
/** R2's limit on `customMetadata`, in bytes of UTF-8. */
export const MAX_METADATA_BYTES = 8_192;

/** What an entry says about its version and those before it. */
export interface VersionLinks {
  /** Token of this version; absent: written while the bucket was not versioned. */
  readonly V: VersionToken;
  /** Token of the version that it replaced. */
  readonly P?: VersionToken;
  /** Token of a null version among the noncurrent ones. */
  readonly N?: VersionToken;
}

export interface EntryRecord extends Partial<VersionLinks> {
  /** Write id: random, new with every write. */
  readonly w: string;
  /** Canonical user id of the owner; absent if it is the bucket's owner. */
  readonly o?: string;
  /** User metadata. */
  readonly m?: Readonly<Record<string, string>>;
  /** Additional checksum: algorithm, value, type. */
  readonly c?: readonly [Checksum["algorithm"], string, Checksum["type"]];
  /** `Expires` as sent; R2's own field keeps dates only. */
  readonly x?: string;
  /** Storage class; absent for STANDARD. */
  readonly s?: StorageClass;
  /** `x-amz-website-redirect-location`. */
  readonly r?: string;
  /** Tags. */
  readonly g?: readonly (readonly [key: string, value: string])[];
  /** ACL; absent if it is the default. */
  readonly a?: readonly EncodedGrant[];
  /** Last-Modified in milliseconds, if the entry was rewritten without the object being written. */
  readonly l?: number;
  /** The whole S3 key, if the R2 key contains a hash of it. */
  readonly k?: string;
  /** 1: a tombstone; reads as absent. */
  readonly t?: 1;
  /** 1: a replication rule applied when it was written; "R": a replica. */
  readonly p?: 1 | "R";
  /** Write id whose replication its status is about, if its class or lock has been changed since; absent: `w`. */
  readonly u?: string;
  /** The state it is a replica of, with `l` as its Last-Modified. Removed once tags or ACL are changed here. */
  readonly v?: readonly [revision: number, etag: string];
  /** Id of the bucket it is a replica from. */
  readonly i?: string;
  /**
   * ETag and Last-Modified (in milliseconds) of the object as it was written, if it has since been copied onto itself to
   * change its class. A conditional completion of a multipart upload still takes it for that object.
   */
  readonly d?: readonly [etag: string, lastModified: number];
  /** 1: written with a condition on what was at the key before. */
  readonly q?: 1;
  /** Encryption of the blobs; absent: R2's own. */
  readonly e?: EncodedEncryption;
  /** Id of the blob set of its annotations; absent: there never was one. */
  readonly A?: string;
  /** Of what a rename has put, at either key. */
  readonly n?: RenameMark;
  /** The object's bytes are blobs; this entry's body is the manifest. */
  readonly f?: ManifestSummary;
  /** 1: a delete marker; reads as absent. */
  readonly D?: 1;
  /** Counts changes of tags, ACL and locks; absent: none. Of a stub: the latest revision it removes; absent: all. */
  readonly R?: number;
  /** Of a record: when the version was replaced, milliseconds since 1970. */
  readonly S?: number;
  /** 1: the version became current when a later one was deleted; its record says whether it has been deleted since. */
  readonly U?: 1;
  /** Retention: the first letter of its mode, and its end in milliseconds since 1970. */
  readonly L?: readonly [mode: "G" | "C", until: number];
  /** Legal hold: 1 on, 0 off; absent if there never was one. */
  readonly H?: 1 | 0;
}

/**
 * Identifies the object at a key. Writing the object changes it; changing its tags, its ACL or its class does not.
 * Plain data, so that it can be sent to a Durable Object and stored there.
 */
export interface ObjectIdentity {
  /** Without quotes. */
  readonly etag: string;
  /** Milliseconds since 1970. */
  readonly lastModified: number;
}

/**
 * By what a repeated rename recognises the first one: digests of its client token and of its parameters, and, at the
 * destination, the ETag, the time in milliseconds and the write id of the object that was renamed.
 */
export type RenameMark = readonly [
  token: string,
  parameters: string,
  renamed?: readonly [etag: string, lastModified: number, writeId: string],
];

/** What HEAD and LIST need to know about a manifest object without reading its body. */
export interface ManifestSummary {
  /** Size in bytes. */
  readonly n: number;
  /** ETag, unquoted. */
  readonly e: string;
  /** The blob set. */
  readonly b: string;
  /** Number of parts; absent if it was not uploaded in parts. */
  readonly k?: number;
  /** Names and sizes of the blobs, if they are few enough. */
  readonly p?: readonly (readonly [name: string, sizeBytes: number])[];
}

/** @throws S3Error `InvalidRequest` if an ACL and everything else do not fit together */
export function encodeRecord(record: EntryRecord): Record<string, string> {
  const json = JSON.stringify(record);
  if (fits(json)) return { [METADATA_KEY]: json };
  // The manifest has the list of blobs as well.
  if (record.f?.p !== undefined) {
    const { p: _, ...facts } = record.f;
    return encodeRecord({ ...record, f: facts });
  }
  if (record.a === undefined) return { [METADATA_KEY]: json };
  throw new S3Error("InvalidRequest", {
    message: "The access control list is too long to be stored with the object's other metadata.",
  });
}

/** @throws S3Error as `encodeRecord` */
export function fitsEncoded(record: EntryRecord): boolean {
  return Object.values(encodeRecord(record)).every(fits);
}

function fits(json: string): boolean {
  // A character is at most 3 bytes per UTF-16 unit, so most records need no encoding.
  if (json.length * 3 + METADATA_KEY.length <= MAX_METADATA_BYTES) return true;
  return new TextEncoder().encode(json).byteLength + METADATA_KEY.length <= MAX_METADATA_BYTES;
}

/** An object that was put into the R2 bucket by other means has no record; R2's own attributes are served. */
export const NO_RECORD: EntryRecord = { w: "" };

export function decodeRecord(customMetadata: Readonly<Record<string, string>> | undefined): EntryRecord {
  const json = customMetadata?.[METADATA_KEY];
  return json === undefined ? NO_RECORD : (JSON.parse(json) as EntryRecord);
}

/** What an entry records about a write, in addition to the attributes that the client sets. */
export interface EntryFacts {
  readonly ticket: WriteTicket;
  readonly checksum: Checksum | undefined;
  readonly manifest?: ManifestSummary | undefined;
  /** Only if it differs from the time of the write, which then did not change the bytes. */
  readonly lastModified?: Date | undefined;
  /** Whether the object was a replica before this change of its entry. */
  readonly wasReplica?: boolean | undefined;
  /** The write id by which the object's replication is known, before this change of its entry. */
  readonly replicatedAs?: string | undefined;
  /** Id of the bucket it was a replica from. */
  readonly sourceId?: string | undefined;
  /** The object from which this one differs only in its class, tags or ACL, if its Last-Modified differs too. */
  readonly identity?: ObjectIdentity | undefined;
  /** Whether the write had a condition on what was at the key before. */
  readonly isConditional?: boolean | undefined;
  /** In a bucket that is or was versioned. */
  readonly version?: EntryVersion | undefined;
  /** If a rename has put it. */
  readonly renamed?: RenameMark | undefined;
}

/** The version that an entry is: of a new one the links, of a changed one also its revision and its place. */
export type EntryVersion = Pick<EntryRecord, "V" | "P" | "N" | "R" | "S" | "U">;

export function toRecord(
  { key, bucketOwnerId }: Pick<EntryPlace, "key" | "bucketOwnerId">,
  attributes: ObjectAttributes,
  facts: EntryFacts,
): EntryRecord {
  const { checksum, ticket } = facts;
  const { replicaOf } = ticket;
  const isReplica = replicaOf !== undefined || facts.wasReplica === true;
  const lastModified = replicaOf?.lastModified ?? facts.lastModified?.getTime();
  const sourceId = replicaOf === undefined ? facts.sourceId : replicaOf.source;
  // No rule applies to the change, so the object's status stays.
  const isStillSource = !isReplica && ticket.replicateIf === undefined && facts.replicatedAs !== undefined;
  const isToReplicate = !isReplica && ticket.replicateIf?.some((tags) => hasTags(attributes.tags, tags));
  return {
    w: ticket.writeId,
    ...(attributes.ownerId !== bucketOwnerId && { o: attributes.ownerId }),
    ...(Object.keys(attributes.userMetadata).length > 0 && { m: attributes.userMetadata }),
    ...(checksum !== undefined && { c: [checksum.algorithm, checksum.value, checksum.type] as const }),
    ...(attributes.content.expires !== undefined && { x: attributes.content.expires }),
    ...(attributes.storageClass !== "STANDARD" && { s: attributes.storageClass }),
    ...(attributes.websiteRedirectLocation !== undefined && { r: attributes.websiteRedirectLocation }),
    ...(attributes.tags.length > 0 && { g: attributes.tags.map(({ key, value }) => [key, value] as const) }),
    ...(attributes.acl !== undefined && { a: encodeAcl(attributes.acl, attributes.ownerId) }),
    ...(attributes.lock !== undefined && encodeLock(attributes.lock)),
    ...(attributes.encryption !== undefined && { e: encodeEncryption(attributes.encryption) }),
    ...(attributes.annotations !== undefined && { A: attributes.annotations }),
    ...(lastModified !== undefined && { l: lastModified }),
    ...(clusterHead(key) !== undefined && { k: key }),
    ...(isReplica && { p: "R" as const }),
    ...(replicaOf !== undefined && { v: [replicaOf.revision, replicaOf.etag] as const }),
    ...(isReplica && sourceId !== undefined && { i: sourceId }),
    ...(isToReplicate && { p: 1 as const }),
    ...(isStillSource && { p: 1 as const, u: facts.replicatedAs }),
    ...(facts.identity !== undefined && { d: [facts.identity.etag, facts.identity.lastModified] as const }),
    ...(facts.isConditional === true && { q: 1 as const }),
    ...(facts.manifest !== undefined && { f: facts.manifest }),
    ...(facts.renamed !== undefined && { n: facts.renamed }),
    ...facts.version,
  };
}

/** R2 has fields for five of the six system headers, which its dashboard shows. */
export function toHttpMetadata(content: ContentHeaders): R2HTTPMetadata {
  return {
    contentType: content.contentType,
    ...(content.cacheControl !== undefined && { cacheControl: content.cacheControl }),
    ...(content.contentDisposition !== undefined && { contentDisposition: content.contentDisposition }),
    ...(content.contentEncoding !== undefined && { contentEncoding: content.contentEncoding }),
    ...(content.contentLanguage !== undefined && { contentLanguage: content.contentLanguage }),
  };
}

export function fromHttpMetadata(http: R2HTTPMetadata | undefined, expires: string | undefined): ContentHeaders {
  return {
    contentType: http?.contentType ?? "binary/octet-stream",
    ...(http?.cacheControl !== undefined && { cacheControl: http.cacheControl }),
    ...(http?.contentDisposition !== undefined && { contentDisposition: http.contentDisposition }),
    ...(http?.contentEncoding !== undefined && { contentEncoding: http.contentEncoding }),
    ...(http?.contentLanguage !== undefined && { contentLanguage: http.contentLanguage }),
    ...(expires !== undefined && { expires }),
  };
}

/**
 * A grant of an ACL in short form: one letter for the permission, then the grantee. `F` without a grantee: full control for
 * the object's owner. `R*`: everyone may read. A hundred grants to accounts are 6.8 KB, which is most of what an entry's
 * metadata may hold.
 */
export type EncodedGrant = string;

const PERMISSIONS: Readonly<Record<AclPermission, string>> = {
  FULL_CONTROL: "F",
  READ: "R",
  WRITE: "W",
  READ_ACP: "r",
  WRITE_ACP: "w",
};

const GROUPS: Readonly<Record<Exclude<Grantee["kind"], "canonical-user">, string>> = {
  "all-users": "*",
  "authenticated-users": "+",
  "log-delivery": "^",
};

export function encodeAcl(acl: Acl, ownerId: string): readonly EncodedGrant[] {
  return acl.map(({ permission, grantee }) => PERMISSIONS[permission] + encodeGrantee(grantee, ownerId));
}

function encodeGrantee(grantee: Grantee, ownerId: string): string {
  if (grantee.kind !== "canonical-user") return GROUPS[grantee.kind];
  return grantee.id === ownerId ? "" : grantee.id;
}

export function decodeAcl(encoded: readonly EncodedGrant[], ownerId: string): Acl {
  return encoded.flatMap((text): AclGrant[] => {
    const permission = keyOf(PERMISSIONS, text.charAt(0));
    // A permission that only a later release knows grants nothing.
    return permission === undefined ? [] : [{ grantee: decodeGrantee(text.slice(1), ownerId), permission }];
  });
}

function decodeGrantee(text: string, ownerId: string): Grantee {
  const kind = keyOf(GROUPS, text);
  return kind === undefined ? { kind: "canonical-user", id: text === "" ? ownerId : text } : { kind };
}

const MODES: Readonly<Record<RetentionMode, "G" | "C">> = { GOVERNANCE: "G", COMPLIANCE: "C" };

function encodeLock({ retention, hasLegalHold }: ObjectLock): Pick<EntryRecord, "L" | "H"> {
  return {
    ...(retention !== undefined && { L: [MODES[retention.mode], retention.until] as const }),
    ...(hasLegalHold !== undefined && { H: hasLegalHold ? 1 : 0 }),
  };
}

/** Undefined if the version was never locked. */
export function decodeLock({ L: retention, H: legalHold }: EntryRecord): ObjectLock | undefined {
  if (retention === undefined && legalHold === undefined) return undefined;
  // Whatever is not governance is the stricter mode.
  return {
    ...(retention !== undefined && {
      retention: { mode: retention[0] === MODES.GOVERNANCE ? "GOVERNANCE" : "COMPLIANCE", until: retention[1] },
    }),
    ...(legalHold !== undefined && { hasLegalHold: legalHold === 1 }),
  };
}

/** With a customer's key and its proof, or with a data key and the ARN of the deployment's key. */
export type EncodedEncryption =
  | readonly ["C", proof: string]
  | readonly ["K", sealed: string, keyArn: string, usesBucketKey: 0 | 1, context?: string, since?: number];

function encodeEncryption(encryption: ObjectEncryption): EncodedEncryption {
  if (encryption.kind === "customer-key") return ["C", encryption.proof];
  const { sealed, keyArn, usesBucketKey, context, since } = encryption;
  const flag = usesBucketKey === true ? 1 : 0;
  if (since !== undefined) return ["K", sealed, keyArn, flag, context ?? "", since];
  return context === undefined ? ["K", sealed, keyArn, flag] : ["K", sealed, keyArn, flag, context];
}

/** Undefined for an object that only R2 encrypts. */
export function decodeEncryption({ e: encoded }: EntryRecord): ObjectEncryption | undefined {
  if (encoded === undefined) return undefined;
  if (encoded[0] === "C") return { kind: "customer-key", proof: encoded[1] };
  const [, sealed, keyArn, usesBucketKey, context = "", since] = encoded;
  return {
    kind: "data-key",
    sealed,
    keyArn,
    ...(usesBucketKey === 1 && { usesBucketKey: true }),
    ...(context !== "" && { context }),
    ...(since !== undefined && { since }),
  };
}

function keyOf<Key extends string>(table: Readonly<Record<Key, string>>, value: string): Key | undefined {
  return (Object.keys(table) as Key[]).find((key) => table[key] === value);
}
