/** The audit's way into its bucket: each message is one object, no other account's bucket gets one, and no line is about the audit itself. */
import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { beforeEach, describe, expect, it } from "vitest";
import type { Env } from "../../../src/env.ts";
import { auditObjectKey } from "../../../src/model/audit.ts";
import { openServices } from "../../../src/services.ts";
import type { AuditMessage } from "../../../src/storage/journal/messages.ts";
import { enableLogging, flushLogs, loggingDocument } from "../../support/access-logs.ts";
import { createAccount, rootAccount } from "../../support/accounts.ts";
import { digestOf } from "../../support/acl.ts";
import { adopt, keysIn, r2, release } from "../../support/adopted.ts";
import { audit, enableAudit, flushAudit, recordAudit } from "../../support/audit.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { createKmsKey, env as keysEnv } from "../../support/kms.ts";
import {
  createLockedBucket,
  lockConfiguration,
  putLockConfiguration,
  putVersioning,
} from "../../support/object-lock.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { handleQueue } from "../../support/worker.ts";

const recorder = recordAudit();
const { env, messages, lines } = recorder;
let bucket: string;

beforeEach(async () => {
  bucket = await enableAudit(env);
  await lines();
  messages.length = 0;
});

/** One message with one line. */
async function oneMessage(): Promise<AuditMessage> {
  const before = messages.length;
  await createBucket({ env });
  await flushAudit();
  const [message, ...others] = messages.slice(before);
  if (message === undefined || others.length > 0) throw new Error("not one message");
  return message;
}

interface Consumed {
  readonly acknowledged: readonly string[];
  readonly retried: readonly unknown[];
}

async function consume(batch: readonly AuditMessage[], on: Env = testEnv): Promise<Consumed> {
  const handed = createMessageBatch(
    "any",
    batch.map((body, index) => ({ id: `${body.id}-${index}`, timestamp: new Date(), attempts: 1, body })),
  );
  await handleQueue(handed, on);
  const { explicitAcks, retryMessages } = await getQueueResult(handed, createExecutionContext());
  return { acknowledged: explicitAcks, retried: retryMessages };
}

async function keysOf(name: string): Promise<string[]> {
  const listed = await (await send({ bucket: name, query: "list-type=2" })).text();
  return [...listed.matchAll(/<Key>([^<]*)<\/Key>/g)].map((match) => match[1] ?? "");
}

/** Gives the bucket to another account, as if it had been deleted and created again. */
async function giveAway(name: string): Promise<void> {
  const { accountId } = await createAccount();
  await testEnv.DB.prepare("UPDATE buckets SET account_id = ?1 WHERE name = ?2").bind(accountId, name).run();
  openServices(testEnv).directory.forgetBucket(name);
}

describe("a message", () => {
  it("becomes one object below the prefix and the day, with JSON lines", async () => {
    const message = await oneMessage();
    const { acknowledged, retried } = await consume([message]);
    expect([acknowledged.length, retried]).toEqual([1, []]);
    const [key = "", ...others] = await keysOf(bucket);
    expect(others).toEqual([]);
    expect(key).toMatch(/^audit\/\d{4}\/\d\d\/\d\d\/\d\d-\d\d-\d\d-[0-9a-z]+\.jsonl$/);
    expect(key).toBe(auditObjectKey(message.setting, message));
    const object = await send({ bucket, key });
    expect(object.headers.get("content-type")).toBe("application/jsonl");
    expect(await object.text()).toBe(message.text);
  });

  it.each(["Suspended", "Enabled"])(
    "that is delivered twice is one object, and one version (versioning %s)",
    async (status) => {
      await putVersioning(bucket, status);
      const [one, two] = [await oneMessage(), await oneMessage()];
      const first = await consume([one, two]);
      const again = await consume([two, one, two]);
      expect([first.acknowledged.length, again.acknowledged.length, again.retried]).toEqual([2, 3, []]);
      const versions = await (await send({ bucket, query: "versions" })).text();
      expect(versions.match(/<Version>/g)).toHaveLength(2);
    },
  );

  it("costs one R2 call, and one D1 call if the bucket's row is not known", async () => {
    const batch = [await oneMessage(), await oneMessage()];
    const counting = countingEnv(testEnv);
    await consume(batch, counting.env);
    expect(counting.counts).toEqual({ r2: 2, d1: 1, durableObject: 0, queue: 0 });
  });

  it("gets the default retention of a bucket with object lock", async () => {
    const locked = await createLockedBucket();
    await putLockConfiguration(locked, lockConfiguration("<Mode>COMPLIANCE</Mode><Days>1</Days>"));
    expect((await audit("POST", { bucket: locked }, { env })).status).toBe(200);
    await lines();
    await consume([await oneMessage()]);
    const [key = ""] = await keysOf(locked);
    expect(await (await send({ bucket: locked, key, query: "retention" })).text()).toContain("COMPLIANCE");
  });

  it("is one object of an adopted bucket, too", async () => {
    const adopted = await adopt("ADOPT_FILES");
    expect((await audit("POST", { bucket: adopted }, { env })).status).toBe(200);
    await lines();
    const message = await oneMessage();
    for (let step = 0; step < 2; step++) expect((await consume([message])).retried).toEqual([]);
    const [key = "", ...others] = await keysIn(r2("ADOPT_FILES"));
    expect([key, others]).toEqual([auditObjectKey(message.setting, message), []]);
    expect(await (await r2("ADOPT_FILES").get(key))?.text()).toBe(message.text);
    await audit("POST", { bucket }, { env });
    await release(adopted);
  });

  it("waits for a bucket that does not exist, and never goes to a bucket of another account", async () => {
    const message = await oneMessage();
    await giveAway(bucket);
    const gone = { ...message, setting: { ...message.setting, bucket: `${bucket}-gone` } };
    const { acknowledged, retried } = await consume([message, gone]);
    expect(acknowledged).toEqual([]);
    expect(retried).toHaveLength(2);
    expect(await testEnv.STORE.list()).not.toMatchObject({
      objects: expect.arrayContaining([{ key: expect.stringContaining(message.id) }]),
    });
  });

  it("that failed too often is a dead letter of the bucket's account, and can be sent again", async () => {
    const message = await oneMessage();
    const dead = createMessageBatch("workers-s3-dead-letters", [
      { id: "1", timestamp: new Date(), attempts: 1, body: message },
    ]);
    await handleQueue(dead, env);
    const listed = await send({ bucket: "-", key: "admin/dead-letters", env });
    expect((await listed.json<{ deadLetters: object[] }>()).deadLetters).toMatchObject([
      { id: message.id, kind: "audit", receiver: bucket },
    ]);
    await send({ method: "POST", bucket: "-", key: `admin/dead-letters/${message.id}/retry`, env });
    expect(messages.filter(({ id }) => id === message.id)).toHaveLength(2);
  });
});

it("a bucket whose default encryption is SSE-KMS is refused", async () => {
  const encrypted = await createBucket();
  const arn = await createKmsKey();
  const body = `<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>${arn}</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>`;
  const put = await send({
    method: "PUT",
    bucket: encrypted,
    query: "encryption",
    body,
    headers: await digestOf(body),
    env: keysEnv,
  });
  expect(put.status).toBe(200);
  const response = await audit("POST", { bucket: encrypted }, { env });
  expect([response.status, await response.json()]).toMatchObject([409, { error: { code: "NotAuditable" } }]);
});

it("no line is about the audit's own objects, also where the bucket is logged, reports events and is watched", async () => {
  const target = await createBucket({ env });
  await enableLogging(bucket, loggingDocument(target), env);
  const { accountId } = await rootAccount();
  const policy = JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Service: "logging.s3.amazonaws.com" },
        Action: "s3:PutObject",
        Resource: `arn:aws:s3:::${target}/*`,
        Condition: { StringEquals: { "aws:SourceAccount": accountId } },
      },
    ],
  });
  await send({ method: "PUT", bucket: target, query: "policy", body: policy, env });
  await putObject(bucket, "mine", "content", { env });
  await flushAudit();
  await flushLogs();
  const sent = messages.splice(0);
  expect(sent.length).toBeGreaterThan(1);
  await consume(sent, env);
  await flushAudit();
  await flushLogs();
  expect(messages).toEqual([]);
});

it("a tenant's line goes to no bucket that a tenant names", async () => {
  const tenant = await createAccount();
  const response = await audit("POST", { bucket, prefix: "mine/" }, { env, key: tenant });
  expect(response.status).toBe(403);
  await flushAudit();
  expect(messages.map(({ setting }) => setting)).toEqual([{ accountId: expect.any(String), bucket, prefix: "audit/" }]);
});
