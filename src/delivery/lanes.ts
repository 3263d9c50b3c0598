/**
 * Many attempts at several receivers at once, so that none holds up another: each receiver is tried with one event first
 * and with its share of the connections once it has answered; one that gives no answer is not asked again in the batch.
 */
import { CONNECTIONS, Slots } from "./slots.ts";

/** However many receivers there are. */
const LEAST_EACH = 2;

/** What becomes of the receiver's further jobs. */
export type AfterJob = "go on" | "stop";

/**
 * @param groups jobs by receiver
 * @param run never throws
 * @param skip for each job that was not run since one before it in its group said `stop`
 */
export async function runInLanes<Job>(
  groups: readonly (readonly Job[])[],
  run: (job: Job) => Promise<AfterJob>,
  skip: (job: Job) => void,
): Promise<void> {
  const slots = new Slots(CONNECTIONS);
  const lanes = Math.max(LEAST_EACH, Math.floor(CONNECTIONS / groups.length));
  const inSlot = (job: Job) => slots.use(() => run(job));
  await Promise.all(groups.map((jobs) => runGroup(jobs, { lanes, run: inSlot, skip })));
}

async function runGroup<Job>(
  jobs: readonly Job[],
  { lanes, run, skip }: { lanes: number; run: (job: Job) => Promise<AfterJob>; skip: (job: Job) => void },
): Promise<void> {
  const queue = [...jobs];
  let state: AfterJob = "go on";
  const next = async () => {
    const job = queue.shift();
    if (job !== undefined && (await run(job)) === "stop") state = "stop";
  };
  const lane = async () => {
    while (state === "go on" && queue.length > 0) await next();
  };
  await next();
  await Promise.all(Array.from({ length: lanes }, lane));
  for (const job of queue) skip(job);
}
