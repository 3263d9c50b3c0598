/**
 * What Cloudflare bills for the calls of bindings. Durable Objects run in the isolate of the tests, so that their calls of R2
 * and the rows of their own databases are seen where they are made: in the methods that all instances share.
 */
import { runInDurableObject } from "cloudflare:test";
import { onTestFinished } from "vitest";
import type { BilledUnits } from "../../bench/cost/billed-units.ts";
import type { Env } from "../../src/env.ts";
import { countingEnv } from "./counting-env.ts";
import { testEnv } from "./s3.ts";

/** R2 pricing; deletes are free. */
const CLASSES = { put: "classA", list: "classA", get: "classB", head: "classB", delete: "free" } as const;

export interface Meter {
  readonly env: Env;
  reset(): void;
  read(): BilledUnits;
}

/** Bindings whose use is metered until the end of the test. */
export async function meteredEnv(bindings: Env = testEnv): Promise<Meter> {
  const counting = countingEnv(bindings);
  const cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];
  const r2 = { classA: 0, classB: 0, free: 0 };
  for (const [method, billedClass] of Object.entries(CLASSES)) {
    observe(Object.getPrototypeOf(testEnv.STORE), method, () => {
      r2[billedClass]++;
    });
  }
  const sql = await runInDurableObject(testEnv.UPLOADS.getByName("any"), (_instance, { storage }) => storage.sql);
  observe(Object.getPrototypeOf(sql), "exec", (cursor) => {
    cursors.push(cursor as (typeof cursors)[number]);
  });
  const sum = (name: "rowsRead" | "rowsWritten") => cursors.reduce((total, cursor) => total + cursor[name], 0);
  return {
    env: counting.env,
    reset: () => {
      counting.reset();
      cursors.length = 0;
      Object.assign(r2, { classA: 0, classB: 0, free: 0 });
    },
    read: () => ({
      r2Calls: r2.classA + r2.classB + r2.free,
      classA: r2.classA,
      classB: r2.classB,
      d1Calls: counting.counts.d1,
      queueCalls: counting.counts.queue,
      ...counting.billed,
      objectRowsRead: sum("rowsRead"),
      objectRowsWritten: sum("rowsWritten"),
    }),
  };
}

/** Calls the listener with the result of each call of a method, until the end of the test. */
function observe(prototype: Record<string, unknown>, name: string, onCall: (result: unknown) => void): void {
  const method = prototype[name];
  if (typeof method !== "function") throw new TypeError(`There is no method ${name}.`);
  prototype[name] = function (this: unknown, ...parameters: unknown[]) {
    const result: unknown = Reflect.apply(method, this, parameters);
    onCall(result);
    return result;
  };
  onTestFinished(() => {
    prototype[name] = method;
  });
}
