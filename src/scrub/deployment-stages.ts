/** What belongs to no bucket: rows of D1, ids of R2 without a bucket, and blobs that no version names. */
import { blobSetTime } from "../model/random-ids.ts";
import type { NamingKey } from "../storage/r2/blobs.ts";
import { entryKey } from "../storage/r2/entry-place.ts";
import type { ListedBlobSet } from "../storage/uploads/list-blob-sets.ts";
import type { BlobSetState } from "../storage/uploads/messages.ts";
import type { Stage } from "./position.ts";
import { COMPLETE, type Progress, type StepContext } from "./step-context.ts";

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
/** A sweep sends or removes the row of a change within a day. */
const EVENT_OVERDUE_AFTER_MS = 2 * DAY_MS;
/** Sweeps begin at once to empty a deleted bucket. */
const EMPTY_AFTER_MS = 8 * DAY_MS;

export async function checkRows(_at: Stage, { reads, findings, now }: StepContext): Promise<Progress> {
  const before = new Date(now.getTime() - EVENT_OVERDUE_AFTER_MS);
  for (const { id, createdAt, isReadable } of await reads.rows.oldIntents(before)) {
    const detail = `a change of ${new Date(createdAt).toISOString()}`;
    if (isReadable) findings.push({ kind: "event-overdue", subject: id, detail });
    else findings.push({ kind: "row-unreadable", subject: `event_intents ${id}`, detail });
  }
  for (const bucket of await reads.rows.bucketsOfLostUploads()) {
    findings.push({
      kind: "bucket-unknown",
      bucket,
      subject: "open_uploads",
      detail: "uploads of a bucket without a row",
    });
  }
  return COMPLETE;
}

type ContentStage = Extract<Stage, { stage: "contents" }>;

/** Two or three calls for a page, and three for each id that is reported. */
export async function checkContents(at: ContentStage, context: StepContext): Promise<Progress> {
  const { reads, findings, tally, now } = context;
  const { ids, next } = await reads.bucketIds(at.region, at);
  const { existing, deletedAt } = ids.length === 0 ? NO_IDS : await reads.rows.known(ids);
  for (const id of ids) {
    if (existing.has(id)) continue;
    const deleted = deletedAt.get(id);
    const subject = at.place === "entry" ? `${id}/` : `~v/${id}/`;
    if (deleted !== undefined) tally.add("bucketsBeingRemoved");
    if (deleted === undefined) {
      findings.push({ kind: "bucket-unknown", bucket: id, subject, detail: "R2 has keys of a bucket without a row" });
    } else if (now.getTime() - deleted > EMPTY_AFTER_MS) {
      const detail = `deleted on ${new Date(deleted).toISOString()}`;
      findings.push({ kind: "deleted-bucket-not-empty", bucket: id, subject, detail });
    }
  }
  return next === undefined ? COMPLETE : { at: { ...at, after: next }, isStopped: false };
}

const NO_IDS = { existing: new Set<string>(), deletedAt: new Map<string, number>() };

type BlobStage = Extract<Stage, { stage: "blobs" }>;

const SETS_PER_PAGE = 100;
/** Keys that are looked at besides the one for which a set was written. */
const MAX_REFERENCES = 2;
/** Three to find the key that names it, two to its Durable Object, one to D1, and four for each other key. */
const CALLS_FOR_SET = 6 + 4 * (1 + MAX_REFERENCES);

export async function checkBlobSets(at: BlobStage, context: StepContext): Promise<Progress> {
  const { sets, next } = await context.reads.blobSets(at.region, at.after, SETS_PER_PAGE);
  const done = await context.budget.inOrder(
    sets,
    () => CALLS_FOR_SET,
    async (set) => {
      await checkBlobSet(set, at.region, context);
      return true;
    },
  );
  const isStopped = done < sets.length;
  const last = sets[done - 1];
  const after = isStopped ? (last === undefined ? at.after : `~b/${last.id}/`) : next;
  return after === "" && !isStopped ? COMPLETE : { at: { ...at, after }, isStopped };
}

async function checkBlobSet(set: ListedBlobSet, region: string, context: StepContext): Promise<void> {
  const { reads, tally, now } = context;
  const { id, owner } = set;
  tally.add("blobSets");
  if (owner !== undefined && (await reads.isNamed(region, { key: owner, blobSetId: id }, false)) === true) return;
  const state = await reads.blobSet(id);
  if (state.upload?.state === "open" || state.upload?.state === "completing") {
    tally.add("blobSetsOfOpenUploads");
    await checkListed(set, { ...state, upload: state.upload }, context);
    return;
  }
  const isNamed = await isNamedByAny(keysOf(set, state), { region, id }, context);
  if (isNamed === true) return;
  if (isNamed === "unknown") {
    tally.add("blobSetsUndecided");
    return;
  }
  const ageMs = now.getTime() - (state.deadSince ?? blobSetTime(id).getTime());
  tally.add(ageMs < DAY_MS ? "orphansUpToOneDay" : ageMs < 7 * DAY_MS ? "orphansUpToOneWeek" : "orphansOlder");
}

interface KeyInRegion {
  readonly region: string;
  readonly key: NamingKey;
}

/** The keys whose versions a sweep would ask. */
function keysOf({ owner }: ListedBlobSet, { upload, references }: BlobSetState): KeyInRegion[] {
  const first =
    upload === undefined
      ? owner && { region: "", key: owner }
      : { region: upload.region, key: { entry: entryKey(upload.bucketId, upload.key) } };
  return [
    ...(first === undefined ? [] : [first]),
    ...references.map(({ region, entry }) => ({ region, key: { entry } })),
  ];
}

async function isNamedByAny(
  keys: readonly KeyInRegion[],
  set: { readonly region: string; readonly id: string },
  { reads }: StepContext,
): Promise<boolean | "unknown"> {
  let isUnknown = keys.length > 1 + MAX_REFERENCES;
  for (const { region, key } of keys.slice(0, 1 + MAX_REFERENCES)) {
    const place = region === "" ? set.region : region;
    const isNamed = reads.hasRegion(place) ? await reads.isNamed(place, { key, blobSetId: set.id }, true) : "unknown";
    if (isNamed === true) return true;
    if (isNamed === "unknown") isUnknown = true;
  }
  return isUnknown ? "unknown" : false;
}

/** An open upload without a row is never listed, and no sweep aborts it. Its creation puts the row last. */
async function checkListed(
  { id }: ListedBlobSet,
  {
    upload: { bucketId, key, uploadId, initiatedAt },
  }: BlobSetState & { readonly upload: NonNullable<BlobSetState["upload"]> },
  { reads, findings, now }: StepContext,
): Promise<void> {
  if (now.getTime() - initiatedAt < HOUR_MS) return;
  if (await reads.rows.hasUpload(bucketId, key, uploadId)) return;
  // Its completion removes the row after it has ended.
  const { upload } = await reads.blobSet(id);
  if (upload?.state !== "open" && upload?.state !== "completing") return;
  findings.push({ kind: "upload-not-listed", bucket: bucketId, key, subject: uploadId, detail: "it has no row in D1" });
}
