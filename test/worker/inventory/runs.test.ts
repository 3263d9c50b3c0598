/** Runs of inventories: steps that continue one another, fairness, bounded calls, and a crash at every call. */
import { env } from "cloudflare:workers";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { createAccount } from "../../support/accounts.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { EVERYTHING, setRules, withEventQueue } from "../../support/events.ts";
import { callsToFail, failingEnv } from "../../support/failing-env.ts";
import {
  configureInventory,
  createDestination,
  destinationPolicy,
  inventoryRow,
  keysOf,
  manifestsIn,
  onlyReport,
  ownerOf,
  putInventory,
  putPolicy,
  rowsOf,
  sourceWith,
  takeAll,
} from "../../support/inventory.ts";
import { envWith } from "../../support/lifecycle.ts";
import { keepObjectsInMemory } from "../../support/memory-store.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { expectNoFindings } from "../../support/scrub.ts";
import { createVersionedBucket, putVersion, setVersioning } from "../../support/versions.ts";
import { takeInventories } from "../../support/worker.ts";

keepObjectsInMemory();

afterAll(() => expectNoFindings());

const NOW = new Date("2140-02-03T04:05:06Z");
const SMALL_RUNS = { LIFECYCLE_CALLS: "100" };

afterEach(async () => {
  await env.DB.prepare("DELETE FROM inventories").run();
});

async function idOf(bucket: string): Promise<string> {
  const id = await env.DB.prepare("SELECT id FROM buckets WHERE name = ?1").bind(bucket).first<string>("id");
  return id ?? "";
}

/** Puts that many objects past the Worker. */
async function fill(bucket: string, count: number): Promise<string[]> {
  const id = await idOf(bucket);
  const names = Array.from({ length: count }, (_, index) => `k${String(index).padStart(5, "0")}`);
  for (let start = 0; start < count; start += 100) {
    await Promise.all(names.slice(start, start + 100).map((name) => env.STORE.put(`${id}/${name}`, "x")));
  }
  return names;
}

describe("a report of many objects", () => {
  it("is continued by the next runs, in several data files, with every key once", async () => {
    const source = await createBucket();
    const names = await fill(source, 250);
    const destination = await createDestination(source);
    await configureInventory(source, { destination });
    const counting = countingEnv(envWith(SMALL_RUNS));
    // As a bucket of many pages: R2 lists a few keys with each call.
    const listing = pagesOf(counting.env, 2);
    let runs = 0;
    for (; runs < 20 && (await inventoryRow(source))?.due_at !== undefined; runs++) {
      counting.reset();
      await takeInventories(listing, NOW);
      const { r2, d1, durableObject, queue } = counting.counts;
      expect(r2 + d1 + durableObject + queue).toBeLessThanOrEqual(100);
      if ((await manifestsIn(destination)).length > 0) break;
    }
    expect(runs).toBeGreaterThanOrEqual(1);
    const { manifest, rows } = await onlyReport(destination);
    expect(manifest.files.length).toBeGreaterThanOrEqual(2);
    expect(rows.map(({ Key }) => Key)).toEqual(names);
  });

  it("of versions is continued within the versions of a key", async () => {
    const source = await createVersionedBucket();
    const ids: string[] = [];
    for (let index = 0; index < 30; index++) ids.unshift(await putVersion(source, "a", String(index)));
    const destination = await createDestination(source);
    await configureInventory(source, { destination, versions: "All" });
    const step = pagesOf(envWith(SMALL_RUNS), 1);
    await takeAll(NOW, { env: step });
    const { rows } = await onlyReport(destination);
    expect(rows.map(({ VersionId }) => VersionId)).toEqual(ids);
  });
});

/** R2 that lists at most so many rows with one call. */
function pagesOf(bindings: typeof testEnv, rows: number): typeof testEnv {
  const STORE = new Proxy(bindings.STORE, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (name !== "list") return value.bind(target);
      return (options: R2ListOptions = {}) => target.list({ ...options, limit: Math.min(rows, options.limit ?? rows) });
    },
  });
  return { ...bindings, STORE };
}

describe("the calls of a run", () => {
  it("are shared, and every account has its turn before another one has a second", async () => {
    const other = await createAccount();
    const { source, destination } = await sourceWith(["a"]);
    for (let index = 0; index < 25; index++) await configureInventory(source, { id: `n${index}`, destination });
    const theirs = await createBucket({ key: other });
    await putObject(theirs, "b", "b", { as: other });
    const target = await createBucket();
    await putPolicy(target, destinationPolicy(theirs, target, other.accountId));
    await putInventory(theirs, { destination: target }, { as: other });
    await takeInventories(testEnv, NOW);
    expect(await manifestsIn(target)).toHaveLength(1);
    expect(await ownerOf(theirs)).toBe(other.accountId);
    await takeAll(NOW);
    expect(await manifestsIn(destination)).toHaveLength(25);
  });
});

describe("a change while a report is written", () => {
  /** A report with a data file, which is not complete. */
  async function begun() {
    const source = await createBucket();
    await fill(source, 250);
    const destination = await createDestination(source);
    await configureInventory(source, { destination });
    const small = pagesOf(envWith(SMALL_RUNS), 2);
    await takeInventories(small, NOW);
    const report = JSON.parse((await inventoryRow(source))?.report ?? "null");
    expect(report.files).toHaveLength(1);
    return { source, destination };
  }

  it("of the configuration begins the report again", async () => {
    const { source, destination } = await begun();
    await configureInventory(source, { destination, fields: ["Size"] });
    await takeAll(NOW);
    const { manifest, rows } = await onlyReport(destination);
    expect([manifest.fileSchema, rows.length]).toEqual(["Bucket, Key, Size", 250]);
  });

  it("of versioning begins the report again", async () => {
    const { source, destination } = await begun();
    await setVersioning(source, "Enabled");
    await takeAll(NOW);
    const { rows } = await onlyReport(destination);
    expect([rows.length, new Set(rows.map(({ Key }) => Key)).size]).toEqual([250, 250]);
  });

  it("a deleted configuration has no manifest", async () => {
    const { source, destination } = await begun();
    expect((await send({ method: "DELETE", bucket: source, query: "inventory&id=all" })).status).toBe(204);
    await takeAll(NOW);
    expect(await manifestsIn(destination)).toEqual([]);
    expect((await keysOf(destination)).every((key) => key.endsWith(".gz"))).toBe(true);
  });
});

describe("a crash", () => {
  it.each([
    ["before", "permanently"],
    ["after", "once"],
  ] as const)("at any call, %s it is made, %s, loses nothing and doubles nothing", async (when, lasting) => {
    const run = async (at: number | undefined) => {
      const { source, destination } = await sourceWith(["a", "b"]);
      await setRules(destination, { notification: [EVERYTHING] });
      await configureInventory(source, { destination, fields: ["Size"] });
      const queue = withEventQueue();
      const failing = failingEnv(queue.env, at === undefined ? undefined : { at, when, lasting });
      await takeInventories(failing.env, NOW).catch(() => undefined);
      await takeAll(new Date(NOW.getTime() + 3_600_000), { env: queue.env });
      const reports = await manifestsIn(destination);
      const rows = await Promise.all(reports.map(({ manifest }) => rowsOf(destination, manifest)));
      await send({ method: "DELETE", bucket: source, query: "inventory&id=all" });
      return { calls: failing.calls(), keys: rows.map((each) => each.map(({ Key, Size }) => [Key, Size])) };
    };
    const expected = [
      ["a", "1"],
      ["b", "1"],
    ];
    const { calls, keys } = await run(undefined);
    expect(keys).toEqual([expected]);
    for (const at of callsToFail(calls, { when, lasting })) {
      const outcome = await run(at);
      expect([at, outcome.keys]).toEqual([at, [expected]]);
    }
    expect(calls).toBeGreaterThan(10);
  });
});
