/**
 * Entries marked as restored (`U`). The call that restored the version may have died before it read the record again, so a
 * reader reads it: a stub says that the version was deleted meanwhile, and the deletion is completed. Otherwise the mark is
 * removed. A deletion that comes later puts its stub first and then reads the entry, so it finds the version there.
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
import { putAgain } from "./restore.ts";

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

async function removeMark(place: EntryPlace, token: VersionToken): Promise<void> {
  const found = await callR2(place.store.get(place.r2Key));
  if (found === null) return;
  const { U: isMarked, ...record } = describeEntry(found).record;
  const onlyIf =
    isMarked === 1 && tokenOf(found, record) === token ? await unchangedSince(place.store, found) : undefined;
  if (onlyIf === undefined) await found.body.cancel();
  else await putAgain(place, found, { onlyIf, record });
}
