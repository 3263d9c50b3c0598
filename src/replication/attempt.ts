/**
 * Replication tasks, as their messages come up. A message only wakes: the task stands in D1, and if it is gone there is
 * nothing to do. A failed attempt is sent again by the task's own schedule, after which it counts as FAILED until
 * somebody asks for another try.
 */

import type { Letter } from "../consumers/index.ts";
import { S3Error } from "../errors.ts";
import type { ReplicationTask } from "../storage/d1/replication-tasks.ts";
import type { ReplicationMessage } from "../storage/journal/messages.ts";
import { nextSequencer } from "../storage/journal/sequencer.ts";
import { converge, describeFailure, findBucket, type ReplicationServices } from "./converge.ts";
import { RemoteFailure } from "./remote-client.ts";

/** Tasks under way at a time, each of which streams. */
const PARALLEL = 4;
/** A task is begun only this long after the batch came, so that each has most of a consumer's 15 minutes. */
const BEGIN_WITHIN_MS = 90_000;
/** What a task may take from then on. */
const TASK_MS = 12 * 60_000;
const FIRST_DELAY_SECONDS = 5;
/** A queue's longest delay is 12 hours. */
const MAX_DELAY_SECONDS = 2 * 60 * 60;
/** About a day. */
const MAX_ATTEMPTS = 22;
/**
 * For clocks that differ: the refused state's own time comes, and a peer takes it. By more than the 15 minutes that these
 * attempts go on for no signature is valid either.
 */
const MAX_SKEW_DELAY_SECONDS = 60;
/** What the other side refuses rarely changes by waiting; a few minutes are for settings that are on their way. */
const MAX_REFUSED_ATTEMPTS = 6;

type Handled = "done" | "later";

export async function replicate(
  letters: readonly Letter<ReplicationMessage>[],
  services: ReplicationServices,
): Promise<void> {
  const beganAt = Date.now();
  const tasks = await services.replicationTasks.load(letters.map(({ body }) => body.taskId));
  const waiting = [...letters];
  const handled: Letter<ReplicationMessage>[] = [];
  const done: string[] = [];
  const work = async () => {
    for (let letter = waiting.shift(); letter !== undefined; letter = waiting.shift()) {
      const task = tasks.get(letter.body.taskId);
      if (task !== undefined && Date.now() - beganAt > BEGIN_WITHIN_MS) {
        letter.retry();
        continue;
      }
      try {
        if (task !== undefined && (await attempt(task, services)) === "done") done.push(task.id);
        handled.push(letter);
      } catch (error) {
        // D1 or the queue gave way: this one comes up again, the others have nothing to do with it.
        console.error(JSON.stringify({ replication: letter.body.taskId, cause: String(error) }));
        letter.retry();
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  // Should this fail, all come up again and find nothing to do.
  await services.replicationTasks.complete(done);
  for (const letter of handled) letter.ack();
}

/** @throws what D1 or the queue throws */
async function attempt(task: ReplicationTask, services: ReplicationServices): Promise<Handled> {
  try {
    await converge(task, services, new Date(Date.now() + TASK_MS));
    return "done";
  } catch (error) {
    const reason = describeFailure(error);
    console.error(JSON.stringify({ replication: task.id, attempts: task.attempts + 1, reason, cause: String(error) }));
    const limit = isRefusal(error) ? MAX_REFUSED_ATTEMPTS : MAX_ATTEMPTS;
    if (task.attempts + 1 >= limit) await giveUp(task, reason, services);
    else
      await postpone(
        task,
        { reason, maxDelaySeconds: isSkew(error) ? MAX_SKEW_DELAY_SECONDS : MAX_DELAY_SECONDS },
        services,
      );
    return "later";
  }
}

async function postpone(
  task: ReplicationTask,
  { reason, maxDelaySeconds }: { readonly reason: string; readonly maxDelaySeconds: number },
  { replicationTasks, queues }: ReplicationServices,
): Promise<void> {
  const delaySeconds = Math.min(FIRST_DELAY_SECONDS * 2 ** task.attempts, maxDelaySeconds);
  // The row first: it is what a sweep goes by, should the message not be taken.
  await replicationTasks.postpone(task.id, reason, new Date(Date.now() + delaySeconds * 1000));
  await queues.replication.send([{ kind: "replication", taskId: task.id }], { delaySeconds });
}

/** The event first: told twice it does no harm, and should the queue not take it, the attempt is made once more. */
async function giveUp(task: ReplicationTask, reason: string, services: ReplicationServices): Promise<void> {
  const { bucket: changed, ...request } = task.origin;
  const { key, etag, sizeBytes } = task.change;
  const now = new Date();
  const bucket = await findBucket(changed.name, services);
  if (bucket?.id === changed.id) {
    await services.journal.tell({ ...request, time: now.getTime() }, bucket, {
      key,
      event: "Replication:OperationFailedReplication",
      ...(etag !== undefined && { etag }),
      ...(sizeBytes !== undefined && { sizeBytes }),
      at: now.getTime(),
      sequencer: nextSequencer(now),
    });
  }
  await services.replicationTasks.fail(task.id, reason);
}

function isRefusal(error: unknown): boolean {
  if (error instanceof S3Error) return error.status < 500 && error.status !== 409;
  if (!(error instanceof RemoteFailure) || error.status === undefined || isSkew(error)) return false;
  return error.status < 500 && ![408, 409, 412, 425, 429].includes(error.status);
}

function isSkew(error: unknown): boolean {
  return error instanceof RemoteFailure && error.code === "RequestTimeTooSkewed";
}
