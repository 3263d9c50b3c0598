/**
 * One attempt at a task. If it fails, the task is sent again on its own schedule; after the last attempt it is FAILED
 * until an administrator retries it.
 */
import { S3Error } from "../errors.ts";
import type { ReplicationTask } from "../storage/d1/replication-tasks.ts";
import { nextSequencer } from "../storage/journal/plan-messages.ts";
import { converge, describeFailure, type ReplicationServices } from "./converge.ts";
import type { FreshReads } from "./fresh-reads.ts";
import { RemoteFailure } from "./remote-client.ts";

/** A consumer may run for 15 minutes. */
const MAX_TASK_MS = 12 * 60_000;
const FIRST_DELAY_SECONDS = 5;
/** A queue's longest delay is 12 hours. */
const MAX_DELAY_SECONDS = 2 * 60 * 60;
/** About a day. */
const MAX_ATTEMPTS = 22;
/**
 * After RequestTimeTooSkewed: a peer accepts the state once its own clock has reached the state's time. A difference of
 * more than 15 minutes, for which these attempts go on, also makes signatures invalid.
 */
const MAX_SKEW_DELAY_SECONDS = 60;
/** In a row. Refusals are rarely temporary; the first few minutes allow for settings that are being changed. */
const MAX_REFUSALS = 6;

/** `unanswered`: the endpoint gave no answer in time. */
export type AttemptOutcome = "done" | "failed" | "unanswered";

/** @param task its `attempts` include this one. @throws whatever D1 or the queue throws */
export async function attemptTask(
  task: ReplicationTask,
  services: ReplicationServices,
  reads: FreshReads,
): Promise<AttemptOutcome> {
  try {
    await converge(task, services, { reads, until: new Date(Date.now() + MAX_TASK_MS) });
    return "done";
  } catch (error) {
    const reason = describeFailure(error);
    console.error(JSON.stringify({ replication: task.id, attempts: task.attempts, reason, cause: String(error) }));
    const refusals = isRefusal(error) ? task.refusals + 1 : 0;
    const isOver = task.attempts >= MAX_ATTEMPTS || refusals >= MAX_REFUSALS;
    if (isOver) await giveUp(task, reason, services);
    else await postpone(task, { reason, refusals, isSkew: isSkew(error) }, services);
    return error instanceof RemoteFailure && error.unanswered === "timeout" ? "unanswered" : "failed";
  }
}

const UNANSWERED_REASON = "The endpoint gave no answer to another request.";

/**
 * Sends tasks again without an attempt, because their endpoint gave no answer to another one. A task never fails by this.
 * One D1 call, and one queue call for each delay.
 */
export async function postponeUnattempted(
  tasks: readonly ReplicationTask[],
  { replicationTasks, queues }: ReplicationServices,
): Promise<void> {
  const now = Date.now();
  const byDelay = Map.groupBy(tasks, ({ attempts }) => retryDelaySeconds(attempts));
  // As in `postpone`, the rows first.
  await replicationTasks.postponeAll(
    [...byDelay].flatMap(([delaySeconds, group]) =>
      group.map(({ id }) => ({ id, nextAt: new Date(now + delaySeconds * 1000) })),
    ),
    UNANSWERED_REASON,
  );
  for (const [delaySeconds, group] of byDelay) {
    const messages = group.map(({ id }) => ({ kind: "replication", taskId: id }) as const);
    await queues.replication.send(messages, { delaySeconds });
  }
}

/** @param attempts made so far, at least 1 */
export function retryDelaySeconds(attempts: number): number {
  return Math.min(FIRST_DELAY_SECONDS * 2 ** (attempts - 1), MAX_DELAY_SECONDS);
}

async function postpone(
  task: ReplicationTask,
  { isSkew: isClockSkew, ...failure }: { readonly reason: string; readonly refusals: number; readonly isSkew: boolean },
  { replicationTasks, queues }: ReplicationServices,
): Promise<void> {
  const delaySeconds = Math.min(
    retryDelaySeconds(task.attempts),
    isClockSkew ? MAX_SKEW_DELAY_SECONDS : MAX_DELAY_SECONDS,
  );
  // The row first: a sweep finds the task by it if the message is not sent.
  await replicationTasks.postpone(task.id, failure, new Date(Date.now() + delaySeconds * 1000));
  await queues.replication.send([{ kind: "replication", taskId: task.id }], { delaySeconds });
}

/** Raises the event first: it may be raised twice, and if the queue does not accept it, the attempt is repeated. */
export async function giveUp(task: ReplicationTask, reason: string, services: ReplicationServices): Promise<void> {
  const { bucket: changed, ...request } = task.origin;
  const { key, etag, sizeBytes, versionId } = task.change;
  const now = new Date();
  const bucket = (await services.directory.loadFresh([changed.name])).get(changed.name);
  if (bucket?.id === changed.id) {
    await services.journal.report({ ...request, time: now }, bucket, {
      key,
      event: "Replication:OperationFailedReplication",
      ...(etag !== undefined && { etag }),
      ...(sizeBytes !== undefined && { sizeBytes }),
      ...(versionId !== undefined && { versionId }),
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
