/** Replication decides by current data: configurations, times, and what was already copied. */
import { AwsClient } from "aws4fetch";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Env } from "../../../src/env.ts";
import { replicateExisting } from "../../../src/replication/existing.ts";
import { replicate } from "../../../src/replication/tasks.ts";
import { openServices } from "../../../src/services.ts";
import type { ReplicationMessage, ReplicationPageMessage } from "../../../src/storage/journal/messages.ts";
import { contentMd5 } from "../../support/cors.ts";
import {
  arn,
  putReplication,
  type RuleOptions,
  replicationDocument,
  replicationRule,
} from "../../support/replication.ts";
import { replicator } from "../../support/replicator.ts";
import { send as sendTo, urlOf } from "../../support/request.ts";
import { createBucket, ROOT, testEnv } from "../../support/s3.ts";
import { handleRequest } from "../../support/worker.ts";

beforeAll(() => {
  vi.spyOn(console, "error").mockImplementation(() => {});
});
afterAll(() => {
  vi.restoreAllMocks();
});

async function configure(env: Env, source: string, target: string, rule: Partial<RuleOptions> = {}): Promise<void> {
  const document = replicationDocument(replicationRule({ destination: arn(target), deletes: "Enabled", ...rule }));
  const response = await putReplication(source, document, { env });
  if (response.status !== 200) throw new Error(await response.text());
}

const put = (env: Env, bucket: string, key: string, body = "content") =>
  sendTo({ method: "PUT", bucket, key, body, env });
const remove = (env: Env, bucket: string, key: string) => sendTo({ method: "DELETE", bucket, key, env });
const contentOf = async (env: Env, bucket: string, key: string) => {
  const response = await sendTo({ bucket, key, env });
  const text = await response.text();
  return response.status === 200 ? text : response.status;
};

describe("an isolate with an outdated bucket in its cache", () => {
  /** Two isolates: `change` uses the first, the consumer runs in the second. */
  async function twoIsolates(rule?: Partial<RuleOptions>) {
    const [one, two] = [replicator(), replicator()];
    const [source, target] = [await createBucket(), await createBucket()];
    if (rule !== undefined) await configure(one.env, source, target, rule);
    // Each isolate keeps its services.
    const services = openServices(two.env);
    const remember = () => services.directory.load({ bucketName: source, sourceName: target });
    const letter = <Body>(body: Body) => ({ id: "1", attempts: 1, body, ack: () => {}, retry: () => {} });
    const consume = async () => {
      await one.spread();
      const bodies = [...one.wakes.splice(0), ...two.wakes.splice(0)].map(({ body }) => body as unknown);
      expect(bodies).toHaveLength(1);
      for (const body of bodies as (ReplicationMessage | ReplicationPageMessage)[]) {
        if (body.kind === "replication") await replicate([letter(body)], services);
        else await replicateExisting([letter(body)], services);
      }
    };
    return { one, source, target, remember, consume };
  }

  it("replicates by a rule that has just changed", async () => {
    const { one, source, target, remember, consume } = await twoIsolates({ filter: "<Prefix>a/</Prefix>" });
    await remember();
    await configure(one.env, source, target);
    await put(one.env, source, "b/x");
    await consume();
    expect(await contentOf(one.env, target, "b/x")).toBe("content");
  });

  it("replicates removals by a rule that has just changed", async () => {
    const { one, source, target, remember, consume } = await twoIsolates({ deletes: "Disabled" });
    await put(one.env, source, "k");
    await one.settle();
    await remember();
    await configure(one.env, source, target);
    await remove(one.env, source, "k");
    await consume();
    expect(await contentOf(one.env, target, "k")).toBe(404);
  });

  it("replicates existing objects by new rules", async () => {
    const { one, source, target, remember, consume } = await twoIsolates();
    await put(one.env, source, "old");
    await remember();
    await configure(one.env, source, target);
    const started = await sendTo({
      method: "POST",
      bucket: "-",
      key: `admin/buckets/${source}/replication/existing`,
      env: one.env,
    });
    expect(started.status).toBe(202);
    await consume();
    await consume();
    expect(await contentOf(one.env, target, "old")).toBe("content");
  });
});

describe("a removal", () => {
  it("has the time when it took effect, however long its request took", async () => {
    const world = replicator();
    const [source, target] = [await createBucket(), await createBucket()];
    await configure(world.env, source, target);
    const body = "<Delete><Object><Key>k</Key></Object></Delete>";
    const signer = new AwsClient({ ...ROOT, service: "s3", region: "us-east-1", retries: 0 });
    const address = urlOf({ bucket: source, query: "delete=" });
    const { url, headers } = await signer.sign(address, { method: "POST", body, headers: contentMd5(body) });
    const sent = new Headers(headers);
    sent.set("content-length", String(body.length));
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const answer = handleRequest(new Request(url, { method: "POST", headers: sent, body: readable }), world.env);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await put(world.env, source, "k");
    await world.settle();
    expect(await contentOf(world.env, target, "k")).toBe("content");
    const writer = writable.getWriter();
    await writer.write(new TextEncoder().encode(body));
    await writer.close();
    expect((await answer).status).toBe(200);
    await world.settle();
    expect(await contentOf(world.env, target, "k")).toBe(404);
  });
});

describe("an object that is removed while it is copied", () => {
  /** Actions of a test at calls of R2. */
  interface Hooks {
    /** Runs once, instead of the put of an object's entry. */
    put?: ((go: () => Promise<unknown>) => Promise<unknown>) | undefined;
    failHead?: boolean;
  }

  function hooked(hooks: Hooks): Env {
    const STORE = new Proxy(testEnv.STORE, {
      get(store, name) {
        const value: unknown = Reflect.get(store, name);
        if (typeof value !== "function") return value;
        return async (...parameters: unknown[]) => {
          const go = () => Reflect.apply(value, store, parameters) as Promise<unknown>;
          const { put: instead } = hooks;
          if (name === "head" && hooks.failHead === true) {
            hooks.failHead = false;
            throw new Error("internal error; simulated (10001)");
          }
          if (name !== "put" || instead === undefined) return go();
          hooks.put = undefined;
          return instead(go);
        };
      },
    });
    return { ...testEnv, STORE };
  }

  it.each([
    ["the state it was made for", []],
    ["a later state, whose own task is done", ["v2"]],
  ])("is removed at the destination when its task then fails once, having copied %s", async (_what, later) => {
    const hooks: Hooks = {};
    const world = replicator(hooked(hooks));
    const { env } = world;
    const [source, target] = [await createBucket(), await createBucket()];
    await configure(env, source, target);
    await put(env, source, "k", "v1");
    await world.spread();
    const first = world.wakes.splice(0);
    for (const body of later) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await put(env, source, "k", body);
      await world.spread();
    }
    const others = world.wakes.splice(0);
    hooks.put = async (go) => {
      world.wakes.push(...others);
      expect((await remove(env, source, "k")).status).toBe(204);
      await world.settle();
      const landed = await go();
      hooks.failHead = true;
      return landed;
    };
    world.wakes.push(...first);
    await world.replicate();
    expect([world.wakes.length, await contentOf(env, target, "k")]).toEqual([1, later.at(-1) ?? "v1"]);
    await world.settle();
    expect(await contentOf(env, target, "k")).toBe(404);
  });

  it("does not remove a later write at the destination", async () => {
    const world = replicator();
    const { env } = world;
    const [source, target] = [await createBucket(), await createBucket()];
    await configure(env, source, target);
    await put(env, source, "k", "v1");
    await world.spread();
    const wakes = world.wakes.splice(0);
    await remove(env, source, "k");
    await put(env, target, "k", "own");
    world.wakes.push(...wakes);
    await world.settle();
    expect(await contentOf(env, target, "k")).toBe("own");
  });

  it("stays if removals are not replicated", async () => {
    const world = replicator();
    const { env } = world;
    const [source, target] = [await createBucket(), await createBucket()];
    await configure(env, source, target, { deletes: "Disabled" });
    await put(env, source, "k", "v1");
    await world.settle();
    await put(env, source, "k", "v2");
    await remove(env, source, "k");
    await world.settle();
    expect(await contentOf(env, target, "k")).toBe("v1");
  });
});
