/**
 * Writing a body whose length is known only at its end, although R2 needs it first. The bytes that are certain to come are
 * streamed into a first blob; the few that are left fit into memory and make a second one. A manifest joins them.
 */
import { createHash, type Hash } from "node:crypto";
import { S3Error } from "../../errors.ts";
import type { ObjectBody, UnmeasuredBody } from "../../model/object-body.ts";
import { newBlobSetId } from "../../model/random-ids.ts";
import { callR2 } from "../platform-errors.ts";
import { blobKey, type Manifest, type ManifestPart, summarizeManifest } from "./blobs.ts";
import { commitManifest, r2StorageClass } from "./commit.ts";
import type { PutOutcome, Write } from "./put.ts";
import { asBodyError, BUFFERED_BYTES, putBytes, requireStored, streamBody } from "./write.ts";

/** Reads a small body whole, after which its length is known. */
export async function measureBody(body: UnmeasuredBody): Promise<ObjectBody> {
  const bytes = await readRest(body.stream.getReader(), body);
  return {
    sizeBytes: bytes.byteLength,
    stream: new Blob([bytes]).stream(),
    delegated: undefined,
    checksum: body.checksum,
    failure: () => undefined,
  };
}

/** Three R2 calls. @throws S3Error whatever the body's verification found */
export async function putInTwoBlobs(write: Write, body: UnmeasuredBody): Promise<PutOutcome> {
  const { place, attributes, ticket } = write;
  const blobSetId = newBlobSetId();
  const written = await writeBlobs(write, body, blobSetId);
  const manifest: Manifest = { v: 1, b: blobSetId, p: written.parts };
  const facts = summarizeManifest(manifest, { sizeBytes: written.sizeBytes, etag: written.etag, isUpload: false });
  const checksum = body.checksum.when === "never" ? undefined : body.checksum.checksum;
  const object = { attributes, manifest, facts: { checksum, manifest: facts, ticket } };
  const stored = await commitManifest(place, object, {});
  return { etag: written.etag, checksum, sizeBytes: written.sizeBytes, lastModified: stored.uploaded };
}

async function writeBlobs(
  { place: { store, r2Key }, attributes }: Write,
  body: UnmeasuredBody,
  blobSetId: string,
): Promise<{ parts: readonly ManifestPart[]; sizeBytes: number; etag: string }> {
  if (body.maxBytes - body.minBytes > BUFFERED_BYTES) throw new Error("the body's length is too uncertain");
  const options = { customMetadata: { entry: r2Key }, ...r2StorageClass(attributes) };
  const md5 = createHash("md5");
  const reader = hashingReader(body.stream, md5);
  const first = { store, r2Key: blobKey(blobSetId, "1") };
  requireStored(await streamBody(first, beginning(reader, body), options));
  const parts: ManifestPart[] = [["1", body.minBytes]];
  try {
    const bytes = await readRest(reader, body);
    if (bytes.byteLength > 0) {
      await putBytes({ store, r2Key: blobKey(blobSetId, "2") }, { bytes }, options);
      parts.push(["2", bytes.byteLength]);
    }
    return { parts, sizeBytes: body.minBytes + bytes.byteLength, etag: md5.digest("hex") };
  } catch (error) {
    // No entry names the blob, and none will. If this fails too, the sweep removes it.
    await callR2(store.delete(first.r2Key)).catch(() => undefined);
    throw error;
  }
}

interface PieceReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(reason: unknown): Promise<void>;
}

interface HashingReader extends PieceReader {
  /** Puts the end of a piece back, to be read again. */
  unread(piece: Uint8Array): void;
}

function hashingReader(stream: ReadableStream<Uint8Array>, hash: Hash): HashingReader {
  const reader = stream.getReader();
  let kept: Uint8Array | undefined;
  return {
    async read() {
      if (kept !== undefined) {
        const value = kept;
        kept = undefined;
        return { done: false, value };
      }
      const { done, value } = await reader.read();
      if (value !== undefined) hash.update(value);
      return { done, value };
    },
    unread(piece) {
      kept = piece;
    },
    cancel: (reason) => reader.cancel(reason),
  };
}

/** The bytes that are certain to come, as a body of their own. */
function beginning(reader: HashingReader, body: UnmeasuredBody): ObjectBody {
  let left = body.minBytes;
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value } = await reader.read();
        if (value === undefined) throw new S3Error("IncompleteBody");
        const taken = value.subarray(0, left);
        if (taken.length < value.length) reader.unread(value.subarray(taken.length));
        left -= taken.length;
        controller.enqueue(taken);
        if (left === 0) controller.close();
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return {
    sizeBytes: body.minBytes,
    stream,
    delegated: undefined,
    checksum: { when: "never" },
    failure: () => body.failure(),
  };
}

/** @throws S3Error */
async function readRest(reader: PieceReader, body: UnmeasuredBody): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  try {
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      if (value !== undefined) pieces.push(value);
    }
  } catch (cause) {
    throw body.failure() ?? asBodyError(cause);
  }
  return new Blob(pieces).bytes();
}
