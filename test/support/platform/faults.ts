/** Bindings of which one call fails or hangs, before it has taken effect or after. */
import type { Env } from "../../../src/env.ts";
import { testEnv } from "../worker.ts";
import { interceptEnv, type PlatformCall } from "./intercept.ts";

export const KINDS = ["fails before", "fails after", "hangs before", "hangs after"] as const;

export interface Fault {
  /** Which call, counted over all bindings from 1. */
  readonly at: number;
  readonly kind: (typeof KINDS)[number];
}

/** Shorter than a busy machine may need: then another call fails too, which the same invariants cover. */
const WAITS = "100,200,1";

export interface FaultyEnv {
  readonly env: Env;
  /** All calls, in order. */
  readonly calls: PlatformCall[];
}

/** @param fault absent: all calls are made, and counted */
export function faultyEnv(fault?: Fault): FaultyEnv {
  const calls: PlatformCall[] = [];
  const env = interceptEnv(testEnv, async (call, make) => {
    calls.push(call);
    if (calls.length !== fault?.at) return make();
    if (fault.kind === "fails after" || fault.kind === "hangs after") await make();
    if (fault.kind.startsWith("hangs")) return new Promise(() => {});
    throw new Error("internal error; simulated");
  });
  const waits = fault?.kind.startsWith("hangs") ? { PLATFORM_WAITS_MS: WAITS } : {};
  return { env: { ...env, ...waits }, calls };
}
