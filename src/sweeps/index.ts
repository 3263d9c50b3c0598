/** Scheduled work: removes what interrupted or overwritten writes leave behind, and sends events that were not sent. */
import type { Env } from "../env.ts";
import { runInventories } from "../inventory/run.ts";
import { CallBudget } from "../lifecycle/call-budget.ts";
import { runLifecycle } from "../lifecycle/run.ts";
import { resumeReplication } from "../replication/tasks.ts";
import { openDeployment } from "../services.ts";
import { sweepAbandonedUploads, sweepDeletedBuckets, sweepEndedUploads } from "./abandoned.ts";
import { sweepAdoptedUploads } from "./adopted-uploads.ts";
import { sweepBlobSets } from "./blob-sets.ts";
import { sweepBucketMarkers } from "./bucket-markers.ts";
import { sweepIntents } from "./unreported-changes.ts";
import { sweepUsage } from "./usage.ts";
import { sweepVersions } from "./versions.ts";

/** Less than the time between two runs, together with what follows. */
const INVENTORIES_MS = 55_000;

/** Tasks removed in one run; the next run continues. */
const EXPIRED_TASKS_PER_RUN = 10_000;

/** Receivers without an attempt for a month are removed, so that the table does not grow with every URL ever used. */
const IDLE_RECEIVER_MS = 30 * 24 * 60 * 60 * 1000;

/** Sends events and resumes replication that a crash has interrupted, and lets replicas of D1 show how old they are. */
export async function resumeEvents(env: Env, now: Date): Promise<void> {
  const services = await openDeployment(env);
  const { config, intents, queues, sweeping } = services;
  const { stores } = config;
  const intentSweep = { intents, events: queues.events, stores, adopted: sweeping.adopted, now };
  const results = await Promise.allSettled([
    logged("intents", sweepIntents(intentSweep)),
    logged("replication", resumeReplication(services, now)),
    ...(config.readsReplicas ? [logged("replica-clock", sweeping.replicaClock.tick())] : []),
  ]);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** Does what lifecycle rules say. */
export async function ageObjects(env: Env, now: Date): Promise<void> {
  await logged("lifecycle", runLifecycle(await openDeployment(env), now));
}

/** Writes the reports of inventories, and counts what buckets hold, with a part of the calls that is at least a tenth. */
export async function takeInventories(env: Env, now: Date): Promise<void> {
  const services = await openDeployment(env);
  const { config, sweeping, usage } = services;
  const ofUsage = Math.floor(config.lifecycleCalls / 10);
  const budget = new CallBudget(config.lifecycleCalls - ofUsage, new Date(Date.now() + INVENTORIES_MS));
  const inventories = await Promise.allSettled([logged("inventory", runInventories(services, now, budget))]);
  const calls = ofUsage + budget.unused;
  const counts = await Promise.allSettled([
    logged("usage", sweepUsage({ ...sweeping, usage, objects: sweeping.usageObjects, now, calls })),
  ]);
  for (const result of [...inventories, ...counts]) if (result.status === "rejected") throw result.reason;
}

/** Each sweep runs even if others fail; the first failure is reported to the platform at the end. */
export async function runSweeps(env: Env, now: Date): Promise<void> {
  const { config, configExports, receivers, subscriptions, replicationTasks, sweeping } = await openDeployment(env);
  const { adopted, openUploads, blobSets, cursors, deletedBuckets, dueMarkers } = sweeping;
  const uploads = { openUploads, blobSets };
  const { stores, abortIncompleteUploadsDays: abortAfterDays, blobGraceMs: graceMs } = config;

  const results = await Promise.allSettled([
    logged("deleted-buckets", sweepDeletedBuckets({ ...uploads, deletedBuckets, regions: stores }, now)),
    logged("bucket-markers", sweepBucketMarkers({ dueMarkers, stores, now })),
    logged("config-transfers", configExports.removeAbandoned(now)),
    logged("replication-tasks", replicationTasks.removeOrphans()),
    logged("replication-failures", replicationTasks.removeExpired(now, EXPIRED_TASKS_PER_RUN)),
    logged("abandoned-uploads", sweepAbandonedUploads(uploads, { now, abortAfterDays })),
    logged("adopted-uploads", sweepAdoptedUploads(adopted, { now, abortAfterDays })),
    logged("ended-uploads", sweepEndedUploads({ ...uploads, cursors }, now)),
    logged("idle-receivers", receivers.removeIdle(new Date(now.getTime() - IDLE_RECEIVER_MS))),
    logged("subscriptions", subscriptions.removeExpired(now)),
    ...[...stores.keys()].map((region) =>
      logged(`versions/${region}`, sweepVersions({ cursors, stores, region, now })),
    ),
  ]);
  // They use the calls that the others have left.
  const ofBlobSets = await Promise.allSettled(
    [...stores.keys()].map((region) =>
      logged(`blob-sets/${region}`, sweepBlobSets({ cursors, stores, region, blobSets, now, graceMs })),
    ),
  );
  for (const result of [...results, ...ofBlobSets]) if (result.status === "rejected") throw result.reason;
}

async function logged(sweep: string, work: Promise<unknown>): Promise<void> {
  const result = await work;
  console.log(JSON.stringify({ sweep, result }));
}
