/** Buckets that send events to a topic, and the topic's policy: at configuration and for each event. */
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Env } from "../../../src/env.ts";
import type { ChangesMessage, DeliveryMessage } from "../../../src/storage/journal/messages.ts";
import { createAccount, type TestAccount } from "../../support/accounts.ts";
import { withEventQueue } from "../../support/events.ts";
import { notificationDocument, topicRule } from "../../support/notification.ts";
import { send } from "../../support/request.ts";
import { createBucket, errorOf } from "../../support/s3.ts";
import { createTopic, sns, subscribe, takeMessages, topicsEnv } from "../../support/topics.ts";
import { handleQueue } from "../../support/worker.ts";

const NOT_ALLOWED = "Permissions on the destination topic do not allow S3 to publish notifications from this bucket";

type Fields = Readonly<Record<string, unknown>>;

let owner: TestAccount;
let guest: TestAccount;
let topic: string;

beforeAll(async () => {
  [owner, guest] = await Promise.all([createAccount(), createAccount()]);
});

beforeEach(async () => {
  topic = await createTopic(owner);
  await subscribe(topic, {}, owner);
});

const newBucket = (as: TestAccount) => createBucket({ key: as });

/** Statements that allow S3 to publish, with the given changes. */
async function setPolicy(...statements: readonly Fields[]): Promise<void> {
  const whole = statements.map((fields, index) => ({
    Sid: `s${index}`,
    Effect: "Allow",
    Principal: { Service: "s3.amazonaws.com" },
    Action: "SNS:Publish",
    Resource: topic,
    ...fields,
  }));
  const AttributeValue = whole.length === 0 ? "" : JSON.stringify({ Version: "2012-10-17", Statement: whole });
  await sns("SetTopicAttributes", { TopicArn: topic, AttributeName: "Policy", AttributeValue }, owner);
}

const permission = () => ({
  TopicArn: topic,
  Label: "guests",
  "AWSAccountId.member.1": guest.accountId,
  "ActionName.member.1": "Publish",
});

/** AWS's tutorial: "aws:SourceArn" and "aws:SourceAccount". */
const from = (bucket: string, { accountId }: TestAccount): Fields => ({
  Condition: {
    ArnLike: { "aws:SourceArn": `arn:aws:s3:*:*:${bucket}` },
    StringEquals: { "aws:SourceAccount": accountId },
  },
});

async function configure(bucket: string, as: TestAccount, headers: Record<string, string> = {}): Promise<Response> {
  const body = notificationDocument(topicRule(topic));
  return send({ method: "PUT", bucket, query: "notification", body, as, headers, env: topicsEnv });
}

async function expectTaken(bucket: string, as: TestAccount): Promise<void> {
  const response = await configure(bucket, as);
  expect([response.status, await response.text()]).toEqual([200, ""]);
  const taken = takeMessages(topic);
  expect(taken.map(({ event }) => "test" in event && event.test.bucket.name)).toEqual([bucket]);
}

async function expectRefused(bucket: string, as: TestAccount, problem = NOT_ALLOWED): Promise<void> {
  const { status, code, text } = await errorOf(await configure(bucket, as));
  expect([status, code]).toEqual([400, "InvalidArgument"]);
  expect(text).toContain("<Message>Unable to validate the following destination configurations</Message>");
  expect(text).toContain(`<ArgumentName1>${topic}</ArgumentName1><ArgumentValue1>${problem}</ArgumentValue1>`);
  expect(takeMessages(topic)).toEqual([]);
  const read = await send({ bucket, query: "notification", as, env: topicsEnv });
  expect(await read.text()).not.toContain(topic);
}

/** Configures a bucket regardless of the topic's policy, which can change later. */
async function skipValidation(bucket: string, as: TestAccount): Promise<void> {
  const response = await configure(bucket, as, { "x-amz-skip-destination-validation": "true" });
  expect([response.status, await response.text()]).toEqual([200, ""]);
}

/** The message to the consumer of changes for a write to the bucket. */
async function write(bucket: string, as: TestAccount): Promise<ChangesMessage[]> {
  const { env, messages } = withEventQueue();
  const response = await send({ method: "PUT", bucket, key: "k", body: "content", as, env });
  expect(response.status).toBe(200);
  return messages;
}

/** The buckets whose events were sent to the topic's subscribers. */
async function spread(messages: readonly ChangesMessage[], env: Env = topicsEnv): Promise<string[]> {
  const letters = messages.map((body) => ({
    id: body.id,
    body,
    attempts: 1,
    timestamp: new Date(),
    ack: () => undefined,
    retry: () => expect.unreachable("the message is to be taken"),
  }));
  await handleQueue({ queue: "any", messages: letters } as unknown as MessageBatch, env);
  return takeMessages(topic).map(bucketOf);
}

function bucketOf({ event }: DeliveryMessage): string {
  return "origin" in event ? event.origin.bucket.name : "";
}

describe("a bucket of the topic's account", () => {
  test("may send events to a topic without a policy", async () => {
    const bucket = await newBucket(owner);
    await expectTaken(bucket, owner);
    expect(await spread(await write(bucket, owner))).toEqual([bucket]);
  });

  test("may send events if the topic's policy allows S3 to publish for it, and not for other buckets", async () => {
    const [bucket, other] = [await newBucket(owner), await newBucket(owner)];
    await setPolicy(from(bucket, owner));
    await expectTaken(bucket, owner);
    await expectRefused(other, owner);
    await skipValidation(other, owner);
    expect(await spread([...(await write(other, owner)), ...(await write(bucket, owner))])).toEqual([bucket]);
  });

  test.each<[string, () => Fields[]]>([
    ["names the account instead of S3", () => [{ Principal: { AWS: owner.accountId } }]],
    ["names another service", () => [{ Principal: { Service: "events.amazonaws.com" } }]],
    ["allows S3 another action", () => [{ Action: "SNS:Subscribe" }]],
    [
      "allows S3 to publish for another account",
      () => [{ Condition: { StringEquals: { "aws:SourceAccount": guest.accountId } } }],
    ],
    ["allows and denies S3 to publish", () => [{}, { Effect: "Deny" }]],
    ["denies everyone", () => [{}, { Effect: "Deny", Principal: "*" }]],
    [
      "is SNS's default with another statement",
      () => [
        { Principal: { AWS: "*" }, Condition: { StringEquals: { "AWS:SourceOwner": owner.accountId } } },
        { Principal: { AWS: guest.accountId } },
      ],
    ],
  ])("gets InvalidArgument for a policy that %s, and no event is delivered", async (_what, statements) => {
    const bucket = await newBucket(owner);
    await setPolicy(...statements());
    await expectRefused(bucket, owner);
    await skipValidation(bucket, owner);
    expect(takeMessages(topic)).toEqual([]);
    expect(await spread(await write(bucket, owner))).toEqual([]);
  });

  test("gets InvalidArgument for a topic that does not exist", async () => {
    topic = `${topic}-not`;
    await expectRefused(await newBucket(owner), owner, "The destination topic does not exist");
  });

  test("stops sending events when a policy is set, and continues when it is removed", async () => {
    const bucket = await newBucket(owner);
    await expectTaken(bucket, owner);
    const before = await write(bucket, owner);
    await setPolicy({ Principal: { AWS: guest.accountId } });
    // Events of earlier writes too: the policy is evaluated when events are sent.
    expect(await spread(before)).toEqual([]);
    const after = await write(bucket, owner);
    expect(await spread(after)).toEqual([]);
    // At once in the isolate that changed it, although policies are cached.
    await setPolicy(from(bucket, owner));
    expect(await spread(after)).toEqual([bucket]);
    await setPolicy();
    expect(await spread(after)).toEqual([bucket]);
    await sns("AddPermission", permission(), owner);
    expect(await spread(after)).toEqual([]);
    await sns("RemovePermission", { TopicArn: topic, Label: "guests" }, owner);
    expect(await spread(after)).toEqual([bucket]);
  });
});

describe("a bucket of another account", () => {
  test("gets InvalidArgument for a topic without a policy, and its events are not delivered", async () => {
    const bucket = await newBucket(guest);
    await expectRefused(bucket, guest);
    await skipValidation(bucket, guest);
    expect(takeMessages(topic)).toEqual([]);
    expect(await spread(await write(bucket, guest))).toEqual([]);
  });

  test("may send events while the topic's policy allows S3 to publish for it", async () => {
    const bucket = await newBucket(guest);
    await setPolicy(from(bucket, guest));
    await expectTaken(bucket, guest);
    expect(await spread(await write(bucket, guest))).toEqual([bucket]);
    await setPolicy(from(bucket, guest), {
      Effect: "Deny",
      Condition: { StringEquals: { "aws:SourceAccount": guest.accountId } },
    });
    expect(await spread(await write(bucket, guest))).toEqual([]);
    await setPolicy();
    expect(await spread(await write(bucket, guest))).toEqual([]);
    expect(await errorOf(await configure(bucket, guest))).toMatchObject({ status: 400, code: "InvalidArgument" });
  });

  test("gets InvalidArgument if the policy names its account or user, because S3 publishes", async () => {
    const bucket = await newBucket(guest);
    await setPolicy({ Principal: { AWS: guest.accountId } });
    await expectRefused(bucket, guest);
    await skipValidation(bucket, guest);
    expect(await spread(await write(bucket, guest))).toEqual([]);
  });

  test("is not allowed by a name that resembles an allowed one", async () => {
    const bucket = await newBucket(owner);
    const near = `${bucket}x`;
    await send({ method: "PUT", bucket: near, as: guest });
    await setPolicy({ Condition: { ArnLike: { "aws:SourceArn": `arn:aws:s3:::${bucket}` } } });
    await expectRefused(near, guest);
    await expectTaken(bucket, owner);
  });

  test("is allowed by the name of a deleted bucket only if the policy does not name the account", async () => {
    const bucket = await newBucket(owner);
    await setPolicy(from(bucket, owner));
    await expectTaken(bucket, owner);
    const late = await write(bucket, owner);
    for (const [method, key] of [
      ["DELETE", "k"],
      ["DELETE", undefined],
    ] as const) {
      expect((await send({ method, bucket, as: owner, ...(key !== undefined && { key }) })).status).toBe(204);
    }
    expect((await send({ method: "PUT", bucket, as: guest })).status).toBe(200);
    await expectRefused(bucket, guest);
    await skipValidation(bucket, guest);
    const taken = await write(bucket, guest);
    // Writes of the first owner still count as the first owner's, in one batch with the other's.
    expect(taken.map(({ origin }) => origin.bucket.accountId)).toEqual([guest.accountId]);
    expect(await spread([...late, ...taken])).toEqual([bucket]);
    await setPolicy({ Condition: { ArnLike: { "aws:SourceArn": `arn:aws:s3:::${bucket}` } } });
    expect(await spread([...late, ...taken])).toEqual([bucket, bucket]);
  });

  test("is not allowed by events of an allowed bucket in the same batch", async () => {
    const stranger = await createAccount();
    const buckets = [await newBucket(owner), await newBucket(guest), await newBucket(stranger)];
    const [own = "", may = "", mayNot = ""] = buckets;
    await setPolicy(from(may, guest));
    const messages: ChangesMessage[] = [];
    for (const [bucket, as] of [
      [own, owner],
      [may, guest],
      [mayNot, stranger],
    ] as const) {
      await skipValidation(bucket, as);
      messages.push(...(await write(bucket, as)));
    }
    takeMessages(topic);
    expect(messages).toHaveLength(3);
    expect(await spread(messages)).toEqual([may]);
    expect(await spread(messages.toReversed())).toEqual([may]);
  });

  test("gives its owner no access to the topic, and the topic's owner none to the bucket", async () => {
    const bucket = await newBucket(guest);
    await setPolicy(from(bucket, guest));
    await expectTaken(bucket, guest);
    const { status, code } = await errorOf(await send({ bucket, query: "notification", as: owner }));
    expect([status, code]).toEqual([403, "AccessDenied"]);
  });
});
