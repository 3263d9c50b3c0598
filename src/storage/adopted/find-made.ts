/**
 * Which of the changes of an intent have taken effect in an adopted bucket: as `journal/find-made.ts`, except that an object without
 * a write id may be the one that was written. It is taken for it if it is not older, so an event may be sent for another
 * client's write, but none is lost.
 */
import type { FoundChanges } from "../journal/find-made.ts";
import type { Intent } from "../journal/intents.ts";
import type { MatchedChange } from "../journal/messages.ts";
import { finishChange } from "../journal/plan-messages.ts";
import { type AdoptedPlace, type AdoptedStores, adoptedPlace } from "./adopted-stores.ts";
import type { MetadataRecords } from "./metadata-record.ts";

const PARALLEL = 5;

export interface AdoptedSource {
  readonly stores: AdoptedStores;
  readonly records: MetadataRecords;
}

/** One R2 call for each change. Nothing is found if the binding is missing. R2's own errors are thrown. */
export async function findAdoptedMade(intent: Intent, { stores, records }: AdoptedSource): Promise<FoundChanges> {
  const { bucket } = intent.message.origin;
  const made: MatchedChange[] = [];
  const { changes } = intent.message;
  for (let start = 0; stores.has(bucket.region) && start < changes.length; start += PARALLEL) {
    const group = changes.slice(start, start + PARALLEL);
    const found = await Promise.all(
      group.map((change) => findChange(change, { place: adoptedPlace(stores, bucket, change.key), intent, records })),
    );
    made.push(...found.filter((change) => change !== undefined));
  }
  return { made, begun: [] };
}

async function findChange(
  change: MatchedChange,
  {
    place,
    intent,
    records,
  }: { readonly place: AdoptedPlace; readonly intent: Intent; readonly records: MetadataRecords },
): Promise<MatchedChange | undefined> {
  const found = await place.store.head(place.r2Key);
  const isOlder = found !== null && found.uploaded.getTime() < intent.createdAt.getTime();
  // A removal leaves nothing.
  if (change.writeId === undefined) return isOlder ? undefined : finishChange(change, { at: intent.createdAt });
  if (found === null) return undefined;
  const record = await records.find(place, found);
  // That of an upload was made with the upload, and not with its completion.
  const writeId = record?.u === undefined ? record?.w : undefined;
  if (writeId === undefined ? isOlder : writeId !== change.writeId) return undefined;
  return finishChange(change, { etag: found.etag, sizeBytes: found.size, at: found.uploaded });
}
