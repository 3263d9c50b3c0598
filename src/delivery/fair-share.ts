/**
 * Many attempts at several hosts at once, so that none holds up another: each host is tried with one event first and with
 * its share of the connections once it has answered. Nor does one account take all connections while another waits.
 */
import type { ReceiverIdentity } from "./receiver-identity.ts";

/** However many hosts there are. */
const LEAST_EACH = 2;

/** Left to others by each account, where there are any. */
const LEFT_TO_OTHERS = 2;

/** What becomes of the group's further jobs. */
export type AfterJob = "go on" | "stop";

export interface Group<Job> {
  readonly accountId: string;
  /** At one host. */
  readonly jobs: readonly Job[];
}

/**
 * @param run never throws
 * @param skip for each job that was not run since one before it in its group said `stop`
 */
export async function runInLanes<Job>(
  groups: readonly Group<Job>[],
  run: (job: Job) => Promise<AfterJob>,
  skip: (job: Job) => void,
): Promise<void> {
  const slots = new Slots(CONNECTIONS);
  const lanes = Math.max(LEAST_EACH, Math.floor(CONNECTIONS / groups.length));
  const byAccount = Map.groupBy(groups, ({ accountId }) => accountId);
  const ofEach = byAccount.size === 1 ? CONNECTIONS : CONNECTIONS - LEFT_TO_OTHERS;
  await Promise.all(
    [...byAccount.values()].flatMap((own) => {
      const share = new Slots(ofEach);
      const inSlot = (job: Job) => share.use(() => slots.use(() => run(job)));
      return own.map(({ jobs }) => runGroup(jobs, { lanes, run: inSlot, skip }));
    }),
  );
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

/** A Worker waits for six answers at a time ("simultaneous open connections"); one is left for the queues and D1. */
export const CONNECTIONS = 5;

/** Work that may go on at the same time, first come, first served. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async use<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#free++;
      else waiting();
    }
  }
}

type Place = Pick<ReceiverIdentity, "accountId" | "host">;

/** First attempts: a host is asked no more once it has been in trouble. */
const ACCOUNT_FIRST_MS = 10_000;
/** Retries, which are for such hosts. */
const HOST_RETRIES_MS = 10_000;
const ACCOUNT_RETRIES_MS = 30_000;

export class Patience {
  readonly #lostMs = new Map<string, number>();

  lose({ accountId, host }: Place, milliseconds: number): void {
    for (const key of [accountId, `${accountId} ${host}`]) {
      this.#lostMs.set(key, (this.#lostMs.get(key) ?? 0) + milliseconds);
    }
  }

  isOver({ accountId, host }: Place, { isRetry }: { readonly isRetry: boolean }): boolean {
    const byAccount = this.#lostMs.get(accountId) ?? 0;
    const byHost = this.#lostMs.get(`${accountId} ${host}`);
    if (!isRetry) return byHost !== undefined || byAccount >= ACCOUNT_FIRST_MS;
    return (byHost ?? 0) >= HOST_RETRIES_MS || byAccount >= ACCOUNT_RETRIES_MS;
  }
}
