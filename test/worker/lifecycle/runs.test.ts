import { env } from "cloudflare:workers";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { countingEnv } from "../../support/counting-env.ts";
import { configureLifecycle, envWith, forgetPasses, inDays, passOf, passOver } from "../../support/lifecycle.ts";
import { keepObjectsInMemory } from "../../support/memory-store.ts";
import { createUpload } from "../../support/multipart.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { setVersioning } from "../../support/versions.ts";
import { ageObjects } from "../../support/worker.ts";

keepObjectsInMemory();

const EXPIRE = "<Expiration><Days>1</Days></Expiration>";
const ALL = `<Filter/>${EXPIRE}`;

async function idOf(bucket: string): Promise<string> {
  const id = await env.DB.prepare("SELECT id FROM buckets WHERE name = ?1").bind(bucket).first<string>("id");
  return id ?? "";
}

/** A bucket with that many small objects and a rule that expires them. */
async function bucketOf(count: number, rule = ALL): Promise<string> {
  const bucket = await createBucket();
  const id = await idOf(bucket);
  const names = Array.from({ length: count }, (_, index) => `k${String(index).padStart(5, "0")}`);
  for (let start = 0; start < count; start += 50) {
    await Promise.all(names.slice(start, start + 50).map((name) => env.STORE.put(`${id}/${name}`, "x")));
  }
  await configureLifecycle(bucket, rule);
  return bucket;
}

async function countOf(bucket: string): Promise<number> {
  const text = await (await send({ bucket, query: "list-type=2" })).text();
  return [...text.matchAll(/<Contents>/g)].length;
}

// Entries younger than a minute take more calls, and pauses.
beforeAll(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.setSystemTime(Date.now() + 600_000);
});
afterAll(() => {
  vi.useRealTimers();
});

// A run serves every bucket with rules.
afterEach(async () => {
  await env.DB.prepare("DELETE FROM bucket_documents WHERE kind = 'lifecycle'").run();
});

describe("a pass", () => {
  it("is made once in each day, and again in the next one", async () => {
    const bucket = await bucketOf(1);
    await passOver(bucket, inDays(0));
    const first = await passOf(bucket);
    await configureLifecycle(bucket, "<Filter/><Expiration><Date>2020-01-01</Date></Expiration>");
    await ageObjects(testEnv, inDays(0));
    expect(await passOf(bucket)).toEqual(first);
    expect(await countOf(bucket)).toBe(1);
    await ageObjects(testEnv, inDays(1));
    expect(await passOf(bucket)).toMatchObject({
      day: (first?.day ?? 0) + 1,
      isComplete: true,
      counts: { expired: 1 },
    });
  });

  it("continues where the run before it stopped, in steps that make no more calls than they may", async () => {
    const bucket = await bucketOf(150);
    const counting = countingEnv(envWith({ LIFECYCLE_CALLS: "100" }));
    await forgetPasses();
    let runs = 0;
    for (; runs < 20 && (await passOf(bucket))?.isComplete !== true; runs++) {
      counting.reset();
      await ageObjects(counting.env, inDays(2));
      const { r2, d1, durableObject, queue } = counting.counts;
      expect(d1 + durableObject + queue + r2).toBeLessThanOrEqual(100);
    }
    expect(await passOf(bucket)).toMatchObject({ isComplete: true, counts: { seen: 150, expired: 150, failed: 0 } });
    expect(runs).toBe(2);
    expect(await countOf(bucket)).toBe(0);
  });

  it("reads a thousand keys with one call, and only below the prefixes of rules", async () => {
    const bucket = await bucketOf(1_100, `<Filter><Prefix>k</Prefix></Filter><Expiration><Days>9</Days></Expiration>`);
    const counting = countingEnv(envWith({}));
    const lists = async () => {
      counting.reset();
      await passOver(bucket, inDays(2), { env: counting.env });
      const id = await idOf(bucket);
      return counting.log.filter((call) => call.startsWith("list ") && call.includes(id));
    };
    expect(await lists()).toHaveLength(2);
    expect((await passOf(bucket))?.counts).toMatchObject({ seen: 1_100, expired: 0 });
    await configureLifecycle(bucket, `<Filter><Prefix>k000</Prefix></Filter>${ALL.slice("<Filter/>".length)}`);
    expect(await lists()).toHaveLength(1);
    expect((await passOf(bucket))?.counts).toMatchObject({ seen: 100, expired: 100 });
    await configureLifecycle(bucket, "<Filter/><Expiration><Date>2040-01-01</Date></Expiration>");
    expect(await lists()).toEqual([]);
  });

  it("is continued after the last page that was read, if the platform ends a run before its end", async () => {
    const bucket = await bucketOf(30);
    const rules = ["k0000", "k0001", "k0002"].map((prefix) => `<Filter><Prefix>${prefix}</Prefix></Filter>`);
    await configureLifecycle(bucket, ...rules.map((filter) => `${filter}<Expiration><Days>9</Days></Expiration>`));
    const id = await idOf(bucket);
    await forgetPasses();
    const own = envWith({});
    const ended = Promise.withResolvers<void>();
    let lists = 0;
    const STORE = new Proxy(own.STORE, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return async (...parameters: unknown[]) => {
          const isOwn = name === "list" && JSON.stringify(parameters).includes(id);
          if (isOwn && ++lists === 3) {
            ended.resolve();
            await new Promise(() => {});
          }
          return Reflect.apply(value, target, parameters);
        };
      },
    });
    // Long after this test, the hung call is given up.
    ageObjects({ ...own, STORE }, inDays(2)).catch(() => undefined);
    await ended.promise;
    expect(await passOf(bucket)).toMatchObject({ isComplete: false, counts: { seen: 20 } });
    const counting = countingEnv(envWith({}));
    await ageObjects(counting.env, inDays(2));
    expect(await passOf(bucket)).toMatchObject({ isComplete: true, counts: { seen: 30 } });
    expect(counting.log.filter((call) => call.startsWith("list ") && call.includes(id))).toHaveLength(1);
  });

  it("ends its step when the rules change, and the next step goes by the new ones", async () => {
    const bucket = await bucketOf(60);
    const id = await idOf(bucket);
    let isChanged = false;
    const own = envWith({ CONFIG_TTL_SECONDS: "0" });
    const STORE = new Proxy(own.STORE, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return async (...parameters: unknown[]) => {
          if (name === "put" && !isChanged && String(parameters[0]).startsWith(id)) {
            isChanged = true;
            await configureLifecycle(bucket, `<Filter><Prefix>k0005</Prefix></Filter>${EXPIRE}`);
          }
          return Reflect.apply(value, target, parameters);
        };
      },
    });
    await forgetPasses();
    await ageObjects({ ...own, STORE }, inDays(2));
    const counts = (await passOf(bucket))?.counts;
    expect([isChanged, counts?.expired]).toEqual([true, 25]);
    for (let run = 0; run < 3; run++) await ageObjects(testEnv, inDays(2));
    expect(await passOf(bucket)).toMatchObject({ isComplete: true });
    expect(await countOf(bucket)).toBe(25);
  });

  it("goes by versions as soon as the bucket has them", async () => {
    const bucket = await bucketOf(150);
    await forgetPasses();
    await ageObjects(envWith({ LIFECYCLE_CALLS: "100" }), inDays(2));
    expect(await passOf(bucket)).toMatchObject({ isComplete: false });
    await setVersioning(bucket, "Enabled");
    for (let run = 0; run < 20 && !(await passOf(bucket))?.isComplete; run++) await ageObjects(testEnv, inDays(2));
    const text = await (await send({ bucket, query: "versions" })).text();
    expect([...text.matchAll(/<Version>/g)].length).toBe([...text.matchAll(/<DeleteMarker>/g)].length);
    expect(await countOf(bucket)).toBe(0);
  });
});

describe("a run", () => {
  it("gives each bucket a part of its calls, so that a large one does not hold up the others", async () => {
    const [large, ...small] = [await bucketOf(220), await bucketOf(5), await bucketOf(5)];
    await forgetPasses();
    await ageObjects(envWith({ LIFECYCLE_CALLS: "200" }), inDays(2));
    for (const bucket of small)
      expect(await passOf(bucket)).toMatchObject({ isComplete: true, counts: { expired: 5 } });
    expect(await passOf(large ?? "")).toMatchObject({ isComplete: false });
  });

  it("begins with the buckets that have waited longest, if there are more than it can serve", async () => {
    const buckets: string[] = [];
    for (let index = 0; index < 25; index++) buckets.push(await bucketOf(1));
    await forgetPasses();
    for (let run = 0; run < 8; run++) await ageObjects(testEnv, inDays(2));
    for (const bucket of buckets) expect([bucket, await countOf(bucket)]).toEqual([bucket, 0]);
  });

  it("passes over a bucket that was deleted, or whose rules are all disabled", async () => {
    const [gone, disabled] = [await bucketOf(0), await bucketOf(1)];
    const id = await idOf(disabled);
    await env.DB.prepare(
      `UPDATE bucket_documents SET body = replace(body, '"isEnabled":true', '"isEnabled":false') WHERE bucket_id = ?1`,
    )
      .bind(id)
      .run();
    await send({ method: "DELETE", bucket: gone });
    expect(await passOver(disabled, inDays(2), { env: envWith({}) })).toMatchObject({ seen: 0, expired: 0 });
    expect(await env.STORE.head(`${id}/k00000`)).not.toBe(null);
  });

  it("goes on with the other buckets when one fails, and reports the failure", async () => {
    const [broken, fine] = [await bucketOf(1), await bucketOf(1)];
    const id = await idOf(broken);
    const own = envWith({});
    const STORE = new Proxy(own.STORE, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return async (...parameters: unknown[]) => {
          if (name === "list" && JSON.stringify(parameters).includes(id)) throw new Error("list: internal (10001)");
          return Reflect.apply(value, target, parameters);
        };
      },
    });
    await forgetPasses();
    await expect(ageObjects({ ...own, STORE }, inDays(2))).rejects.toThrow();
    expect(await countOf(fine)).toBe(0);
    expect(await passOf(broken)).toMatchObject({ isComplete: false });
    for (let run = 0; run < 3; run++) await ageObjects(testEnv, inDays(2));
    expect(await countOf(broken)).toBe(0);
  });
});

describe("AbortIncompleteMultipartUpload", () => {
  it("aborts the uploads below the prefix that are old enough, with their parts", async () => {
    const bucket = await createBucket();
    const old = await createUpload({ bucket, key: "a/old" });
    const other = await createUpload({ bucket, key: "b/other" });
    await putObject(bucket, "a/object");
    const abort =
      "<AbortIncompleteMultipartUpload><DaysAfterInitiation>2</DaysAfterInitiation></AbortIncompleteMultipartUpload>";
    await configureLifecycle(bucket, `<Filter><Prefix>a/</Prefix></Filter>${abort}`);
    expect(await passOver(bucket, inDays(1))).toMatchObject({ uploadsAborted: 0 });
    expect(await passOver(bucket, inDays(4))).toMatchObject({ uploadsAborted: 1, expired: 0, seen: 0 });
    expect((await send({ bucket, key: "a/old", query: `uploadId=${old}` })).status).toBe(404);
    expect((await send({ bucket, key: "b/other", query: `uploadId=${other}` })).status).toBe(200);
    expect(await (await send({ bucket, query: "uploads" })).text()).not.toContain("a/old");
    expect(await countOf(bucket)).toBe(1);
  });

  it("aborts more uploads than a page has, by several rules", async () => {
    const bucket = await createBucket();
    const keys = Array.from({ length: 105 }, (_, index) => `${index % 2 === 0 ? "a" : "b"}/${index}`);
    await Promise.all(keys.map((key) => createUpload({ bucket, key })));
    const abort = (days: number) =>
      `<AbortIncompleteMultipartUpload><DaysAfterInitiation>${days}</DaysAfterInitiation></AbortIncompleteMultipartUpload>`;
    await configureLifecycle(bucket, `<Filter/>${abort(3)}`, `<Filter><Prefix>a/</Prefix></Filter>${abort(1)}`);
    expect(await passOver(bucket, inDays(2))).toMatchObject({ uploadsAborted: 53 });
    expect(await passOver(bucket, inDays(5))).toMatchObject({ uploadsAborted: 52 });
    expect(await (await send({ bucket, query: "uploads" })).text()).not.toContain("<Upload>");
  });
});

it("a run that the platform refuses further calls ends at once, and what it has done is not done again", async () => {
  const bucket = await bucketOf(40);
  const own = envWith({});
  let puts = 0;
  const STORE = new Proxy(own.STORE, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return async (...parameters: unknown[]) => {
        if (name === "put" && ++puts > 30) throw new Error("Too many subrequests by single Worker invocation.");
        return Reflect.apply(value, target, parameters);
      };
    },
  });
  await forgetPasses();
  await expect(ageObjects({ ...own, STORE }, inDays(2))).rejects.toThrow();
  expect(await countOf(bucket)).toBe(10);
  expect(await passOver(bucket, inDays(2))).toMatchObject({ seen: 10, expired: 10, failed: 0 });
});
