/**
 * Bindings that enforce what Cloudflare documents and the local simulators do not. Every request of the `worker` project is
 * handled with them, on top of whatever bindings its test has chosen (`test/support/worker.ts`); what a test itself calls is not
 * limited. Tests that count the calls of a request choose bindings with `PLATFORM_LIMITS` "off".
 *
 * Not enforced, since nothing of a test can see it: CPU time (`npm run test:time` measures it), memory, calls of the cache and of
 * `fetch`, and what a Durable Object itself calls. The platform's errors are injected by other layers (`intercept.ts`).
 */
import type { Env } from "../../../src/env.ts";
import { type Around, interceptBinding, isBucket, isQueue } from "./intercept.ts";
import { currentInvocation } from "./invocation.ts";
import { limitD1, limitObjects, limitQueue } from "./limited-others.ts";
import { limitR2 } from "./limited-r2.ts";

const limited: Around = async (call, make) => {
  const invocation = currentInvocation();
  if (invocation === undefined) return make();
  invocation.count(call.binding === "DB");
  if (call.binding === "UPLOADS") return limitObjects(call, make);
  return invocation.connected(async () => {
    if (isBucket(call.binding)) return limitR2(call, make, invocation);
    return isQueue(call.binding) ? limitQueue(call, make) : limitD1(call, make);
  });
};

/** One for each binding, so that an isolate knows a deployment by its bindings. */
const known = new WeakMap<object, unknown>();

export function limitedEnv(env: Env): Env {
  if (Reflect.get(env, "PLATFORM_LIMITS") === "off") return env;
  const entries = Object.entries(env).map(([name, binding]: [string, unknown]) => {
    if (typeof binding !== "object" || binding === null) return [name, binding];
    const layer = known.get(binding) ?? interceptBinding(name, binding, limited);
    known.set(binding, layer);
    return [name, layer];
  });
  return Object.fromEntries(entries) as Env;
}
