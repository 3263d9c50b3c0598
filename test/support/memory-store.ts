/**
 * R2 in memory, for files that repeat whole scenarios so often that the simulator would take most of their time. With
 * `MODEL_STORE=simulator` they use the simulator, as those that `npm run test:failures` runs do.
 */
import { afterAll, beforeAll, vi } from "vitest";
import { MemoryR2, useMemory } from "./memory-r2.ts";
import { testEnv } from "./s3.ts";

/** For all tests of a file or of a `describe`. Its clock is the real one, as the simulator's is, whatever `Date` a test has. */
export function keepObjectsInMemory(): void {
  let useSimulator = () => {};
  beforeAll(() => {
    if (Reflect.get(testEnv, "MODEL_STORE") === "simulator") return;
    useSimulator = useMemory(testEnv.STORE, new MemoryR2(() => new Date(vi.getRealSystemTime())));
  });
  afterAll(() => useSimulator());
}
