/**
 * Whether a version still names a blob set, and the removal of the set if none does.
 *
 * Overwriting and deleting do not look for dead sets, so they are found by a check: the set knows the keys written for it
 * (its upload's, those of its copies, or the one that its blob's metadata names), and a version names its set. A set that no
 * version names is kept for the grace period, for readers that began before, and removed after it.
 */

import { callR2 } from "../platform-errors.ts";
import { blobKey, blobSetPrefix, type NamingKey, ownerOf } from "../r2/blobs.ts";
import { entryKey, type RegionStores } from "../r2/entry-place.ts";
import type { BlobSetRecords } from "./blob-set-records.ts";
import type { SweepCommand, SweepOutcome } from "./messages.ts";
import { findNaming } from "./naming-versions.ts";

/** Pages of blobs removed in one call; a set of 10,000 blobs has ten pages. */
const PAGES_PER_CALL = 20;

export async function sweepBlobSet(
  records: BlobSetRecords,
  stores: RegionStores,
  command: SweepCommand,
): Promise<SweepOutcome> {
  const store = stores.get(command.region);
  if (store === undefined) return "alive";
  if (!records.isDying()) {
    const state = records.state();
    if (state === "open" || state === "completing") return "alive";
    if (await isInUse({ records, stores, command }, store)) {
      records.setDeadSince(undefined);
      await tidy(records, store, command);
      return "alive";
    }
    // Another sweep, at the same time, has removed it already: no record of it must be made again.
    if (records.isEmpty() && !(await hasBlobs(store, command.blobSetId))) return "removed";
    const deadSince = records.deadSince();
    if (deadSince === undefined) records.setDeadSince(command.now);
    if (deadSince === undefined || command.now - deadSince < command.graceMs) return "waiting";
    // From here on no new reference to the set is accepted.
    records.setDying();
  }
  if (!(await removeAll(store, command.blobSetId))) return "waiting";
  await records.forgetAll();
  return "removed";
}

interface Sweep {
  readonly records: BlobSetRecords;
  readonly stores: RegionStores;
  readonly command: SweepCommand;
}

async function isInUse({ records, stores, command }: Sweep, store: R2Bucket): Promise<boolean> {
  const { blobSetId, now, graceMs } = command;
  for (const reference of records.references()) {
    const copyStore = stores.get(reference.region);
    // Without the region's binding the key cannot be read, and the set is kept.
    if (copyStore === undefined || (await findNaming(copyStore, reference, { blobSetId })) !== undefined) return true;
    // A copy is recorded before its entry is put, so a young reference counts.
    if (now - reference.addedAt < graceMs) return true;
    records.dropReference(reference);
  }
  const description = records.description();
  if (description === undefined) {
    const owner = await findOwner(store, blobSetId);
    return owner !== undefined && (await findNaming(store, owner, { blobSetId })) !== undefined;
  }
  const ownStore = stores.get(description.region);
  if (ownStore === undefined) return true;
  const entry = entryKey(description.bucketId, description.key);
  const owner = { entry, version: records.completion()?.version };
  return (await findNaming(ownStore, owner, { blobSetId })) !== undefined;
}

/** The key for which the set was made, if it was not made for an upload. */
async function findOwner(store: R2Bucket, blobSetId: string): Promise<NamingKey | undefined> {
  const page = await callR2(store.list({ prefix: blobSetPrefix(blobSetId), limit: 1, include: ["customMetadata"] }));
  return ownerOf(page.objects[0]);
}

async function hasBlobs(store: R2Bucket, blobSetId: string): Promise<boolean> {
  return (await callR2(store.list({ prefix: blobSetPrefix(blobSetId), limit: 1 }))).objects.length > 0;
}

/** Once after a completion: removes blobs of parts that were replaced or, after a failure, never recorded. */
async function tidy(records: BlobSetRecords, store: R2Bucket, command: SweepCommand): Promise<void> {
  const completion = records.state() === "completed" ? records.completion() : undefined;
  if (completion === undefined || records.isTidy()) return;
  if (records.description()?.isFullyRecorded !== true && records.references().length > 0) return;
  const { blobs, earlier = [] } = completion;
  // An object that an earlier attempt made may have been copied.
  const used = new Set([...blobs, ...earlier].map((name) => blobKey(command.blobSetId, name)));
  let cursor: string | undefined;
  let isTidy = true;
  do {
    const page = await callR2(store.list({ prefix: blobSetPrefix(command.blobSetId), ...(cursor && { cursor }) }));
    const strays = page.objects.filter((blob) => !used.has(blob.key));
    const old = strays.filter((blob) => command.now - blob.uploaded.getTime() >= command.graceMs);
    if (old.length > 0) await callR2(store.delete(old.map((blob) => blob.key)));
    if (old.length < strays.length) isTidy = false;
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
  // A part that was being uploaded when the parts were joined may still leave a blob: check again after the grace period.
  const description = records.description();
  if (isTidy && description !== undefined && command.now - description.initiatedAt > 2 * command.graceMs)
    records.setTidy();
}

async function removeAll(store: R2Bucket, blobSetId: string): Promise<boolean> {
  for (let pages = 0; pages < PAGES_PER_CALL; pages++) {
    const { objects, truncated } = await callR2(store.list({ prefix: blobSetPrefix(blobSetId) }));
    if (objects.length > 0) await callR2(store.delete(objects.map((blob) => blob.key)));
    if (!truncated) return true;
  }
  return false;
}
