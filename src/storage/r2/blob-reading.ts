/** Reading the bytes of manifest objects: pieces of several blobs, one after the other. */
import type { ContentKey } from "../../model/encryption.ts";
import type { ObjectBody } from "../../model/object-body.ts";
import { type Pieces, StreamPieces } from "../../model/pieces.ts";
import { fromR2Error } from "../platform-errors.ts";
import type { BlobSlice } from "./blobs.ts";
import { keyOption } from "./keyed-blobs.ts";

export interface BlobSlices {
  readonly store: R2Bucket;
  readonly slices: readonly BlobSlice[];
  /** Of encrypted blobs. */
  readonly contentKey?: ContentKey | undefined;
}

/**
 * What reads the stream. `answer`: the platform is given its length. `put`: it is not, since the platform never finishes
 * piping one of its own fixed-length streams into another (workerd 1.20261117), which is what a put reads from.
 */
export type BlobReader = "answer" | "put";

/**
 * Streams the slices. The first blob is open when this returns, so that its absence can still be answered with an error.
 * @throws S3Error
 */
export async function streamSlices(from: BlobSlices, reader: BlobReader): Promise<ReadableStream<Uint8Array>> {
  const blobs = new BlobSequence(from);
  const first = await blobs.next();
  if (first === undefined) return new Blob([]).stream();
  if (from.slices.length === 1) return first;
  const sizeBytes = from.slices.reduce((sum, { range }) => sum + range.length, 0);
  const joined = reader === "answer" ? new FixedLengthStream(sizeBytes) : new TransformStream<Uint8Array, Uint8Array>();
  // The reader of `joined` sees every failure, so the pump's own promise is not awaited.
  pump(first, blobs, joined.writable).catch(() => {});
  return joined.readable;
}

/** The slices for a put. As `streamSlices` otherwise. */
export async function readSlices(from: BlobSlices): Promise<ObjectBody["content"]> {
  const blobs = new BlobSequence(from);
  const first = await blobs.next();
  if (first === undefined) return new Blob([]).stream();
  return from.slices.length === 1 ? first : new BlobPieces(first, blobs);
}

/** Opens the slices one after the other; each is requested while the one before it is read. */
class BlobSequence {
  readonly #store: R2Bucket;
  readonly #slices: Iterator<BlobSlice>;
  readonly #contentKey: ContentKey | undefined;
  #requested: Promise<ReadableStream<Uint8Array>> | undefined;

  constructor({ store, slices, contentKey }: BlobSlices) {
    this.#store = store;
    this.#contentKey = contentKey;
    this.#slices = slices.values();
    this.#requested = this.#request();
  }

  /** Undefined after the last slice. @throws S3Error */
  async next(): Promise<ReadableStream<Uint8Array> | undefined> {
    const body = await this.#requested;
    this.#requested = body && this.#request();
    return body;
  }

  /** Frees the slice that has been requested ahead. */
  async cancel(reason: unknown): Promise<void> {
    const requested = this.#requested;
    this.#requested = undefined;
    await requested?.then((body) => body.cancel(reason)).catch(() => {});
  }

  #request(): Promise<ReadableStream<Uint8Array>> | undefined {
    const { done, value } = this.#slices.next();
    if (done) return undefined;
    const opening = openSlice(this.#store, value, this.#contentKey);
    // A rejection is handled when the slice is read; until then it must not count as unhandled.
    opening.catch(() => {});
    return opening;
  }
}

async function pump(
  first: ReadableStream<Uint8Array>,
  blobs: BlobSequence,
  sink: WritableStream<Uint8Array>,
): Promise<void> {
  try {
    for (let body: typeof first | undefined = first; body !== undefined; body = await blobs.next()) {
      await body.pipeTo(sink, { preventClose: true, preventAbort: true });
    }
    await sink.close();
  } catch (error) {
    await Promise.allSettled([sink.abort(error), blobs.cancel(error)]);
  }
}

class BlobPieces implements Pieces {
  #current: StreamPieces;
  readonly #blobs: BlobSequence;

  constructor(first: ReadableStream<Uint8Array>, blobs: BlobSequence) {
    this.#current = new StreamPieces(first);
    this.#blobs = blobs;
  }

  /** @throws S3Error if a blob cannot be opened */
  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const piece = await this.#current.next();
      if (piece !== undefined) return piece;
      const body = await this.#blobs.next();
      if (body === undefined) return undefined;
      this.#current = new StreamPieces(body);
    }
  }

  async cancel(reason: unknown): Promise<void> {
    await Promise.allSettled([this.#current.cancel(reason), this.#blobs.cancel(reason)]);
  }
}

async function openSlice(
  store: R2Bucket,
  { key, range }: BlobSlice,
  contentKey: ContentKey | undefined,
): Promise<ReadableStream<Uint8Array>> {
  const blob = await store
    .get(key, { range: { offset: range.offset, length: range.length }, ...keyOption(contentKey) })
    .catch((error: unknown) => {
      throw fromR2Error(error);
    });
  if (blob === null) throw fromR2Error(new Error(`blob ${key} is missing`));
  return blob.body;
}
