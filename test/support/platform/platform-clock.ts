/**
 * The clock of the platform's limits, in milliseconds. A second passes between two invocations, and one in each 40 ms of real time:
 * so tests that send one request after the other meet no limit of a second, but one request that writes a key twice does,
 * and the Worker's pauses, which are as short in tests, are long enough.
 */
import { invocationsBegun } from "./invocation.ts";

export const SECOND = 1_000;
const REAL_MS_OF_SECOND = 40;

export function platformNow(): number {
  return (invocationsBegun() + performance.now() / REAL_MS_OF_SECOND) * SECOND;
}
