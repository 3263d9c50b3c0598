/**
 * Entries that are marked as restored (`U`), in a listing: each is shown only if its record says that the version still exists,
 * and otherwise the next version takes its place. Nothing is repaired here; see `restored.ts`.
 */
import { isNullToken } from "../../model/version.ts";
import { describeEntry, type Entry, tokenOf } from "../r2/entry.ts";
import type { CountedStore } from "../r2/listed-items.ts";
import { readMany } from "../r2/read-many.ts";
import { coveredRevision } from "./keep.ts";
import { recordKey, recordPrefix, recordsOfKey } from "./record-key.ts";
import { isStub } from "./restore.ts";

/** Read at the same time. */
const GROUP = 6;

interface Restored {
  readonly found: R2Object;
  readonly entry: Entry;
  readonly recordKey: string;
}

export interface ListedEntries {
  /** With metadata. */
  readonly objects: Iterable<R2Object | undefined>;
  readonly bucketId: string;
  /** Calls that must be left afterwards. */
  readonly reserve: number;
}

/** By R2 key, what is listed in place of each entry that is marked; undefined if nothing is. */
export interface SettledEntries {
  readonly shown: ReadonlyMap<string, R2Object | undefined>;
  /** Entries for which no call was left. */
  readonly unknown: ReadonlySet<string>;
}

const NONE: SettledEntries = { shown: new Map(), unknown: new Set() };

export async function settleListed(
  store: CountedStore,
  { objects, bucketId, reserve }: ListedEntries,
): Promise<SettledEntries> {
  const restored: Restored[] = [];
  for (const found of objects) {
    const entry = found && describeEntry(found);
    if (found === undefined || entry === undefined || entry.record.U !== 1 || entry.isTombstone) continue;
    restored.push({ found, entry, recordKey: recordKey(bucketId, entry.key, tokenOf(found, entry.record)) });
  }
  if (restored.length === 0) return NONE;
  const settled = new Map<string, R2Object | undefined>();
  const records = await readMany(store, {
    r2Keys: restored.map((one) => one.recordKey),
    prefix: recordPrefix(bucketId),
    include: [],
    reserve,
  });
  const suspects: Restored[] = [];
  for (const one of restored) {
    const record = records.get(one.recordKey);
    if (record !== undefined && !isStub(record)) settled.set(one.found.key, one.found);
    else if (records.has(one.recordKey)) suspects.push(one);
  }
  for (let start = 0; start < suspects.length; start += GROUP) {
    const group = suspects.slice(start, start + GROUP);
    if (store.left - reserve < group.length) break;
    await Promise.all(
      group.map(async (one) => {
        const shown = await settle(store, one, { bucketId, reserve });
        if (shown !== "unknown") settled.set(one.found.key, shown);
      }),
    );
  }
  const unknown = new Set(restored.map(({ found }) => found.key).filter((r2Key) => !settled.has(r2Key)));
  return { shown: settled, unknown };
}

/** One R2 call; three if the version was deleted. */
async function settle(
  store: CountedStore,
  { found, entry, recordKey: r2Key }: Restored,
  { bucketId, reserve }: { readonly bucketId: string; readonly reserve: number },
): Promise<R2Object | undefined | "unknown"> {
  const head = await store.head(r2Key);
  const record = head === null ? undefined : describeEntry(head);
  const isDeleted = record === undefined || (record.isTombstone && isCovered(record, entry));
  if (!isDeleted) return found;
  const prefix = recordsOfKey(bucketId, entry.key);
  for (let startAfter = r2Key; ; ) {
    if (store.left - reserve <= 0) return "unknown";
    const page = await store.list({ prefix, startAfter });
    for (const object of page.objects) {
      const token = object.key.slice(prefix.length);
      if (isStub(object) || (isNullToken(token) && token !== entry.record.N)) continue;
      if (store.left - reserve <= 0) return "unknown";
      const kept = await store.head(object.key);
      const { isTombstone = true, isAbsent = true } = kept === null ? {} : describeEntry(kept);
      if (kept !== null && !isTombstone) return isAbsent ? undefined : kept;
    }
    const last = page.objects.at(-1);
    if (!page.truncated || last === undefined) return undefined;
    startAfter = last.key;
  }
}

function isCovered({ record }: Entry, { record: { R: revision = 0 } }: Entry): boolean {
  return coveredRevision(record) >= revision;
}
