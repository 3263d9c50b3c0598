/** Subscribe, ConfirmSubscription, Unsubscribe, the listings and attributes of subscriptions, and the links of messages. */
import { beforeAll, describe, expect, test } from "vitest";
import { openServices } from "../../../src/services.ts";
import { MAX_SUBSCRIPTIONS_PER_TOPIC } from "../../../src/storage/d1/subscriptions.ts";
import { createAccount, type TestAccount } from "../../support/accounts.ts";
import { refusalOf, resultOf } from "../../support/iam.ts";
import { errorOf, testEnv } from "../../support/s3.ts";
import {
  attempt,
  attributesOf,
  createTopic,
  map,
  newInbox,
  received,
  sns,
  snsRefused,
  subscribe,
  takeMessages,
  takeToken,
  topicsEnv,
  visit,
} from "../../support/topics.ts";
import { fields, textIn } from "../../support/xml.ts";

const invalid = (message: string) => ({
  status: 400,
  code: "InvalidParameter",
  message: `Invalid parameter: ${message}`,
});
const NO_SUBSCRIPTION = { status: 404, code: "NotFound", message: "Subscription does not exist" };
const INVALID_TOKEN = { status: 400, code: "InvalidParameter", message: "Invalid token" };
const ENDPOINT = "https://receiver.example.com/path?secret=1";
const DAY_MS = 24 * 60 * 60 * 1000;

let account: TestAccount;

beforeAll(async () => {
  account = await createAccount();
});

const listed = async (TopicArn: string) =>
  (await sns("ListSubscriptionsByTopic", { TopicArn }, account))?.children[0]?.children.map(fields);

/** Acts as if the token had expired. */
async function age(arn: string, days: number): Promise<void> {
  await testEnv.DB.prepare("UPDATE subscriptions SET token_expires_at = token_expires_at - ?2 WHERE arn = ?1")
    .bind(arn, days * DAY_MS)
    .run();
}

async function pending(TopicArn: string, Endpoint = newInbox()): Promise<{ arn: string; token: string }> {
  const parameters = { TopicArn, Protocol: "http", Endpoint, ReturnSubscriptionArn: "true" };
  const arn = textIn(await sns("Subscribe", parameters, account), "SubscriptionArn") ?? "";
  return { arn, token: takeToken(TopicArn) };
}

describe("Subscribe", () => {
  test("creates a pending subscription and sends a token to its endpoint", async () => {
    const TopicArn = await createTopic(account);
    const parameters = { TopicArn, Protocol: "https", Endpoint: ENDPOINT };
    expect(textIn(await sns("Subscribe", parameters, account), "SubscriptionArn")).toBe("pending confirmation");
    expect(await listed(TopicArn)).toEqual([
      {
        SubscriptionArn: "PendingConfirmation",
        Owner: account.accountId,
        Protocol: "https",
        Endpoint: ENDPOINT,
        TopicArn,
      },
    ]);
    expect(takeToken(TopicArn)).toMatch(/^[0-9a-f]{64}$/);
  });

  test("does not store the token itself", async () => {
    const TopicArn = await createTopic(account);
    const { token, arn } = await pending(TopicArn);
    const row = await testEnv.DB.prepare("SELECT * FROM subscriptions WHERE arn = ?1").bind(arn).first();
    expect(JSON.stringify(row)).not.toContain(token);
  });

  test("with ReturnSubscriptionArn returns the ARN at once", async () => {
    const TopicArn = await createTopic(account);
    const { arn } = await pending(TopicArn);
    expect(arn).toMatch(new RegExp(`^${TopicArn}:[0-9a-f-]{36}$`));
    expect(attributesOf(await sns("GetSubscriptionAttributes", { SubscriptionArn: arn }, account))).toMatchObject({
      PendingConfirmation: "true",
    });
  });

  test("again sends a new token, which invalidates the old one", async () => {
    const TopicArn = await createTopic(account);
    const Endpoint = newInbox();
    const first = await pending(TopicArn, Endpoint);
    const second = await pending(TopicArn, Endpoint);
    expect(second.arn).toBe(first.arn);
    expect(await snsRefused("ConfirmSubscription", { TopicArn, Token: first.token }, account)).toEqual(INVALID_TOKEN);
    await sns("ConfirmSubscription", { TopicArn, Token: second.token }, account);
  });

  test("for a confirmed endpoint returns its ARN and sends nothing; other attributes are InvalidParameter", async () => {
    const TopicArn = await createTopic(account);
    const { arn, inbox } = await subscribe(TopicArn, {}, account);
    const parameters = { TopicArn, Protocol: "http", Endpoint: inbox };
    const same = { ...parameters, ...map("Attributes", { RawMessageDelivery: "false" }) };
    expect(textIn(await sns("Subscribe", parameters, account), "SubscriptionArn")).toBe(arn);
    expect(textIn(await sns("Subscribe", same, account), "SubscriptionArn")).toBe(arn);
    const other = { ...parameters, ...map("Attributes", { RawMessageDelivery: "true" }) };
    expect(await snsRefused("Subscribe", other, account)).toEqual(
      invalid("Attributes Reason: Subscription already exists with different attributes"),
    );
    expect(takeMessages(TopicArn)).toEqual([]);
  });

  test.each([
    [{}, "Protocol Reason: no value for required parameter"],
    [{ Protocol: "https" }, "Endpoint Reason: no value for required parameter"],
    [{ Protocol: "email", Endpoint: "a@example.com" }, "Amazon SNS does not support this protocol string: email"],
    [
      { Protocol: "sqs", Endpoint: "arn:aws:sqs:us-east-1:1:q" },
      "Amazon SNS does not support this protocol string: sqs",
    ],
    [{ Protocol: "HTTPS", Endpoint: ENDPOINT }, "Amazon SNS does not support this protocol string: HTTPS"],
    [{ Protocol: "http", Endpoint: ENDPOINT }, "Endpoint must match the specified protocol"],
    [{ Protocol: "https", Endpoint: "example.com" }, "Endpoint must match the specified protocol"],
    [{ ...map("Attributes", { FilterPolicy: "{}" }) }, "Attributes Reason: Unknown attribute FilterPolicy"],
    [{ ...map("Attributes", { RedrivePolicy: "{}" }) }, "Attributes Reason: Unknown attribute RedrivePolicy"],
    [
      { ...map("Attributes", { RawMessageDelivery: "yes" }) },
      "Attributes Reason: RawMessageDelivery: Invalid value [yes]. Must be true or false.",
    ],
    [{ ReturnSubscriptionArn: "1" }, "ReturnSubscriptionArn Reason: Invalid value [1]. Must be true or false."],
  ] as [Record<string, string>, string][])("%o is InvalidParameter", async (given, message) => {
    const needsAll = "Protocol" in given || Object.keys(given).length === 0;
    const parameters = { ...(!needsAll && { Protocol: "https", Endpoint: ENDPOINT }), ...given };
    const TopicArn = await createTopic(account);
    expect(await snsRefused("Subscribe", { TopicArn, ...parameters }, account)).toEqual(invalid(message));
  });

  test.each([
    "http://169.254.169.254/latest/meta-data/",
    "http://user:password@example.com/",
    "http://example.com/#fragment",
    "http://0x7f.1/",
    "http://example.com:25/",
    "http://s3.localhost:8787/",
    "http://some-bucket.s3.localhost:8787/key",
    "http://[fe80::1]/",
    "http://",
  ])("refuses %s, which must not be called, with InvalidParameter", async (Endpoint) => {
    const parameters = { TopicArn: await createTopic(account), Protocol: "http", Endpoint };
    expect(await snsRefused("Subscribe", parameters, account)).toMatchObject({
      status: 400,
      code: "InvalidParameter",
      message: expect.stringMatching(/^Invalid parameter: Endpoint Reason: /),
    });
  });

  test("is SubscriptionLimitExceeded beyond the topic's limit", async () => {
    const TopicArn = await createTopic(account);
    const { inbox } = await subscribe(TopicArn, {}, account);
    await testEnv.DB.prepare(
      `INSERT INTO subscriptions
         (arn, topic_arn, account_id, endpoint, raw_delivery, status, token_hash, token_expires_at, created_at)
       WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
       SELECT ?1 || ':' || i, ?1, ?3, 'https://example.com/' || i, 0, 'pending', ?1 || i, 9e15, 0 FROM n`,
    )
      .bind(TopicArn, MAX_SUBSCRIPTIONS_PER_TOPIC - 1, account.accountId)
      .run();
    const parameters = { TopicArn, Protocol: "http" };
    expect(await snsRefused("Subscribe", { ...parameters, Endpoint: newInbox() }, account)).toEqual({
      status: 403,
      code: "SubscriptionLimitExceeded",
      message: "Subscription limit exceeded.",
    });
    await sns("Subscribe", { ...parameters, Endpoint: inbox }, account);
  });
});

describe("ConfirmSubscription", () => {
  test("returns the ARN, also when it is repeated while the token is valid", async () => {
    const TopicArn = await createTopic(account);
    const { arn, token } = await pending(TopicArn);
    for (const _ of [1, 2]) {
      const confirmed = await sns("ConfirmSubscription", { TopicArn, Token: token }, account);
      expect(textIn(confirmed, "SubscriptionArn")).toBe(arn);
    }
    expect(await listed(TopicArn)).toMatchObject([{ SubscriptionArn: arn }]);
  });

  test("is InvalidParameter for a wrong token, one of another topic, or an expired one", async () => {
    const TopicArn = await createTopic(account);
    const { arn, token } = await pending(TopicArn);
    const confirm = (topic: string, Token: string) =>
      snsRefused("ConfirmSubscription", { TopicArn: topic, Token }, account);
    expect(await confirm(TopicArn, "0".repeat(64))).toEqual(INVALID_TOKEN);
    expect(await confirm(await createTopic(account), token)).toEqual(INVALID_TOKEN);
    await age(arn, 3);
    expect(await confirm(TopicArn, token)).toEqual(INVALID_TOKEN);
    expect(await snsRefused("ConfirmSubscription", { TopicArn }, account)).toEqual(
      invalid("Token Reason: no value for required parameter"),
    );
    expect(await listed(TopicArn)).toMatchObject([{ SubscriptionArn: "PendingConfirmation" }]);
  });

  test("stores AuthenticateOnUnsubscribe, also after a later confirmation without it", async () => {
    const TopicArn = await createTopic(account);
    const { arn, token } = await pending(TopicArn);
    const parameters = { TopicArn, Token: token };
    const SubscriptionArn = arn;
    await sns("ConfirmSubscription", { ...parameters, AuthenticateOnUnsubscribe: "true" }, account);
    await sns("ConfirmSubscription", parameters, account);
    expect(attributesOf(await sns("GetSubscriptionAttributes", { SubscriptionArn }, account))).toMatchObject({
      ConfirmationWasAuthenticated: "true",
    });
    const wrong = { ...parameters, AuthenticateOnUnsubscribe: "maybe" };
    expect(await snsRefused("ConfirmSubscription", wrong, account)).toMatchObject({ code: "InvalidParameter" });
  });
});

describe("Unsubscribe", () => {
  test("ends the subscription at once, and repeating it is not an error", async () => {
    const TopicArn = await createTopic(account);
    const { arn: SubscriptionArn } = await subscribe(TopicArn, {}, account);
    expect(await sns("Unsubscribe", { SubscriptionArn }, account)).toBeUndefined();
    expect(await listed(TopicArn)).toEqual([]);
    expect(await sns("Unsubscribe", { SubscriptionArn }, account)).toBeUndefined();
    expect(takeMessages(TopicArn)).toEqual([]);
  });

  test.each([
    ["PendingConfirmation", "SubscriptionArn Reason: An ARN must have at least 6 elements, not 1"],
    ["arn:aws:sns:us-east-1:123456789012:topic:1", "SubscriptionId"],
  ])("is InvalidParameter for %s", async (SubscriptionArn, message) => {
    expect(await snsRefused("Unsubscribe", { SubscriptionArn }, account)).toEqual(invalid(message));
  });
});

describe("attributes and listings", () => {
  test("GetSubscriptionAttributes shows what SetSubscriptionAttributes changes", async () => {
    const TopicArn = await createTopic(account);
    const { arn: SubscriptionArn, inbox } = await subscribe(TopicArn, {}, account);
    const shown = async () => attributesOf(await sns("GetSubscriptionAttributes", { SubscriptionArn }, account));
    expect(await shown()).toEqual({
      SubscriptionArn,
      TopicArn,
      Owner: account.accountId,
      Protocol: "http",
      Endpoint: inbox,
      RawMessageDelivery: "false",
      PendingConfirmation: "false",
      ConfirmationWasAuthenticated: "false",
    });
    const set = { SubscriptionArn, AttributeName: "RawMessageDelivery", AttributeValue: "true" };
    await sns("SetSubscriptionAttributes", set, account);
    expect(await shown()).toMatchObject({ RawMessageDelivery: "true" });
    const wrong = { ...set, AttributeValue: "1" };
    expect(await snsRefused("SetSubscriptionAttributes", wrong, account)).toEqual(
      invalid("RawMessageDelivery Reason: Invalid value [1]. Must be true or false."),
    );
    for (const AttributeName of ["FilterPolicy", "DeliveryPolicy", "RedrivePolicy", "Endpoint"]) {
      const unknown = { ...set, AttributeName };
      expect(await snsRefused("SetSubscriptionAttributes", unknown, account)).toEqual(invalid("AttributeName"));
    }
  });

  test("are NotFound for a subscription that does not exist", async () => {
    const TopicArn = await createTopic(account);
    const SubscriptionArn = `${TopicArn}:00000000-0000-4000-8000-000000000000`;
    const set = { SubscriptionArn, AttributeName: "RawMessageDelivery", AttributeValue: "true" };
    expect(await snsRefused("GetSubscriptionAttributes", { SubscriptionArn }, account)).toEqual(NO_SUBSCRIPTION);
    expect(await snsRefused("SetSubscriptionAttributes", set, account)).toEqual(NO_SUBSCRIPTION);
  });

  test("ListSubscriptions lists all topics of the account, in pages of 100", async () => {
    const own = await createAccount();
    const topics = [await createTopic(own), await createTopic(own)];
    for (const topic of topics) {
      await testEnv.DB.prepare(
        `INSERT INTO subscriptions
           (arn, topic_arn, endpoint, raw_delivery, status, token_hash, token_expires_at, created_at, account_id)
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
         SELECT ?1 || ':' || i, ?1, 'https://example.com/' || i, 0, 'confirmed', ?1 || i, 0, 0, ?2 FROM n`,
      )
        .bind(topic, own.accountId)
        .run();
    }
    const first = await sns("ListSubscriptions", {}, own);
    const second = await sns("ListSubscriptions", { NextToken: textIn(first, "NextToken") ?? "" }, own);
    const arns = [first, second].map((page) =>
      page?.children[0]?.children.map((one) => textIn(one, "SubscriptionArn")),
    );
    expect(arns.map((page) => page?.length)).toEqual([100, 20]);
    expect(new Set(arns.flat()).size).toBe(120);
    expect(textIn(second, "NextToken")).toBeUndefined();
  });
});

describe("the links in messages", () => {
  /** The last message that the subscription's endpoint received. */
  async function lastMessage(inbox: string): Promise<Record<string, string>> {
    return JSON.parse((await received(inbox)).at(-1)?.body ?? "{}");
  }

  async function deliverAll(TopicArn: string): Promise<void> {
    for (const message of takeMessages(TopicArn)) expect(await attempt(message)).toMatchObject({ kind: "delivered" });
  }

  async function unsubscribeLink(TopicArn: string, inbox: string): Promise<string> {
    await sns("Publish", { TopicArn, Message: "hello" }, account);
    await deliverAll(TopicArn);
    return (await lastMessage(inbox)).UnsubscribeURL ?? "";
  }

  test("SubscribeURL confirms without a signature", async () => {
    const TopicArn = await createTopic(account);
    const inbox = newInbox();
    await sns("Subscribe", { TopicArn, Protocol: "http", Endpoint: inbox }, account);
    await deliverAll(TopicArn);
    const { SubscribeURL = "" } = await lastMessage(inbox);
    // HEAD, which some programs send to every link, changes nothing.
    expect((await visit(SubscribeURL, { method: "HEAD" })).status).toBe(405);
    expect(await listed(TopicArn)).toMatchObject([{ SubscriptionArn: "PendingConfirmation" }]);
    const response = await visit(SubscribeURL);
    const result = await resultOf(response, "sns", "ConfirmSubscription");
    expect(await listed(TopicArn)).toMatchObject([{ SubscriptionArn: textIn(result, "SubscriptionArn") }]);
  });

  test("with a wrong token or topic are InvalidParameter, with AuthenticateOnUnsubscribe AuthorizationError", async () => {
    const TopicArn = await createTopic(account);
    const { token } = await pending(TopicArn);
    const link = (topic: string, Token: string) =>
      `http://s3.localhost:8787/?Action=ConfirmSubscription&TopicArn=${topic}&Token=${Token}`;
    expect(await refusalOf(await visit(link(TopicArn, "x")), "sns")).toEqual(INVALID_TOKEN);
    expect(await refusalOf(await visit(link(`${TopicArn}x`, token)), "sns")).toEqual(INVALID_TOKEN);
    expect(await refusalOf(await visit(link("x", token)), "sns")).toMatchObject({ code: "InvalidParameter" });
    expect(await refusalOf(await visit(link(TopicArn, "")), "sns")).toMatchObject({ code: "InvalidParameter" });
    expect(await refusalOf(await visit(`${link(TopicArn, token)}&Token=x`), "sns")).toMatchObject({
      code: "InvalidQueryParameter",
    });
    const authenticated = `${link(TopicArn, token)}&AuthenticateOnUnsubscribe=true`;
    expect(await refusalOf(await visit(authenticated), "sns")).toMatchObject({
      status: 403,
      code: "AuthorizationError",
    });
    expect(await listed(TopicArn)).toMatchObject([{ SubscriptionArn: "PendingConfirmation" }]);
  });

  test("UnsubscribeURL ends the subscription, and the message that follows restores it", async () => {
    const TopicArn = await createTopic(account);
    const { arn, inbox } = await subscribe(TopicArn, {}, account);
    const link = await unsubscribeLink(TopicArn, inbox);
    expect(await resultOf(await visit(link), "sns", "Unsubscribe")).toBeUndefined();
    expect(await listed(TopicArn)).toMatchObject([{ SubscriptionArn: "Deleted" }]);
    await sns("Publish", { TopicArn, Message: "unheard" }, account);
    const messages = takeMessages(TopicArn);
    expect(messages).toHaveLength(1);
    for (const message of messages) expect(await attempt(message)).toMatchObject({ kind: "delivered" });
    const farewell = await lastMessage(inbox);
    expect(farewell).toMatchObject({
      Type: "UnsubscribeConfirmation",
      Message: expect.stringContaining(`You have chosen to deactivate subscription ${arn}.`),
    });
    expect((await received(inbox)).at(-1)?.headers["x-amz-sns-subscription-arn"]).toBe(arn);
    // Repeating it changes nothing and sends nothing.
    expect((await visit(link)).status).toBe(200);
    expect(takeMessages(TopicArn)).toEqual([]);

    expect((await visit(farewell.SubscribeURL ?? "")).status).toBe(200);
    expect(await listed(TopicArn)).toMatchObject([{ SubscriptionArn: arn }]);
  });

  test("a forged UnsubscribeURL is AuthorizationError", async () => {
    const TopicArn = await createTopic(account);
    const { arn, inbox } = await subscribe(TopicArn, {}, account);
    const other = await subscribe(TopicArn, {}, account);
    await sns("Publish", { TopicArn, Message: "hello" }, account);
    await deliverAll(TopicArn);
    const { UnsubscribeURL = "" } = await lastMessage(inbox);
    for (const forged of [
      UnsubscribeURL.replace(arn, other.arn),
      UnsubscribeURL.replace(/&Token=.*/, ""),
      UnsubscribeURL.replace(/&Token=.*/, "&Token="),
      `${UnsubscribeURL}A`,
      UnsubscribeURL.replace(/Token=./, "Token=!"),
    ]) {
      expect(await refusalOf(await visit(forged), "sns"), forged).toMatchObject({
        status: 403,
        code: "AuthorizationError",
      });
    }
    expect(await listed(TopicArn)).toHaveLength(2);
  });

  test("UnsubscribeURL after AuthenticateOnUnsubscribe is AuthorizationError", async () => {
    const TopicArn = await createTopic(account);
    const inbox = newInbox();
    const { arn, token } = await pending(TopicArn, inbox);
    const parameters = { TopicArn, Token: token, AuthenticateOnUnsubscribe: "true" };
    await sns("ConfirmSubscription", parameters, account);
    const link = await unsubscribeLink(TopicArn, inbox);
    expect(await refusalOf(await visit(link), "sns")).toMatchObject({ status: 403, code: "AuthorizationError" });
    expect(await listed(TopicArn)).toMatchObject([{ SubscriptionArn: arn }]);
    await sns("Unsubscribe", { SubscriptionArn: arn }, account);
    expect(await listed(TopicArn)).toEqual([]);
  });

  test("are answered by S3 if they are signed, on a bucket's host, or for other actions", async () => {
    const query = "Action=ConfirmSubscription&TopicArn=x&Token=y";
    for (const [url, headers] of [
      [`http://s3.localhost:8787/?${query}`, { authorization: "AWS4-HMAC-SHA256 Credential=x" }],
      [`http://some-bucket.s3.localhost:8787/?${query}`, {}],
      ["http://s3.localhost:8787/?Action=DeleteTopic&TopicArn=x", {}],
      [`http://s3.localhost:8787/some-bucket?${query}`, {}],
    ] as [string, Record<string, string>][]) {
      const { text } = await errorOf(await visit(url, { headers }));
      expect(text, url).toMatch(/^<\?xml[^>]*>\n<Error><Code>/);
    }
  });
});

test("the sweep removes only subscriptions that were not confirmed, or were ended by their link, three days after their token", async () => {
  const TopicArn = await createTopic(account);
  const confirmed = await subscribe(TopicArn, {}, account);
  const old = await pending(TopicArn);
  const fresh = await pending(TopicArn);
  await age(confirmed.arn, 4);
  await age(old.arn, 3);
  await age(fresh.arn, 2.9);
  await openServices(topicsEnv).subscriptions.removeExpired(new Date());
  const { results } = await testEnv.DB.prepare("SELECT arn FROM subscriptions WHERE topic_arn = ?1 ORDER BY arn")
    .bind(TopicArn)
    .all<{ arn: string }>();
  expect(results.map(({ arn }) => arn)).toEqual([confirmed.arn, fresh.arn].sort());
});
