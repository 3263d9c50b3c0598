/**
 * The consumer of replication tasks, and the sweep that sends them again. A task is stored in D1; its message only
 * names it, and a message whose task is gone is acknowledged. Destinations are served independently of each other, and
 * one that gave no answer is not called again in the batch.
 *
 * Attempts are counted before they begin, because the platform stops a Worker that exceeds its limits without an error.
 * A task whose last attempt did not finish runs by itself after the others, so that it cannot stop their attempts
 * again.
 */
import { ConcurrencyLimit } from "../model/concurrency-limit.ts";
import type { ReplicationTask } from "../storage/d1/replication-tasks.ts";
import type { QueueMessage, ReplicationMessage } from "../storage/journal/messages.ts";
import { attemptTask, giveUp, postponeUnattempted, retryDelaySeconds } from "./attempt.ts";
import type { ReplicationServices } from "./converge.ts";
import { nextPage } from "./existing.ts";
import { FreshReads } from "./fresh-reads.ts";

/**
 * Tasks that run at the same time; if there are more destinations, one for each. A Worker can wait for six answers at a time
 * ("simultaneous open connections"), and the task of a small object waits for one.
 */
const MAX_CONCURRENT_TASKS = 6;
/**
 * Of the six connections, those that the bytes of objects may hold. A transfer holds one until its end, and short calls would wait
 * behind transfers for longer than a call is waited for.
 */
const TRANSFERS = 4;
/** A smaller object is in memory when it is sent, and its calls are short. */
const TRANSFER_BYTES = 1024 * 1024;
/** The blobs or parts of a larger object are sent several at a time. */
const MANY_TRANSFERS_BYTES = 8 * 1024 * 1024;
/** No task begins later in a batch, so that each has most of a consumer's 15 minutes. */
const MAX_START_DELAY_MS = 90_000;
/** In a row. Attempts that exceed the limit of subrequests take over an hour in all; others that are stopped, less. */
const MAX_UNFINISHED = 10;
const UNFINISHED_REASON =
  "The attempts did not finish. The object may need more subrequests, time or memory than one run of the Worker has.";

interface Job {
  readonly message: QueueMessage<ReplicationMessage>;
  readonly task: ReplicationTask;
}

/** Acknowledges or retries every message. @throws whatever D1 throws: then all are retried */
export async function replicate(
  messages: readonly QueueMessage<ReplicationMessage>[],
  services: ReplicationServices,
): Promise<void> {
  await new Batch(services).run(messages);
}

class Batch {
  readonly #services: ReplicationServices;
  readonly #startedAt = Date.now();
  /** Remotes that gave no answer in this batch. */
  readonly #unresponsive = new Set<string>();
  readonly #transfers = new ConcurrencyLimit(TRANSFERS);
  #handled: QueueMessage<ReplicationMessage>[] = [];
  #done: string[] = [];
  #notStarted: Job[] = [];
  /** Of destinations that gave no answer. */
  #unattempted: Job[] = [];

  constructor(services: ReplicationServices) {
    this.#services = services;
  }

  async run(messages: readonly QueueMessage<ReplicationMessage>[]): Promise<void> {
    const { begun, unfinished } = await this.#services.replicationTasks.begin(messages.map(({ body }) => body.taskId));
    const jobs: Job[] = [];
    const isolated: Job[] = [];
    for (const message of messages) {
      const { taskId } = message.body;
      const [task, suspect] = [begun.get(taskId), unfinished.get(taskId)];
      // A task whose message arrived twice runs once.
      begun.delete(taskId);
      unfinished.delete(taskId);
      if (task !== undefined) jobs.push({ message, task });
      else if (suspect !== undefined) isolated.push({ message, task: suspect });
      else this.#handled.push(message);
    }
    const reads = new FreshReads(
      this.#services,
      [...jobs, ...isolated].map(({ task }) => task),
    );
    const groups = Map.groupBy(jobs, ({ task }) => task.destination.remote ?? "");
    const concurrency = Math.max(1, Math.floor(MAX_CONCURRENT_TASKS / groups.size));
    await Promise.all(
      [...groups.values()].flatMap((group) => Array.from({ length: concurrency }, () => this.#work(group, reads))),
    );
    await this.#settle();
    // Tasks that failed to finish most often run last.
    for (const job of isolated.sort((left, right) => left.task.unfinished - right.task.unfinished)) {
      await this.#runIsolated(job, reads);
      await this.#settle();
    }
  }

  async #work(queue: Job[], reads: FreshReads): Promise<void> {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      await this.#transfers.run(() => this.#start(job, reads), transfersOf(job.task));
    }
  }

  async #start(job: Job, reads: FreshReads): Promise<void> {
    if (this.#isLate()) this.#notStarted.push(job);
    else if (this.#isUnresponsive(job.task)) this.#unattempted.push(job);
    else await this.#run(job, reads);
  }

  async #runIsolated({ message, task }: Job, reads: FreshReads): Promise<void> {
    if (this.#isLate()) return message.retry();
    await this.#acknowledgeAfter([message], async () => {
      if (task.unfinished >= MAX_UNFINISHED) return giveUp(task, UNFINISHED_REASON, this.#services);
      if (this.#isUnresponsive(task)) return postponeUnattempted([task], this.#services);
      const begun = await this.#services.replicationTasks.beginAgain(task.id);
      if (begun !== undefined) await this.#attempt(begun, reads);
    });
  }

  #run({ message, task }: Job, reads: FreshReads): Promise<void> {
    return this.#acknowledgeAfter([message], () => this.#attempt(task, reads));
  }

  async #attempt(task: ReplicationTask, reads: FreshReads): Promise<void> {
    const { remote } = task.destination;
    const outcome = await attemptTask(task, this.#services, reads);
    if (outcome === "done") this.#done.push(task.id);
    if (outcome === "unanswered" && remote !== undefined) this.#unresponsive.add(remote);
  }

  #isUnresponsive({ destination: { remote } }: ReplicationTask): boolean {
    return remote !== undefined && this.#unresponsive.has(remote);
  }

  async #acknowledgeAfter(
    messages: readonly QueueMessage<ReplicationMessage>[],
    work: () => Promise<void>,
  ): Promise<void> {
    try {
      await work();
      this.#handled.push(...messages);
    } catch (error) {
      // D1 or the queue failed: only these messages are retried.
      const replications = messages.map(({ body }) => body.taskId).join();
      console.error(JSON.stringify({ replication: replications, cause: String(error) }));
      for (const message of messages) message.retry({ delaySeconds: retryDelaySeconds(message.attempts) });
    }
  }

  /** If this fails, all messages are retried, and the completed tasks find their destination up to date. */
  async #settle(): Promise<void> {
    const { replicationTasks } = this.#services;
    await replicationTasks.complete(this.#done.splice(0));
    const unattempted = this.#unattempted.splice(0);
    if (unattempted.length > 0) {
      await this.#acknowledgeAfter(
        unattempted.map(({ message }) => message),
        () =>
          postponeUnattempted(
            unattempted.map(({ task }) => task),
            this.#services,
          ),
      );
    }
    for (const message of this.#handled.splice(0)) message.ack();
    const notStarted = this.#notStarted.splice(0);
    await replicationTasks.release(notStarted.map(({ task }) => task.id));
    for (const { message } of notStarted) message.retry();
  }

  #isLate(): boolean {
    return Date.now() - this.#startedAt > MAX_START_DELAY_MS;
  }
}

/** Connections that the task may hold for long. */
function transfersOf({ change: { sizeBytes = 0 } }: ReplicationTask): number {
  if (sizeBytes <= TRANSFER_BYTES) return 0;
  return sizeBytes <= MANY_TRANSFERS_BYTES ? 1 : TRANSFERS;
}

/** Tasks that one run of the sweep sends again. */
const TASKS_PER_RUN = 2_000;
/** A job without progress for this long has lost its message: a page takes less, waiting included. */
const STALE_MS = 5 * 60 * 1000;

/** Sends messages again for tasks and jobs that a crash or a lost message left without one. */
export async function resumeReplication(
  { replicationTasks, replicationJobs, queues }: ReplicationServices,
  now: Date,
): Promise<{ tasks: number; jobs: number }> {
  const ids = await replicationTasks.takeDue(now, TASKS_PER_RUN);
  await queues.replication.send(ids.map((taskId) => ({ kind: "replication", taskId })));
  const jobs = await replicationJobs.takeStale(new Date(now.getTime() - STALE_MS), now);
  await queues.replication.send(jobs.map((job) => nextPage(job, job.updatedAt)));
  return { tasks: ids.length, jobs: jobs.length };
}
