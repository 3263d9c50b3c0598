/**
 * Removes the stubs of deleted versions, and null versions that another one has replaced, a page of records at a time.
 *
 * A stub is needed while a call that read the version at the entry may still put its record. So it stays for a day, which is
 * longer than any call takes, and while its version is at the entry: then the deletion was interrupted, and it is completed
 * first; or the stub does not cover the entry's revision, and a later write will put the record over it. That may happen while
 * a page is looked at. So the page is listed again after the entries have been read, and what has changed since is left: once
 * the version is not at the entry any more, its stub is not replaced.
 *
 * A null version that is neither the entry nor named by it never becomes current again; it stays in R2 if versioning was
 * suspended after it was kept. It is left while it is under object lock. R2's own errors are thrown, since no client waits for an answer.
 */
import { isProtected } from "../../model/object-lock.ts";
import { isNullToken, type VersionToken } from "../../model/version.ts";
import { callR2 } from "../platform-errors.ts";
import { describeEntry, type Entry, tokenOf } from "../r2/entry.ts";
import { entryKey, entryPlace, entryPrefix, type RegionStores, storeOf } from "../r2/entry-place.ts";
import { decodeLock } from "../r2/entry-record.ts";
import { CountedStore, R2_PAGE } from "../r2/listed-items.ts";
import { readMany } from "../r2/read-many.ts";
import { dropFromEntry } from "./delete-version.ts";
import { coveredRevision } from "./keep.ts";
import { bucketOfRecord, parseRecordKey, RECORD_PREFIX } from "./record-key.ts";
import { isStub } from "./restore.ts";

export const KEEP_STUBS_MS = 24 * 60 * 60 * 1000;

/** Calls for a page whose keys are far from each other. */
const CALLS_FOR_PAGE = 160;
/** Calls that are left when no more whole keys are read. */
const CALLS_FOR_ENTRIES = 100;
/** Calls for what is done with a page after its entries have been read. */
const RESERVE = 2;

export interface RecordPage {
  /** Empty: from the first record. */
  readonly after: string;
  readonly now: Date;
}

export interface SweptPage {
  readonly removed: number;
  /** Interrupted deletions that were completed. */
  readonly completed: number;
  /** `after` of the next page; empty after the last one. */
  readonly next: string;
}

/** A stub or a null version that may be removed. */
interface Candidate {
  readonly found: R2Object;
  readonly isStub: boolean;
  readonly bucketId: string;
  readonly key: string;
  readonly token: VersionToken;
}

/** Looks at the records of a region, page by page, until so many calls have been made. */
export async function sweepRecords(
  stores: RegionStores,
  { region, after, now, maxCalls }: RecordPage & { readonly region: string; readonly maxCalls: number },
): Promise<SweptPage & { readonly calls: number }> {
  const r2 = storeOf(stores, { region });
  const store = new CountedStore(r2, maxCalls);
  let removed = 0;
  let completed = 0;
  for (let position = after; ; ) {
    const page = await sweepPage(store, r2, { after: position, now });
    removed += page.removed;
    completed += page.completed;
    const isLast = page.next === "" || page.next === position || store.left < CALLS_FOR_PAGE;
    if (isLast) return { removed, completed, next: page.next, calls: maxCalls - store.left };
    position = page.next;
  }
}

/** @param store counts its calls; what would take more than are left is left for the next run @param r2 the same R2 bucket */
async function sweepPage(store: CountedStore, r2: R2Bucket, page: RecordPage): Promise<SweptPage> {
  const listed = await listRecords(store, page.after);
  const candidates = await findCandidates(store, listed.objects, page.now);
  const entries = await readEntries(store, candidates);
  const toRemove: R2Object[] = [];
  let completed = 0;
  let next = listed.truncated ? (listed.objects.at(-1)?.key ?? "") : "";
  let seen = page.after;
  let isComplete = true;
  for (const candidate of candidates) {
    const r2Key = entryKey(candidate.bucketId, candidate.key);
    isComplete &&= entries.has(r2Key);
    if (isComplete) seen = candidate.found.key;
    if (!entries.has(r2Key)) continue;
    const found = entries.get(r2Key);
    const entry = found && describeEntry(found);
    const current = found && entry && !entry.isTombstone ? tokenOf(found, entry.record) : undefined;
    if (current === candidate.token) {
      if (candidate.isStub && entry !== undefined && (await complete(store, r2, { candidate, entry }))) completed++;
    } else if (candidate.isStub) {
      toRemove.push(candidate.found);
    } else if (entry !== undefined && isReplaced(candidate.token, { current, entry })) {
      if (!(await isLocked(store, candidate, page.now))) toRemove.push(candidate.found);
    }
  }
  if (!isComplete) next = seen;
  return { removed: await remove(store, r2, { toRemove, page }), completed, next };
}

function listRecords(store: CountedStore, after: string): Promise<R2Objects> {
  return store.list({ prefix: RECORD_PREFIX, limit: R2_PAGE, ...(after !== "" && { startAfter: after }) });
}

async function findCandidates(store: CountedStore, objects: readonly R2Object[], now: Date): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  for (const found of objects) {
    const isDeleted = isStub(found);
    const { token, name } = parseRecordKey(found.key);
    if (now.getTime() - found.uploaded.getTime() < KEEP_STUBS_MS || !(isDeleted || isNullToken(token))) continue;
    // Only the metadata of records with a cut name has the whole key.
    const key = "key" in name ? name.key : await wholeKey(store, found.key);
    if (key !== undefined)
      candidates.push({ found, isStub: isDeleted, token, key, bucketId: bucketOfRecord(found.key) });
  }
  return candidates;
}

async function wholeKey(store: CountedStore, r2Key: string): Promise<string | undefined> {
  const found = store.left > CALLS_FOR_ENTRIES ? await store.head(r2Key) : null;
  return found === null ? undefined : describeEntry(found).record.k;
}

async function readEntries(
  store: CountedStore,
  candidates: readonly Candidate[],
): Promise<Map<string, R2Object | undefined>> {
  const found = new Map<string, R2Object | undefined>();
  for (const bucketId of new Set(candidates.map((candidate) => candidate.bucketId))) {
    const ofBucket = candidates.filter((candidate) => candidate.bucketId === bucketId);
    const entries = await readMany(store, {
      r2Keys: ofBucket.map(({ key }) => entryKey(bucketId, key)),
      prefix: entryPrefix(bucketId),
      include: ["customMetadata"],
      reserve: RESERVE,
    });
    for (const [r2Key, entry] of entries) found.set(r2Key, entry);
  }
  return found;
}

/** Whether another null version has taken the place of this one. */
function isReplaced(
  token: VersionToken,
  { current, entry }: { readonly current: VersionToken | undefined; readonly entry: Entry },
): boolean {
  if (current === undefined) return entry.record.V !== undefined;
  return isNullToken(current) || entry.record.N !== token;
}

/** Whether a null version is under object lock, as far as the calls that are left show. */
async function isLocked(store: CountedStore, { found }: Candidate, now: Date): Promise<boolean> {
  const record = store.left > RESERVE ? await store.head(found.key) : null;
  if (record === null) return true;
  const lock = decodeLock(describeEntry(record).record);
  return lock !== undefined && isProtected(lock, now, false);
}

/** False if the stub does not cover the entry's revision. */
async function complete(
  store: CountedStore,
  r2: R2Bucket,
  { candidate, entry }: { readonly candidate: Candidate; readonly entry: Entry },
): Promise<boolean> {
  const stub = store.left > 0 ? await store.head(candidate.found.key) : null;
  const record = stub === null ? undefined : describeEntry(stub);
  if (record?.isTombstone !== true) return false;
  const revision = coveredRevision(record.record);
  if (revision < (entry.record.R ?? 0)) return false;
  const { bucketId, key, token } = candidate;
  const place = entryPlace(r2, { bucketId, key, bucketOwnerId: "", versioning: "Enabled" });
  return dropFromEntry(place, { token, revision });
}

async function remove(
  store: CountedStore,
  r2: R2Bucket,
  { toRemove, page }: { readonly toRemove: readonly R2Object[]; readonly page: RecordPage },
): Promise<number> {
  if (toRemove.length === 0) return 0;
  const now = new Map((await listRecords(store, page.after)).objects.map(({ key, etag }) => [key, etag]));
  const unchanged = toRemove.filter(({ key, etag }) => now.get(key) === etag).map(({ key }) => key);
  if (unchanged.length > 0) await callR2(r2.delete(unchanged));
  return unchanged.length;
}
