/**
 * Replication tasks, as their messages come up. A message only wakes: the task stands in D1, and if it is gone there is
 * nothing to do. Each destination has lanes of its own, so that none waits for another, and one that has given no answer is
 * not asked again in the batch.
 *
 * Attempts are counted before they are made, since what is too much for the Worker ends it without a word. A task whose last
 * attempt came to no end is made alone, after the others: they may have shared its run, but nothing else with it.
 */
import type { ReplicationTask } from "../storage/d1/replication-tasks.ts";
import type { QueueMessage, ReplicationMessage } from "../storage/journal/messages.ts";
import { attemptTask, giveUp, postponeUnattempted, retryDelaySeconds } from "./attempt.ts";
import type { ReplicationServices } from "./converge.ts";
import { nextPage } from "./existing.ts";

/** Tasks under way at a time, each of which streams; one for each destination if there are more of those. */
const MAX_CONCURRENT_TASKS = 4;
/** A task is begun only this long after the batch came, so that each has most of a consumer's 15 minutes. */
const MAX_START_DELAY_MS = 90_000;
/** In a row. Where calls run out they take over an hour; what a killed Worker was at comes back sooner. */
const MAX_UNFINISHED = 10;
const UNFINISHED_REASON =
  "The attempts came to no end. The object may take more calls, time or memory than one run of the Worker may use.";

interface Job {
  readonly message: QueueMessage<ReplicationMessage>;
  readonly task: ReplicationTask;
}

/** Answers for every message. @throws what D1 throws: all come up again */
export async function replicate(
  messages: readonly QueueMessage<ReplicationMessage>[],
  services: ReplicationServices,
): Promise<void> {
  await new Batch(services).run(messages);
}

class Batch {
  readonly #services: ReplicationServices;
  readonly #startedAt = Date.now();
  /** Remotes that gave no answer. */
  readonly #unresponsive = new Set<string>();
  #handled: QueueMessage<ReplicationMessage>[] = [];
  #done: string[] = [];
  #notStarted: Job[] = [];

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
      // What came twice is made once.
      begun.delete(taskId);
      unfinished.delete(taskId);
      if (task !== undefined) jobs.push({ message, task });
      else if (suspect !== undefined) isolated.push({ message, task: suspect });
      else this.#handled.push(message);
    }
    const groups = Map.groupBy(jobs, ({ task }) => task.destination.remote ?? "");
    const concurrency = Math.max(1, Math.floor(MAX_CONCURRENT_TASKS / groups.size));
    await Promise.all(
      [...groups.values()].flatMap((group) => Array.from({ length: concurrency }, () => this.#work(group))),
    );
    await this.#settle();
    // Whoever has ended the most runs comes last.
    for (const job of isolated.sort((left, right) => left.task.unfinished - right.task.unfinished)) {
      await this.#runIsolated(job);
      await this.#settle();
    }
  }

  async #work(queue: Job[]): Promise<void> {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      if (this.#isLate()) this.#notStarted.push(job);
      else await this.#run(job);
    }
  }

  async #runIsolated({ message, task }: Job): Promise<void> {
    if (this.#isLate()) return message.retry();
    await this.#acknowledgeAfter(message, async () => {
      if (task.unfinished >= MAX_UNFINISHED) return giveUp(task, UNFINISHED_REASON, this.#services);
      const begun = await this.#services.replicationTasks.beginAgain(task.id);
      if (begun !== undefined) await this.#attempt(begun);
    });
  }

  #run({ message, task }: Job): Promise<void> {
    return this.#acknowledgeAfter(message, () => this.#attempt(task));
  }

  async #attempt(task: ReplicationTask): Promise<void> {
    const { remote } = task.destination;
    if (remote !== undefined && this.#unresponsive.has(remote)) return postponeUnattempted(task, this.#services);
    const outcome = await attemptTask(task, this.#services);
    if (outcome === "done") this.#done.push(task.id);
    if (outcome === "unanswered" && remote !== undefined) this.#unresponsive.add(remote);
  }

  async #acknowledgeAfter(message: QueueMessage<ReplicationMessage>, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#handled.push(message);
    } catch (error) {
      // D1 or the queue gave way: this one comes up again, the others have nothing to do with it.
      console.error(JSON.stringify({ replication: message.body.taskId, cause: String(error) }));
      message.retry({ delaySeconds: retryDelaySeconds(message.attempts) });
    }
  }

  /** Should this fail, all come up again, and those that are done find little to do. */
  async #settle(): Promise<void> {
    const { replicationTasks } = this.#services;
    await replicationTasks.complete(this.#done.splice(0));
    for (const message of this.#handled.splice(0)) message.ack();
    const notStarted = this.#notStarted.splice(0);
    await replicationTasks.release(notStarted.map(({ task }) => task.id));
    for (const { message } of notStarted) message.retry();
  }

  #isLate(): boolean {
    return Date.now() - this.#startedAt > MAX_START_DELAY_MS;
  }
}

/** Messages in one run: the rest is the next run's. */
const TASKS_PER_RUN = 2_000;
/** Longer than a page takes, and than it waits for its turn. */
const STALE_MS = 5 * 60 * 1000;

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
