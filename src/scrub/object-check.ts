/** One entry, or one record of a version, with the blobs and keys that it names. */
import { entryKey } from "../storage/r2/entry-place.ts";
import type { EntryRecord } from "../storage/r2/entry-record.ts";
import { LISTED_BLOBS, type StoredBlobSet } from "../storage/scrub/scrub-reads.ts";
import type { DescribedEntry, StoredEntry } from "../storage/scrub/stored-entry.ts";
import { checkAnnotations } from "./annotation-check.ts";
import { dataKeyOf, type KmsEncryption } from "./data-key.ts";
import { type Fault, fault } from "./findings.ts";
import { checkDigests, compareBlobs, compareSummary, isKnownToSweep, parseManifest } from "./manifest-checks.ts";
import { type BucketFacts, checkRecord } from "./record-checks.ts";
import type { StepContext } from "./step-context.ts";

/** Calls for reading an object again: before, and after it has been checked again. */
const CALLS_TO_CONFIRM = 2;

/** The most calls that `checkObject` makes. */
export function callsForObject({ described }: StoredEntry): number {
  if (described === undefined) return CALLS_TO_CONFIRM;
  const { f: manifest, A: annotations, e: encryption } = described.record;
  const ofBlobs = manifest === undefined ? 0 : 3 + callsToList(manifest.k);
  const ofAnnotations = annotations === undefined ? 0 : 3;
  const ofKey = encryption?.[0] === "K" ? 1 : 0;
  return CALLS_TO_CONFIRM + 2 * (ofBlobs + ofAnnotations + ofKey);
}

function callsToList(parts: unknown): number {
  return typeof parts === "number" ? Math.ceil(parts / LISTED_BLOBS) : 1;
}

/**
 * Checks an object as it was listed. If anything is wrong, it is read and checked again, and read once more: only what is wrong
 * with an object that stays the same meanwhile is reported.
 */
export async function checkObject(
  stored: StoredEntry,
  bucket: BucketFacts,
  context: StepContext,
): Promise<readonly Fault[]> {
  const { reads, tally } = context;
  if ((await findFaults(stored, bucket, context)).length === 0) return [];
  const again = await reads.read(bucket, stored);
  const faults = again === undefined ? [] : await findFaults(again, bucket, context);
  if (faults.length === 0) return [];
  const last = await reads.read(bucket, stored);
  if (last?.revision === again?.revision) return faults;
  tally.add("changedMeanwhile");
  return [];
}

async function findFaults(stored: StoredEntry, bucket: BucketFacts, { reads }: StepContext): Promise<readonly Fault[]> {
  const { faults, isUsable } = checkRecord(stored, bucket);
  const { described } = stored;
  if (described === undefined || described.isTombstone || !isUsable) return faults;
  const { f: manifest, A: annotations, e: encryption } = described.record;
  const found = [...faults];
  if (encryption?.[0] === "K") found.push(...(await checkKey(described, encryption, bucket)));
  if (manifest !== undefined) found.push(...(await checkManifest(described.record, manifest)));
  if (annotations !== undefined) {
    const set = await reads.blobs(bucket.region, annotations, {});
    found.push(...checkAnnotations(annotations, set));
    // All annotations may have been deleted.
    if (set.blobs.size > 0) found.push(...(await checkReference(annotations, set)));
  }
  return found;

  async function checkKey(described: DescribedEntry, encryption: KmsEncryption, bucket: BucketFacts): Promise<Fault[]> {
    const keyArn = encryption[2];
    const dataKey = await dataKeyOf(described, encryption, { bucket, reads });
    switch (dataKey) {
      case "missing":
        return [fault("kms-key-missing", "there is no such key", keyArn)];
      case "unavailable":
        return [fault("data-key-unusable", "the key was sealed under another SEAL_KEY", keyArn)];
      case "unusable":
        return [fault("data-key-unusable", "the object's key was sealed for another object, or altered", keyArn)];
      default:
        return [];
    }
  }

  async function checkManifest(record: EntryRecord, summary: NonNullable<EntryRecord["f"]>): Promise<Fault[]> {
    const body = await reads.text(bucket.region, stored.r2Key);
    // What takes its place is checked when it is read again.
    if (body?.revision !== stored.revision) return [fault("manifest-differs", "it has changed")];
    const parsed = parseManifest(body.text);
    if (parsed === undefined) return [fault("manifest-unreadable", "the body is no manifest")];
    const differences = compareSummary(summary, parsed);
    const set = await reads.blobs(bucket.region, parsed.b, { names: parsed.p.map(([name]) => name) });
    const ofBlobs = compareBlobs(parsed.b, parsed.p, set);
    return [
      ...differences,
      ...ofBlobs,
      ...(set.blobs.size === 0 ? [] : await checkReference(parsed.b, set)),
      // Other bytes have another MD5.
      ...(ofBlobs.length > 0 ? [] : checkDigests(record, parsed, set)),
    ];
  }

  /** One call to the Durable Object if the set was not written for this key. */
  async function checkReference(blobSetId: string, set: StoredBlobSet): Promise<Fault[]> {
    const entry = entryOf(stored, bucket);
    const place = { region: bucket.region, entry };
    const owner = set.owner?.entry;
    if (owner === entry) return [];
    const state = await reads.blobSet(blobSetId);
    const { upload } = state;
    const uploadEntry = upload && { uploadEntry: entryKey(upload.bucketId, upload.key) };
    if (isKnownToSweep(place, { owner, state, ...uploadEntry })) return [];
    return [
      fault("reference-missing", "a sweep would remove the blobs, which it takes for those of another key", blobSetId),
    ];
  }
}

/** The R2 key of the entry of the object's key. */
export function entryOf({ place, r2Key, described }: StoredEntry, { bucketId }: BucketFacts): string {
  return place === "entry" ? r2Key : entryKey(bucketId, described?.key ?? "");
}
