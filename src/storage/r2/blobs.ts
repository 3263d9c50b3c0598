/**
 * Blobs: immutable pieces of manifest objects, `~b/<blobSetId>/<name>`. `~` never begins a bucket id.
 *
 * Each names the entry it was written for, so that a sweep can find out whether anything still refers to it. A manifest, the
 * body of the entry, joins them.
 */
import type { ResolvedRange } from "../../model/byte-range.ts";
import type { VersionToken } from "../../model/version.ts";
import type { ManifestSummary } from "./entry-record.ts";

export const BLOB_PREFIX = "~b/";

/** A key of which a version may name a blob set. */
export interface NamingKey {
  /** The R2 key of the entry. */
  readonly entry: string;
  /** The token that the version has, unless a version with a later one was at the key when it was put. */
  readonly version?: VersionToken | undefined;
}

/** The metadata of a blob that is written for a version of a key. */
export function ownedBy({ entry, version }: NamingKey): Record<string, string> {
  return { entry, ...(version !== undefined && { version }) };
}

/** The key for which a blob was written; undefined if it was put into R2 by other means. */
export function ownerOf(blob: R2Object | undefined): NamingKey | undefined {
  const { entry, version } = blob?.customMetadata ?? {};
  return entry === undefined ? undefined : { entry, version };
}

export interface BlobRef {
  readonly key: string;
  readonly sizeBytes: number;
}

export function blobKey(blobSetId: string, name: string): string {
  return blobSetPrefix(blobSetId) + name;
}

export function blobSetPrefix(blobSetId: string): string {
  return `${BLOB_PREFIX}${blobSetId}/`;
}

export interface BlobSlice {
  readonly key: string;
  readonly range: ResolvedRange;
}

/** The pieces of the blobs that a range of their concatenation covers, in order. */
export function blobSlices(blobs: readonly BlobRef[], range: ResolvedRange): BlobSlice[] {
  const slices: BlobSlice[] = [];
  const end = range.offset + range.length;
  let start = 0;
  for (const blob of blobs) {
    const from = Math.max(range.offset, start);
    const to = Math.min(end, start + blob.sizeBytes);
    if (from < to) slices.push({ key: blob.key, range: { offset: from - start, length: to - from } });
    start += blob.sizeBytes;
    if (start >= end) break;
  }
  return slices;
}

/**
 * A manifest: the blobs that make up an object, in order.
 *
 * The body of the entry is JSON, since R2's dashboard and other tools can then read it:
 * `{"v":1,"w":"<writeId>","b":"<blobSetId>","p":[["<name>",<bytes>,"<checksum>"?], …]}`. Short lists are also kept in the
 * entry's metadata, so that a range read needs only the entry's metadata and the blobs it covers. The id of the write makes
 * the body, and so R2's ETag, unique to one write (`unchanged.ts`); manifests of earlier releases have no such id.
 */
export interface Manifest {
  readonly v: 1;
  /** Blob set id. */
  readonly b: string;
  readonly p: readonly ManifestPart[];
}

/** Blob name, size in bytes, and the part's checksum (base64) if it has one. */
export type ManifestPart = readonly [name: string, sizeBytes: number, checksum?: string];

/** Longest list, as JSON, that is repeated in the metadata: some sixty parts. */
export const MAX_EMBEDDED_LENGTH = 1_500;

export function encodeManifest({ v, b, p }: Manifest, writeId: string): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ v, w: writeId, b, p }));
}

export function decodeManifest(text: string): Manifest {
  return JSON.parse(text) as Manifest;
}

/** @param options.isUpload whether the pieces are parts a client uploaded and may ask for by number */
export function summarizeManifest(
  manifest: Manifest,
  options: { sizeBytes: number; etag: string; isUpload: boolean },
): ManifestSummary {
  const names = manifest.p.map(([name, sizeBytes]) => [name, sizeBytes] as const);
  return {
    n: options.sizeBytes,
    e: options.etag,
    b: manifest.b,
    ...(options.isUpload && { k: manifest.p.length }),
    ...(JSON.stringify(names).length <= MAX_EMBEDDED_LENGTH && { p: names }),
  };
}

export function toBlobRefs(blobSetId: string, parts: readonly ManifestPart[]): BlobRef[] {
  return parts.map(([name, sizeBytes]) => ({ key: blobKey(blobSetId, name), sizeBytes }));
}
