/**
 * Whether anything still names a blob set, and what is done if not.
 *
 * Overwriting and deleting never look at what was there, so dead sets are found by asking: the set knows the entries
 * written for it (its upload's key, copies, or what its blob says of itself), and an entry names its set. A set that no
 * entry names is left alone for the grace period, for those who began to read before, and removed after it.
 */

import { callR2 } from "../platform-errors.ts";
import { blobKey, blobSetPrefix } from "../r2/blobs.ts";
import { describeEntry } from "../r2/entry.ts";
import { entryKey, type RegionStores } from "../r2/entry-place.ts";
import type { BlobSetRecords } from "./blob-set-records.ts";
import type { BlobSetReference, SweepCommand, SweepOutcome } from "./messages.ts";

/** Pages of blobs removed in one call; a set of 10,000 has ten. */
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
    if (await isNamed({ records, stores, command }, store)) {
      records.setDeadSince(undefined);
      await tidy(records, store, command);
      return "alive";
    }
    // Removed already, by a sweep that ran beside this one: nothing is to be written down about it again.
    if (records.isEmpty() && !(await hasBlobs(store, command.blobSetId))) return "removed";
    const deadSince = records.deadSince();
    if (deadSince === undefined) records.setDeadSince(command.now);
    if (deadSince === undefined || command.now - deadSince < command.graceMs) return "waiting";
    // From here on nothing can refer to the set any more.
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

async function isNamed({ records, stores, command }: Sweep, store: R2Bucket): Promise<boolean> {
  const { blobSetId, now, graceMs } = command;
  for (const reference of records.references()) {
    if (await names(stores.get(reference.region), reference, blobSetId)) return true;
    // A copy is recorded before its entry is put.
    if (now - reference.addedAt < graceMs) return true;
    records.dropReference(reference);
  }
  const owner = await findOwner(records, store, command);
  return owner !== undefined && names(stores.get(owner.region), owner, blobSetId);
}

/** The entry the set was made for. */
async function findOwner(
  records: BlobSetRecords,
  store: R2Bucket,
  { blobSetId, region }: SweepCommand,
): Promise<BlobSetReference | undefined> {
  const description = records.description();
  if (description !== undefined) {
    return { region: description.region, entry: entryKey(description.bucketId, description.key) };
  }
  const page = await callR2(store.list({ prefix: blobSetPrefix(blobSetId), limit: 1, include: ["customMetadata"] }));
  const entry = page.objects[0]?.customMetadata?.entry;
  return entry === undefined ? undefined : { region, entry };
}

async function hasBlobs(store: R2Bucket, blobSetId: string): Promise<boolean> {
  return (await callR2(store.list({ prefix: blobSetPrefix(blobSetId), limit: 1 }))).objects.length > 0;
}

async function names(store: R2Bucket | undefined, { entry }: BlobSetReference, blobSetId: string): Promise<boolean> {
  // Without its binding nothing can be said about the entry, and what is unknown is kept.
  if (store === undefined) return true;
  const found = await callR2(store.head(entry));
  return found !== null && describeEntry(found).record.f?.b === blobSetId;
}

/** Once after a completion: blobs of parts that were replaced, or never recorded, because somebody failed half-way. */
async function tidy(records: BlobSetRecords, store: R2Bucket, command: SweepCommand): Promise<void> {
  const completion = records.state() === "completed" ? records.completion() : undefined;
  if (completion === undefined || records.isTidy()) return;
  if (records.description()?.isFullyRecorded !== true && records.references().length > 0) return;
  const { blobs, earlier = [] } = completion;
  // Of attempts before the last one it is not known whether somebody has copied what they made.
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
  // An upload under way when the parts were joined could still leave a blob: look once more after the grace period.
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
