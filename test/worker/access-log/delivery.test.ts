/** The consumer: who permits deliveries, which keys the log objects have, and that no crash loses a line. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Env } from "../../../src/env.ts";
import type { AccessLogMessage } from "../../../src/storage/journal/messages.ts";
import { parseLogLine } from "../../support/access-log-line.ts";
import {
  consume,
  deliveryPolicy,
  enableLogging,
  loggingDocument,
  objectsOf,
  recordLogs,
} from "../../support/access-logs.ts";
import { createAccount, rootAccount } from "../../support/accounts.ts";
import { digestOf, setOwnership } from "../../support/acl.ts";
import { bucketWithRules, EVERYTHING, withEventQueue } from "../../support/events.ts";
import { failingEnv } from "../../support/failing-env.ts";
import { createLockedBucket, lockConfiguration, putLockConfiguration } from "../../support/object-lock.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";

let accountId: string;

beforeAll(async () => {
  ({ accountId } = await rootAccount());
});

let number = 0;

/** A message with lines `<id>-0`, `<id>-1`. */
function message(bucket: string, target: string, changes: Partial<AccessLogMessage["bucket"]["logging"]> = {}) {
  const id = `m${number++}`;
  const logging = { targetBucket: target, targetPrefix: "logs/", ...changes };
  const source = { name: bucket, region: "us-east-1", accountId, ownerId: "0a1b", logging };
  const text = `${id}-0\n${id}-1\n`;
  return { kind: "access-log", id, bucket: source, time: Date.parse("2032-02-03T04:05:06.789Z"), text } as const;
}

async function permit(bucket: string, target: string, policy = deliveryPolicy(bucket, target, accountId)) {
  const response = await send({ method: "PUT", bucket: target, query: "policy", body: policy });
  expect(response.status, await response.text()).toBe(204);
}

const WRITE_ACP = { "x-amz-acl": "log-delivery-write" };

/** Whether a second attempt, which is the last one after a refusal, stores the lines. */
async function isDelivered(
  messages: readonly AccessLogMessage[],
  target: string,
  env: Env = testEnv,
): Promise<boolean> {
  const { acknowledged } = await consume(messages, env, 2);
  expect(acknowledged).toEqual(messages.map(({ id }) => id));
  return (await objectsOf(target)).size > 0;
}

describe("permission to deliver", () => {
  it("comes from AWS's bucket policy for the source bucket and its account", async () => {
    const [bucket, other, target] = [await createBucket(), await createBucket(), await createBucket()];
    expect(await isDelivered([message(bucket, target)], target)).toBe(false);
    await permit(bucket, target);
    expect(await isDelivered([message(other, target)], target)).toBe(false);
    expect(await isDelivered([message(bucket, target, { targetPrefix: "elsewhere/" })], target)).toBe(false);
    expect(await isDelivered([message(bucket, target)], target)).toBe(true);
  });

  it("comes from the ACL of the log delivery group, unless ACLs are off or the policy denies it", async () => {
    const [bucket, target] = [await createBucket(), await createBucket()];
    await send({ method: "PUT", bucket: target, query: "acl", headers: WRITE_ACP });
    const denial = deliveryPolicy(bucket, target, accountId).replace('"Allow"', '"Deny"');
    await permit(bucket, target, denial);
    expect(await isDelivered([message(bucket, target)], target)).toBe(false);
    await send({ method: "DELETE", bucket: target, query: "policy" });
    expect(await isDelivered([message(bucket, target)], target)).toBe(true);

    const writeOnly = await createBucket();
    const grant = { "x-amz-grant-write": 'uri="http://acs.amazonaws.com/groups/s3/LogDelivery"' };
    expect((await send({ method: "PUT", bucket: writeOnly, query: "acl", headers: grant })).status).toBe(200);
    expect(await isDelivered([message(bucket, writeOnly)], writeOnly)).toBe(false);
  });

  it("is refused for a bucket of another account or region, with a default retention or SSE-KMS, or that is gone", async () => {
    const bucket = await createBucket();
    const stranger = await createAccount();
    const foreign = await createBucket({ key: stranger });
    await send({ method: "PUT", bucket: foreign, query: "acl", headers: WRITE_ACP, as: stranger });
    expect((await consume([message(bucket, foreign)], testEnv, 2)).acknowledged).toHaveLength(1);
    expect(await (await send({ bucket: foreign, as: stranger })).text()).not.toContain("<Key>");

    const locked = await createLockedBucket();
    const rule = lockConfiguration("<Mode>GOVERNANCE</Mode><Days>1</Days>");
    expect((await putLockConfiguration(locked, rule)).status).toBe(200);
    await permit(bucket, locked);
    const elsewhere = message(bucket, locked);
    expect((await consume([elsewhere], testEnv, 2)).acknowledged).toEqual([elsewhere.id]);
    expect((await objectsOf(locked)).size).toBe(0);

    const sealed = await createBucket();
    await permit(bucket, sealed);
    const kms =
      "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm>" +
      "</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>";
    const headers = await digestOf(kms);
    expect((await send({ method: "PUT", bucket: sealed, query: "encryption", body: kms, headers })).status).toBe(200);
    expect(await isDelivered([message(bucket, sealed)], sealed)).toBe(false);

    const target = await createBucket();
    await permit(bucket, target);
    const inEurope = message(bucket, target);
    await consume([{ ...inEurope, bucket: { ...inEurope.bucket, region: "eu-west-1" } }], testEnv, 2);
    expect((await objectsOf(target)).size).toBe(0);
    expect((await consume([message(bucket, "no-such-target-bucket")], testEnv, 2)).acknowledged).toHaveLength(1);
  });

  it("is looked for a second time, because isolates may not know the policy yet", async () => {
    const [bucket, target] = [await createBucket(), await createBucket()];
    const first = message(bucket, target);
    expect(await consume([first], testEnv, 1)).toEqual({ acknowledged: [], retried: [first.id] });
  });
});

describe("log objects", () => {
  it("have the lines of all messages for the same target, in order, as text of the bucket's owner", async () => {
    const [bucket, target] = [await createBucket(), await createBucket()];
    await permit(bucket, target);
    const messages = [message(bucket, target), message(bucket, target)];
    const { acknowledged } = await consume(messages, testEnv);
    expect(acknowledged).toEqual(messages.map(({ id }) => id));
    const objects = await objectsOf(target);
    expect([...objects.values()]).toEqual([messages.map(({ text }) => text).join("")]);
    const [key = ""] = objects.keys();
    expect(key).toMatch(/^logs\/\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-[0-9A-F]{16}$/);
    const head = await send({ method: "HEAD", bucket: target, key });
    expect(head.headers.get("content-type")).toBe("text/plain");
  });

  it("are partitioned by delivery, or by the day of the event with the time 00-00-00", async () => {
    const [bucket, target] = [await createBucket(), await createBucket()];
    await permit(bucket, target);
    const byEvent = { keyFormat: { kind: "partitioned", dateSource: "EventTime" } } as const;
    const first = message(bucket, target, byEvent);
    const nextDay = { ...message(bucket, target, byEvent), time: first.time + 86_400_000 };
    const byDelivery = message(bucket, target, { keyFormat: { kind: "partitioned" } });
    await consume([first, byDelivery, nextDay], testEnv);
    const today = new Date().toISOString().slice(0, 8).replaceAll("-", "/");
    const objects = await objectsOf(target);
    expect([...objects.keys()].map((key) => key.replace(/[0-9A-F]{16}$/, "*")).sort()).toEqual([
      expect.stringMatching(`^logs/${accountId}/us-east-1/${bucket}/${today}\\d\\d/\\d{4}(-\\d\\d){5}-\\*$`),
      `logs/${accountId}/us-east-1/${bucket}/2032/02/03/2032-02-03-00-00-00-*`,
      `logs/${accountId}/us-east-1/${bucket}/2032/02/04/2032-02-04-00-00-00-*`,
    ]);
  });

  it("give TargetGrants to others, and have none where ACLs are off", async () => {
    const [bucket, target] = [await createBucket(), await createBucket()];
    await permit(bucket, target);
    const targetGrants = [{ grantee: { kind: "all-users" }, permission: "READ" }] as const;
    await consume([message(bucket, target, { targetGrants })], testEnv);
    const [key = ""] = (await objectsOf(target)).keys();
    expect((await send({ bucket: target, key, as: null })).status).toBe(200);

    await setOwnership(target, "BucketOwnerEnforced");
    const closed = message(bucket, target, { targetGrants, targetPrefix: "logs/closed" });
    await consume([closed], testEnv);
    const later = [...(await objectsOf(target)).keys()].find((name) => name.startsWith("logs/closed")) ?? "";
    expect((await send({ bucket: target, key: later, as: null })).status).toBe(403);
  });

  it("are reported as events of their bucket, which no request has caused", async () => {
    const queue = withEventQueue();
    const bucket = await createBucket();
    const target = await bucketWithRules({ notification: [EVERYTHING] });
    await permit(bucket, target);
    await consume([message(bucket, target)], queue.env);
    expect(queue.messages).toMatchObject([
      { origin: { principalId: "s3.amazonaws.com" }, changes: [{ event: "ObjectCreated:Put" }] },
    ]);
  });

  it("are not logged themselves, even in the bucket that is its own target", async () => {
    const { env, messages, lines } = recordLogs();
    const bucket = await createBucket({ env });
    await enableLogging(bucket, loggingDocument(bucket), env);
    await permit(bucket, bucket);
    await putObject(bucket, "k", "content", { env });
    expect((await lines()).map(({ operation }) => operation)).toContain("REST.PUT.OBJECT");
    await consume(messages.splice(0), env);
    await lines();
    expect(messages.flatMap(({ text }) => text.split("\n")).filter((line) => line.includes("logs/"))).toEqual([]);
    const stored = [...(await objectsOf(bucket))].find(([key]) => key.startsWith("logs/"))?.[1] ?? "";
    expect(parseLogLine(stored.split("\n", 1)[0] ?? "")).toMatchObject({ bucket });
  });
});

describe("a crash of the consumer", () => {
  it("loses no line, at whichever call to the platform it happens", async () => {
    const [bucket, target] = [await createBucket(), await bucketWithRules({ notification: [EVERYTHING] })];
    await permit(bucket, target);
    const attempt = failingEnv(testEnv, undefined);
    await consume([message(bucket, target)], attempt.env);
    expect(attempt.calls()).toBeGreaterThan(2);
    const all: string[] = [];
    for (let at = 1; at <= attempt.calls(); at++) {
      for (const when of ["before", "after"] as const) {
        for (const lasting of ["once", "permanently"] as const) {
          const messages = [message(bucket, target), message(bucket, target, { targetPrefix: "logs/other" })];
          all.push(...messages.flatMap(({ text }) => text.trimEnd().split("\n")));
          const { env } = failingEnv(testEnv, { at, when, lasting });
          const { acknowledged } = await consume(messages, env);
          // What is not acknowledged comes again.
          await consume(
            messages.filter(({ id }) => !acknowledged.includes(id)),
            testEnv,
            2,
          );
        }
      }
    }
    const listed: string[] = [];
    for (const text of (await objectsOf(target)).values()) listed.push(...text.trimEnd().split("\n"));
    expect(all.filter((line) => !listed.includes(line))).toEqual([]);
  });
});
