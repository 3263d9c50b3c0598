/** Messages to subscriptions: envelopes and their signatures, raw messages, events of buckets, and failures. */
import { verify, X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { authorizeNotification } from "../../../src/access/authorize-sns.ts";
import { openServices } from "../../../src/services.ts";
import type { DeliveryMessage, Event, TestEvent } from "../../../src/storage/journal/messages.ts";
import { createAccount, type TestAccount } from "../../support/accounts.ts";
import type { Received } from "../../support/receiver.ts";
import {
  attempt,
  createTopic,
  map,
  newInbox,
  received,
  type Subscribed,
  sns,
  snsRefused,
  subscribe,
  takeMessages,
  topicsEnv,
  visit,
} from "../../support/topics.ts";
import { textIn } from "../../support/xml.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[48][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const { origin } = inject("receiver");

let account: TestAccount;

beforeAll(async () => {
  account = await createAccount();
});

/** A receiver's check ("Verifying the signatures of Amazon SNS messages"), independent of src. */
async function isSigned(body: string): Promise<boolean> {
  const message = JSON.parse(body) as Record<string, string>;
  const names =
    message.Type === "Notification"
      ? ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
      : ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];
  const signed = names.flatMap((name) => (message[name] === undefined ? [] : `${name}\n${message[name]}\n`)).join("");
  const pem = await (await visit(message.SigningCertURL ?? "")).text();
  const hash = message.SignatureVersion === "2" ? "sha256" : "sha1";
  const signature = Uint8Array.from(atob(message.Signature ?? ""), (character) => character.charCodeAt(0));
  return verify(hash, new TextEncoder().encode(signed), new X509Certificate(pem).publicKey, signature);
}

/** The only message that an inbox has received since it was confirmed by the API. */
async function only(inbox: string): Promise<Received> {
  const all = await received(inbox);
  expect(all).toHaveLength(1);
  return all[0] as Received;
}

async function publish(TopicArn: string, parameters: Record<string, string>): Promise<string> {
  const result = await sns("Publish", { TopicArn, ...parameters }, account);
  return textIn(result, "MessageId") ?? "";
}

async function deliverAll(TopicArn: string): Promise<DeliveryMessage[]> {
  const messages = takeMessages(TopicArn);
  for (const message of messages) expect(await attempt(message)).toMatchObject({ kind: "delivered" });
  return messages;
}

function eventFor({ arn }: Subscribed, topicArn: string, more: Partial<Event> = {}): DeliveryMessage {
  const event: Event = {
    origin: {
      bucket: { name: "photos", id: "abcdefghijkl", region: "us-east-1", accountId: account.accountId, ownerId: "o" },
      time: Date.UTC(2026, 10, 22, 10, 0, 0, 123),
      principalId: "AIDAEXAMPLE",
      sourceIp: "192.0.2.7",
      requestId: "0123456789ABCDEF",
      endpoint: "http://s3.localhost:8787",
      callbackVariables: {},
    },
    change: {
      key: "a b/ü.jpg",
      event: "ObjectCreated:Put",
      etag: "e",
      sizeBytes: 3,
      at: 1,
      sequencer: "0A",
      writeId: "w",
    },
    configurationId: "rule",
    ...more,
  };
  const receiver = { kind: "subscription", topicArn, subscriptionArn: arn } as const;
  return { kind: "delivery", id: "x", receiver, event, attempt: 0 };
}

describe("confirmations", () => {
  test.each(["1", "2"])("are signed with version %s, with AWS's headers and text", async (SignatureVersion) => {
    const TopicArn = await createTopic(account, { SignatureVersion });
    const inbox = newInbox();
    await sns("Subscribe", { TopicArn, Protocol: "http", Endpoint: inbox }, account);
    await deliverAll(TopicArn);
    const { method, headers, body } = await only(inbox);
    const message = JSON.parse(body);
    expect(method).toBe("POST");
    expect(message).toMatchObject({
      Type: "SubscriptionConfirmation",
      MessageId: expect.stringMatching(UUID),
      Token: expect.stringMatching(/^[0-9a-f]{64}$/),
      TopicArn,
      Message: expect.stringContaining(`You have chosen to subscribe to the topic ${TopicArn}.`),
      SubscribeURL: `http://s3.localhost:8787/?Action=ConfirmSubscription&TopicArn=${TopicArn}&Token=${message.Token}`,
      Timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      SignatureVersion,
    });
    expect(headers).toMatchObject({
      "content-type": "text/plain; charset=UTF-8",
      "x-amz-sns-message-type": "SubscriptionConfirmation",
      "x-amz-sns-message-id": message.MessageId,
      "x-amz-sns-topic-arn": TopicArn,
      "user-agent": "Amazon Simple Notification Service Agent",
    });
    expect(headers).not.toHaveProperty("x-amz-sns-subscription-arn");
    expect(await isSigned(body)).toBe(true);
    for (const name of ["Message", "SubscribeURL", "Token", "TopicArn", "Timestamp"]) {
      expect(await isSigned(JSON.stringify({ ...message, [name]: `${message[name]}x` })), name).toBe(false);
    }
  });

  test("have an envelope for raw subscriptions too", async () => {
    const TopicArn = await createTopic(account);
    const inbox = newInbox();
    const raw = map("Attributes", { RawMessageDelivery: "true" });
    await sns("Subscribe", { TopicArn, Protocol: "http", Endpoint: inbox, ...raw }, account);
    await deliverAll(TopicArn);
    const { headers, body } = await only(inbox);
    expect(JSON.parse(body)).toHaveProperty("SubscribeURL");
    expect(headers).not.toHaveProperty("x-amz-sns-rawdelivery");
  });

  test("are not sent once the subscription is confirmed, deleted, or has a newer token", async () => {
    const TopicArn = await createTopic(account);
    const subscribed = newInbox();
    const parameters = { TopicArn, Protocol: "http", Endpoint: subscribed, ReturnSubscriptionArn: "true" };
    await sns("Subscribe", parameters, account);
    const [old] = takeMessages(TopicArn);
    const SubscriptionArn = textIn(await sns("Subscribe", parameters, account), "SubscriptionArn") ?? "";
    const [newer] = takeMessages(TopicArn);
    expect(await attempt(old as DeliveryMessage)).toEqual({ kind: "delivered", latencyMs: 0 });
    expect(await received(subscribed)).toEqual([]);
    await attempt(newer as DeliveryMessage);
    const { SubscribeURL } = JSON.parse((await only(subscribed)).body);
    await (await visit(SubscribeURL)).body?.cancel();
    await attempt(newer as DeliveryMessage);
    expect(await received(subscribed)).toHaveLength(1);
    await sns("Unsubscribe", { SubscriptionArn }, account);
    await attempt(newer as DeliveryMessage);
    expect(await received(subscribed)).toHaveLength(1);
  });
});

describe("Publish", () => {
  test("sends one MessageId to each confirmed subscription, signed, with a link to unsubscribe", async () => {
    const TopicArn = await createTopic(account);
    const first = await subscribe(TopicArn, {}, account);
    const second = await subscribe(TopicArn, {}, account);
    await sns("Subscribe", { TopicArn, Protocol: "http", Endpoint: newInbox() }, account);
    takeMessages(TopicArn);
    const MessageId = await publish(TopicArn, { Message: 'Grüße "alle"\n', Subject: "Betreff" });
    expect(MessageId).toMatch(UUID);
    expect(await deliverAll(TopicArn)).toHaveLength(2);
    for (const { arn, inbox } of [first, second]) {
      const { headers, body } = await only(inbox);
      const message = JSON.parse(body);
      expect(message).toMatchObject({ Type: "Notification", MessageId, TopicArn, Subject: "Betreff" });
      expect(message.Message).toBe('Grüße "alle"\n');
      expect(message.UnsubscribeURL).toContain(`/?Action=Unsubscribe&SubscriptionArn=${arn}&Token=`);
      expect(headers).toMatchObject({
        "x-amz-sns-message-type": "Notification",
        "x-amz-sns-message-id": MessageId,
        "x-amz-sns-topic-arn": TopicArn,
        "x-amz-sns-subscription-arn": arn,
      });
      expect(headers).not.toHaveProperty("x-amz-sns-rawdelivery");
      expect(await isSigned(body)).toBe(true);
      expect(await isSigned(JSON.stringify({ ...message, Subject: "other" }))).toBe(false);
    }
  });

  test("without a subject sends and signs none", async () => {
    const TopicArn = await createTopic(account, { SignatureVersion: "2" });
    const { inbox } = await subscribe(TopicArn, {}, account);
    await publish(TopicArn, { Message: "m" });
    await deliverAll(TopicArn);
    const { body } = await only(inbox);
    expect(JSON.parse(body)).not.toHaveProperty("Subject");
    expect(JSON.parse(body).SignatureVersion).toBe("2");
    expect(await isSigned(body)).toBe(true);
  });

  test("sends only the message to a raw subscription", async () => {
    const TopicArn = await createTopic(account);
    const { inbox, arn } = await subscribe(TopicArn, { RawMessageDelivery: "true" }, account);
    const MessageId = await publish(TopicArn, { Message: '{"raw":"ü"}', Subject: "s" });
    await deliverAll(TopicArn);
    const { body, headers } = await only(inbox);
    expect(body).toBe('{"raw":"ü"}');
    expect(headers).toMatchObject({
      "content-type": "text/plain; charset=UTF-8",
      "x-amz-sns-rawdelivery": "true",
      "x-amz-sns-message-id": MessageId,
      "x-amz-sns-subscription-arn": arn,
    });
  });

  test("with MessageStructure json sends the protocol's text, or the default", async () => {
    const TopicArn = await createTopic(account);
    const { inbox } = await subscribe(TopicArn, { RawMessageDelivery: "true" }, account);
    const structured = (fields: object) =>
      publish(TopicArn, { MessageStructure: "json", Message: JSON.stringify(fields) });
    await structured({ default: "d", http: "h", https: "s" });
    await structured({ default: "d", https: "s", http: 1 });
    await deliverAll(TopicArn);
    expect((await received(inbox)).map(({ body }) => body)).toEqual(["h", "d"]);
  });

  test.each([
    [{}, "Empty message"],
    [{ Message: "" }, "Empty message"],
    [{ Message: "x".repeat(64 * 1024 + 1) }, "Message too long"],
    [{ Message: "\u0001".repeat(30_000) }, "Message too long"],
    [{ Message: "m", Subject: "" }, "Subject"],
    [{ Message: "m", Subject: "a\nb" }, "Subject"],
    [{ Message: "m", Subject: "x".repeat(101) }, "Subject"],
    [{ Message: "m", MessageStructure: "xml" }, "MessageStructure"],
    [{ Message: "m", MessageStructure: "json" }, "Message Structure - JSON message body failed to parse"],
    [{ Message: "[]", MessageStructure: "json" }, "Message Structure - JSON message body failed to parse"],
    [{ Message: "{}", MessageStructure: "json" }, "Message Structure - No default entry in JSON message body"],
    [
      { Message: "m", "MessageAttributes.entry.1.Name": "a" },
      "MessageAttributes Reason: message attributes are not supported",
    ],
    [{ Message: "m", PhoneNumber: "+1" }, "PhoneNumber Reason: not supported"],
    [{ Message: "m", MessageGroupId: "g" }, "MessageGroupId Reason: not supported"],
  ] as [Record<string, string>, string][])("of %o is InvalidParameter", async (parameters, message) => {
    const TopicArn = await createTopic(account);
    expect(await snsRefused("Publish", { TopicArn, ...parameters }, account)).toEqual({
      status: 400,
      code: "InvalidParameter",
      message: `Invalid parameter: ${message}`,
    });
  });

  test("accepts 64 KiB, and TargetArn in place of TopicArn", async () => {
    const TargetArn = await createTopic(account);
    await subscribe(TargetArn, {}, account);
    await sns("Publish", { TargetArn, Message: "ä".repeat(32 * 1024) }, account);
    expect(takeMessages(TargetArn)).toHaveLength(1);
    expect(await snsRefused("Publish", { Message: "m" }, account)).toMatchObject({ code: "InvalidParameter" });
    expect(await snsRefused("Publish", { TargetArn: "endpoint/x", Message: "m" }, account)).toMatchObject({
      code: "InvalidParameter",
    });
  });
});

describe("events of buckets", () => {
  test("are sent with S3's subject and record, the same in every attempt and for every subscription", async () => {
    const TopicArn = await createTopic(account);
    const one = await subscribe(TopicArn, {}, account);
    const two = await subscribe(TopicArn, {}, account);
    for (const to of [one, one, two]) await attempt(eventFor(to, TopicArn));
    const bodies = [...(await received(one.inbox)), ...(await received(two.inbox))].map(({ body }) => JSON.parse(body));
    expect(bodies).toHaveLength(3);
    expect(bodies[0]).toMatchObject({
      Type: "Notification",
      Subject: "Amazon S3 Notification",
      TopicArn,
      Timestamp: "2026-11-22T10:00:00.123Z",
      MessageId: expect.stringMatching(UUID),
    });
    expect(new Set(bodies.map(({ MessageId }) => MessageId)).size).toBe(1);
    const { Records } = JSON.parse(bodies[0].Message);
    expect(Records).toMatchObject([
      { eventName: "ObjectCreated:Put", s3: { configurationId: "rule", object: { key: "a+b/%C3%BC.jpg", size: 3 } } },
    ]);
    expect(await isSigned(JSON.stringify(bodies[0]))).toBe(true);
  });

  test("have another MessageId for each change, rule and topic", async () => {
    const topics = [await createTopic(account), await createTopic(account)];
    const ids = new Set<string>();
    for (const topic of topics) {
      const to = await subscribe(topic, {}, account);
      const { change, origin: from } = eventFor(to, topic).event as Event;
      const variants: Partial<Event>[] = [
        {},
        { configurationId: "other" },
        { change: { ...change, key: "other" } },
        { change: { ...change, sequencer: "0B" } },
        { change: { ...change, event: "ObjectCreated:Copy" } },
        { origin: { ...from, requestId: "other" } },
      ];
      for (const more of variants) await attempt(eventFor(to, topic, more));
      for (const { headers } of await received(to.inbox)) ids.add(headers["x-amz-sns-message-id"] ?? "");
    }
    expect(ids.size).toBe(12);
  });

  test("include the test event of a configuration, in the same envelope", async () => {
    const TopicArn = await createTopic(account);
    const to = await subscribe(TopicArn, {}, account);
    const { bucket, time, requestId, endpoint } = (eventFor(to, TopicArn).event as Event).origin;
    const event: TestEvent = { test: { bucket, time, requestId, endpoint } };
    await attempt({ ...eventFor(to, TopicArn), event });
    const { Message, Subject } = JSON.parse((await only(to.inbox)).body);
    expect(Subject).toBe("Amazon S3 Notification");
    expect(JSON.parse(Message)).toMatchObject({ Service: "Amazon S3", Event: "s3:TestEvent", Bucket: "photos" });
  });

  test("are sent to a raw subscription as the record only", async () => {
    const TopicArn = await createTopic(account);
    const to = await subscribe(TopicArn, { RawMessageDelivery: "true" }, account);
    await attempt(eventFor(to, TopicArn));
    expect(JSON.parse((await only(to.inbox)).body).Records).toHaveLength(1);
  });

  test("for a deleted subscription are acknowledged without a call", async () => {
    const TopicArn = await createTopic(account);
    const to = await subscribe(TopicArn, {}, account);
    await sns("Unsubscribe", { SubscriptionArn: to.arn }, account);
    expect(await attempt(eventFor(to, TopicArn))).toEqual({ kind: "delivered", latencyMs: 0 });
    expect(await received(to.inbox)).toEqual([]);
  });
});

describe("an attempt", () => {
  /** A confirmed subscription whose endpoint is moved to another URL. */
  async function subscribedAt(endpoint: string): Promise<DeliveryMessage> {
    const TopicArn = await createTopic(account);
    const to = await subscribe(TopicArn, {}, account);
    await topicsEnv.DB.prepare("UPDATE subscriptions SET endpoint = ?2 WHERE arn = ?1").bind(to.arn, endpoint).run();
    openServices(topicsEnv).topics.forget(TopicArn);
    return eventFor(to, TopicArn);
  }

  test.each([204, 200, 299])("succeeds with status %i", async (status) => {
    expect(await attempt(await subscribedAt(`${origin}/status/${status}`))).toMatchObject({ kind: "delivered" });
  });

  test.each([400, 404, 429, 500, 503])(
    "with status %i can be retried, and the receiver is not down",
    async (status) => {
      expect(await attempt(await subscribedAt(`${origin}/status/${status}`))).toMatchObject({
        kind: "failed",
        isDown: false,
        reason: `answered ${status}`,
      });
    },
  );

  test("without an answer, or with a redirect, means that the receiver is down", async () => {
    for (const path of ["/reset", "/status/302"]) {
      const outcome = await attempt(await subscribedAt(origin + path));
      expect(outcome).toMatchObject({ kind: "failed", isDown: true });
    }
    expect(await attempt(await subscribedAt(inject("receiver").closed))).toMatchObject({
      kind: "failed",
      isDown: true,
    });
  });

  test("to an endpoint that must no longer be called is refused", async () => {
    for (const endpoint of ["http://169.254.169.254/", "http://s3.localhost:8787/bucket/key"]) {
      expect(await attempt(await subscribedAt(endpoint))).toMatchObject({ kind: "refused", latencyMs: 0 });
    }
  });
});

describe("audiences", () => {
  /** For a bucket of the account. */
  const receivers = async (arns: readonly string[], accountId: string) => {
    const audiences = await openServices(topicsEnv).topics.audiences(arns);
    const grants = audiences.access.flatMap(
      (topic) => authorizeNotification(topic, { name: "demo-b", accountId }, new Date()) ?? [],
    );
    return new Map(grants.map((grant) => [grant.topicArn, audiences.confirmedOf(grant)]));
  };

  test("contain the confirmed subscriptions of the account's own topics, and none of others", async () => {
    const stranger = await createAccount();
    const own = await createTopic(account);
    const silent = await createTopic(account);
    const foreign = await createTopic(stranger);
    const { arn } = await subscribe(own, {}, account);
    await subscribe(foreign, {}, stranger);
    await sns("Subscribe", { TopicArn: own, Protocol: "http", Endpoint: newInbox() }, account);
    const found = await receivers([own, own, silent, foreign, "x"], account.accountId);
    expect([...found].map(([topic, list]) => [topic, list.map((one) => one.arn)])).toEqual([
      [own, [arn]],
      [silent, []],
    ]);
  });

  test("are cached until something changes", async () => {
    const topic = await createTopic(account);
    const { arn } = await subscribe(topic, {}, account);
    const list = async () => (await receivers([topic], account.accountId)).get(topic);
    const before = await list();
    await topicsEnv.DB.prepare("UPDATE subscriptions SET raw_delivery = 1 WHERE arn = ?1").bind(arn).run();
    expect(await list()).toBe(before);
    await sns(
      "SetTopicAttributes",
      { TopicArn: topic, AttributeName: "SignatureVersion", AttributeValue: "2" },
      account,
    );
    expect(await list()).toMatchObject([{ arn, isRaw: true, signatureVersion: 2 }]);
    await sns("DeleteTopic", { TopicArn: topic }, account);
    expect(await list()).toEqual([]);
  });

  test("include a subscription that another isolate has confirmed", async () => {
    const topic = await createTopic(account);
    expect((await receivers([topic], account.accountId)).get(topic)).toEqual([]);
    const arn = `${topic}:00000000-0000-4000-8000-00000000000a`;
    await topicsEnv.DB.prepare(
      `INSERT INTO subscriptions
         (arn, topic_arn, account_id, endpoint, raw_delivery, status, token_hash, token_expires_at, created_at)
       VALUES (?1, ?2, ?3, 'https://example.com/', 0, 'confirmed', ?1, 0, 0)`,
    )
      .bind(arn, topic, account.accountId)
      .run();
    const { topics } = openServices(topicsEnv);
    expect((await receivers([topic], account.accountId)).get(topic)).toEqual([]);
    expect(await topics.findConfirmed(arn)).toMatchObject({ arn, topicArn: topic });
    expect(await topics.findConfirmed("arn:aws:sns:us-east-1:1:x")).toBeUndefined();
  });
});
