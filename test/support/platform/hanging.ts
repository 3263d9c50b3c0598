/** Bindings of which one call hangs: it is made or not, and never answers. */
import type { Env } from "../../../src/env.ts";
import { testEnv } from "../worker.ts";
import { interceptEnv, type PlatformCall } from "./intercept.ts";

/** The waits of these tests: long enough for a busy machine, since only the call that hangs uses them up. */
export const SHORT_WAITS = "250,500,5";

export interface Hanging {
  readonly env: Env;
  /** The calls that hung. */
  readonly hung: PlatformCall[];
  /** Lets the next call hang that matches, and no other. `made`: it takes effect. */
  hangNext(matches: (call: PlatformCall) => boolean, effect?: "made" | "not-made"): void;
}

/** A deployment of its own: an isolate opens its services again for it. */
export function hangingEnv(variables: Partial<Env> = {}): Hanging {
  const hung: PlatformCall[] = [];
  let next: { matches(call: PlatformCall): boolean; isMade: boolean } | undefined;
  const intercepted = interceptEnv(testEnv, async (call, make) => {
    if (next?.matches(call) !== true) return make();
    const { isMade } = next;
    next = undefined;
    hung.push(call);
    if (isMade) await make();
    return new Promise(() => {});
  });
  return {
    env: { ...intercepted, PLATFORM_WAITS_MS: SHORT_WAITS, ...variables },
    hung,
    hangNext: (matches, effect = "not-made") => {
      next = { matches, isMade: effect === "made" };
    },
  };
}

export const callOf =
  (binding: string, ...methods: string[]) =>
  (call: PlatformCall): boolean =>
    call.binding === binding && (methods.length === 0 || methods.includes(call.method));
