/** An R2 object of an adopted bucket, as S3 shows it: what R2 says of it, and what a valid record adds. */
import { RESERVED_METADATA } from "../../model/adopted.ts";
import type { ContentHeaders, StorageClass, StoredObject } from "../../model/object.ts";
import type { Entry } from "../r2/entry.ts";
import { decodeAcl, fromHttpMetadata, NO_RECORD, toHttpMetadata } from "../r2/entry-record.ts";
import type { AdoptedPlace } from "./adopted-stores.ts";
import type { AdoptedRecord } from "./metadata-record.ts";

export function toStoredObject(
  { r2Key, bucketOwnerId }: Pick<AdoptedPlace, "r2Key" | "bucketOwnerId">,
  found: R2Object,
  record: AdoptedRecord | undefined,
): StoredObject {
  const ownerId = record?.o ?? bucketOwnerId;
  const time = found.uploaded.getTime();
  return {
    key: r2Key,
    sizeBytes: found.size,
    etag: found.etag,
    lastModified: found.uploaded,
    content: fromHttpMetadata(found.httpMetadata, expiresOf(found.httpMetadata, record)),
    userMetadata: toUserMetadata(found.customMetadata),
    storageClass: storageClassOf(found),
    ownerId,
    state: { lastModified: time, revision: time, etag: found.etag },
    tags: (record?.g ?? []).map(([key, value]) => ({ key, value })),
    ...(record?.a !== undefined && { acl: decodeAcl(record.a, ownerId) }),
    ...(record?.r !== undefined && { websiteRedirectLocation: record.r }),
    ...(record?.c !== undefined && { checksum: { algorithm: record.c[0], value: record.c[1], type: record.c[2] } }),
  };
}

/** The same R2 object as an entry, which it is not: its bytes are the object's, and nothing in its metadata is trusted. */
export function toEntry(found: R2Object, record: AdoptedRecord | undefined): Entry {
  return {
    key: found.key,
    etag: found.etag,
    sizeBytes: found.size,
    isTombstone: false,
    isDeleteMarker: false,
    isAbsent: false,
    isManifest: false,
    record: record === undefined ? NO_RECORD : { w: record.w },
  };
}

/** The simulator names no class. */
export function storageClassOf({ storageClass }: R2Object): StorageClass {
  return storageClass === "InfrequentAccess" ? "STANDARD_IA" : "STANDARD";
}

/** Names as S3 has them: in lower case. Of two that differ only in case, one is shown. */
function toUserMetadata(custom: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> {
  const entries = Object.entries(custom ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const);
  return Object.fromEntries(entries.filter(([name]) => name !== RESERVED_METADATA));
}

/** R2's six fields, so that whatever else reads the object has the same headers. */
export function toR2Headers(content: ContentHeaders): R2HTTPMetadata {
  const http = toHttpMetadata(content);
  const expiry = Date.parse(content.expires ?? "");
  return Number.isNaN(expiry) ? http : { ...http, cacheExpiry: new Date(expiry) };
}

/** R2's date is what others see. The text that was sent is in the record if it is no date, or another form of that date. */
function expiresOf(http: R2HTTPMetadata | undefined, record: AdoptedRecord | undefined): string | undefined {
  const sent = record?.x;
  const expiry = http?.cacheExpiry;
  if (expiry === undefined) return sent;
  const isSame = sent !== undefined && toSeconds(Date.parse(sent)) === toSeconds(expiry.getTime());
  return isSame ? sent : expiry.toUTCString();
}

function toSeconds(time: number): number {
  return Math.floor(time / 1000);
}
