/**
 * Writing a body whose length is known only at its end, although R2 needs it first. The bytes that are certain to come are
 * streamed into a first blob; the few that are left fit into memory and make a second one. A manifest joins them.
 */
import { createHash, type Hash } from "node:crypto";
import { S3Error } from "../../errors.ts";
import type { ObjectBody, UnmeasuredBody } from "../../model/object-body.ts";
import type { Pieces } from "../../model/pieces.ts";
import { newBlobSetId, newOpaqueETag } from "../../model/random-ids.ts";
import type { VersionToken } from "../../model/version.ts";
import { callR2 } from "../platform-errors.ts";
import { proposeToken } from "../versions/commit-version.ts";
import { blobKey, type Manifest, type ManifestPart, ownedBy, summarizeManifest } from "./blobs.ts";
import { commitManifest } from "./commit.ts";
import { r2StorageClass } from "./entry-options.ts";
import { keyOfWrite, keyOption } from "./keyed-blobs.ts";
import { outcomeOf, type PutOutcome, type Write } from "./put.ts";
import { asBodyError, BUFFERED_BYTES, putBytes, requireStored, streamBody } from "./write.ts";

/** Reads a small body whole, after which its length is known. */
export async function measureBody(body: UnmeasuredBody): Promise<ObjectBody> {
  const bytes = await readRest(body.content, body);
  return {
    sizeBytes: bytes.byteLength,
    content: new Blob([bytes]).stream(),
    delegated: undefined,
    checksum: body.checksum,
    failure: () => undefined,
  };
}

/** Three R2 calls. @throws S3Error whatever the body's verification found */
export async function putInTwoBlobs(write: Write, body: UnmeasuredBody): Promise<PutOutcome> {
  const { place, attributes, ticket } = write;
  const blobSetId = newBlobSetId();
  const token = proposeToken(place);
  const written = await writeBlobs(write, body, { blobSetId, version: token });
  const manifest: Manifest = { v: 1, b: blobSetId, p: written.parts };
  const facts = summarizeManifest(manifest, { sizeBytes: written.sizeBytes, etag: written.etag, isUpload: false });
  const checksum = body.checksum.when === "never" ? undefined : body.checksum.checksum;
  const object = { attributes, manifest, facts: { checksum, manifest: facts, ticket } };
  const committed = await commitManifest(place, object, { token });
  return { etag: written.etag, checksum, sizeBytes: written.sizeBytes, ...outcomeOf(committed) };
}

async function writeBlobs(
  { place: { store, r2Key }, attributes, contentKey }: Write,
  body: UnmeasuredBody,
  { blobSetId, version }: { readonly blobSetId: string; readonly version: VersionToken | undefined },
): Promise<{ parts: readonly ManifestPart[]; sizeBytes: number; etag: string }> {
  if (body.maxBytes - body.minBytes > BUFFERED_BYTES) throw new Error("the body's length is too uncertain");
  const { encryption } = attributes;
  const options = {
    customMetadata: ownedBy({ entry: r2Key, version }),
    ...r2StorageClass(attributes),
    ...keyOption(keyOfWrite({ encryption, contentKey })),
  };
  const md5 = createHash("md5");
  const pieces = repeatable(body.content, md5);
  const first = { store, r2Key: blobKey(blobSetId, "1") };
  requireStored(await streamBody(first, beginning(pieces, body), options));
  const parts: ManifestPart[] = [["1", body.minBytes]];
  try {
    const bytes = await readRest(pieces, body);
    if (bytes.byteLength > 0) {
      await putBytes({ store, r2Key: blobKey(blobSetId, "2") }, { bytes }, options);
      parts.push(["2", bytes.byteLength]);
    }
    const etag = encryption === undefined ? md5.digest("hex") : newOpaqueETag();
    return { parts, sizeBytes: body.minBytes + bytes.byteLength, etag };
  } catch (error) {
    // No entry names the blob, and none will. If this fails too, the sweep removes it.
    await callR2(store.delete(first.r2Key)).catch(() => undefined);
    throw error;
  }
}

/** Pieces of which the last one can be put back. */
export interface RepeatablePieces extends Pieces {
  /** Puts the end of the last piece back, to be read again. */
  unread(piece: Uint8Array): void;
}

/** @param hash to be updated with all pieces */
export function repeatable(pieces: Pieces, hash?: Hash): RepeatablePieces {
  let kept: Uint8Array | undefined;
  return {
    async next() {
      if (kept !== undefined) {
        const piece = kept;
        kept = undefined;
        return piece;
      }
      const piece = await pieces.next();
      if (piece !== undefined) hash?.update(piece);
      return piece;
    },
    unread(piece) {
      kept = piece;
    },
    cancel: (reason) => pieces.cancel(reason),
  };
}

/** The bytes that are certain to come, as a body of their own. */
export function beginning(pieces: RepeatablePieces, body: UnmeasuredBody): ObjectBody {
  let left = body.minBytes;
  const content: Pieces = {
    async next() {
      if (left === 0) return undefined;
      const piece = await pieces.next();
      if (piece === undefined) throw new S3Error("IncompleteBody");
      const taken = piece.subarray(0, left);
      if (taken.length < piece.length) pieces.unread(piece.subarray(taken.length));
      left -= taken.length;
      return taken;
    },
    // The rest is still wanted when the beginning has been stored.
    cancel: async (reason) => {
      if (left > 0) await pieces.cancel(reason);
    },
  };
  return {
    sizeBytes: body.minBytes,
    content,
    delegated: undefined,
    checksum: { when: "never" },
    failure: () => body.failure(),
  };
}

/** @throws S3Error whatever the body's verification found */
export async function readRest(from: Pieces, body: UnmeasuredBody): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  try {
    for (let piece = await from.next(); piece !== undefined; piece = await from.next()) pieces.push(piece.slice());
  } catch (cause) {
    throw body.failure() ?? asBodyError(cause);
  }
  return new Blob(pieces).bytes();
}
