/** The Worker's entry points. They contain no logic. */
import { handleQueue } from "./consumers/index.ts";
import type { Env } from "./env.ts";
import { handleRequest } from "./surface.ts";
import { EVERY_MINUTE, resumeEvents, runSweeps } from "./sweeps/index.ts";

export { MultipartUpload } from "./storage/uploads/blob-set.ts";

export default {
  fetch: (request, env) => handleRequest(request, env),
  queue: handleQueue,
  scheduled({ cron, scheduledTime }, env) {
    const now = new Date(scheduledTime);
    return cron === EVERY_MINUTE ? resumeEvents(env, now) : runSweeps(env, now);
  },
} satisfies ExportedHandler<Env>;
