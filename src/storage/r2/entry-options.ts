/** What a put of an entry sends to R2 besides its bytes. */
import { digestHex } from "../../checksum/hasher.ts";
import { S3Error } from "../../errors.ts";
import type { ObjectAttributes } from "../../model/object.ts";
import { LONGEST_TICKET, type WriteTicket } from "../journal/ticket.ts";
import { headOfKey } from "../versions/record-key.ts";
import { clusterHead, type EntryPlace } from "./entry-place.ts";
import {
  type EntryFacts,
  type EntryRecord,
  encodeRecord,
  fitsEncoded,
  toHttpMetadata,
  toRecord,
} from "./entry-record.ts";

/** @throws S3Error `InvalidRequest`, `MetadataTooLarge` if the version's record would have no room for all of it */
export function entryOptions(place: EntryPlace, attributes: ObjectAttributes, facts: EntryFacts): R2PutOptions {
  const record = toRecord(place, attributes, facts);
  if (facts.version !== undefined) requireRoomInRecord(place, record);
  return {
    httpMetadata: toHttpMetadata(attributes.content),
    customMetadata: encodeRecord(record),
    // A manifest is read with every HEAD: it stays in the standard class, and its blobs have the object's.
    ...(facts.manifest === undefined && r2StorageClass(attributes)),
  };
}

const LONGEST_TOKEN = "x".repeat(32);

/** What a version's entry or record may have in addition to what its write puts. */
const LONGEST_STATE: Partial<EntryRecord> = {
  N: LONGEST_TOKEN,
  P: LONGEST_TOKEN,
  R: 1e6,
  S: 1e12,
  U: 1,
  l: 1e12,
  L: ["C", 8.64e15],
  H: 1,
};

/** A version that does not fit into its record could not be kept, and its key could not be written again. */
function requireRoomInRecord({ key }: EntryPlace, record: EntryRecord): void {
  const name = headOfKey(key) === undefined ? {} : { k: key };
  if (!fitsEncoded({ ...LONGEST_STATE, ...record, ...name })) throw new S3Error("MetadataTooLarge");
}

/** The longest values that the completion of an upload adds to what is known when it is created. */
const LONGEST_FACTS: EntryFacts = {
  // A SHA-512 in base64, and the number of parts.
  checksum: { algorithm: "SHA512", value: "x".repeat(94), type: "FULL_OBJECT" },
  manifest: { n: 5 * 1024 ** 4, e: "x".repeat(38), b: "x".repeat(27), k: 10_000 },
  ticket: LONGEST_TICKET,
  version: { V: LONGEST_TOKEN, P: LONGEST_TOKEN, N: LONGEST_TOKEN, R: 1e6, S: 1e12, U: 1 },
};

/**
 * Checks that an upload's attributes will fit into its entry, before any part is sent.
 * @throws S3Error `InvalidRequest`; `MetadataTooLarge` in a bucket that keeps versions
 */
export function requireRoom(place: EntryPlace, attributes: ObjectAttributes): void {
  const record = toRecord(place, attributes, LONGEST_FACTS);
  encodeRecord(record);
  if (place.versioning !== undefined) requireRoomInRecord(place, record);
}

/**
 * Whether a listing can show the object from R2's own row and the bucket only. All other entries have R2's SHA-512, which
 * `list()` shows without metadata; it marks entries whose record must be read.
 */
export function isPlain(place: EntryPlace, attributes: ObjectAttributes, ticket: WriteTicket): boolean {
  return (
    // Its Last-Modified is not R2's.
    ticket.replicaOf === undefined &&
    attributes.storageClass === "STANDARD" &&
    attributes.ownerId === place.bucketOwnerId &&
    clusterHead(place.key) === undefined
  );
}

export function markForListing(bytes: Uint8Array): { sha512: string } {
  return { sha512: digestHex("sha512", bytes) };
}

/** Another digest, so that a listing skips any number of tombstones without reading one of them. */
export function markTombstone(bytes: Uint8Array): { sha384: string } {
  return { sha384: digestHex("sha384", bytes) };
}

export function r2StorageClass(attributes: Pick<ObjectAttributes, "storageClass">): { storageClass?: string } {
  return attributes.storageClass === "STANDARD_IA" ? { storageClass: "InfrequentAccess" } : {};
}
