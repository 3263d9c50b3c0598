/**
 * Replication of a bucket, over JSON: its state, retrying failed tasks, replicating objects that existed before the
 * rules.
 */
import type { Bucket } from "../model/bucket.ts";
import { newWriteId } from "../model/random-ids.ts";
import { nextPage } from "../replication/existing.ts";
import { type AdminCall, failure } from "./call.ts";

/** Failures in one answer. */
const MAX_FAILURES = 200;
/** Tasks that one call makes due; the command repeats the call until none is left. */
const MAX_RETRIED = 10_000;

type Parameters = Record<string, string>;

export async function showReplication(call: AdminCall, parameters: Parameters): Promise<Response> {
  const bucket = await findBucket(call, parameters);
  if (bucket === undefined) return noSuchBucket();
  const { replicationTasks, replicationJobs } = call.services;
  const [{ pending, failed }, job, failures] = await Promise.all([
    replicationTasks.count(bucket.id),
    replicationJobs.find(bucket.id),
    replicationTasks.failures(bucket.id, MAX_FAILURES),
  ]);
  return Response.json({
    bucket: bucket.name,
    pending,
    failed,
    existing: job === undefined ? "not requested" : `${job.status}, ${job.seen} objects seen, ${job.queued} tasks made`,
    failures,
  });
}

export async function retryReplication(call: AdminCall, parameters: Parameters): Promise<Response> {
  const bucket = await findBucket(call, parameters);
  if (bucket === undefined) return noSuchBucket();
  const { replicationTasks, queues } = call.services;
  const ids = await replicationTasks.retry(bucket.id, call.now, MAX_RETRIED);
  // The rows are due in any case; the messages only start them before the next sweep.
  await queues.replication.send(ids.map((taskId) => ({ kind: "replication", taskId })));
  return Response.json({ bucket: bucket.name, retried: ids.length });
}

export async function replicateExisting(call: AdminCall, parameters: Parameters): Promise<Response> {
  const bucket = await findBucket(call, parameters);
  if (bucket === undefined) return noSuchBucket();
  const rules = bucket.documents.replication?.rules ?? [];
  if (!rules.some((rule) => rule.isEnabled && rule.replicatesExisting !== false)) {
    return failure(409, "NothingToReplicate", "No enabled replication rule of the bucket covers existing objects.");
  }
  const { replicationJobs, queues } = call.services;
  const job = await replicationJobs.start(bucket, newWriteId(), call.now);
  await queues.replication.send([nextPage(job, job.updatedAt)]);
  const { status, seen, queued, startedAt } = job;
  return Response.json({ bucket: bucket.name, status, seen, queued, startedAt }, { status: 202 });
}

async function findBucket({ services }: AdminCall, { bucket = "" }: Parameters): Promise<Bucket | undefined> {
  return (await services.directory.load({ bucketName: bucket })).buckets.get(bucket);
}

function noSuchBucket(): Response {
  return failure(404, "NoSuchBucket", "There is no such bucket.");
}
