import { describe, expect, it } from "vitest";
import { rootAccount } from "../../support/accounts.ts";
import { userQueue } from "../../support/notification.ts";
import { delivery, deployment, eventOf, rowOf, take } from "./support.ts";

const arnOf = (accountId: string, name = "my-jobs") => `arn:aws:sqs:us-east-1:${accountId}:${name}`;

describe("delivery to a Cloudflare Queue of the operator", () => {
  it("sends S3's record as JSON", async () => {
    const { accountId } = await rootAccount();
    const jobs = userQueue();
    const worker = deployment({ QUEUE_MY_JOBS: jobs });
    const message = delivery({ kind: "queue", arn: arnOf(accountId) }, { event: eventOf("a b", accountId) });
    expect((await take([message], worker)).acknowledged).toEqual([message.id]);
    expect(jobs.sent).toMatchObject([
      { Records: [{ eventVersion: "2.1", eventName: "ObjectCreated:Put", s3: { object: { key: "a+b" } } }] },
    ]);
    expect(await rowOf(arnOf(accountId))).toMatchObject({ kind: "queue", delivered: 1 });
  });

  it.each([
    ["a bucket of another account", "000000000009", "my-jobs"],
    ["a queue that is not bound", undefined, "nowhere"],
  ])("becomes a dead letter for %s", async (_why, bucketAccount, name) => {
    const { accountId } = await rootAccount();
    const jobs = userQueue();
    const worker = deployment({ QUEUE_MY_JOBS: jobs });
    const event = eventOf("k", bucketAccount ?? accountId);
    const message = delivery({ kind: "queue", arn: arnOf(accountId, name) }, { event });
    expect((await take([message], worker)).acknowledged).toEqual([message.id]);
    expect(jobs.sent).toEqual([]);
    expect(worker.deadLetters.sent.map(({ body }) => body.reason)).toEqual(["There is no such queue for this bucket."]);
  });

  it("is retried with longer delays if the queue does not accept it", async () => {
    const { accountId } = await rootAccount();
    const worker = deployment({ QUEUE_MY_JOBS: userQueue("Queue send failed") });
    const receiver = { kind: "queue", arn: arnOf(accountId) } as const;
    const event = eventOf("k", accountId);
    await take([delivery(receiver, { event, attempt: 4 })], worker);
    expect(worker.retries.sent[0]?.body.attempt).toBe(5);
    expect(worker.retries.sent[0]?.delaySeconds).toBeGreaterThanOrEqual(128);
    await take([delivery(receiver, { event, attempt: 32 })], worker);
    expect(worker.deadLetters.sent).toHaveLength(1);
  });
});

describe("a failure of the deployment itself", () => {
  it("does not count as an attempt: the message is retried", async () => {
    const worker = deployment();
    const failing = { send: () => Promise.reject(new Error("Queue send failed")) };
    const { env } = deployment({ RETRIES: failing, DEAD_LETTERS: failing });
    const gone = delivery({ kind: "queue", arn: arnOf("000000000009") });
    const answer = await take([gone], { ...worker, env });
    expect(answer).toEqual({ acknowledged: [], retried: [gone.id] });
  });

  it("does not repeat a delivery when statistics cannot be recorded", async () => {
    const { accountId } = await rootAccount();
    const jobs = userQueue();
    const worker = deployment({ QUEUE_OTHER: jobs });
    const batch = () => Promise.reject(new Error("D1_ERROR: overloaded"));
    const DB = new Proxy(worker.env.DB, {
      get(target, name) {
        if (name === "batch") return batch;
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const message = delivery({ kind: "queue", arn: arnOf(accountId, "other") }, { event: eventOf("k", accountId) });
    const answer = await take([message], { ...worker, env: { ...worker.env, DB } });
    expect([answer.acknowledged, jobs.sent.length]).toEqual([[message.id], 1]);
  });
});
