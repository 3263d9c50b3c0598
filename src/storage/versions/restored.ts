/**
 * Entries marked as restored (`U`). The call that restored the version may have died before it read the record again, so a
 * reader reads it: a stub says that the version was deleted meanwhile, and the deletion is completed. Otherwise the mark is
 * removed. A deletion that comes later puts its stub first and then reads the entry, so it finds the version there.
 *
 * While the entry has the mark, only the record is changed, so of two changes of the version none is lost. Before the mark is
 * removed the record is put again as it is: the put of a change that has read the record before, and not found the version at
 * the entry, then fails. After that only the entry is changed, and the next write keeps it over the record.
 */
import { waitUntil } from "cloudflare:workers";
import type { VersionToken } from "../../model/version.ts";
import { callR2 } from "../platform-errors.ts";
import { describeEntry, tokenOf } from "../r2/entry.ts";
import type { EntryPlace } from "../r2/entry-place.ts";
import type { EntryRecord } from "../r2/entry-record.ts";
import { unchangedSince } from "../r2/unchanged.ts";
import { dropFromEntry, refreshRestored } from "./delete-version.ts";
import { coveredRevision } from "./keep.ts";
import { recordKey } from "./record-key.ts";
import { putAgain, readKept, renewKept } from "./restore.ts";

/** Whether the entry, with this record, may be taken as it is; otherwise it has to be read again. One R2 call if so. */
export async function settleRestored(
  place: EntryPlace,
  entry: EntryRecord & { readonly V: VersionToken },
): Promise<boolean> {
  const { V: token, R: revision = 0 } = entry;
  const found = await callR2(place.store.head(recordKey(place.bucketId, place.key, token)));
  const record = found === null ? undefined : describeEntry(found);
  if (record === undefined || record.isTombstone) {
    const covered = record === undefined ? Number.POSITIVE_INFINITY : coveredRevision(record.record);
    // Of a later revision the deletion was refused.
    if (covered < revision) return true;
    await dropFromEntry(place, { token, revision: covered });
    return false;
  }
  if ((record.record.R ?? 0) > revision) {
    await refreshRestored(place, token);
    return false;
  }
  removeMarkOnce(place, token);
  return true;
}

/** R2 keys whose mark this isolate is removing: of many readers of a key, one does it. */
const underWay = new Set<string>();

function removeMarkOnce(place: EntryPlace, token: VersionToken): void {
  const { r2Key } = place;
  if (underWay.has(r2Key)) return;
  underWay.add(r2Key);
  const removal = removeMark(place, token)
    // The next reader tries again.
    .catch(() => {})
    .finally(() => underWay.delete(r2Key));
  waitUntil(removal);
}

/** Removes the mark, unless the version has been deleted or changed meanwhile, which the next reader of the entry finds. */
export async function removeMark(place: EntryPlace, token: VersionToken): Promise<void> {
  const found = await callR2(place.store.get(place.r2Key));
  if (found === null) return;
  const { U: isMarked, ...record } = describeEntry(found).record;
  const isMeant = isMarked === 1 && tokenOf(found, record) === token;
  const onlyIf =
    isMeant && (await renewRecord(place, { ...record, V: token }))
      ? await unchangedSince(place.store, found)
      : undefined;
  if (onlyIf === undefined) await found.body.cancel();
  else await putAgain(place, found, { onlyIf, record });
}

/** False if the record is not that of the entry. */
async function renewRecord(
  { store, bucketId, key }: EntryPlace,
  { V: token, D: isMarker, R: revision = 0 }: EntryRecord & { readonly V: VersionToken },
): Promise<boolean> {
  // Nothing changes delete markers.
  if (isMarker === 1) return true;
  const kept = await readKept(store, recordKey(bucketId, key, token));
  if (kept === undefined) return false;
  const onlyIf = (kept.record.R ?? 0) > revision ? undefined : await unchangedSince(store, kept.found);
  if (onlyIf !== undefined) return (await renewKept(store, kept, onlyIf)) !== null;
  await kept.found.body.cancel();
  return false;
}
