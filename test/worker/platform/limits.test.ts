/** What the platform refuses and its simulators accept: the layer that enforces it, and what the Worker makes of it. */
import { describe, expect, it } from "vitest";
import { interceptEnv, type PlatformCall } from "../../support/platform/intercept.ts";
import { FREE, type Invocation, invoke, type Plan } from "../../support/platform/invocation.ts";
import { limitedEnv } from "../../support/platform/limited-env.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket, errorOf, testEnv } from "../../support/s3.ts";
import { createVersionedBucket, putVersion } from "../../support/versions.ts";

const { STORE, DB, UPLOADS, EVENTS } = limitedEnv(testEnv);

/** What the platform says, within one invocation. */
function refusal(call: () => Promise<unknown>, plan?: Plan): Promise<string> {
  const said = () => call().then(() => "accepted", String);
  return plan === undefined ? invoke(said) : invoke(said, plan);
}

let keys = 0;
const newKey = () => `platform/${keys++}`;

describe("R2", () => {
  it("takes one write a second for each key", async () => {
    const [key, other] = [newKey(), newKey()];
    const both = (second: () => Promise<unknown>) =>
      refusal(async () => {
        await STORE.put(key, "1");
        await second();
      });
    expect(await both(() => STORE.put(other, "2"))).toBe("accepted");
    for (const again of [() => STORE.put(key, "2"), () => STORE.delete(key), () => STORE.delete([other, key])]) {
      expect(await both(again)).toMatch(/\(10058\)$/);
    }
    const patient = async () => {
      await scheduler.wait(45);
      await STORE.put(key, "2");
    };
    expect(await both(patient)).toBe("accepted");
    expect(await refusal(() => STORE.put(key, "a second later"))).toBe("accepted");
  });

  it("refuses long keys, long metadata and more than 1,000 keys in a delete", async () => {
    expect(await refusal(() => STORE.put("é".repeat(513), "x"))).toMatch(/\(10020\)$/);
    const customMetadata = { name: "x".repeat(8_192) };
    expect(await refusal(() => STORE.put(newKey(), "x", { customMetadata }))).toMatch(/\(10012\)$/);
    const many = Array.from({ length: 1_001 }, (_, index) => `${index}`);
    expect(await refusal(() => STORE.delete(many))).toMatch(/\(10022\)$/);
  });

  it("returns fewer objects with metadata than were asked for, and all of them in the end", async () => {
    const prefix = `${newKey()}/`;
    await Promise.all(Array.from({ length: 10 }, (_, index) => testEnv.STORE.put(`${prefix}${index}`, "x")));
    const pages: number[] = [];
    await invoke(async () => {
      let cursor: string | undefined;
      do {
        const options = { prefix, limit: 8, include: ["customMetadata" as const] };
        const page = await STORE.list(cursor === undefined ? options : { ...options, cursor });
        pages.push(page.objects.length);
        cursor = page.truncated ? page.cursor : undefined;
      } while (cursor !== undefined);
    });
    expect(pages).toEqual([4, 6]);
  });
});

describe("an invocation", () => {
  it("has a limit of subrequests, and of queries of D1", async () => {
    const heads = (count: number) => async () => {
      for (let call = 0; call < count; call++) await STORE.head("none");
    };
    const small: Plan = { subrequests: 3, queriesOfD1: 1 };
    expect(await refusal(heads(3), small)).toBe("accepted");
    expect(await refusal(heads(4), small)).toContain("Too many subrequests");
    const query = () => DB.prepare("SELECT 1").first();
    expect(await refusal(() => query().then(query), small)).toContain("Too many API requests");
    expect(FREE).toEqual({ subrequests: 1_000, queriesOfD1: 50 });
  });

  it("waits for six answers at a time", async () => {
    const gate = Promise.withResolvers<void>();
    const begun: PlatformCall[] = [];
    const held = limitedEnv(
      interceptEnv(testEnv, async (call, make) => {
        begun.push(call);
        await gate.promise;
        return make();
      }),
    );
    await invoke(async (invocation: Invocation) => {
      const calls = Array.from({ length: 9 }, () => held.STORE.head("none"));
      await scheduler.wait(1);
      expect([begun.length, invocation.mostQueued]).toEqual([6, 3]);
      gate.resolve();
      await Promise.all(calls);
    });
    expect(begun).toHaveLength(9);
  });
});

describe("D1, Durable Objects and queues", () => {
  it("D1 refuses 101 parameters, long statements and long values", async () => {
    const bind = (...values: unknown[]) => DB.prepare("SELECT ?1").bind(...values);
    expect(await refusal(() => bind(...Array(101).fill(1)).first())).toContain("too many SQL variables");
    expect(await refusal(() => DB.prepare(`SELECT '${"x".repeat(100_000)}'`).first())).toContain("too long");
    expect(await refusal(() => DB.batch([bind("x".repeat(2_000_001))]))).toContain("SQLITE_TOOBIG");
    expect(await refusal(() => bind("x".repeat(2_000_000)).first())).toBe("accepted");
    expect(await refusal(() => DB.prepare("SELECT hex(zeroblob(1000001)) AS h").all())).toContain("SQLITE_TOOBIG");
  });

  it("a Durable Object takes no message above 32 MiB", async () => {
    const call = () => UPLOADS.getByName("none").abort("x".repeat(33 * 1024 * 1024) as unknown as number);
    expect(await refusal(call)).toContain("32MiB");
  });

  it("a queue refuses long messages, long batches and long delays", async () => {
    const message = (length: number) => ({ text: "x".repeat(length) }) as never;
    expect(await refusal(() => EVENTS.send(message(128_000)))).toContain("exceeds limit of 128000");
    expect(await refusal(() => EVENTS.sendBatch(Array(101).fill({ body: 1 as never })))).toContain("limit of 100");
    expect(await refusal(() => EVENTS.sendBatch(Array(3).fill({ body: message(100_000) })))).toContain("256000");
    expect(await refusal(() => EVENTS.send(message(1), { delaySeconds: 43_201 }))).toContain("delaySeconds");
  });
});

/** R2 refuses the first writes of every key that matches. */
function busyEnv(refusals: number, matches: (key: string) => boolean = () => true) {
  let refused = 0;
  const puts: string[] = [];
  const env = interceptEnv(testEnv, async (call, make) => {
    const key = String(call.parameters[0]);
    if (call.binding !== "STORE" || call.method !== "put" || !matches(key)) return make();
    puts.push(key);
    if (refused++ < refusals) throw new Error("put: Reduce your concurrent request rate for the same object. (10058)");
    return make();
  });
  return { env: { ...env, PLATFORM_WAITS_MS: "25000,50000,1" }, puts };
}

describe("a write that R2 refuses as too early for its key", () => {
  it("is made again if it is in memory, three times", async () => {
    const bucket = await createBucket();
    const { env, puts } = busyEnv(3);
    expect((await send({ method: "PUT", bucket, key: "k", body: "content", env })).status).toBe(200);
    expect(puts).toHaveLength(4);
    expect(await (await send({ bucket, key: "k" })).text()).toBe("content");
  });

  it("is answered SlowDown if R2 still refuses it, and changes nothing", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "before");
    const { env, puts } = busyEnv(4);
    const response = await send({ method: "PUT", bucket, key: "k", body: "after", env });
    expect(await errorOf(response)).toMatchObject({ status: 503, code: "SlowDown" });
    expect(puts).toHaveLength(4);
    expect(await (await send({ bucket, key: "k" })).text()).toBe("before");
  });

  it("is answered SlowDown at once if its bytes cannot be sent again", async () => {
    const bucket = await createBucket();
    const { env, puts } = busyEnv(1);
    const response = await send({ method: "PUT", bucket, key: "k", body: new Uint8Array(2 * 1024 * 1024), env });
    expect(await errorOf(response)).toMatchObject({ status: 503, code: "SlowDown" });
    expect(puts).toHaveLength(1);
  });

  it("delays the deletion of a current version, which writes its record and the entry", async () => {
    const bucket = await createVersionedBucket();
    const first = await putVersion(bucket, "k", "first");
    const second = await putVersion(bucket, "k", "second");
    const deleted = await send({ method: "DELETE", bucket, key: "k", query: `versionId=${second}` });
    expect(deleted.status).toBe(204);
    const current = await send({ bucket, key: "k" });
    expect([current.headers.get("x-amz-version-id"), await current.text()]).toEqual([first, "first"]);
  });
});
