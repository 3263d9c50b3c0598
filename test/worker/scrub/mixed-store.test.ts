/** A store that operations of every kind have made has no finding, with and without its bytes. */
import { beforeAll, describe, expect, it } from "vitest";
import { MAX_CALLS } from "../../../src/scrub/step-budget.ts";
import { keyedEnv } from "../../support/keyed-r2.ts";
import { type MixedStore, mixStore } from "../../support/mixed-store.ts";
import { MIB } from "../../support/multipart.ts";
import { scrub } from "../../support/scrub.ts";

const { env } = keyedEnv();
let mixed: MixedStore;

beforeAll(async () => {
  mixed = await mixStore(env);
});

describe("a store of all that is offered", () => {
  it("has no finding, and no step takes more calls than an invocation may make", async () => {
    const calls: number[] = [];
    const { findings, counts, steps } = await scrub({ env, onStep: (made) => calls.push(made) });
    expect(findings).toEqual([]);
    expect(steps).toBe(calls.length);
    // All of it has been looked at.
    expect(counts).toMatchObject({
      buckets: 4,
      deleteMarkers: 3,
      openUploads: 1,
      annotationSets: 3,
    });
    const { objects = 0, noncurrentVersions = 0, manifests = 0, blobSets = 0, tombstones = 0, stubs = 0 } = counts;
    expect([objects > 30, noncurrentVersions > 8, manifests > 12, blobSets > 15, tombstones > 3, stubs > 2]).toEqual(
      Array.from({ length: 6 }, () => true),
    );
    expect(Math.max(...calls)).toBeLessThanOrEqual(MAX_CALLS);
  });

  it("has bytes with the MD5s and checksums that are stored, except those under customers' keys", async () => {
    const { findings, counts } = await scrub({ env, bytes: true });
    expect(findings).toEqual([]);
    expect(counts.objectsWithCustomerKey).toBe(2);
    expect(counts.bytesRead).toBeGreaterThan(5 * MIB);
  });

  it("has no finding in one bucket", async () => {
    for (const bucket of Object.values(mixed)) {
      const { findings } = await scrub({ env, bucket });
      expect(findings).toEqual([]);
    }
  });
});
