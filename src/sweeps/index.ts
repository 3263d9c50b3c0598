/** Scheduled work: what interrupted or superseded writes leave behind. */
import type { Env } from "../env.ts";
import { openServices } from "../services.ts";
import { sweepDeletedBuckets } from "./deleted-buckets.ts";

export async function runSweeps(env: Env, now: Date): Promise<void> {
  const { config } = await openServices(env);
  const removed = await sweepDeletedBuckets(env.DB, config.stores, now);
  if (removed > 0) console.log(JSON.stringify({ sweep: "deleted-buckets", removed }));
}
