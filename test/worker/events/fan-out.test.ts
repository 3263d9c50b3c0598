/** The consumer of changes: which receivers get messages, and that nothing is lost if one of its calls fails. */
import { describe, expect, it } from "vitest";
import type { Env } from "../../../src/env.ts";
import type { NotificationRule } from "../../../src/model/notification.ts";
import type { ChangesMessage, DeliveryMessage, ReplicationMessage } from "../../../src/storage/journal/messages.ts";
import { bucketWithRules, EVERYTHING, intentRows, REPLICATE_ALL, withEventQueue } from "../../support/events.ts";
import { type Failure, failingEnv } from "../../support/failing-env.ts";
import { putObject, send } from "../../support/request.ts";
import { testEnv } from "../../support/s3.ts";
import { handleQueue } from "../../support/worker.ts";

const CALLBACK: NotificationRule = {
  ...EVERYTHING,
  id: "callback",
  destination: { kind: "callback", urls: ["https://one.example.net/cb", "https://two.example.net/cb"] },
};

interface Answers {
  acked: string[];
  retried: string[];
}

/** Hands messages to the consumer as the platform does. */
async function consume(messages: readonly ChangesMessage[], env: Env): Promise<Answers> {
  const answers: Answers = { acked: [], retried: [] };
  const letters = messages.map((body) => ({
    id: body.id,
    body,
    attempts: 1,
    timestamp: new Date(),
    ack: () => answers.acked.push(body.id),
    retry: () => answers.retried.push(body.id),
  }));
  await handleQueue({ queue: "any", messages: letters } as unknown as MessageBatch, env);
  return answers;
}

interface Sent {
  readonly env: Env;
  readonly deliveries: DeliveryMessage[];
  readonly replications: ReplicationMessage[];
}

function withOwnQueues(): Sent {
  const deliveries: DeliveryMessage[] = [];
  const replications: ReplicationMessage[] = [];
  const queue = <Message>(into: Message[]) => ({
    send: async (message: Message) => void into.push(message),
    sendBatch: async (batch: readonly { body: Message }[]) => void into.push(...batch.map(({ body }) => body)),
  });
  // Another queue of events makes the Worker open other services for this test.
  const { env } = withEventQueue();
  return {
    env: { ...env, DELIVERIES: queue(deliveries), REPLICATION: queue(replications) } as unknown as Env,
    deliveries,
    replications,
  };
}

async function tasksOf(bucket: string): Promise<string[]> {
  const { results } = await testEnv.DB.prepare(
    "SELECT t.key FROM replication_tasks t JOIN buckets b ON b.id = t.bucket_id WHERE b.name = ?1",
  )
    .bind(bucket)
    .all<{ key: string }>();
  return results.map(({ key }) => key);
}

/** A bucket and the messages of one change in it. */
async function change(rules: Parameters<typeof bucketWithRules>[0]) {
  const bucket = await bucketWithRules(rules);
  const { env, messages } = withEventQueue();
  await putObject(bucket, "k", "content", { env });
  return { bucket, messages };
}

describe("a change is sent", () => {
  it("to each URL of the first NS: rule that matches, and to no other NS: rule", async () => {
    const second: NotificationRule = {
      ...CALLBACK,
      id: "second",
      destination: { kind: "callback", urls: ["https://three.example.net/"] },
    };
    const { bucket, messages } = await change({ notification: [CALLBACK, second] });
    const { env, deliveries } = withOwnQueues();
    expect(await consume(messages, env)).toEqual({ acked: messages.map(({ id }) => id), retried: [] });
    expect(deliveries.map(({ receiver }) => receiver)).toEqual([
      { kind: "callback", url: "https://one.example.net/cb" },
      { kind: "callback", url: "https://two.example.net/cb" },
    ]);
    expect(deliveries[0]).toMatchObject({
      kind: "delivery",
      attempt: 0,
      event: { configurationId: "callback", change: { key: "k", event: "ObjectCreated:Put", sizeBytes: 7 } },
    });
    expect(new Set(deliveries.map(({ id }) => id)).size).toBe(2);
    expect(await intentRows(bucket)).toEqual([]);
  });

  it("to every ARN rule that matches, and to replication destinations as tasks", async () => {
    const { bucket, messages } = await change({ notification: [EVERYTHING, CALLBACK], replication: [REPLICATE_ALL] });
    const { env, deliveries, replications } = withOwnQueues();
    await consume(messages, env);
    expect(deliveries.map(({ receiver }) => receiver.kind)).toEqual(["queue", "callback", "callback"]);
    expect(replications).toHaveLength(1);
    expect(await tasksOf(bucket)).toEqual(["k"]);
  });

  it("to no receiver if a topic has no subscriber, which is not a failure", async () => {
    const topic: NotificationRule = {
      ...EVERYTHING,
      destination: { kind: "topic", arn: "arn:aws:sns:us-east-1:000000000000:none" },
    };
    const { bucket, messages } = await change({ notification: [topic] });
    const { env, deliveries } = withOwnQueues();
    expect((await consume(messages, env)).acked).toHaveLength(1);
    expect(deliveries).toEqual([]);
    expect(await intentRows(bucket)).toEqual([]);
  });

  it("as one task, however often the message arrives", async () => {
    const { bucket, messages } = await change({ replication: [REPLICATE_ALL] });
    const { env } = withOwnQueues();
    await consume(messages, env);
    await consume(messages, env);
    expect(await tasksOf(bucket)).toEqual(["k"]);
  });

  it("in runs of limited size; the remaining messages are retried", async () => {
    const { messages } = await change({ notification: [CALLBACK] });
    const [one] = messages;
    if (one === undefined) throw new Error("no message");
    let left = Array.from({ length: 70 }, (_, index) => ({
      ...one,
      id: `${one.id}${index}`,
      changes: Array.from({ length: 100 }, (_each, number) => ({ ...one.changes[0], key: `${index}/${number}` })),
    })) as ChangesMessage[];
    const { env, deliveries } = withOwnQueues();
    const first = await consume(left, env);
    expect([first.acked.length, first.retried.length]).toEqual([50, 20]);
    expect(deliveries).toHaveLength(50 * 100 * 2);
    left = left.filter(({ id }) => first.retried.includes(id));
    expect((await consume(left, env)).acked).toHaveLength(20);
    expect(new Set(deliveries.map(({ id }) => id)).size).toBe(70 * 100 * 2);
  });

  it("with callback variables only to callbacks", async () => {
    const bucket = await bucketWithRules({ notification: [EVERYTHING, CALLBACK] });
    const queue = withEventQueue();
    const query = "x-oss-callback-order=17";
    await send({ method: "PUT", bucket, key: "k", query, body: "content", env: queue.env });
    const { env, deliveries } = withOwnQueues();
    await consume(queue.messages, env);
    const variables = deliveries.map(({ receiver, event }) => [
      receiver.kind,
      "origin" in event && event.origin.callbackVariables,
    ]);
    expect(variables).toEqual([
      ["queue", {}],
      ["callback", { order: ["17"] }],
      ["callback", { order: ["17"] }],
    ]);
  });
});

describe("a message that the platform has moved to the dead letters", () => {
  it("is stored, whatever its kind, and not processed again", async () => {
    const { messages } = await change({ notification: [CALLBACK] });
    const { env, deliveries } = withOwnQueues();
    const answers: string[] = [];
    const [body] = messages;
    const letter = { id: "l", body, attempts: 101, ack: () => answers.push("ack"), retry: () => answers.push("retry") };
    await handleQueue({ queue: "workers-s3-dead-letters", messages: [letter] } as unknown as MessageBatch, env);
    expect([answers, deliveries]).toEqual([["ack"], []]);
    const kept = await testEnv.DB.prepare("SELECT count(*) AS n FROM dead_letters WHERE id = ?1")
      .bind(body?.id)
      .first();
    expect(kept).toEqual({ n: 1 });
  });
});

describe("when any call of the consumer fails", () => {
  it.each([
    ["before", "once"],
    ["before", "permanently"],
    ["after", "once"],
    ["after", "permanently"],
  ] as const)("%s it is made, %s, the change is sent or its message is retried", async (when, lasting) => {
    const rules = { notification: [CALLBACK], replication: [REPLICATE_ALL] };
    const run = async (failure: Failure | undefined) => {
      const { bucket, messages } = await change(rules);
      const sent = withOwnQueues();
      const failing = failingEnv(sent.env, failure);
      const answers = await consume(messages, failing.env);
      return { bucket, messages, sent, answers, calls: failing.calls() };
    };
    const { calls } = await run(undefined);
    expect(calls).toBeGreaterThanOrEqual(4);
    for (let at = 1; at <= calls; at++) {
      const { bucket, messages, sent, answers } = await run({ at, when, lasting });
      const label = `call ${at} of ${calls}: ${JSON.stringify(answers)}`;
      const isSpread =
        sent.deliveries.length >= 2 && (await tasksOf(bucket)).length === 1 && sent.replications.length > 0;
      // The row remains until all receivers have a message.
      if ((await intentRows(bucket)).length === 0) expect(isSpread, label).toBe(true);
      if (answers.acked.length === 1) expect(isSpread, label).toBe(true);
      else expect(answers.retried, label).toEqual(messages.map(({ id }) => id));
      const again = withOwnQueues();
      await consume(messages, again.env);
      expect(again.deliveries, label).toHaveLength(2);
      expect(await tasksOf(bucket), label).toEqual(["k"]);
      expect(await intentRows(bucket), label).toEqual([]);
    }
  });
});
