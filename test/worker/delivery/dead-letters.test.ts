import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { DeliveryMessage } from "../../../src/storage/journal/messages.ts";
import type { DeadLetter } from "../../../src/storage/journal/queues.ts";
import { createAccount } from "../../support/accounts.ts";
import { type CallOptions, s3 } from "../../support/s3.ts";
import { type Deployment, deployment, take, toUrl } from "./support.ts";

async function give(message: DeliveryMessage, worker: Deployment, reason = "answered 500"): Promise<void> {
  const letter: DeadLetter = { kind: "dead-letter", message, reason };
  const { acknowledged } = await take([{ id: "letter", ...letter }], worker);
  expect(acknowledged).toEqual(["letter"]);
}

async function admin<Answer>(path: string, options: CallOptions = {}): Promise<{ status: number; body: Answer }> {
  const response = await s3(`/-/admin${path}`, options);
  return { status: response.status, body: await response.json<Answer>() };
}

interface Listed {
  readonly deadLetters: readonly { readonly id: string }[];
}

const list = async () => (await admin<Listed>("/dead-letters")).body.deadLetters;

describe("dead letters", () => {
  it("are kept with why and what about, and shown without the query of a URL", async () => {
    const message = toUrl("https://hooks.example.net/cb?token=secret");
    await give(message, deployment());
    const listed = await list();
    expect(listed.filter(({ id }) => id === message.id)).toEqual([
      {
        id: message.id,
        kind: "delivery",
        receiver: "https://hooks.example.net/cb",
        event: "ObjectCreated:Put",
        bucket: "demo-b",
        key: `key-${message.id}`,
        reason: "answered 500",
        givenUpAt: expect.stringMatching(/^\d{4}-/),
      },
    ]);
    expect(JSON.stringify(listed)).not.toContain("secret");
  });

  it("of one delivery stand there once, with the last reason", async () => {
    const message = toUrl("https://hooks.example.net/cb");
    const worker = deployment();
    await give(message, worker, "first");
    await give(message, worker, "second");
    const found = (await list()).filter(({ id }) => id === message.id);
    expect(found).toMatchObject([{ reason: "second" }]);
  });

  it("can be sent again from the beginning, and are then gone from the list", async () => {
    const worker = deployment();
    const message = toUrl("https://hooks.example.net/cb", { attempt: 3, isDiverted: true });
    await give(message, worker);
    const { env: bindings } = worker;
    const answer = await admin(`/dead-letters/${message.id}/retry`, { method: "POST", env: bindings });
    expect(answer).toEqual({ status: 200, body: { count: 1 } });
    const { isDiverted: _, ...fresh } = message;
    expect(worker.deliveries.sent.map(({ body }) => body)).toEqual([{ ...fresh, attempt: 0 }]);
    expect((await list()).map(({ id }) => id)).not.toContain(message.id);
  });

  it("can be thrown away, one or all", async () => {
    const worker = deployment();
    const [one, two, three] = [1, 2, 3].map(() => toUrl("https://hooks.example.net/cb"));
    for (const message of [one, two, three]) if (message !== undefined) await give(message, worker);
    expect(await admin(`/dead-letters/${one?.id}`, { method: "DELETE" })).toEqual({ status: 200, body: { count: 1 } });
    const left = (await list()).length;
    expect(await admin("/dead-letters/all", { method: "DELETE" })).toEqual({ status: 200, body: { count: left } });
    expect(await list()).toEqual([]);
    expect(await admin("/dead-letters/all", { method: "DELETE" })).toEqual({ status: 200, body: { count: 0 } });
  });

  it.each([
    ["POST", "/retry"],
    ["DELETE", ""],
  ])("that do not exist are NoSuchDeadLetter: %s", async (method, rest) => {
    const answer = await admin<{ error: { code: string } }>(`/dead-letters/nothing${rest}`, { method });
    expect([answer.status, answer.body.error.code]).toEqual([404, "NoSuchDeadLetter"]);
  });

  it("are the newest 10,000 of the last 14 days", async () => {
    const worker = deployment();
    await env.DB.prepare("DELETE FROM dead_letters").run();
    await env.DB.prepare(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10001)
       INSERT INTO dead_letters (id, reason, given_up_at, message) SELECT 'old-' || i, '', ?1, '{"kind":"x"}' FROM n`,
    )
      .bind(Date.now())
      .run();
    const message = toUrl("https://hooks.example.net/cb");
    await give(message, worker);
    const count = () => env.DB.prepare("SELECT count(*) AS count FROM dead_letters").first<number>("count");
    expect(await count()).toBe(10_000);
    const fifteenDays = 15 * 24 * 60 * 60 * 1000;
    await env.DB.prepare("UPDATE dead_letters SET given_up_at = ?1 WHERE id <> ?2")
      .bind(Date.now() - fifteenDays, message.id)
      .run();
    await give(message, worker);
    expect(await count()).toBe(1);
  });
});

describe("the administrator's view of deliveries", () => {
  it.each(["/receivers", "/dead-letters"])("%s is for the root account alone: AccessDenied", async (path) => {
    const answer = await admin<{ error: { code: string } }>(path, { key: await createAccount() });
    expect([answer.status, answer.body.error.code]).toEqual([403, "AccessDenied"]);
    expect((await admin(path, { key: null })).status).toBe(403);
  });

  it("shows receivers with their counts, those that fail first, without the query of a URL", async () => {
    const worker = deployment();
    await take([toUrl("http://127.0.0.1:25/?token=secret")], worker);
    const { body } = await admin<{ receivers: readonly object[] }>("/receivers");
    expect(body.receivers[0]).toEqual({
      kind: "callback",
      name: "http://127.0.0.1:25/",
      delivered: 0,
      givenUp: 1,
      failed: 1,
      retried: 0,
      failingSince: expect.stringMatching(/^\d{4}-/),
      lastSuccessAt: null,
      lastFailureAt: expect.stringMatching(/^\d{4}-/),
      lastFailure: "The URL's port cannot be called.",
    });
    expect(JSON.stringify(body)).not.toContain("secret");
  });
});
