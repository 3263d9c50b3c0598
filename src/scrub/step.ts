/**
 * One step of a scrub: as much as fits into one request. It reads only. What it finds wrong it reads again, so that writes at the
 * same time are no findings.
 */
import { S3Error } from "../errors.ts";
import type { RawBucket } from "../storage/d1/scrub-rows.ts";
import type { ScrubReads } from "../storage/scrub/scrub-reads.ts";
import { type BucketState, checkBucket, describeBuckets, factsOf } from "./bucket-stage.ts";
import { checkBlobSets, checkContents, checkRows } from "./deployment-stages.ts";
import { type CountName, type Finding, Tally } from "./findings.ts";
import { checkEntries, checkRecords } from "./object-stages.ts";
import type { Position, Stage } from "./position.ts";
import { StepBudget } from "./step-budget.ts";
import { COMPLETE, type Progress, type StepContext } from "./step-context.ts";
import { checkUploads } from "./upload-stage.ts";

export interface StepOutcome {
  readonly findings: readonly Finding[];
  readonly counts: Partial<Record<CountName, number>>;
  /** Undefined: nothing is left. */
  readonly next: Position | undefined;
}

/** @throws S3Error `NoSuchBucket` if the only bucket does not exist; whatever R2, D1 or a Durable Object answers */
export async function runStep(reads: ScrubReads, position: Position, now: Date): Promise<StepOutcome> {
  const readsBytes = position.reads === "bytes";
  const budget = new StepBudget(reads, readsBytes);
  const tally = new Tally();
  const findings: Finding[] = [];
  const context: StepContext = { reads, budget, tally, findings, readsBytes, now };
  const scrub = new Scrub(position, context);
  let at: Stage | undefined = position.at;
  for (let isStopped = false; at !== undefined && !isStopped; ) {
    const progress: Progress = await scrub.run(at);
    at = progress.at;
    isStopped = progress.isStopped || !budget.isAmple;
  }
  const { r2, d1, durableObject, bytesRead } = reads.counts;
  tally.add("r2Calls", r2);
  tally.add("d1Calls", d1);
  tally.add("durableObjectCalls", durableObject);
  tally.add("bytesRead", bytesRead);
  return { findings, counts: tally.toJson(), next: at && { ...position, at } };
}

class Scrub {
  readonly #only: string | undefined;
  readonly #context: StepContext;
  /** The bucket that the step has read last. */
  #bucket: RawBucket | undefined;
  /** Buckets in order, the next one first. */
  #waiting: BucketState[] = [];
  /** Whether the bucket is known to have no open upload. */
  #hasNoUploads = false;

  constructor({ only }: Position, context: StepContext) {
    this.#only = only;
    this.#context = context;
  }

  /** A page of a stage, or the first page of the stage after it. */
  async run(at: Stage): Promise<Progress> {
    const progress = await this.#runPage(at);
    return progress.at === undefined ? { ...progress, at: this.#after(at) } : progress;
  }

  async #runPage(at: Stage): Promise<Progress> {
    switch (at.stage) {
      case "next-bucket":
        return this.#beginBucket(await this.#bucketAfter(at.after));
      case "bucket": {
        const bucket = await this.#context.reads.rows.bucket(at.bucket);
        if (bucket === undefined) throw new S3Error("NoSuchBucket", { details: { BucketName: at.bucket } });
        return this.#beginBucket((await describeBuckets([bucket], this.#context))[0]);
      }
      case "entries":
      case "records":
      case "uploads":
        return this.#continueBucket(at);
      case "rows":
        return checkRows(at, this.#context);
      case "contents":
        return this.#context.reads.hasRegion(at.region) ? checkContents(at, this.#context) : COMPLETE;
      case "blobs":
        return this.#context.reads.hasRegion(at.region) ? checkBlobSets(at, this.#context) : COMPLETE;
      default:
        return at satisfies never;
    }
  }

  async #bucketAfter(name: string): Promise<BucketState | undefined> {
    if (this.#waiting.length === 0) {
      this.#waiting = await describeBuckets(await this.#context.reads.rows.bucketsAfter(name), this.#context);
    }
    return this.#waiting.shift();
  }

  async #beginBucket(state: BucketState | undefined): Promise<Progress> {
    if (state === undefined) return COMPLETE;
    const { bucket } = state;
    this.#bucket = bucket;
    this.#hasNoUploads = !state.hasUploads;
    await checkBucket(state, this.#context);
    const { name, id } = bucket;
    const hasRegion = this.#context.reads.hasRegion(bucket.region);
    const uploads: Stage = { stage: "uploads", bucket: name, bucketId: id, key: "", uploadId: "" };
    // Without its region's store nothing but rows can be read.
    if (!hasRegion) return { at: this.#after(uploads), isStopped: false };
    return { at: { stage: "entries", bucket: name, bucketId: id, after: "" }, isStopped: false };
  }

  /** A bucket that has been deleted meanwhile has nothing left to be checked. */
  async #continueBucket(at: Extract<Stage, { stage: "entries" | "records" | "uploads" }>): Promise<Progress> {
    if (this.#bucket?.name !== at.bucket) {
      this.#bucket = await this.#context.reads.rows.bucket(at.bucket);
      this.#hasNoUploads = false;
    }
    const bucket = this.#bucket;
    if (bucket?.id !== at.bucketId || !this.#context.reads.hasRegion(bucket.region)) return COMPLETE;
    if (at.stage === "uploads" && this.#hasNoUploads) return COMPLETE;
    if (at.stage === "uploads") return checkUploads(at, factsOf(bucket), this.#context);
    return at.stage === "entries"
      ? checkEntries(at, factsOf(bucket), this.#context)
      : checkRecords(at, factsOf(bucket), this.#context);
  }

  #after(at: Stage): Stage | undefined {
    switch (at.stage) {
      case "next-bucket":
        return { stage: "rows" };
      case "bucket":
        return undefined;
      case "entries":
        return { stage: "records", bucket: at.bucket, bucketId: at.bucketId, after: "" };
      case "records":
        return { stage: "uploads", bucket: at.bucket, bucketId: at.bucketId, key: "", uploadId: "" };
      case "uploads":
        return this.#only === undefined ? { stage: "next-bucket", after: at.bucket } : undefined;
      case "rows":
        return this.#firstIn(this.#context.reads.regions[0]);
      case "contents":
        if (at.place === "entry") return { ...at, place: "record", after: "" };
        return { stage: "blobs", region: at.region, after: "" };
      case "blobs": {
        const { regions } = this.#context.reads;
        return this.#firstIn(regions[regions.indexOf(at.region) + 1]);
      }
      default:
        return at satisfies never;
    }
  }

  #firstIn(region: string | undefined): Stage | undefined {
    return region === undefined ? undefined : { stage: "contents", region, place: "entry", after: "" };
  }
}
