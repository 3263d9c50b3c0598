/** The Worker's entry points. No logic here. */
import { handleQueue } from "./consumers/index.ts";
import type { Env } from "./env.ts";
import { handleRequest } from "./surface.ts";
import { runSweeps } from "./sweeps/index.ts";

export { MultipartUpload } from "./storage/uploads/multipart-upload.ts";

export default {
  fetch: handleRequest,
  queue: handleQueue,
  scheduled: (controller, env) => runSweeps(env, new Date(controller.scheduledTime)),
} satisfies ExportedHandler<Env>;
