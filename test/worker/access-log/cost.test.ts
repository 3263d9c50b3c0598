/** What access logs cost: nothing where there are none, and no call that an answer waits for. */
import { expect, it } from "vitest";
import { consume, deliveryPolicy, flushLogs, loggedBucket, recordLogs } from "../../support/access-logs.ts";
import { rootAccount } from "../../support/accounts.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";

const counting = countingEnv(testEnv);
const { env, counts, billed, reset } = counting;

it("a hundred requests to a bucket with access logs are one message, and cost no other call", async () => {
  const { bucket } = await loggedBucket(env);
  await putObject(bucket, "k", "content", { env });
  await flushLogs();
  reset();
  for (let step = 0; step < 100; step++) await (await send({ bucket, key: "k", env })).text();
  await flushLogs();
  // One, and on a slow machine one for each second.
  expect(counts).toMatchObject({ r2: 100, d1: 0, durableObject: 0 });
  expect(billed.queueMessages).toBeGreaterThan(0);
  expect(billed.queueMessages).toBeLessThan(10);
});

it("a bucket without access logs costs no message, and an answer of it is not touched", async () => {
  const bucket = await createBucket({ env });
  await putObject(bucket, "k", "content", { env });
  reset();
  await (await send({ bucket, key: "k", env })).text();
  await (await send({ bucket, key: "none", env })).text();
  await flushLogs();
  expect(counts).toEqual({ r2: 2, d1: 0, durableObject: 0, queue: 0 });
});

it("a log object is one R2 call, and one D1 call if the target's row is not known", async () => {
  const recorder = recordLogs();
  const { accountId } = await rootAccount();
  const { bucket, target } = await loggedBucket(recorder.env);
  const policy = deliveryPolicy(bucket, target, accountId);
  await send({ method: "PUT", bucket: target, query: "policy", body: policy, env: recorder.env });
  for (let step = 0; step < 3; step++) {
    await putObject(bucket, "k", "content", { env: recorder.env });
    await recorder.lines();
  }
  expect(recorder.messages.length).toBeGreaterThanOrEqual(3);
  const consumer = countingEnv(testEnv);
  await consume(recorder.messages, consumer.env);
  expect(consumer.counts).toEqual({ r2: 1, d1: 1, durableObject: 0, queue: 0 });
});
