/**
 * Replication tasks, as their messages come up. A message only wakes: the task stands in D1, and if it is gone there is
 * nothing to do. Each destination has lanes of its own, so that none waits for another, and one that has given no answer is
 * not asked again in the batch.
 *
 * Attempts are counted before they are made, since what is too much for the Worker ends it without a word. A task whose last
 * attempt came to no end is made alone, after the others: they may have shared its run, but nothing else with it.
 */

import type { ReplicationTask } from "../storage/d1/replication-tasks.ts";
import type { ReplicationMessage } from "../storage/journal/messages.ts";
import type { QueueMessage } from "../storage/journal/queues.ts";
import { attempt, giveUp, putOff, retryDelaySeconds } from "./attempt.ts";
import type { ReplicationServices } from "./converge.ts";

/** Tasks under way at a time, each of which streams; one for each destination if there are more of those. */
const PARALLEL = 4;
/** A task is begun only this long after the batch came, so that each has most of a consumer's 15 minutes. */
const BEGIN_WITHIN_MS = 90_000;
/** In a row. Where calls run out they take over an hour; what a killed Worker was at comes back sooner. */
const MAX_UNFINISHED = 10;
const NO_END =
  "The attempts came to no end. The object may take more calls, time or memory than one run of the Worker may use.";

interface Job {
  readonly letter: QueueMessage<ReplicationMessage>;
  readonly task: ReplicationTask;
}

/** Answers for every letter. @throws what D1 throws: all come up again */
export async function replicate(
  letters: readonly QueueMessage<ReplicationMessage>[],
  services: ReplicationServices,
): Promise<void> {
  await new Batch(services).run(letters);
}

class Batch {
  readonly #services: ReplicationServices;
  readonly #beganAt = Date.now();
  /** Remotes that gave no answer. */
  readonly #silent = new Set<string>();
  #handled: QueueMessage<ReplicationMessage>[] = [];
  #done: string[] = [];
  #untried: Job[] = [];

  constructor(services: ReplicationServices) {
    this.#services = services;
  }

  async run(letters: readonly QueueMessage<ReplicationMessage>[]): Promise<void> {
    const { begun, unfinished } = await this.#services.replicationTasks.begin(letters.map(({ body }) => body.taskId));
    const jobs: Job[] = [];
    const alone: Job[] = [];
    for (const letter of letters) {
      const { taskId } = letter.body;
      const [task, suspect] = [begun.get(taskId), unfinished.get(taskId)];
      // What came twice is made once.
      begun.delete(taskId);
      unfinished.delete(taskId);
      if (task !== undefined) jobs.push({ letter, task });
      else if (suspect !== undefined) alone.push({ letter, task: suspect });
      else this.#handled.push(letter);
    }
    const groups = Map.groupBy(jobs, ({ task }) => task.rule.destination.remote ?? "");
    const lanes = Math.max(1, Math.floor(PARALLEL / groups.size));
    await Promise.all([...groups.values()].flatMap((group) => Array.from({ length: lanes }, () => this.#work(group))));
    await this.#settle();
    // Whoever has ended the most runs comes last.
    for (const job of alone.sort((left, right) => left.task.unfinished - right.task.unfinished)) {
      await this.#tryAlone(job);
      await this.#settle();
    }
  }

  async #work(queue: Job[]): Promise<void> {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      if (this.#isLate()) this.#untried.push(job);
      else await this.#try(job);
    }
  }

  async #tryAlone({ letter, task }: Job): Promise<void> {
    if (this.#isLate()) return letter.retry();
    await this.#answer(letter, async () => {
      if (task.unfinished >= MAX_UNFINISHED) return giveUp(task, NO_END, this.#services);
      const begun = await this.#services.replicationTasks.beginAgain(task.id);
      if (begun !== undefined) await this.#make(begun);
    });
  }

  #try({ letter, task }: Job): Promise<void> {
    return this.#answer(letter, () => this.#make(task));
  }

  async #make(task: ReplicationTask): Promise<void> {
    const { remote } = task.rule.destination;
    if (remote !== undefined && this.#silent.has(remote)) return putOff(task, this.#services);
    const outcome = await attempt(task, this.#services);
    if (outcome === "done") this.#done.push(task.id);
    if (outcome === "unanswered" && remote !== undefined) this.#silent.add(remote);
  }

  async #answer(letter: QueueMessage<ReplicationMessage>, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#handled.push(letter);
    } catch (error) {
      // D1 or the queue gave way: this one comes up again, the others have nothing to do with it.
      console.error(JSON.stringify({ replication: letter.body.taskId, cause: String(error) }));
      letter.retry({ delaySeconds: retryDelaySeconds(letter.attempts) });
    }
  }

  /** Should this fail, all come up again, and those that are done find little to do. */
  async #settle(): Promise<void> {
    const { replicationTasks } = this.#services;
    await replicationTasks.complete(this.#done.splice(0));
    for (const letter of this.#handled.splice(0)) letter.ack();
    const untried = this.#untried.splice(0);
    await replicationTasks.release(untried.map(({ task }) => task.id));
    for (const { letter } of untried) letter.retry();
  }

  #isLate(): boolean {
    return Date.now() - this.#beganAt > BEGIN_WITHIN_MS;
  }
}
