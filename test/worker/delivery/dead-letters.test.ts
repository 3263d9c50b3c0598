import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { ChangeOrigin, ObjectChange } from "../../../src/model/event.ts";
import type { DeadLetter, OwnMessage } from "../../../src/storage/journal/messages.ts";
import { createAccount } from "../../support/accounts.ts";
import { type CallOptions, createBucket, s3 } from "../../support/s3.ts";
import { type Deployment, delivery, deployment, eventOf, take, toUrl } from "./support.ts";

async function give(message: OwnMessage, worker: Deployment, reason = "answered 500"): Promise<void> {
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
  it("are stored with reason and message, and shown without the query of a URL", async () => {
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

  it("are stored once for each delivery, with the last reason", async () => {
    const message = toUrl("https://hooks.example.net/cb");
    const worker = deployment();
    await give(message, worker, "first");
    await give(message, worker, "second");
    const found = (await list()).filter(({ id }) => id === message.id);
    expect(found).toMatchObject([{ reason: "second" }]);
  });

  it("can be retried with all attempts, and are then no longer listed", async () => {
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

  it("can be deleted, one or all", async () => {
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
  ])("%s answers NoSuchDeadLetter for an unknown id", async (method, rest) => {
    const answer = await admin<{ error: { code: string } }>(`/dead-letters/nothing${rest}`, { method });
    expect([answer.status, answer.body.error.code]).toEqual([404, "NoSuchDeadLetter"]);
  });

  it("are limited to the newest 10,000 of the last 14 days: the accounts with most lose their oldest", async () => {
    const worker = deployment();
    // Together 10,000.
    const sizes = [...Array.from({ length: 9 }, () => 1_000), 999, 1];
    await fill(sizes);
    const message = toUrl("https://hooks.example.net/cb");
    await give(message, worker);
    expect(await count()).toBe(10_000);
    await give(toUrl("https://hooks.example.net/cb"), worker);
    expect(await count()).toBe(10_000);
    const left = await counts();
    expect(left.get("000000000001")).toBe(2);
    const lost = sizes.map((size, index) => size - (left.get(`tenant-${index}`) ?? 0));
    expect(lost).toEqual([1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    const oldest = await env.DB.prepare("SELECT id FROM dead_letters WHERE id LIKE 'tenant-0-%' ORDER BY seq").first();
    expect(oldest).toEqual({ id: "tenant-0-2" });
    const fifteenDays = 15 * 24 * 60 * 60 * 1000;
    await env.DB.prepare("UPDATE dead_letters SET given_up_at = ?1 WHERE id <> ?2")
      .bind(Date.now() - fifteenDays, message.id)
      .run();
    await give(message, worker);
    expect(await count()).toBe(1);
  });

  it("are limited to the newest 1,000 of an account, and do not remove those of others", async () => {
    const worker = deployment();
    await fill([1]);
    for (let batch = 0; batch < 11; batch++) {
      const letters = Array.from({ length: 100 }, (_, index) => {
        const message = toUrl("https://hooks.example.net/cb", { id: `flood-${batch}-${index}` });
        return { id: message.id, kind: "dead-letter", message, reason: "answered 500" } as const;
      });
      await take(letters, worker);
    }
    expect(await counts()).toEqual(
      new Map([
        ["000000000001", 1_000],
        ["tenant-0", 1],
      ]),
    );
    const listed = (await list()).map(({ id }) => id);
    expect([listed.length, listed[0], listed.at(-1)]).toEqual([1_000, "flood-10-99", "tenant-0-1"]);
    const oldest = await env.DB.prepare("SELECT id FROM dead_letters WHERE id LIKE 'flood%' ORDER BY seq").first();
    expect(oldest).toEqual({ id: "flood-1-0" });
  });

  it("belong to the account whose bucket or topic they are about", async () => {
    const worker = deployment();
    await fill([]);
    const bucket = await createBucket();
    const { id: bucketId, accountId } = (await env.DB.prepare(
      "SELECT id, account_id AS accountId FROM buckets WHERE name = ?1",
    )
      .bind(bucket)
      .first<{ id: string; accountId: string }>()) ?? { id: "", accountId: "" };
    await env.DB.prepare(
      `INSERT INTO replication_tasks (id, bucket_id, key, write_id, body, created_at, due_at)
       VALUES ('task', ?1, 'k', '', '{}', 0, 0)`,
    )
      .bind(bucketId)
      .run();
    const topicArn = "arn:aws:sns:us-east-1:000000000003:news";
    const receiver = { kind: "subscription", topicArn, subscriptionArn: `${topicArn}:1` } as const;
    const { origin, change } = eventOf("k", "000000000004");
    const content = { type: "Notification", message: "m" } as const;
    const letters: readonly (readonly [owner: string, OwnMessage])[] = [
      ["000000000002", delivery(receiver, { event: eventOf("k", "000000000002") })],
      ["000000000005", delivery(receiver, { event: { test: { ...origin, bucket: bucketOf("000000000005") } } })],
      ["000000000003", delivery(receiver, { event: { topic: { messageId: "m", time: 0, endpoint: "", content } } })],
      ["000000000004", changesOf(origin, change)],
      [accountId, { kind: "replication", taskId: "task" }],
      [accountId, { kind: "replication-page", bucketId, run: "run", since: 0 }],
      ["", { kind: "replication", taskId: "gone" }],
    ];
    for (const [owner, message] of letters) {
      await env.DB.prepare("DELETE FROM dead_letters").run();
      await give(message, worker);
      expect([...(await counts()).keys()], JSON.stringify(message)).toEqual([owner]);
    }
  });
});

const count = () => env.DB.prepare("SELECT count(*) AS count FROM dead_letters").first<number>("count");

async function counts(): Promise<ReadonlyMap<string, number>> {
  const { results } = await env.DB.prepare(
    "SELECT account_id, count(*) AS count FROM dead_letters GROUP BY account_id ORDER BY account_id",
  ).all<{ account_id: string; count: number }>();
  return new Map(results.map((row) => [row.account_id, row.count]));
}

/** Replaces all dead letters by as many as given for the accounts `tenant-0`, `tenant-1` … */
async function fill(sizes: readonly number[]): Promise<void> {
  await env.DB.prepare("DELETE FROM dead_letters").run();
  for (const [index, size] of sizes.entries()) {
    await env.DB.prepare(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?3)
       INSERT INTO dead_letters (id, account_id, reason, given_up_at, message)
       SELECT ?1 || '-' || i, ?1, '', ?2, '{"kind":"x"}' FROM n`,
    )
      .bind(`tenant-${index}`, Date.now(), size)
      .run();
  }
}

const bucketOf = (accountId: string) => eventOf("k", accountId).origin.bucket;

function changesOf(origin: ChangeOrigin, change: ObjectChange): OwnMessage {
  const changes = [{ ...change, notify: [], replicate: [] }];
  return { kind: "changes", id: "changes", origin, notifications: [], replications: [], changes };
}

describe("the admin API for deliveries", () => {
  it.each(["/receivers", "/dead-letters"])(
    "%s answers AccessDenied to other accounts than the root account",
    async (path) => {
      const answer = await admin<{ error: { code: string } }>(path, { key: await createAccount() });
      expect([answer.status, answer.body.error.code]).toEqual([403, "AccessDenied"]);
      expect((await admin(path, { key: null })).status).toBe(403);
    },
  );

  it("lists receivers with their counts, failing ones first, without the query of a URL", async () => {
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
