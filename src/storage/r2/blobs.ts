/**
 * Blobs: immutable pieces of manifest objects, `~b/<blobSetId>/<name>`. `~` never begins a bucket id.
 *
 * Each names the entry it was written for, so that a sweep can find out whether anything still refers to it. A manifest, the
 * body of the entry, joins them.
 */
import type { ResolvedRange } from "../../model/byte-range.ts";
import { fromR2Error } from "../platform-errors.ts";
import type { ManifestSummary } from "./entry-record.ts";

export const BLOB_PREFIX = "~b/";

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
 * What the bytes are read for. `answer`: the platform is given their length. `put`: it is not, since the platform never
 * finishes piping one of its own fixed-length streams into another (workerd 1.20261117), which is what a put reads from.
 */
export type BlobReader = "answer" | "put";

/**
 * Streams a range of the blobs' concatenation. The first blob is open when this returns, so that its absence can still be
 * answered with an error; each following one is requested while the one before it is read.
 * @throws S3Error
 */
export async function readBlobs(
  { store, blobs }: { readonly store: R2Bucket; readonly blobs: readonly BlobRef[] },
  range: ResolvedRange,
  reader: BlobReader = "answer",
): Promise<ReadableStream<Uint8Array>> {
  const slices = blobSlices(blobs, range);
  const first = slices[0];
  if (first === undefined) return new Blob([]).stream();
  const opened = await openSlice(store, first);
  if (slices.length === 1) return opened.body;
  const joined =
    reader === "answer" ? new FixedLengthStream(range.length) : new TransformStream<Uint8Array, Uint8Array>();
  // The reader of `joined` sees every failure, so the pump's own promise is not awaited.
  pump({ store, slices, first: opened }, joined.writable).catch(() => {});
  return joined.readable;
}

interface OpenedSlices {
  readonly store: R2Bucket;
  readonly slices: readonly BlobSlice[];
  /** The first of them, open. */
  readonly first: R2ObjectBody;
}

async function pump({ store, slices, first }: OpenedSlices, sink: WritableStream<Uint8Array>): Promise<void> {
  let current = first;
  try {
    for (let index = 0; index < slices.length; index++) {
      const following = slices[index + 1];
      const next = following === undefined ? undefined : openSlice(store, following);
      // A rejection is handled when the slice is read; until then it must not count as unhandled.
      next?.catch(() => {});
      await current.body.pipeTo(sink, { preventClose: true, preventAbort: true });
      if (next !== undefined) current = await next;
    }
    await sink.close();
  } catch (error) {
    await sink.abort(error);
  }
}

async function openSlice(store: R2Bucket, slice: BlobSlice): Promise<R2ObjectBody> {
  const blob = await store
    .get(slice.key, { range: { offset: slice.range.offset, length: slice.range.length } })
    .catch((error: unknown) => {
      throw fromR2Error(error);
    });
  if (blob === null) throw fromR2Error(new Error(`blob ${slice.key} is missing`));
  return blob;
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
