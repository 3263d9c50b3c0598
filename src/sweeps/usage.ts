/**
 * Counts what every bucket holds, in steps. A run takes the buckets that have waited longest, some at a time, and gives each an
 * equal part of its calls: a bucket of a page or two is counted at once, and a large one a part of it in each run.
 */
import { authorizeUsage, type GrantedBucket } from "../access/authorize.ts";
import { CallBudget } from "../lifecycle/call-budget.ts";
import { isAdopted } from "../model/adopted.ts";
import {
  addUsage,
  type CountedPage,
  FIRST_POSITION,
  isSameUsage,
  NO_USAGE,
  nextCountAt,
  type UsagePass,
  type UsagePosition,
} from "../model/usage.ts";
import type { AdoptedUploadRows } from "../storage/d1/adopted-uploads.ts";
import type { OpenUploads } from "../storage/d1/open-uploads.ts";
import type { DueUsage, Usage, UsageStep } from "../storage/d1/usage.ts";
import { CALLS_OF_A_PAGE, type UsageObjects } from "../storage/r2/usage-objects.ts";
import type { BlobSets } from "../storage/uploads/blob-sets.ts";
import { blobSetOfUpload } from "../storage/uploads/upload-id.ts";

const BUCKETS_PER_ROUND = 50;
/** The rows of a round are read with one call and written with one. */
const CALLS_OF_A_ROUND = 2;
/** With fewer calls a bucket might not get anywhere: then fewer buckets have their turn. */
const LEAST_CALLS = 4;
/** Uploads that are listed with one call; then each needs one. */
const UPLOADS_PER_PAGE = 50;
/** An invocation may wait for six answers at a time. */
const PARALLEL = 4;
/** Less than the time between two runs, together with what runs before. */
const RUN_MS = 50_000;
/** A bucket that could not be counted has its next turn after this time. */
const RETRY_MS = 10 * 60_000;

export interface UsageSweep {
  readonly usage: Usage;
  readonly objects: UsageObjects;
  readonly openUploads: OpenUploads;
  readonly adopted: { readonly rows: Pick<AdoptedUploadRows, "sizes"> };
  readonly blobSets: BlobSets;
  readonly now: Date;
  /** Calls that the run may make. */
  readonly calls: number;
}

export interface UsageResult {
  /** Steps of buckets. */
  readonly steps: number;
  readonly completed: number;
  readonly failed: number;
}

export async function sweepUsage(sweep: UsageSweep): Promise<UsageResult> {
  const { usage, now } = sweep;
  const budget = new CallBudget(sweep.calls, new Date(Date.now() + RUN_MS));
  const total = { steps: 0, completed: 0, failed: 0 };
  // What a round leaves is due again at once, after everything that waits already.
  for (let at = now.getTime(); budget.take(CALLS_OF_A_ROUND); at++) {
    const affordable = Math.floor(budget.left / LEAST_CALLS);
    if (affordable === 0) break;
    const due = await usage.due(at, Math.min(BUCKETS_PER_ROUND, affordable));
    if (due.length === 0) break;
    const share = Math.max(LEAST_CALLS, Math.floor(budget.left / due.length));
    const steps: UsageStep[] = [];
    const waiting = [...due];
    const lane = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const step = await takeStep(next, { sweep, budget, share, at });
        if (step === undefined) continue;
        steps.push(step);
        total.steps++;
        if (step.counted !== undefined) total.completed++;
        if (step.hasFailed) total.failed++;
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, lane));
    if (steps.length === 0) break;
    await usage.save(steps, now.getTime());
  }
  return total;
}

interface StepMeans {
  readonly sweep: UsageSweep;
  readonly budget: CallBudget;
  /** Calls after which the step ends. */
  readonly share: number;
  readonly at: number;
}

/** Undefined if there were no calls left for it. */
async function takeStep(
  due: DueUsage,
  means: StepMeans,
): Promise<(UsageStep & { readonly hasFailed?: true }) | undefined> {
  const { sweep, at } = means;
  const nowMs = sweep.now.getTime();
  try {
    const bucket = authorizeUsage(due.bucket);
    const begun = begin(due, sweep.objects.first(bucket), nowMs);
    const { pass, isComplete } = await count(bucket, begun, means);
    if (!isComplete) return pass.calls === begun.calls ? undefined : { due, pass, dueAt: at + 1 };
    const isChanged = due.last === undefined || !isSameUsage(due.last.figures, pass.counts);
    const lastAt = due.last === undefined ? {} : { lastAt: due.last.countedAt };
    return {
      due,
      pass: undefined,
      counted: { figures: pass.counts, countedAt: pass.startedAt, calls: pass.calls, added: pass.added },
      dueAt: nextCountAt(nowMs, { calls: pass.calls, isChanged, ...lastAt }),
    };
  } catch (error) {
    // A failure of one bucket must not stop the others; its count continues where this step began.
    console.error(JSON.stringify({ sweep: "usage", cause: String(error) }));
    return { due, pass: due.pass, dueAt: nowMs + RETRY_MS, hasFailed: true };
  }
}

/** The count that is under way, or a new one; also if versioning has been enabled since, since positions do not compare. */
function begin({ pass, added }: DueUsage, first: UsagePosition, now: number): UsagePass {
  const isOf = pass?.position.stage === "uploads" || pass?.position.stage === first.stage;
  return pass !== undefined && isOf
    ? pass
    : { startedAt: now, position: FIRST_POSITION, counts: NO_USAGE, calls: 0, added };
}

/** Counts until the end of the bucket, or until the step has used its calls. */
async function count(
  bucket: GrantedBucket,
  begun: UsagePass,
  { sweep, budget, share }: StepMeans,
): Promise<{ readonly pass: UsagePass; readonly isComplete: boolean }> {
  let pass = begun;
  for (;;) {
    const { position } = pass;
    // Taken before they are made, since others use the budget at the same time.
    const most = mostCallsOf(position, Math.min(budget.left, share));
    if (pass.calls - begun.calls >= share || !budget.take(most)) return { pass, isComplete: false };
    const page =
      position.stage === "uploads"
        ? await countUploads(bucket, { after: position, limit: most - 1 }, sweep)
        : await sweep.objects.page(bucket, position);
    budget.spend(page.calls - most);
    const next = page.next ?? (position.stage === "uploads" ? sweep.objects.first(bucket) : undefined);
    pass = {
      ...pass,
      position: next ?? position,
      counts: addUsage(pass.counts, page.counts),
      calls: pass.calls + page.calls,
    };
    if (next === undefined) return { pass, isComplete: true };
  }
}

function mostCallsOf({ stage }: UsagePosition, available: number): number {
  switch (stage) {
    case "uploads":
      return Math.min(1 + UPLOADS_PER_PAGE, Math.max(LEAST_CALLS, available));
    case "entries":
      return 2;
    case "versions":
      return CALLS_OF_A_PAGE;
    default:
      return stage satisfies never;
  }
}

interface UploadsQuery {
  readonly after: { readonly key: string; readonly uploadId: string };
  readonly limit: number;
}

/** One page of the uploads that are open, with the bytes of their parts. */
async function countUploads(bucket: GrantedBucket, query: UploadsQuery, sweep: UsageSweep): Promise<CountedPage> {
  const { rows, openBytes, calls } = await (isAdopted(bucket) ? readAdopted : readOpen)(bucket, query, sweep);
  const last = rows.length < query.limit ? undefined : rows.at(-1);
  return {
    counts: { openUploads: openBytes.length, uploadBytes: openBytes.reduce((sum, bytes) => sum + bytes, 0) },
    next: last && { stage: "uploads", key: last.key, uploadId: last.uploadId },
    calls,
  };
}

/** Each upload's Durable Object knows its parts. */
async function readOpen(bucket: GrantedBucket, query: UploadsQuery, { openUploads, blobSets }: UsageSweep) {
  // The run may begin long after the time for which it was planned, and subtracts what was written until it began.
  const rows = await openUploads.initiatedUntil(bucket.id, { prefix: "", initiatedUntil: new Date(), ...query });
  const openBytes: number[] = [];
  for (const { uploadId } of rows) {
    const { upload } = await blobSets.inspect(blobSetOfUpload(uploadId), { after: 0, limit: 0 });
    // The row of an upload that has ended is removed by another sweep.
    if (upload?.state === "open" || upload?.state === "completing") openBytes.push(upload.partBytes ?? 0);
  }
  return { rows, openBytes, calls: 1 + rows.length };
}

async function readAdopted(bucket: GrantedBucket, query: UploadsQuery, { adopted }: UsageSweep) {
  const rows = await adopted.rows.sizes(bucket.id, query);
  return { rows, openBytes: rows.map(({ bytes }) => bytes), calls: 1 };
}
