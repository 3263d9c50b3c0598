/**
 * The body of a manifest entry: the blobs, in order. JSON, since R2's dashboard and other tools can then read it:
 * `{"v":1,"b":"<blobSetId>","p":[["<name>",<bytes>], …]}`.
 */
import { type BlobRef, blobKey } from "./blobs.ts";

export interface Manifest {
  readonly v: 1;
  /** Blob set id. */
  readonly b: string;
  /** Name and size in bytes of each blob. */
  readonly p: readonly (readonly [name: string, sizeBytes: number])[];
}

export function encodeManifest(manifest: Manifest): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(manifest));
}

export function decodeManifest(text: string): Manifest {
  return JSON.parse(text) as Manifest;
}

export function manifestBlobs(manifest: Manifest): BlobRef[] {
  return manifest.p.map(([name, sizeBytes]) => ({ key: blobKey(manifest.b, name), sizeBytes }));
}
