/** The Worker's entry points. They contain no logic. */
import { handleQueue } from "./consumers/index.ts";
import type { Env } from "./env.ts";
import { handleRequest } from "./surface.ts";
import { ageObjects, resumeEvents, runSweeps, takeInventories } from "./sweeps/index.ts";
import { EVERY_MINUTE, INVENTORY, LIFECYCLE } from "./sweeps/schedules.ts";

export { MultipartUpload } from "./storage/uploads/blob-set.ts";

export default {
  fetch: (request, env) => handleRequest(request, env),
  queue: handleQueue,
  scheduled({ cron, scheduledTime }, env) {
    const now = new Date(scheduledTime);
    if (cron === EVERY_MINUTE) return resumeEvents(env, now);
    if (cron === INVENTORY) return takeInventories(env, now);
    return cron === LIFECYCLE ? ageObjects(env, now) : runSweeps(env, now);
  },
} satisfies ExportedHandler<Env>;
