/** What `npm run admin -- doctor` learns from the admin API: settings, runs of schedules, consumers of queues. */
import { describe, expect, it } from "vitest";
import type { Env } from "../../../src/env.ts";
import { createAccount } from "../../support/accounts.ts";
import { interceptEnv } from "../../support/platform/intercept.ts";
import { type SendOptions, send } from "../../support/request.ts";
import { handleQueue, runSchedule, testEnv } from "../../support/worker.ts";

const QUEUES = ["events", "deliveries", "retries", "replication", "access-logs", "dead-letters"];

async function admin<Answer>(method: string, path: string, options: SendOptions = {}) {
  const response = await send({ method, bucket: "-", key: `admin/${path}`, ...options });
  const text = await response.text();
  return { status: response.status, body: (text === "" ? {} : JSON.parse(text)) as Answer };
}

interface Deployment {
  readonly schedules: Readonly<Record<string, string | null>>;
}

interface Probes {
  readonly id: string;
  readonly sent: readonly string[];
  readonly refused: readonly string[];
}

describe("GET /-/admin/deployment", () => {
  it("answers with settings that requests depend on, and without secrets", async () => {
    const { status, body } = await admin("GET", "deployment");
    expect(status).toBe(200);
    expect(body).toMatchObject({
      region: "us-east-1",
      regions: ["us-east-1", "eu-west-1"],
      s3Domains: ["s3.localhost"],
      websiteDomains: ["website.localhost"],
      edgeCacheSeconds: 0,
      database: { milliseconds: expect.any(Number) },
    });
    expect(Object.keys(body as object)).toEqual([
      "region",
      "regions",
      "s3Domains",
      "websiteDomains",
      "configTtlSeconds",
      "edgeCacheSeconds",
      "customerKeysOverHttp",
      "database",
      "schedules",
    ]);
  });

  it("shows when each schedule ran last, also if its work failed", async () => {
    await testEnv.DB.prepare("DELETE FROM heartbeats").run();
    const schedules = async () => (await admin<Deployment>("GET", "deployment")).body.schedules;
    expect(await schedules()).toEqual({ events: null, lifecycle: null, inventories: null, sweeps: null });
    const at = (minutes: number) => new Date(Date.UTC(2026, 10, 29, 12, minutes));
    await runSchedule("* * * * *", testEnv, at(1));
    await runSchedule("*/2 * * * *", testEnv, at(2));
    await runSchedule("1-59/2 * * * *", testEnv, at(3));
    await runSchedule("*/10 * * * *", testEnv, at(10));
    await runSchedule("* * * * *", testEnv, at(11));
    const ran = { lifecycle: at(2), inventories: at(3), sweeps: at(10), events: at(11) };
    const texts = Object.fromEntries(Object.entries(ran).map(([name, date]) => [name, date.toISOString()]));
    expect(await schedules()).toEqual(texts);
    const broken = interceptEnv(testEnv, (call, make) =>
      call.binding === "STORE" ? Promise.reject(new Error("R2 is broken")) : make(),
    );
    await expect(runSchedule("*/10 * * * *", broken, at(20))).rejects.toThrow();
    expect((await schedules()).sweeps).toBe(at(20).toISOString());
  });
});

describe("probes of the queues", () => {
  /** The queues keep what they are given. */
  function keepingQueues() {
    const kept: { readonly name: string; readonly body: unknown }[] = [];
    const queue = (name: string) => ({ send: async (body: unknown) => void kept.push({ name, body }) });
    const bindings = QUEUES.map((name) => [name.toUpperCase().replaceAll("-", "_"), queue(name)]);
    return { kept, env: { ...testEnv, ...Object.fromEntries(bindings) } as Env };
  }

  async function consume(messages: readonly { readonly name: string; readonly body: unknown }[]): Promise<string[]> {
    const ends: string[] = [];
    for (const { name, body } of messages) {
      const message = { id: name, attempts: 1, body, ack: () => ends.push("ack"), retry: () => ends.push("retry") };
      const batch = { queue: `workers-s3-${name}`, messages: [message] } as unknown as MessageBatch;
      await handleQueue(batch, testEnv);
    }
    return ends;
  }

  it("go to every queue, are noted by its consumer, and are forgotten on request", async () => {
    const { kept, env } = keepingQueues();
    const { status, body } = await admin<Probes>("POST", "probes", { env });
    expect([status, body.sent, body.refused]).toEqual([201, QUEUES, []]);
    expect(kept.map(({ name }) => name)).toEqual(QUEUES);
    const handled = async () => (await admin<{ handled: string[] }>("GET", `probes/${body.id}`)).body.handled;
    expect(await handled()).toEqual([]);
    expect(await consume(kept.slice(1, 3))).toEqual(["ack", "ack"]);
    expect(await handled()).toEqual(["deliveries", "retries"]);
    // Queues may deliver a message twice.
    await consume([...kept, ...kept.slice(0, 1)]);
    expect((await handled()).sort()).toEqual([...QUEUES].sort());
    expect((await admin("DELETE", `probes/${body.id}`)).status).toBe(204);
    expect(await handled()).toEqual([]);
  });

  it("of an hour ago are neither noted nor kept", async () => {
    const { kept, env } = keepingQueues();
    const { body } = await admin<Probes>("POST", "probes", { env });
    await consume(kept.slice(0, 1));
    const late = kept.map(({ name, body }) => ({
      name,
      body: { ...(body as object), sentAt: Date.now() - 3_700_000 },
    }));
    expect(await consume(late.slice(1))).toEqual(Array(5).fill("ack"));
    const handled = async () => (await admin<{ handled: string[] }>("GET", `probes/${body.id}`)).body.handled;
    expect(await handled()).toEqual(["events"]);
    await testEnv.DB.prepare("UPDATE heartbeats SET at = at - 3700000 WHERE name LIKE 'probe/%'").run();
    await admin("POST", "probes", { env });
    expect(await handled()).toEqual([]);
  });

  it("that a queue refuses are named", async () => {
    const { env } = keepingQueues();
    const RETRIES = { send: () => Promise.reject(new Error("overloaded")) } as unknown as Env["RETRIES"];
    const { body } = await admin<Probes>("POST", "probes", { env: { ...env, RETRIES } });
    expect(body.refused).toEqual(["retries"]);
  });

  it.each(["x", "lowercase", "ABCDEFGH0'"])("with the id %j do not exist", async (id) => {
    expect((await admin("GET", `probes/${id}`)).status).toBe(404);
    expect((await admin("DELETE", `probes/${id}`)).status).toBe(404);
  });
});

it.each([
  ["GET", "deployment"],
  ["POST", "probes"],
  ["GET", "probes/ABCDEFGH01234567"],
  ["DELETE", "probes/ABCDEFGH01234567"],
])("%s /-/admin/%s is for the root account only", async (method, path) => {
  const other = await createAccount();
  expect((await admin(method, path, { as: other })).status).toBe(403);
  expect((await send({ method, bucket: "-", key: `admin/${path}`, as: null })).status).toBe(403);
});
