/** The Worker inside the isolate of the tests. */
import { env } from "cloudflare:workers";
import * as consumers from "../../src/consumers/index.ts";
import type { Env } from "../../src/env.ts";
import * as surface from "../../src/surface.ts";
import * as sweeps from "../../src/sweeps/index.ts";
import { runSchedule as runScheduleOf } from "../../src/sweeps/run-schedule.ts";
import { invoke } from "./platform/invocation.ts";
import { limitedEnv } from "./platform/limited-env.ts";

export const testEnv = env as unknown as Env;

/** For tests to which the platform's limits would be in the way. */
export const unlimitedEnv: Env = Object.assign({ ...testEnv }, { PLATFORM_LIMITS: "off" });

/**
 * Calls the Worker as its `fetch` handler would be, without HTTP in between: nothing decodes the answer's
 * Content-Encoding, and a test file of hundreds of requests takes seconds. (Each request through `exports.default.fetch`
 * makes the next one slower in this pool; seen with 0.23.) Clients and servers would have sent
 * the length to the Worker.
 */
export async function handDirectly(request: Request, env: Env = testEnv): Promise<Response> {
  const bytes = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer());
  const headers = new Headers(request.headers);
  const isUpload = request.method === "PUT" || request.method === "POST";
  if (bytes !== undefined || isUpload) headers.set("content-length", String(bytes?.byteLength ?? 0));
  const init = { method: request.method, headers, ...(bytes !== undefined && { body: bytes }) };
  return handleRequest(new Request(request.url, init), env);
}

/** The Worker's entry points, each an invocation with the platform's limits. */
export const handleRequest: typeof surface.handleRequest = (request, env, ...client) =>
  invoke(() => surface.handleRequest(request, limitedEnv(env), ...client));
export const handleQueue = asInvocation(consumers.handleQueue);
export const resumeEvents = asScheduled(sweeps.resumeEvents);
export const ageObjects = asScheduled(sweeps.ageObjects);
export const takeInventories = asScheduled(sweeps.takeInventories);
export const runSweeps = asScheduled(sweeps.runSweeps);
export const runSchedule = (cron: string, env: Env, now: Date): Promise<void> =>
  invoke(() => runScheduleOf(cron, limitedEnv(env), now));

function asInvocation(work: typeof consumers.handleQueue): typeof work {
  return (batch, env) => invoke(() => work(batch, limitedEnv(env)));
}

function asScheduled(work: (env: Env, now: Date) => Promise<void>): typeof work {
  return (env, now) => invoke(() => work(limitedEnv(env), now));
}
