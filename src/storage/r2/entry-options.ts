/** What a put of an entry sends to R2 besides its bytes. */
import { digestHex } from "../../checksum/hasher.ts";
import type { ObjectAttributes } from "../../model/object.ts";
import { LONGEST_TICKET, type WriteTicket } from "../journal/ticket.ts";
import { clusterHead, type EntryPlace } from "./entry-place.ts";
import { type EntryFacts, encodeRecord, toHttpMetadata, toRecord } from "./entry-record.ts";

export function entryOptions(place: EntryPlace, attributes: ObjectAttributes, facts: EntryFacts): R2PutOptions {
  const record = toRecord(place, attributes, facts);
  return {
    httpMetadata: toHttpMetadata(attributes.content),
    customMetadata: encodeRecord(record),
    // A manifest is read with every HEAD: it stays in the standard class, and its blobs have the object's.
    ...(facts.manifest === undefined && r2StorageClass(attributes)),
  };
}

const LONGEST_TOKEN = "x".repeat(32);

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
 * @throws S3Error `InvalidRequest`
 */
export function requireRoom(place: EntryPlace, attributes: ObjectAttributes): void {
  entryOptions(place, attributes, LONGEST_FACTS);
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
