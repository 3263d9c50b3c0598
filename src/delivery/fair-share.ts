/**
 * Shares the connections and the time of one batch of deliveries among hosts and accounts, so that a slow host or a
 * busy account does not delay the others. A host gets one connection until it has answered once, then its share.
 */
import { ConcurrencyLimit } from "../model/concurrency-limit.ts";
import type { ReceiverIdentity } from "./receiver-identity.ts";

const MIN_CONCURRENCY_PER_HOST = 2;

/** Connections that one account leaves free while others have jobs. */
const RESERVED_FOR_OTHER_ACCOUNTS = 2;

/** Whether further jobs of the group are run. */
export type AfterJob = "continue" | "stop";

export interface Group<Job> {
  readonly accountId: string;
  /** All for one host. */
  readonly jobs: readonly Job[];
}

/**
 * @param run must not throw
 * @param skip is called for each job that is not run because an earlier one of its group returned `stop`
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

/** A Worker can wait for six answers at a time ("simultaneous open connections"); one is left for the queues and D1. */
export const MAX_CONNECTIONS = 5;

type Receiver = Pick<ReceiverIdentity, "accountId" | "host">;

/** A host gets no further first attempts once one was slow or unanswered; an account may lose this much time. */
const MAX_ACCOUNT_FIRST_ATTEMPTS_MS = 10_000;
/** Retries go to hosts that are known to be slow or unanswered. */
const MAX_HOST_RETRIES_MS = 10_000;
const MAX_ACCOUNT_RETRIES_MS = 30_000;

/**
 * Time that a batch has lost on slow and unanswered attempts, by host and by account: one account can have many URLs.
 */
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
