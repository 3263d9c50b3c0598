/** Multipart uploads and sweeps at the level of storage, with a clock that tests set. */
import { env } from "cloudflare:workers";
import type { GrantedBucket } from "../../src/access/authorize.ts";
import type { WriteCondition } from "../../src/model/object.ts";
import type { CompletionRequest, UploadChecksum } from "../../src/model/upload.ts";
import { OpenUploads } from "../../src/storage/d1/open-uploads.ts";
import { SweepCursors } from "../../src/storage/d1/sweep-state.ts";
import { BlobSets } from "../../src/storage/uploads/blob-sets.ts";
import type { SweepOutcome } from "../../src/storage/uploads/messages.ts";
import { uploadIds } from "../../src/storage/uploads/upload-id.ts";
import { Uploads } from "../../src/storage/uploads/uploads.ts";
import { sweepBlobSets } from "../../src/sweeps/blob-sets.ts";
import { macKeyOf } from "./mac-key.ts";
import { attributes, bodyOf, newTicket } from "./storage.ts";

export const MIB = 1024 * 1024;
export const GRACE_MS = 24 * 60 * 60 * 1000;

export const stores = new Map([["us-east-1", env.STORE]]);
export const blobSets = new BlobSets(env.UPLOADS);
export const openUploads = new OpenUploads(env.DB);
export const ids = uploadIds(macKeyOf(0));
/** Buckets of these tests are never deleted. */
export const bucketDeletion = { confirm: async () => {} };
export const uploads = new Uploads({ stores, blobSets, openUploads, ids, bucketDeletion });

/** Completes without events. */
export function complete(
  bucket: GrantedBucket,
  key: string,
  uploadId: string,
  request: CompletionRequest,
  condition?: WriteCondition,
) {
  return uploads.complete({ bucket, key, uploadId }, { request, ticket: newTicket(), ...(condition && { condition }) });
}

/** Bytes that differ by `seed`. */
export function filled(sizeBytes: number, seed: number): Uint8Array {
  return new Uint8Array(sizeBytes).fill(seed % 251);
}

/** Inserts the bucket's row, which other tests of this kind do not need. */
export async function registerBucket({ name, id, region }: GrantedBucket): Promise<void> {
  await env.DB.prepare(
    `INSERT OR IGNORE INTO buckets (name, id, account_id, region, created_at)
     SELECT ?1, ?2, id, ?3, 0 FROM accounts WHERE is_root = 1`,
  )
    .bind(`${name}-${id}`, id, region)
    .run();
}

export async function createUpload(bucket: GrantedBucket, key: string, checksum?: UploadChecksum): Promise<string> {
  await registerBucket(bucket);
  return uploads.create({ bucket, key, attributes: attributes(), checksum, now: new Date() });
}

/** Uploads parts of these sizes. @returns what completes them */
export async function uploadParts(bucket: GrantedBucket, key: string, uploadId: string, sizes: readonly number[]) {
  const parts = [];
  for (const [index, sizeBytes] of sizes.entries()) {
    const partNumber = index + 1;
    const { etag } = await uploads.putPart(
      { bucket, key, uploadId },
      { partNumber },
      bodyOf(filled(sizeBytes, partNumber)),
    );
    parts.push({ partNumber, etag, checksums: [] });
  }
  return { parts };
}

export async function completeUpload(bucket: GrantedBucket, key: string, sizes: readonly number[]) {
  const uploadId = await createUpload(bucket, key);
  const request = await uploadParts(bucket, key, uploadId, sizes);
  return complete(bucket, key, uploadId, request);
}

export async function blobKeys(): Promise<string[]> {
  const page = await env.STORE.list({ prefix: "~b/" });
  return page.objects.map((blob) => blob.key);
}

/** Does not know of earlier passes. */
class NewPass extends SweepCursors {
  override read(): Promise<string> {
    return Promise.resolve("");
  }
}

/** One whole pass over all blob sets, `afterMs` from now. */
export async function sweep(afterMs: number): Promise<Record<SweepOutcome, number>> {
  const now = new Date(Date.now() + afterMs);
  return sweepBlobSets({
    cursors: new NewPass(env.DB),
    region: "us-east-1",
    stores,
    blobSets,
    now,
    graceMs: GRACE_MS,
  });
}

/** Passes until unused sets are deleted: one pass finds them, and another deletes them after the grace period. */
export async function sweepFully(): Promise<void> {
  await sweep(2 * GRACE_MS);
  await sweep(4 * GRACE_MS);
  await sweep(6 * GRACE_MS);
}
