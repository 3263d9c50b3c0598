/**
 * The lifecycle of all buckets: what rules say about objects and uploads is done from the schedule, in steps. Each bucket with
 * rules has one pass in each day, from midnight UTC on. A run gives every bucket whose turn it is an equal part of its calls,
 * and begins with those that have waited longest.
 */
import { authorizeLifecycle } from "../access/authorize.ts";
import type { LifecycleClock } from "../model/lifecycle.ts";
import type { LifecycleServices } from "../services.ts";
import type { LifecycleCounts, LifecyclePass } from "../storage/d1/lifecycle-passes.ts";
import { BucketStep } from "./bucket-step.ts";
import { CallBudget } from "./call-budget.ts";
import { formatPosition, type PassPosition, parsePosition } from "./position.ts";

const BUCKETS_PER_RUN = 20;
/** Less than the time between two runs. */
const RUN_MS = 60_000;
/** The rows of the passes, and for each bucket its own row and that of its pass. */
const CALLS_OF_A_RUN = 2;
const CALLS_OF_A_BUCKET = 3;
/** With fewer calls a step might not get anywhere: then fewer buckets have their turn. */
const LEAST_CALLS_OF_A_STEP = 40;

export interface LifecycleResult {
  readonly buckets: number;
  readonly passesCompleted: number;
  readonly expired: number;
  readonly transitioned: number;
  readonly uploadsAborted: number;
  readonly failed: number;
}

/** @throws the first failure, after all buckets had their turn */
export async function runLifecycle(services: LifecycleServices, now: Date): Promise<LifecycleResult> {
  const { config, lifecycle } = services;
  const clock: LifecycleClock = { now, dayMs: config.lifecycleDayMs };
  const budget = new CallBudget(config.lifecycleCalls - CALLS_OF_A_RUN, new Date(Date.now() + RUN_MS));
  const passes = await lifecycle.passes.due(Math.floor(now.getTime() / clock.dayMs), BUCKETS_PER_RUN);
  const total = { buckets: 0, passesCompleted: 0, expired: 0, transitioned: 0, uploadsAborted: 0, failed: 0 };
  const failures: unknown[] = [];
  for (const [index, pass] of passes.entries()) {
    const affordable = Math.floor(budget.left / LEAST_CALLS_OF_A_STEP);
    if (affordable === 0) break;
    const share = budget.share(Math.min(passes.length - index, affordable));
    share.budget.spend(CALLS_OF_A_BUCKET);
    total.buckets++;
    try {
      const step = await takeStep(pass, { services, clock, budget: share.budget });
      if (step.isComplete) total.passesCompleted++;
      for (const name of ["expired", "transitioned", "uploadsAborted", "failed"] as const) total[name] += step[name];
    } catch (error) {
      failures.push(error);
    }
    share.settle();
  }
  await services.accessLogs.flush();
  if (failures.length > 0) throw failures[0];
  return total;
}

interface StepMeans {
  readonly services: LifecycleServices;
  readonly clock: LifecycleClock;
  readonly budget: CallBudget;
}

type StepResult = Omit<LifecycleResult, "buckets" | "passesCompleted"> & { readonly isComplete: boolean };

const NOTHING = { expired: 0, transitioned: 0, uploadsAborted: 0, failed: 0 };

/** What the step has done is written after each page, and even if it fails. @throws whatever the platform throws */
async function takeStep(pass: LifecyclePass, { services, clock, budget }: StepMeans): Promise<StepResult> {
  const { directory, lifecycle } = services;
  const { buckets } = await directory.load({ bucketName: pass.bucketName });
  const bucket = buckets.get(pass.bucketName);
  const configuration = bucket?.documents.lifecycle;
  const isOn = configuration?.rules.some(({ isEnabled }) => isEnabled) ?? false;
  if (bucket?.id !== pass.bucketId || configuration === undefined || !isOn) {
    await lifecycle.passes.advance(pass, { position: undefined, counts: pass.counts, now: clock.now });
    return { ...NOTHING, isComplete: true };
  }
  let { workedAt } = pass;
  const save = async (reached: PassPosition | undefined, counts: LifecycleCounts): Promise<boolean> => {
    const position = reached && formatPosition(reached);
    const saved = await lifecycle.passes.advance({ ...pass, workedAt }, { position, counts, now: clock.now });
    workedAt = saved ?? workedAt;
    return saved !== undefined;
  };
  const step = new BucketStep(
    services,
    { bucket: authorizeLifecycle(bucket), configuration, clock, budget, save },
    pass.counts,
  );
  try {
    await step.run(parsePosition(pass.position));
  } finally {
    await save(step.position, step.counts);
  }
  const { expired, transitioned, uploadsAborted, failed } = step.counts;
  const { counts: before } = pass;
  return {
    expired: expired - before.expired,
    transitioned: transitioned - before.transitioned,
    uploadsAborted: uploadsAborted - before.uploadsAborted,
    failed: failed - before.failed,
    isComplete: step.position === undefined,
  };
}
