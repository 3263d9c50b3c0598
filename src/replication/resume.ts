/** What a crash or a lost message left standing: sent again by a sweep. */
import type { ReplicationServices } from "./converge.ts";
import { nextPage } from "./existing.ts";

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
