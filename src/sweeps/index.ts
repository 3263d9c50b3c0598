/** Scheduled work: what interrupted or superseded writes leave behind, and what is still to be told of them. */
import type { Env } from "../env.ts";
import { resumeReplication } from "../replication/resume.ts";
import { openServices } from "../services.ts";
import { OpenUploads } from "../storage/d1/open-uploads.ts";
import { BlobSets } from "../storage/uploads/blob-sets.ts";
import { sweepAbandonedUploads, sweepEndedUploads } from "./abandoned-uploads.ts";
import { sweepBlobSets } from "./blob-sets.ts";
import { sweepDeletedBuckets } from "./deleted-buckets.ts";
import { sweepIdleReceivers } from "./idle-receivers.ts";
import { sweepIntents } from "./intents.ts";

/** The trigger of `resumeEvents` in wrangler.toml; every other one is `runSweeps`'s. */
export const EVERY_MINUTE = "* * * * *";

/** Tasks that are forgotten in one run; the rest is the next run's. */
const EXPIRED_TASKS_PER_RUN = 10_000;

/** Takes up what a crash has left untold. */
export async function resumeEvents(env: Env, now: Date): Promise<void> {
  const services = await openServices(env);
  const { config, intents, queues } = services;
  const results = await Promise.allSettled([
    logged("intents", sweepIntents({ intents, events: queues.events, stores: config.stores, now })),
    logged("replication", resumeReplication(services, now)),
  ]);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** Each part runs whatever became of the others; the first failure is reported to the platform at the end. */
export async function runSweeps(env: Env, now: Date): Promise<void> {
  const { config, subscriptions, replicationTasks } = await openServices(env);
  const { stores } = config;
  const db = env.DB;
  const openUploads = new OpenUploads(db);
  const blobSets = new BlobSets(env.UPLOADS);
  const abortAfterDays = config.abortIncompleteUploadsDays;

  const results = await Promise.allSettled([
    logged("deleted-buckets", sweepDeletedBuckets({ db, stores, openUploads, blobSets, now })),
    logged("replication-tasks", replicationTasks.removeOrphans()),
    logged("replication-failures", replicationTasks.removeExpired(now, EXPIRED_TASKS_PER_RUN)),
    logged("abandoned-uploads", sweepAbandonedUploads({ openUploads, blobSets, now, abortAfterDays })),
    logged("ended-uploads", sweepEndedUploads({ db, openUploads, blobSets, now })),
    logged("idle-receivers", sweepIdleReceivers({ db, now })),
    logged("subscriptions", subscriptions.removeExpired(now)),
    ...[...stores].map(([region, store]) =>
      logged(`blob-sets/${region}`, sweepBlobSets({ db, region, store, blobSets, now, graceMs: config.blobGraceMs })),
    ),
  ]);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

async function logged(sweep: string, work: Promise<unknown>): Promise<void> {
  const result = await work;
  console.log(JSON.stringify({ sweep, result }));
}
