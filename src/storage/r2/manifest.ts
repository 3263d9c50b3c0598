/**
 * Manifests: which blobs make up an object, in order.
 *
 * The body of the entry is JSON, since R2's dashboard and other tools can then read it:
 * `{"v":1,"w":"<writeId>","b":"<blobSetId>","p":[["<name>",<bytes>,"<checksum>"?], …]}`. Short lists are also kept in the
 * entry's metadata, so that a range read needs only the entry's metadata and the blobs it covers. The id of the write makes
 * the body, and so R2's ETag, unique to one write (`unchanged.ts`); manifests of earlier releases have no such id.
 */
import { type BlobRef, blobKey } from "./blobs.ts";
import type { ManifestFacts } from "./entry-record.ts";

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
export function manifestFacts(
  manifest: Manifest,
  options: { sizeBytes: number; etag: string; isUpload: boolean },
): ManifestFacts {
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
