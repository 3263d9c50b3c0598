/**
 * `npm run admin -- replication existing`: replicates the objects that a bucket held before its rules. Each message
 * lists a page of the bucket and creates a task for every object that a rule matches. The job's row holds its position,
 * so a crash repeats one page, which creates the same tasks.
 */
import { authorizeReplicationSource } from "../access/authorize.ts";
import type { Bucket } from "../model/bucket.ts";
import type { ChangeOrigin } from "../model/event.ts";
import { formatDestinationArn, matchReplication, type ReplicationRule } from "../model/replication.ts";
import type { ReplicationJob } from "../storage/d1/replication-jobs.ts";
import type { NewReplicationTask } from "../storage/d1/replication-tasks.ts";
import type { QueueMessage, ReplicationPageMessage } from "../storage/journal/messages.ts";
import type { ReplicationServices } from "./converge.ts";

const KEYS_PER_PAGE = 500;
/** No tasks are created while a bucket has more than this. */
const MAX_PENDING_TASKS = 5_000;
const RECHECK_SECONDS = 30;

export async function replicateExisting(
  messages: readonly QueueMessage<ReplicationPageMessage>[],
  services: ReplicationServices,
): Promise<void> {
  for (const message of messages) {
    const job = await services.replicationJobs.find(message.body.bucketId);
    if (job !== undefined && job.status === "RUNNING" && job.run === message.body.run) {
      await replicatePage(job, message.body, services);
    }
    message.ack();
  }
}

/** @param updatedAt the job's, as stored in D1 when the message arrives */
export function nextPage({ bucketId, run }: ReplicationJob, updatedAt: Date): ReplicationPageMessage {
  return { kind: "replication-page", bucketId, run, since: updatedAt.getTime() };
}

async function replicatePage(
  job: ReplicationJob,
  { since }: ReplicationPageMessage,
  services: ReplicationServices,
): Promise<void> {
  const { replicationJobs, replicationTasks, queues, stores } = services;
  const bucket = (await services.directory.loadFresh([job.bucketName])).get(job.bucketName);
  if (bucket?.id !== job.bucketId) return replicationJobs.remove(job.bucketId);
  const now = new Date();
  if ((await replicationTasks.count(bucket.id)).pending > MAX_PENDING_TASKS) {
    // This message was late, and the sweep has sent another one for the job.
    if (since !== job.updatedAt.getTime()) return;
    await queues.replication.send([nextPage(job, now)], { delaySeconds: RECHECK_SECONDS });
    return replicationJobs.touch(job, now);
  }
  if (!hasRules(bucket)) {
    await replicationJobs.advance(job, { after: job.after, seen: 0, queued: 0, isLast: true }, now);
    return;
  }
  const page = await stores.objects.list(authorizeReplicationSource(bucket), {
    prefix: "",
    delimiter: "",
    after: job.after,
    maxKeys: KEYS_PER_PAGE,
  });
  const origin = originOfJob(bucket, job.run, now);
  const tasks = page.objects.flatMap(({ key }) => tasksFor(bucket, key, origin));
  const ids = await replicationTasks.add(tasks);
  await queues.replication.send(ids.map((taskId) => ({ kind: "replication", taskId })));
  const progress = {
    after: page.last === "" ? job.after : page.last,
    seen: page.objects.length,
    queued: ids.length,
    isLast: !page.isTruncated,
  };
  const isOurs = await replicationJobs.advance(job, progress, now);
  if (isOurs && page.isTruncated) await queues.replication.send([nextPage(job, now)]);
}

function hasRules({ documents }: Bucket): boolean {
  return documents.replication?.rules.some((rule) => rule.isEnabled && rule.replicatesExisting !== false) ?? false;
}

/** One rule for each destination. The task chooses the rule that applies when it reads the object. */
function rulesFor({ documents }: Bucket, key: string): ReplicationRule[] {
  const rules =
    documents.replication === undefined ? [] : matchReplication(documents.replication, "ObjectCreated:Put", key);
  const byDestination = new Map<string, ReplicationRule>();
  for (const rule of rules) {
    const arn = formatDestinationArn(rule.destination);
    if (rule.replicatesExisting !== false && !byDestination.has(arn)) byDestination.set(arn, rule);
  }
  return [...byDestination.values()];
}

function tasksFor(bucket: Bucket, key: string, origin: ChangeOrigin): NewReplicationTask[] {
  return rulesFor(bucket, key).map((rule) => ({
    origin,
    change: { key, event: "ObjectCreated:Put", at: origin.time, sequencer: origin.requestId },
    rule,
  }));
}

/** The origin of tasks that no request caused. */
function originOfJob({ name, id, region, accountId, ownerId }: Bucket, requestId: string, now: Date): ChangeOrigin {
  return {
    bucket: { name, id, region, accountId, ownerId },
    time: now.getTime(),
    principalId: accountId,
    sourceIp: "",
    requestId,
    endpoint: "",
    callbackVariables: {},
  };
}
