/** The work of a schedule, by its trigger in wrangler.toml. */
import type { Env } from "../env.ts";
import type { Schedule } from "../model/heartbeat.ts";
import { openDeployment } from "../services.ts";
import { ageObjects, resumeEvents, runSweeps, takeInventories } from "./index.ts";
import { EVERY_MINUTE, INVENTORY, LIFECYCLE } from "./schedules.ts";

const WORK: { readonly [Name in Schedule]: (env: Env, now: Date) => Promise<void> } = {
  events: resumeEvents,
  lifecycle: ageObjects,
  inventories: takeInventories,
  sweeps: runSweeps,
};

/** @throws the failure of the work, for the platform to report */
export async function runSchedule(cron: string, env: Env, now: Date): Promise<void> {
  const schedule = scheduleOf(cron);
  const { heartbeats, metrics } = await openDeployment(env);
  const results = await Promise.allSettled([
    heartbeats.noteSchedule(schedule, now),
    metrics.measure("schedule", { name: schedule }, () => WORK[schedule](env, now)),
  ]);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

function scheduleOf(cron: string): Schedule {
  if (cron === EVERY_MINUTE) return "events";
  if (cron === LIFECYCLE) return "lifecycle";
  return cron === INVENTORY ? "inventories" : "sweeps";
}
