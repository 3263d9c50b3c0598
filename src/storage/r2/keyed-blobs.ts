/**
 * Blobs that R2 encrypts with a key which it does not keep (`ssecKey`). Only blobs are: entries and records of versions are put
 * and read without a key, so tags, ACL, locks and versions are handled without it.
 *
 * What R2 says about an encrypted blob is not relied on: neither its ETag, which need not be the MD5 of the bytes, nor its check
 * of a digest. The digests are verified here, and the ETag is random, as that of such an object on AWS is no MD5 either
 * (API_Object, "ETag").
 */
import { parseHex } from "../../checksum/digests.ts";
import { createHasher } from "../../checksum/hasher.ts";
import type { S3Error } from "../../errors.ts";
import { type ContentKey, isSameEncryption, type WriteEncryption } from "../../model/encryption.ts";
import type { ObjectBody } from "../../model/object-body.ts";
import { type Pieces, toPieces } from "../../model/pieces.ts";
import { newOpaqueETag } from "../../model/random-ids.ts";
import { callR2 } from "../platform-errors.ts";
import type { R2Location } from "./entry-place.ts";
import { BUFFERED_BYTES, putBytes, readBody, requireStored, streamBody } from "./write.ts";

/** R2's option for the key of a put or get; nothing without a key. */
export function keyOption(contentKey: ContentKey | undefined): { ssecKey?: ArrayBuffer } {
  return contentKey === undefined ? {} : { ssecKey: contentKey.expose().buffer };
}

/**
 * The key to put an object's bytes with.
 * @throws Error unless there is one exactly if the object says that it is encrypted
 */
export function keyOfWrite({ encryption, contentKey }: WriteEncryption): ContentKey | undefined {
  if ((encryption === undefined) === (contentKey === undefined)) return contentKey;
  throw new Error(encryption === undefined ? "the object does not name its encryption" : "the object's key is missing");
}

/** Whether the bytes of an object, as they are stored, can be those of another: both have the same key, or none. */
export function hasSameKey(source: WriteEncryption, copy: WriteEncryption): boolean {
  if (isSameEncryption(source.encryption, copy.encryption)) return true;
  if (source.contentKey === undefined || copy.contentKey === undefined) return false;
  return source.contentKey.equals(copy.contentKey);
}

export interface KeyedBlob {
  /** Of the bytes, in place of R2's. */
  readonly etag: string;
  readonly uploaded: Date;
}

/**
 * Puts a verified body as a blob. One R2 call.
 * @throws S3Error whatever the body's verification found; nothing is left then
 */
export async function putKeyedBlob(
  at: R2Location,
  body: ObjectBody,
  { contentKey, ...options }: R2PutOptions & { readonly contentKey: ContentKey },
): Promise<KeyedBlob> {
  const keyed = { ...options, ...keyOption(contentKey) };
  if (body.sizeBytes <= BUFFERED_BYTES) {
    const { uploaded } = requireStored(await putBytes(at, { bytes: await readBody(body) }, keyed));
    return { etag: newOpaqueETag(), uploaded };
  }
  const digest = verifyDigest(body);
  const { uploaded } = requireStored(await streamBody(at, digest.body, keyed));
  const mismatch = digest.mismatch();
  if (mismatch !== undefined) {
    // No entry names the blob yet. If this fails too, the sweep removes it.
    await callR2(at.store.delete(at.r2Key)).catch(() => undefined);
    throw mismatch;
  }
  return { etag: newOpaqueETag(), uploaded };
}

interface VerifiedDigest {
  /** The same body, whose digest the store need not verify. */
  readonly body: ObjectBody;
  /** After the last byte: what is wrong with the digest. */
  mismatch(): S3Error | undefined;
}

function verifyDigest(body: ObjectBody): VerifiedDigest {
  const { delegated } = body;
  if (delegated === undefined) return { body, mismatch: () => undefined };
  const hasher = createHasher(delegated.algorithm === "md5" ? "MD5" : "SHA256");
  const pieces = toPieces(body.content);
  const content: Pieces = {
    async next() {
      const piece = await pieces.next();
      if (piece !== undefined) hasher.update(piece);
      return piece;
    },
    cancel: (reason) => pieces.cancel(reason),
  };
  return {
    body: { ...body, content, delegated: undefined },
    mismatch() {
      const calculated = hasher.digest();
      const expected = parseHex(delegated.hex, calculated.length);
      const isEqual = expected?.every((byte, index) => byte === calculated[index]) === true;
      return isEqual ? undefined : delegated.mismatch(calculated);
    },
  };
}
