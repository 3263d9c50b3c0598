/** Which calls a sweep of blob sets makes, and how its passes go on from run to run. */
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { newBlobSetId } from "../../../src/model/random-ids.ts";
import { SweepCursors } from "../../../src/storage/d1/sweep-state.ts";
import { BlobSets } from "../../../src/storage/uploads/blob-sets.ts";
import type { SweepCommand } from "../../../src/storage/uploads/messages.ts";
import {
  type BlobSweep,
  CALLS_PER_RUN,
  PASSES_PER_GRACE_PERIOD,
  sweepBlobSets,
} from "../../../src/sweeps/blob-sets.ts";
import { testBucket } from "../../support/storage.ts";
import { blobSets, completeUpload, GRACE_MS, MIB } from "../../support/uploads.ts";

/** R2 calls by name, and the sets whose Durable Object was asked. */
class Calls {
  readonly r2: string[] = [];
  readonly asked: string[] = [];
  /** Fails from this call on. */
  limit = Number.POSITIVE_INFINITY;

  store(): R2Bucket {
    return new Proxy(env.STORE, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return async (...parameters: unknown[]) => {
          if (this.r2.length >= this.limit) throw new Error("Too many subrequests by single Worker invocation.");
          this.r2.push(String(name));
          return Reflect.apply(value, target, parameters) as unknown;
        };
      },
    });
  }

  /** Their Durable Objects find all sets dead. */
  blobSets(): BlobSets {
    const { asked } = this;
    return new (class extends BlobSets {
      override async sweep({ blobSetId }: SweepCommand) {
        asked.push(blobSetId);
        return "waiting" as const;
      }
    })(env.UPLOADS);
  }
}

const later = (ms: number) => new Date(Date.now() + ms);

function run(calls: Calls, now: Date, options: Partial<BlobSweep> = {}) {
  const stores = new Map([["us-east-1", calls.store()]]);
  const cursors = new SweepCursors(env.DB);
  const region = "us-east-1";
  return sweepBlobSets({ cursors, stores, blobSets: calls.blobSets(), region, now, graceMs: GRACE_MS, ...options });
}

/** Blobs that nothing names. */
async function orphans(count: number): Promise<void> {
  const entry = `${testBucket().id}/never`;
  for (let made = 0; made < count; made += 50) {
    const ids = Array.from({ length: Math.min(50, count - made) }, () => newBlobSetId());
    await Promise.all(ids.map((id) => env.STORE.put(`~b/${id}/1`, "x", { customMetadata: { entry } })));
  }
}

afterEach(async () => {
  const { objects } = await env.STORE.list({ prefix: "~b/" });
  await env.STORE.delete(objects.map(({ key }) => key));
  await env.DB.prepare("DELETE FROM sweep_cursors").run();
});

describe("a sweep of blob sets", () => {
  it("finds out with one read of R2 that a current object is in use, and asks no Durable Object", async () => {
    const bucket = testBucket();
    for (const key of ["a", "b", "c"]) await completeUpload(bucket, key, [5 * MIB, 10]);
    const calls = new Calls();
    expect(await run(calls, later(2 * GRACE_MS))).toEqual({ alive: 3, waiting: 0, removed: 0 });
    expect(calls.r2).toEqual(["list", "head", "head", "head"]);
    expect(calls.asked).toEqual([]);
  });

  it("asks the Durable Object of an object in use that has stray blobs, until they are removed", async () => {
    await completeUpload(testBucket(), "k", [10]);
    const { objects } = await env.STORE.list({ prefix: "~b/" });
    const stray = objects[0]?.key.replace(/[^/]*$/, "9.straystr") ?? "";
    await env.STORE.put(stray, "never recorded");
    await run(new Calls(), later(2 * GRACE_MS), { blobSets });
    expect(await env.STORE.head(stray)).toBeNull();
    const calls = new Calls();
    expect(await run(calls, later(3 * GRACE_MS))).toEqual({ alive: 1, waiting: 0, removed: 0 });
    expect(calls.asked).toEqual([]);
  });

  it("goes through all sets in one run, and does not look at the young ones", async () => {
    await orphans(230);
    const calls = new Calls();
    expect(await run(calls, later(2 * GRACE_MS))).toEqual({ alive: 0, waiting: 230, removed: 0 });
    await orphans(1);
    expect(await run(calls, later(GRACE_MS / 2))).toEqual({ alive: 0, waiting: 0, removed: 0 });
  });

  it("continues where the run before was stopped", async () => {
    await orphans(150);
    const stopped = new Calls();
    stopped.limit = 120;
    const first = await run(stopped, later(2 * GRACE_MS));
    expect(first.waiting).toBeLessThan(150);
    const rest = new Calls();
    const second = await run(rest, later(2 * GRACE_MS));
    expect(second.waiting).toBe(50);
    expect(new Set([...stopped.asked, ...rest.asked]).size).toBe(150);
  });

  it("ends a run when it has made its share of the calls", async () => {
    await orphans(250);
    const calls = new Calls();
    const stores = new Map([["us-east-1", calls.store()]]);
    // As if there were so many regions that a run has calls for one page only.
    for (let other = 1; other < CALLS_PER_RUN / 100; other++) stores.set(`region-${other}`, env.STORE);
    expect(await run(calls, later(2 * GRACE_MS), { stores })).toEqual({ alive: 0, waiting: 100, removed: 0 });
    expect(await run(calls, later(2 * GRACE_MS), { stores })).toEqual({ alive: 0, waiting: 100, removed: 0 });
    expect(await run(calls, later(2 * GRACE_MS), { stores })).toEqual({ alive: 0, waiting: 50, removed: 0 });
  });

  it("begins a pass when a share of the grace period has gone by since the last one began", async () => {
    await orphans(1);
    const calls = new Calls();
    const between = GRACE_MS / PASSES_PER_GRACE_PERIOD;
    await run(calls, later(2 * GRACE_MS));
    await run(calls, later(2 * GRACE_MS + between - 10_000));
    expect(calls.asked).toHaveLength(1);
    await run(calls, later(2 * GRACE_MS + between + 10_000));
    expect(calls.asked).toHaveLength(2);
  });

  it("continues the pass that an earlier release has begun", async () => {
    await orphans(3);
    const { objects } = await env.STORE.list({ prefix: "~b/" });
    const first = objects[0]?.key.replace(/1$/, "") ?? "";
    await new SweepCursors(env.DB).write("blob-sets/us-east-1", first);
    expect(await run(new Calls(), later(2 * GRACE_MS))).toEqual({ alive: 0, waiting: 2, removed: 0 });
  });
});
