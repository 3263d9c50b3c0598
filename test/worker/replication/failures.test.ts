/** Failed tasks, lost messages and a Worker that stops: no replication is lost. */
import { createScheduledController } from "cloudflare:test";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import type { Env } from "../../../src/env.ts";
import { postponeUnattempted } from "../../../src/replication/attempt.ts";
import { converge } from "../../../src/replication/converge.ts";
import { FreshReads } from "../../../src/replication/fresh-reads.ts";
import { RemoteClient, RemoteFailure } from "../../../src/replication/remote-client.ts";
import { openServices } from "../../../src/services.ts";
import { rootAccount } from "../../support/accounts.ts";
import { failingEnv } from "../../support/failing-env.ts";
import { keepObjectsInMemory } from "../../support/memory-store.ts";
import {
  arn,
  configureReplication,
  putReplication,
  replicationDocument,
  replicationRule,
} from "../../support/replication.ts";
import { hand, type Replicator, replicator } from "../../support/replicator.ts";
import { send as sendTo } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { createVersionedBucket } from "../../support/versions.ts";
import { handleQueue, resumeEvents, runSweeps } from "../../support/worker.ts";

keepObjectsInMemory();

const MINUTE = 60_000;
const world = replicator();

beforeAll(() => {
  vi.spyOn(console, "error").mockImplementation(() => {});
});
afterAll(() => {
  vi.restoreAllMocks();
});

const put = (bucket: string, key: string, body = "content", env: Env = world.env) =>
  sendTo({ method: "PUT", bucket, key, body, env });
const contentOf = async (bucket: string, key: string) => {
  const response = await sendTo({ bucket, key, env: world.env });
  const text = await response.text();
  return response.status === 200 ? text : response.status;
};
const statusOf = async (bucket: string, key: string) =>
  (await sendTo({ method: "HEAD", bucket, key, env: world.env })).headers.get("x-amz-replication-status");

async function rows(bucket: string) {
  const { results } = await testEnv.DB.prepare(
    "SELECT id, status, attempts, last_error, due_at FROM replication_tasks WHERE bucket_id = (SELECT id FROM buckets WHERE name = ?1)",
  )
    .bind(bucket)
    .all();
  return results as { id: string; status: string; attempts: number; last_error: string | null; due_at: number }[];
}

async function admin(method: string, path: string, body?: object): Promise<{ status: number; answer: unknown }> {
  const target = { bucket: "-", key: `admin/${path}` };
  const response = await sendTo({ ...target, method, env: world.env, ...(body && { body: JSON.stringify(body) }) });
  const text = await response.text();
  return { status: response.status, answer: text === "" ? undefined : JSON.parse(text) };
}

let remotes = 0;

/** A remote whose port is closed. */
const deadRemote = () => addRemote("http://127.0.0.1:3", "s3");

async function addRemote(endpoint: string, kind: "peer" | "s3"): Promise<string> {
  const { accountId } = await rootAccount();
  const name = `dead-${remotes++}`;
  const remote = { name, endpoint, region: "us-east-1", kind };
  const keys = { accessKeyId: "AKIADEAD", secretAccessKey: "secret-of-the-remote" };
  const body = { ...remote, ...keys, accountIds: [accountId] };
  const { status } = await admin("POST", "remotes", body);
  if (status !== 201) throw new Error(`add remote: ${status}`);
  return name;
}

async function deadPair(): Promise<string> {
  const [bucket, remote] = [await createBucket(), await deadRemote()];
  const rule = replicationRule({ destination: `arn:workers-s3:remote:::${remote}/there` });
  const response = await putReplication(bucket, replicationDocument(rule), { env: world.env });
  if (response.status !== 200) throw new Error(await response.text());
  return bucket;
}

async function livePair(): Promise<{ source: string; target: string }> {
  const [source, target] = [await createBucket(), await createBucket()];
  await configureReplication(source, { destination: arn(target), deletes: "Enabled" });
  return { source, target };
}

describe("an endpoint that cannot be reached", () => {
  it("is retried with growing delays, then the object is FAILED, and a retry starts from the beginning", async () => {
    const bucket = await deadPair();
    await put(bucket, "k");
    await world.spread();
    const delays: number[] = [];
    for (let attempt = 0; attempt < 30 && world.wakes.length > 0; attempt++) {
      expect(await statusOf(bucket, "k")).toBe("PENDING");
      await world.replicate();
      for (const { delaySeconds } of world.wakes) delays.push(delaySeconds);
    }
    expect(delays.slice(0, 6)).toEqual([5, 10, 20, 40, 80, 160]);
    expect(Math.max(...delays)).toBe(7200);
    expect(delays).toHaveLength(21);
    expect(delays.reduce((sum, delay) => sum + delay, 0)).toBeGreaterThan(20 * 3600);
    expect(await statusOf(bucket, "k")).toBe("FAILED");
    const [row] = await rows(bucket);
    expect(row).toMatchObject({
      status: "FAILED",
      attempts: 22,
      last_error: expect.stringMatching(/^HEAD: unreachable/),
    });

    const shown = await admin("GET", `buckets/${bucket}/replication`);
    expect(shown).toMatchObject({
      status: 200,
      answer: { bucket, pending: 0, failed: 1, existing: "not requested", failures: [{ key: "k", attempts: 22 }] },
    });
    expect(JSON.stringify(shown)).not.toContain("secret-of-the-remote");

    expect(await admin("POST", `buckets/${bucket}/replication/retry`)).toMatchObject({
      answer: { bucket, retried: 1 },
    });
    expect(await statusOf(bucket, "k")).toBe("PENDING");
    expect(world.wakes.splice(0)).toHaveLength(1);
    expect(await rows(bucket)).toMatchObject([{ status: "PENDING", attempts: 0 }]);
  });

  it("does not delay others", async () => {
    const [dead, { source, target }] = [await deadPair(), await livePair()];
    await put(dead, "k");
    await put(source, "k");
    await world.spread();
    await world.replicate();
    expect(await contentOf(target, "k")).toBe("content");
    world.wakes.splice(0);
  });

  it("fails with a reason if it is no longer registered, or not for this account", async () => {
    const bucket = await createBucket();
    const remote = await deadRemote();
    const rule = replicationRule({ destination: `arn:workers-s3:remote:::${remote}/there` });
    await putReplication(bucket, replicationDocument(rule), { env: world.env });
    const removed = await admin("DELETE", `remotes/${remote}`);
    expect(removed).toEqual({ status: 200, answer: { name: remote, namedBy: [bucket] } });
    await put(bucket, "k");
    await world.spread();
    for (let attempt = 0; attempt < 10; attempt++) await world.replicate();
    expect(await rows(bucket)).toMatchObject([
      { status: "FAILED", attempts: 6, last_error: `There is no remote ${remote} for this account.` },
    ]);
  });
});

describe("a peer whose clock is behind", () => {
  it("is retried every minute, for longer than a signature may be in the future, and then fails with the reason", async () => {
    const bucket = await deadPair();
    const skewed = { status: 403, code: "RequestTimeTooSkewed" };
    const call = vi.spyOn(RemoteClient.prototype, "call").mockImplementation(async () => {
      throw new RemoteFailure("PUT: 403 RequestTimeTooSkewed", skewed);
    });
    await put(bucket, "k");
    await world.spread();
    const delays: number[] = [];
    for (let attempt = 0; attempt < 30 && world.wakes.length > 0; attempt++) {
      await world.replicate();
      for (const { delaySeconds } of world.wakes) delays.push(delaySeconds);
    }
    call.mockRestore();
    expect(delays.slice(0, 6)).toEqual([5, 10, 20, 40, 60, 60]);
    expect(Math.max(...delays)).toBe(60);
    expect(delays.reduce((sum, delay) => sum + delay, 0)).toBeGreaterThan(15 * 60);
    expect(await rows(bucket)).toMatchObject([{ status: "FAILED", last_error: "PUT: 403 RequestTimeTooSkewed" }]);
    expect(await statusOf(bucket, "k")).toBe("FAILED");
  });
});

describe("refusals", () => {
  it("count only in a row: one after other failures is not the last attempt", async () => {
    const { source } = await livePair();
    await put(source, "k");
    await world.spread();
    await testEnv.DB.prepare("UPDATE replication_tasks SET attempts = 5").run();
    await configureReplication(source, { destination: arn(await createBucket()) });
    for (let refusal = 1; refusal < 6; refusal++) {
      await world.replicate();
      expect(await rows(source)).toMatchObject([{ status: "PENDING", attempts: 5 + refusal }]);
    }
    await world.replicate();
    expect(await rows(source)).toMatchObject([{ status: "FAILED", attempts: 11 }]);
  });
});

describe("an endpoint that accepts connections and never answers", () => {
  it("delays neither other destinations nor, after the first timeouts, its own tasks", async () => {
    const { source, target } = await livePair();
    const silent = await createBucket();
    const remote = await addRemote(inject("receiver").origin, "peer");
    const rule = replicationRule({ destination: `arn:workers-s3:remote:::${remote}/silent` });
    expect((await putReplication(silent, replicationDocument(rule), { env: world.env })).status).toBe(200);
    const keys = Array.from({ length: 6 }, (_, index) => `k${index}`);
    for (const key of keys) await put(silent, key);
    for (const key of keys) await put(source, key);
    await world.spread();

    const timers: (() => void)[] = [];
    const wait = globalThis.setTimeout;
    const timer = vi.spyOn(globalThis, "setTimeout").mockImplementation(((run: () => void, after?: number) => {
      if (after === undefined || after < 50_000) return wait(run, after);
      timers.push(run);
      return 0;
    }) as typeof setTimeout);
    try {
      const over = world.replicate();
      // Three requests wait for it; all tasks of the other destination are done meanwhile.
      await vi.waitFor(async () => {
        expect(timers).toHaveLength(3);
        expect(await contentOf(target, "k5")).toBe("content");
      });
      for (const give of timers) give();
      await over;
      expect(timers).toHaveLength(3);
    } finally {
      timer.mockRestore();
    }
    const reasons = (await rows(silent)).map(({ last_error }) => last_error);
    expect(reasons.filter((reason) => /^PUT: timeout/.test(reason ?? ""))).toHaveLength(3);
    expect(reasons.filter((reason) => /gave no answer to another/.test(reason ?? ""))).toHaveLength(3);
    expect(world.wakes.splice(0).map(({ delaySeconds }) => delaySeconds)).toEqual(keys.map(() => 5));
    expect(await rows(source)).toEqual([]);
    // The others are not sent to it.
    await testEnv.DB.prepare("DELETE FROM replication_tasks").run();
  });

  it.each(["before", "after"] as const)(
    "leaves each task with a message if a call of D1 or the queue fails %s it is made",
    async (when) => {
      const call = vi.spyOn(RemoteClient.prototype, "call").mockImplementation(async () => {
        throw new RemoteFailure("HEAD: timeout", "timeout");
      });
      try {
        for (let at = 1; ; at++) {
          const bucket = await deadPair();
          for (let index = 0; index < 9; index++) await put(bucket, `k${index}`);
          await world.spread();
          const bodies = world.wakes.splice(0).map(({ body }) => body);
          const { env, calls } = failingEnv(world.env, { at, when, lasting: "once" });
          const retried = new Set<string>();
          const messages = bodies.map((body) => {
            const { taskId } = body;
            return { id: taskId, attempts: 1, body, ack: () => {}, retry: () => retried.add(taskId) };
          });
          await handleQueue({ queue: "any", messages } as unknown as MessageBatch, env);
          const sent = world.wakes.splice(0).map(({ body }) => body.taskId);
          const waiting = new Set([...sent, ...retried]);
          const label = `at call ${at} of ${calls()}: ${sent.length} sent, ${retried.size} retried`;
          expect(
            (await rows(bucket)).map(({ status }) => status),
            label,
          ).toEqual(bodies.map(() => "PENDING"));
          expect(waiting.size, label).toBe(bodies.length);
          if (calls() < at) break;
        }
      } finally {
        call.mockRestore();
        await testEnv.DB.prepare("DELETE FROM replication_tasks").run();
      }
    },
    60_000,
  );

  it("does not fail a task whose attempt was postponed", async () => {
    const { source } = await livePair();
    await put(source, "k");
    await world.spread();
    world.wakes.splice(0);
    const services = openServices(world.env);
    const [row] = await rows(source);
    await testEnv.DB.prepare("UPDATE replication_tasks SET attempts = 30").run();
    const { begun } = await services.replicationTasks.begin([row?.id ?? ""]);
    await postponeUnattempted([...begun.values()], services);
    expect(await rows(source)).toMatchObject([{ status: "PENDING", attempts: 31 }]);
    await world.settle();
  });
});

describe("a task that exceeds the limits of the Worker", () => {
  it("becomes FAILED with a reason, and others of its batch are done", async () => {
    const { source, target } = await livePair();
    let isDead = false;
    const mortal = <Binding extends object>(
      binding: Binding,
      ends: (name: string, first: unknown) => boolean,
    ): Binding =>
      new Proxy(binding, {
        get(at, name) {
          const value: unknown = Reflect.get(at, name);
          if (typeof value !== "function") return value;
          return (...parameters: unknown[]) => {
            isDead ||= ends(String(name), parameters[0]);
            if (isDead) throw new Error("Too many subrequests.");
            return Reflect.apply(value, at, parameters);
          };
        },
      });
    const isPoison = (name: string, key: unknown) => name === "get" && String(key).includes("poison");
    const env = { ...world.env, STORE: mortal(testEnv.STORE, isPoison), DB: mortal(testEnv.DB, () => false) };
    await put(source, "poison");
    await put(source, "good");
    await world.spread();
    const wakes = world.wakes.splice(0).map(({ body }) => body);
    for (let run = 0; run < 11; run++) {
      expect(await statusOf(source, "poison")).toBe("PENDING");
      isDead = false;
      await hand(env, wakes).catch(() => {});
    }
    expect(await contentOf(target, "good")).toBe("content");
    isDead = false;
    await hand(env, wakes);
    expect(await rows(source)).toMatchObject([
      { status: "FAILED", attempts: 10, last_error: expect.stringMatching(/did not finish/) },
    ]);
    expect(await statusOf(source, "poison")).toBe("FAILED");
    await admin("POST", `buckets/${source}/replication/retry`);
    await world.settle();
    expect(await contentOf(target, "poison")).toBe("content");
  });

  it("does not include one that a batch had no time for: no attempt is counted", async () => {
    const { source, target } = await livePair();
    await put(source, "k");
    await world.spread();
    const wakes = world.wakes.splice(0).map(({ body }) => body);
    vi.useFakeTimers({ now: Date.now(), toFake: ["Date"] });
    const DB = new Proxy(testEnv.DB, {
      get(at, name) {
        const value: unknown = Reflect.get(at, name);
        if (typeof value !== "function") return value;
        return (...parameters: unknown[]) => {
          // The first call takes two minutes.
          if (name === "batch") vi.setSystemTime(Date.now() + 2 * MINUTE);
          return Reflect.apply(value, at, parameters);
        };
      },
    });
    await expect(hand({ ...world.env, DB }, wakes)).rejects.toThrow("to be retried");
    vi.useRealTimers();
    expect(await rows(source)).toMatchObject([{ status: "PENDING", attempts: 0 }]);
    await hand(world.env, wakes);
    expect([await contentOf(target, "k"), await rows(source)]).toEqual(["content", []]);
  });
});

describe("an object that takes too long to copy", () => {
  it("fails with a reason, and no further blob is copied", async () => {
    const [source, target] = [await createBucket(), `${await createBucket()}-eu`];
    // Within a region no blobs are copied.
    const region = "<LocationConstraint>eu-west-1</LocationConstraint>";
    const located = `<CreateBucketConfiguration>${region}</CreateBucketConfiguration>`;
    expect((await sendTo({ method: "PUT", bucket: target, body: located, env: world.env })).status).toBe(200);
    await configureReplication(source, { destination: arn(target) });
    const object = { bucket: source, key: "k", env: world.env };
    const created = await (await sendTo({ ...object, method: "POST", query: "uploads=" })).text();
    const uploadId = /<UploadId>(.*)<\/UploadId>/.exec(created)?.[1];
    const part = await sendTo({ ...object, method: "PUT", query: `partNumber=1&uploadId=${uploadId}`, body: "part" });
    const parts = `<Part><PartNumber>1</PartNumber><ETag>${part.headers.get("etag")}</ETag></Part>`;
    const body = `<CompleteMultipartUpload>${parts}</CompleteMultipartUpload>`;
    await (await sendTo({ ...object, method: "POST", query: `uploadId=${uploadId}`, body })).text();
    await world.spread();
    world.wakes.splice(0);
    const services = openServices(world.env);
    const [row] = await rows(source);
    const { begun } = await services.replicationTasks.begin([row?.id ?? ""]);
    const reads = new FreshReads(services, [...begun.values()]);
    for (const task of begun.values()) {
      await expect(converge(task, services, { reads, until: new Date(0) })).rejects.toThrow(
        "Copying the object takes too long.",
      );
    }
    expect([begun.size, await contentOf(target, "k")]).toEqual([1, 404]);
    await testEnv.DB.prepare("DELETE FROM replication_tasks").run();
  });
});

describe("a failed replication", () => {
  it("raises s3:Replication:OperationFailedReplication", async () => {
    const bucket = await deadPair();
    const rules = [
      {
        id: "failed",
        destination: { kind: "queue", arn: "arn:aws:sqs:us-east-1:000000000000:none" },
        events: ["s3:Replication:*"],
        prefix: "",
        suffix: "",
      },
    ];
    await testEnv.DB.prepare(
      "INSERT INTO bucket_documents (bucket_id, kind, body, updated_at) SELECT id, 'notification', ?2, 0 FROM buckets WHERE name = ?1",
    )
      .bind(bucket, JSON.stringify({ rules }))
      .run();
    await put(bucket, "k");
    await world.spread();
    await testEnv.DB.prepare("UPDATE replication_tasks SET attempts = 21").run();
    await world.replicate();
    expect(await statusOf(bucket, "k")).toBe("FAILED");
    expect(world.events.splice(0)).toMatchObject([
      {
        kind: "changes",
        changes: [{ key: "k", event: "Replication:OperationFailedReplication", notify: [0], replicate: [] }],
      },
    ]);
  });

  it("of a bucket that is no longer in a configuration is FAILED", async () => {
    const { source, target } = await livePair();
    const other = await createBucket();
    await put(source, "k");
    await world.spread();
    await configureReplication(source, { destination: arn(other) });
    await world.replicate();
    expect(await rows(source)).toMatchObject([
      { status: "PENDING", attempts: 1, last_error: expect.stringContaining("no longer names") },
    ]);
    expect(await contentOf(target, "k")).toBe(404);
    world.wakes.splice(0);
  });
});

describe("lost messages", () => {
  it("are sent again by the sweep when their tasks are overdue", async () => {
    const { source, target } = await livePair();
    await put(source, "k");
    await world.spread();
    world.wakes.splice(0);
    await sweep(world, Date.now() + 10 * MINUTE);
    expect(world.wakes).toHaveLength(0);
    await sweep(world, Date.now() + 21 * MINUTE);
    expect(world.wakes.length).toBeGreaterThan(0);
    // Only once.
    const sent = world.wakes.length;
    await sweep(world, Date.now() + 22 * MINUTE);
    expect(world.wakes).toHaveLength(sent);
    await world.replicate();
    expect([await contentOf(target, "k"), await rows(source)]).toEqual(["content", []]);
  });
});

async function sweep({ env }: Replicator, at: number): Promise<void> {
  const { scheduledTime } = createScheduledController({ scheduledTime: new Date(at) });
  await resumeEvents(env, new Date(scheduledTime));
}

describe("a Worker that stops", () => {
  it.each(["before", "after"] as const)(
    "%s any of its calls leaves the task, and the next one finishes it",
    async (when) => {
      const { source, target } = await livePair();
      for (let at = 1; ; at++) {
        const [kept, other, removed] = [`k${at}`, `o${at}`, `r${at}`];
        for (const key of [kept, other, removed]) await put(source, key, key);
        await sendTo({ method: "DELETE", bucket: source, key: removed, env: world.env });
        await world.spread();
        // One batch: the tasks of all keys and of the removal.
        const wakes = world.wakes.splice(0);
        const { env, calls } = failingEnv(world.env, { at, when, lasting: "permanently" });
        await hand(
          env,
          wakes.map(({ body }) => body),
        ).catch(() => {});
        const made = calls();
        // Messages that the platform retries.
        world.wakes.splice(0);
        world.wakes.push(...wakes);
        await world.replicate();
        const found = await Promise.all([kept, other, removed].map((key) => contentOf(target, key)));
        expect(found, `at call ${at} of ${made}`).toEqual([kept, other, 404]);
        expect(await rows(source), `at call ${at} of ${made}`).toEqual([]);
        if (made < at) break;
      }
    },
    120_000,
  );
});

describe("the command for existing objects", () => {
  it("resumes where it was when the Worker stopped, and replicates every key once", async () => {
    const [source, target] = [await createBucket(), await createBucket()];
    const keys = Array.from({ length: 30 }, (_, index) => `k${String(index).padStart(2, "0")}`);
    for (const key of keys) await put(source, key, key);
    await configureReplication(source, { destination: arn(target), filter: "<Prefix>k</Prefix>" });
    await put(source, "other", "other");
    const started = await admin("POST", `buckets/${source}/replication/existing`);
    expect(started).toMatchObject({ status: 202, answer: { status: "RUNNING", seen: 0 } });
    // The message is lost with the Worker.
    world.wakes.splice(0);
    await sweep(world, Date.now() + 6 * MINUTE);
    await world.settle();
    for (const key of keys) expect(await contentOf(target, key)).toBe(key);
    expect(await contentOf(target, "other")).toBe(404);
    expect(await admin("GET", `buckets/${source}/replication`)).toMatchObject({
      answer: { existing: "COMPLETED, 31 objects seen, 30 tasks made", pending: 0, failed: 0 },
    });
    // Started again after its end, it begins from the start; while it runs, it continues.
    const first = await admin("POST", `buckets/${source}/replication/existing`);
    const second = await admin("POST", `buckets/${source}/replication/existing`);
    expect(first.answer).toMatchObject({ status: "RUNNING", seen: 0 });
    expect(second.answer).toEqual(first.answer);
    await world.settle();
  });

  it("waits with a single message while the bucket has many tasks, even if messages arrive late", async () => {
    const [source, target] = [await createBucket(), await createBucket()];
    await put(source, "k");
    await configureReplication(source, { destination: arn(target) });
    await testEnv.DB.prepare(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5001)
       INSERT INTO replication_tasks (id, bucket_id, key, write_id, body, created_at, due_at)
       SELECT 'waiting' || i, (SELECT id FROM buckets WHERE name = ?1), 'k', '', '{}', 0, 99999999999999 FROM n`,
    )
      .bind(source)
      .run();
    await admin("POST", `buckets/${source}/replication/existing`);
    let now = Date.now();
    try {
      for (let round = 0; round < 4; round++) {
        // Longer than the time after which the sweep sends the message again.
        now += 6 * MINUTE;
        vi.useFakeTimers({ now, toFake: ["Date"] });
        await sweep(world, now);
        expect(world.wakes).toHaveLength(2);
        await world.replicate();
        expect(world.wakes).toMatchObject([{ body: { kind: "replication-page" }, delaySeconds: 30 }]);
        // While it waits, the sweep sends nothing.
        await sweep(world, now + 4 * MINUTE);
        expect(world.wakes).toHaveLength(1);
      }
    } finally {
      vi.useRealTimers();
      await testEnv.DB.prepare("DELETE FROM replication_tasks WHERE id LIKE 'waiting%'").run();
    }
    await world.settle();
    expect(await contentOf(target, "k")).toBe("content");
    expect(await admin("GET", `buckets/${source}/replication`)).toMatchObject({
      answer: { existing: "COMPLETED, 1 objects seen, 1 tasks made" },
    });
  });

  it("replicates the current versions only", async () => {
    const [source, target] = [await createVersionedBucket(), await createVersionedBucket()];
    for (const body of ["one", "two"]) await sendTo({ env: world.env, method: "PUT", bucket: source, key: "k", body });
    await sendTo({ env: world.env, method: "PUT", bucket: source, key: "removed", body: "one" });
    await sendTo({ env: world.env, method: "DELETE", bucket: source, key: "removed" });
    await configureReplication(source, { destination: arn(target) });
    await admin("POST", `buckets/${source}/replication/existing`);
    await world.settle();
    expect(await admin("GET", `buckets/${source}/replication`)).toMatchObject({
      answer: { existing: "COMPLETED, 1 objects seen, 1 tasks made" },
    });
    const listed = await (await sendTo({ env: world.env, bucket: target, query: "versions=" })).text();
    expect([listed.match(/<Version>/g)?.length, listed.includes("<DeleteMarker>")]).toEqual([1, false]);
    expect(await (await sendTo({ env: world.env, bucket: target, key: "k" })).text()).toBe("two");
  });

  it("is refused if no rule replicates existing objects", async () => {
    const [source, target] = [await createBucket(), await createBucket()];
    await configureReplication(source, { destination: arn(target), existing: "Disabled" });
    expect(await admin("POST", `buckets/${source}/replication/existing`)).toMatchObject({
      status: 409,
      answer: { error: { code: "NothingToReplicate" } },
    });
    expect((await admin("POST", "buckets/no-such-bucket/replication/existing")).status).toBe(404);
  });

  it("ends when the rules or the bucket are deleted", async () => {
    const [source, target] = [await createBucket(), await createBucket()];
    await put(source, "k");
    await configureReplication(source, { destination: arn(target) });
    await admin("POST", `buckets/${source}/replication/existing`);
    await sendTo({ method: "DELETE", bucket: source, query: "replication=", env: world.env });
    await world.settle();
    expect(await contentOf(target, "k")).toBe(404);
    expect(await admin("GET", `buckets/${source}/replication`)).toMatchObject({
      answer: { existing: "COMPLETED, 0 objects seen, 0 tasks made" },
    });
  });
});

describe("a failed task", () => {
  it("is removed by the sweep after 30 days, and the object does not become COMPLETED", async () => {
    const bucket = await deadPair();
    await put(bucket, "k");
    await put(bucket, "other");
    await world.spread();
    await testEnv.DB.prepare("UPDATE replication_tasks SET attempts = 21 WHERE key = 'k'").run();
    await world.replicate();
    world.wakes.splice(0);
    const days = (count: number) => new Date(Date.now() + count * 24 * 60 * MINUTE);
    await runSweeps(world.env, days(29));
    expect(await rows(bucket)).toMatchObject([{ status: "FAILED" }, { status: "PENDING" }]);
    await runSweeps(world.env, days(31));
    expect(await rows(bucket)).toMatchObject([{ status: "PENDING" }]);
    expect([await statusOf(bucket, "k"), await statusOf(bucket, "other")]).toEqual(["FAILED", "PENDING"]);
    // When it is written again, it is replicated again.
    await put(bucket, "k");
    expect(await statusOf(bucket, "k")).toBe("PENDING");
  });
});

describe("one change of an object", () => {
  it("takes little space in D1 even for 20 destinations, without the request's callback variables", async () => {
    const [bucket, remote] = [await createBucket(), await deadRemote()];
    const rules = Array.from({ length: 20 }, (_, index) =>
      replicationRule({ destination: `arn:workers-s3:remote:::${remote}/b${index}`, priority: index }),
    );
    expect((await putReplication(bucket, replicationDocument(...rules), { env: world.env })).status).toBe(200);
    const query = `x-oss-callback-a=${"v".repeat(14_000)}`;
    expect((await sendTo({ method: "PUT", bucket, key: "k", body: "", query, env: world.env })).status).toBe(200);
    await world.spread();
    world.wakes.splice(0);
    const row = await testEnv.DB.prepare(
      "SELECT count(*) AS tasks, sum(length(body)) AS length FROM replication_tasks WHERE bucket_id = (SELECT id FROM buckets WHERE name = ?1)",
    )
      .bind(bucket)
      .first<{ tasks: number; length: number }>();
    expect(row?.tasks).toBe(20);
    expect(row?.length).toBeLessThan(20 * 1500);
  });
});

describe("tasks of a deleted bucket", () => {
  it("are removed by the sweep, and those of others are not", async () => {
    const [dead, gone] = [await deadPair(), await deadPair()];
    for (const bucket of [dead, gone]) await put(bucket, "k");
    await world.spread();
    world.wakes.splice(0);
    const [row] = await rows(gone);
    await sendTo({ method: "DELETE", bucket: gone, key: "k", env: world.env });
    expect((await sendTo({ method: "DELETE", bucket: gone, env: world.env })).status).toBe(204);
    await runSweeps(world.env, new Date());
    const { results } = await testEnv.DB.prepare("SELECT id FROM replication_tasks WHERE id = ?1").bind(row?.id).all();
    expect([results, (await rows(dead)).length]).toEqual([[], 1]);
  });
});
