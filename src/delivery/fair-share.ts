/**
 * Many attempts at several hosts at once, so that none holds up another: each host is tried with one event first and with
 * its share of the connections once it has answered. Nor does one account take all connections while another waits.
 */
import type { ReceiverIdentity } from "./receiver-identity.ts";

/** However many hosts there are. */
const MIN_CONCURRENCY_PER_HOST = 2;

/** Left to others by each account, where there are any. */
const RESERVED_FOR_OTHER_ACCOUNTS = 2;

/** What becomes of the group's further jobs. */
export type AfterJob = "continue" | "stop";

export interface Group<Job> {
  readonly accountId: string;
  /** At one host. */
  readonly jobs: readonly Job[];
}

/**
 * @param run never throws
 * @param skip for each job that was not run since one before it in its group said `stop`
 */
export async function runGroups<Job>(
  groups: readonly Group<Job>[],
  run: (job: Job) => Promise<AfterJob>,
  skip: (job: Job) => void,
): Promise<void> {
  const limit = new ConcurrencyLimit(MAX_CONNECTIONS);
  const concurrency = Math.max(MIN_CONCURRENCY_PER_HOST, Math.floor(MAX_CONNECTIONS / groups.length));
  const byAccount = Map.groupBy(groups, ({ accountId }) => accountId);
  const perAccount = byAccount.size === 1 ? MAX_CONNECTIONS : MAX_CONNECTIONS - RESERVED_FOR_OTHER_ACCOUNTS;
  await Promise.all(
    [...byAccount.values()].flatMap((accountGroups) => {
      const accountLimit = new ConcurrencyLimit(perAccount);
      const inLimits = (job: Job) => accountLimit.run(() => limit.run(() => run(job)));
      return accountGroups.map(({ jobs }) => runGroup(jobs, { concurrency, run: inLimits, skip }));
    }),
  );
}

async function runGroup<Job>(
  jobs: readonly Job[],
  { concurrency, run, skip }: { concurrency: number; run: (job: Job) => Promise<AfterJob>; skip: (job: Job) => void },
): Promise<void> {
  const queue = [...jobs];
  let state: AfterJob = "continue";
  const next = async () => {
    const job = queue.shift();
    if (job !== undefined && (await run(job)) === "stop") state = "stop";
  };
  const worker = async () => {
    while (state === "continue" && queue.length > 0) await next();
  };
  await next();
  await Promise.all(Array.from({ length: concurrency }, worker));
  for (const job of queue) skip(job);
}

/** A Worker waits for six answers at a time ("simultaneous open connections"); one is left for the queues and D1. */
export const MAX_CONNECTIONS = 5;

/** Work that may go on at the same time, first come, first served. */
export class ConcurrencyLimit {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
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

type Receiver = Pick<ReceiverIdentity, "accountId" | "host">;

/** First attempts: a host is asked no more once it has been in trouble. */
const MAX_ACCOUNT_FIRST_ATTEMPTS_MS = 10_000;
/** Retries, which are for such hosts. */
const MAX_HOST_RETRIES_MS = 10_000;
const MAX_ACCOUNT_RETRIES_MS = 30_000;

export class TimeBudget {
  readonly #spentMs = new Map<string, number>();

  spend({ accountId, host }: Receiver, spentMs: number): void {
    for (const key of [accountId, `${accountId} ${host}`]) {
      this.#spentMs.set(key, (this.#spentMs.get(key) ?? 0) + spentMs);
    }
  }

  isSpent({ accountId, host }: Receiver, { isRetry }: { readonly isRetry: boolean }): boolean {
    const accountMs = this.#spentMs.get(accountId) ?? 0;
    const hostMs = this.#spentMs.get(`${accountId} ${host}`);
    if (!isRetry) return hostMs !== undefined || accountMs >= MAX_ACCOUNT_FIRST_ATTEMPTS_MS;
    return (hostMs ?? 0) >= MAX_HOST_RETRIES_MS || accountMs >= MAX_ACCOUNT_RETRIES_MS;
  }
}
