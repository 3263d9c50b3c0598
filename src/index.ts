/** The Worker's entry points. They contain no logic. */
import { handleQueue } from "./consumers/index.ts";
import type { Env } from "./env.ts";
import { handleRequest } from "./surface.ts";
import { runSchedule } from "./sweeps/run-schedule.ts";

export { MultipartUpload } from "./storage/uploads/blob-set.ts";

export default {
  fetch: (request, env) => handleRequest(request, env),
  queue: handleQueue,
  scheduled: ({ cron, scheduledTime }, env) => runSchedule(cron, env, new Date(scheduledTime)),
} satisfies ExportedHandler<Env>;
