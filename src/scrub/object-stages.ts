/** The entries of a bucket, and the records of its versions, a page at a time. */
import { entryPrefix } from "../storage/r2/entry-place.ts";
import type { DescribedEntry, StoredEntry } from "../storage/scrub/stored-entry.ts";
import { recordPrefix } from "../storage/versions/record-key.ts";
import { checkAnnotationBytes } from "./annotation-check.ts";
import { CALLS_FOR_BYTES, checkBytes } from "./byte-check.ts";
import { callsForObject, checkObject } from "./object-check.ts";
import type { Stage, Unread } from "./position.ts";
import type { BucketFacts } from "./record-checks.ts";
import { COMPLETE, type Progress, report, type StepContext } from "./step-context.ts";
import { findRepeated, judgeRecord, type RecordJudgement } from "./version-checks.ts";

export type ObjectStage = Extract<Stage, { stage: "entries" | "records" }>;

/** Calls for the entries of a page of records. */
const CALLS_FOR_ENTRIES = 12;
/** A record and its entry, read again. */
const CALLS_TO_JUDGE_AGAIN = 3;

export async function checkEntries(at: ObjectStage, bucket: BucketFacts, context: StepContext): Promise<Progress> {
  const { stored, next } = await context.reads.list("entry", bucket, at.after);
  const page = new ObjectPage(at, bucket, context);
  const done = await page.check(stored, async (each) => {
    countEntry(each, context);
    report(context, { bucket, stored: each }, await checkObject(each, bucket, context));
  });
  return page.progress(stored, { done, next });
}

export async function checkRecords(at: ObjectStage, bucket: BucketFacts, context: StepContext): Promise<Progress> {
  const { reads, budget, tally } = context;
  const { stored: listed, next: end } = await reads.list("record", bucket, at.after);
  if (listed.length === 0) return COMPLETE;
  const keys = new Set(listed.flatMap(({ described }) => described?.key ?? []));
  const entries = await reads.entriesOf(bucket, [...keys], Math.max(1, Math.min(CALLS_FOR_ENTRIES, budget.left)));
  // What is behind the first key whose entry was not read is left for the next step.
  const unknown = listed.findIndex(({ described }) => described !== undefined && !entries.has(described.key));
  const stored = unknown === -1 ? listed : listed.slice(0, unknown);
  const next = unknown === -1 ? end : nameOf(stored.at(-1), at, bucket);
  const page = new ObjectPage(at, bucket, context);
  const done = await page.check(stored, async (each) => {
    const faults = [...(await checkObject(each, bucket, context))];
    const { described } = each;
    if (described !== undefined) {
      const judged = await judge({ ...each, described }, entries.get(described.key), { bucket, context });
      if (judged.state === "interrupted-deletion") tally.add("interruptedDeletions");
      else tally.add(judged.state === "stub" ? "stubs" : "noncurrentVersions");
      faults.push(...judged.faults);
    }
    report(context, { bucket, stored: each }, faults);
  });
  reportRepeated(stored.slice(0, done), bucket, context);
  return page.progress(stored, { done, next });
}

/** Judges a record again, read again before its entry, if something is wrong with it. */
async function judge(
  stored: StoredEntry & { readonly described: DescribedEntry },
  entry: StoredEntry | undefined,
  { bucket, context }: { readonly bucket: BucketFacts; readonly context: StepContext },
): Promise<RecordJudgement> {
  const first = judgeRecord(stored.described, stored.r2Key, entry);
  if (first.faults.length === 0) return first;
  const again = await context.reads.read(bucket, stored);
  if (again?.described === undefined) return { ...first, faults: [] };
  const entries = await context.reads.entriesOf(bucket, [stored.described.key], 1);
  return judgeRecord(again.described, stored.r2Key, entries.get(stored.described.key));
}

/** Records of a key are neighbours. Those of one page are compared. */
function reportRepeated(stored: readonly StoredEntry[], bucket: BucketFacts, context: StepContext): void {
  const described = stored.flatMap((each) => (each.described ? [{ ...each, described: each.described }] : []));
  for (const records of Map.groupBy(described, (each) => each.described.key).values()) {
    for (const repeated of findRepeated(records)) {
      const record = records.find(({ r2Key }) => r2Key === repeated.subject);
      if (record !== undefined) report(context, { bucket, stored: record }, [repeated]);
    }
  }
}

function countEntry({ described }: StoredEntry, { tally }: StepContext): void {
  if (described === undefined) return;
  const { record, isTombstone, sizeBytes } = described;
  const { D: isMarker, A: annotations, f: manifest } = record;
  if (isTombstone || isMarker === 1) {
    tally.add(isTombstone ? "tombstones" : "deleteMarkers");
    return;
  }
  tally.add("objects");
  tally.add("objectBytes", sizeBytes);
  if (annotations !== undefined) tally.add("annotationSets");
  if (manifest === undefined) return;
  tally.add("manifests");
  tally.add("blobs", manifest.k ?? manifest.p?.length ?? 1);
}

/** The objects of a page, in order, and how far the step has come with them. */
class ObjectPage {
  readonly #at: ObjectStage;
  readonly #bucket: BucketFacts;
  readonly #context: StepContext;
  #unread: Unread | undefined;

  constructor(at: ObjectStage, bucket: BucketFacts, context: StepContext) {
    this.#at = at;
    this.#bucket = bucket;
    this.#context = context;
  }

  /** Checks each, and then its bytes, if they are to be read. Returns how many are done. */
  check(stored: readonly StoredEntry[], checkOne: (each: StoredEntry) => Promise<void>): Promise<number> {
    const { budget, readsBytes } = this.#context;
    const more = (readsBytes ? CALLS_FOR_BYTES : 0) + (this.#at.stage === "records" ? CALLS_TO_JUDGE_AGAIN : 0);
    return budget.inOrder(
      stored,
      (each) => callsForObject(each) + more,
      async (each) => {
        const { unread } = this.#at;
        const isBegun = unread?.revision === each.revision;
        // The rest has been checked by an earlier step.
        if (!isBegun) await checkOne(each);
        return !readsBytes || this.#readBytes(each, isBegun ? unread : { blob: 0 });
      },
    );
  }

  /** The blobs, and then the annotations. Whether all have been read. */
  async #readBytes(stored: StoredEntry, from: Omit<Unread, "revision">): Promise<boolean> {
    const rest = await this.#checkBytes(stored, from);
    this.#unread = rest && { revision: stored.revision, ...rest };
    return rest === undefined;
  }

  async #checkBytes(
    stored: StoredEntry,
    { blob, annotation }: Omit<Unread, "revision">,
  ): Promise<Omit<Unread, "revision"> | undefined> {
    const bucket = this.#bucket;
    if (annotation === undefined) {
      const { faults, nextBlob } = await checkBytes(stored, { bucket, blob }, this.#context);
      report(this.#context, { bucket, stored }, faults);
      if (nextBlob !== undefined) return { blob: nextBlob };
    }
    const { faults, next } = await checkAnnotationBytes(stored, { bucket, after: annotation ?? "" }, this.#context);
    report(this.#context, { bucket, stored }, faults);
    return next === undefined ? undefined : { blob: 0, annotation: next };
  }

  progress(
    stored: readonly StoredEntry[],
    { done, next }: { readonly done: number; readonly next: string | undefined },
  ): Progress {
    const { unread: _, ...at } = this.#at;
    if (done < stored.length) {
      const after = done === 0 ? at.after : nameOf(stored[done - 1], at, this.#bucket);
      const unread = this.#unread === undefined ? {} : { unread: this.#unread };
      return { at: { ...at, after, ...unread }, isStopped: true };
    }
    return next === undefined ? COMPLETE : { at: { ...at, after: next }, isStopped: false };
  }
}

/** What follows the prefix of the bucket in an R2 key. */
function nameOf(
  stored: StoredEntry | undefined,
  { stage, after }: Pick<ObjectStage, "stage" | "after">,
  { bucketId }: BucketFacts,
): string {
  const prefix = stage === "entries" ? entryPrefix(bucketId) : recordPrefix(bucketId);
  return stored === undefined ? after : stored.r2Key.slice(prefix.length);
}
