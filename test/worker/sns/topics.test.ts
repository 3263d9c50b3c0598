/** CreateTopic, DeleteTopic, ListTopics, Get/SetTopicAttributes, ListTagsForResource: answers and refusals. */
import { describe, expect, test } from "vitest";
import { MAX_TOPICS_PER_ACCOUNT } from "../../../src/storage/d1/topics.ts";
import { createAccount, rootAccount } from "../../support/accounts.ts";
import { testEnv } from "../../support/s3.ts";
import { attributesOf, createTopic, map, newTopicName, sns, snsRefused, subscribe } from "../../support/topics.ts";
import { textIn } from "../../support/xml.ts";

const invalid = (message: string) => ({
  status: 400,
  code: "InvalidParameter",
  message: `Invalid parameter: ${message}`,
});
const NOT_FOUND = { status: 404, code: "NotFound", message: "Topic does not exist" };

/** An ARN of the root account without a topic. */
async function noTopic(): Promise<string> {
  return `arn:aws:sns:us-east-1:${(await rootAccount()).accountId}:none`;
}

describe("CreateTopic", () => {
  test("returns the ARN, with the deployment's region and the caller's account", async () => {
    const account = await createAccount();
    const result = await sns("CreateTopic", { Name: "A-topic_1" }, account);
    expect(result?.children.map(({ name, text }) => [name, text])).toEqual([
      ["TopicArn", `arn:aws:sns:us-east-1:${account.accountId}:A-topic_1`],
    ]);
  });

  test("returns an existing topic; other attributes are InvalidParameter", async () => {
    const Name = newTopicName();
    const attributes = map("Attributes", { DisplayName: "shown", SignatureVersion: "2" });
    const arn = textIn(await sns("CreateTopic", { Name, ...attributes }), "TopicArn");
    expect(textIn(await sns("CreateTopic", { Name }), "TopicArn")).toBe(arn);
    expect(textIn(await sns("CreateTopic", { Name, ...attributes }), "TopicArn")).toBe(arn);
    for (const changed of [{ DisplayName: "other" }, { SignatureVersion: "1" }] as Record<string, string>[]) {
      expect(await snsRefused("CreateTopic", { Name, ...map("Attributes", changed) })).toEqual(
        invalid("Attributes Reason: Topic already exists with different attributes"),
      );
    }
  });

  test("accepts empty lists", async () => {
    await sns("CreateTopic", { Name: newTopicName(), Tags: "", Attributes: "" });
  });

  test.each([
    [{}, "Name Reason: no value for required parameter"],
    [{ Name: "a.fifo" }, "Topic Name"],
    [{ Name: "a".repeat(257) }, "Topic Name"],
    [
      { Name: "a", ...map("Attributes", { KmsMasterKeyId: "k" }) },
      "Attributes Reason: Unknown attribute KmsMasterKeyId",
    ],
    [{ Name: "a", ...map("Attributes", { FifoTopic: "true" }) }, "Attributes Reason: Unknown attribute FifoTopic"],
    [
      { Name: "a", ...map("Attributes", { DeliveryPolicy: "{}" }) },
      "Attributes Reason: Unknown attribute DeliveryPolicy",
    ],
    [{ Name: "a", ...map("Attributes", { DisplayName: "x".repeat(101) }) }, "DisplayName"],
    [
      { Name: "a", ...map("Attributes", { SignatureVersion: "3" }) },
      "SignatureVersion Reason: Invalid value [3]. Must be 1 or 2.",
    ],
    [
      { Name: "a", "Tags.member.1.Key": "k", "Tags.member.1.Value": "v" },
      "Tags Reason: tags of topics are not supported",
    ],
    [{ Name: "a", DataProtectionPolicy: "{}" }, "DataProtectionPolicy Reason: not supported"],
    [{ Name: "a", "Attributes.entry.1.key": "DisplayName" }, "Attributes"],
  ] as [Record<string, string>, string][])("%o is InvalidParameter", async (parameters, message) => {
    expect(await snsRefused("CreateTopic", parameters)).toEqual(invalid(message));
  });

  test("is TopicLimitExceeded beyond the account's limit, except for an existing topic", async () => {
    const account = await createAccount();
    const arn = await createTopic(account);
    await testEnv.DB.prepare(
      `INSERT INTO topics (arn, account_id, display_name, signature_version, created_at)
       WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
       SELECT 'arn:aws:sns:us-east-1:' || ?1 || ':filler-' || i, ?1, '', 1, 0 FROM n`,
    )
      .bind(account.accountId, MAX_TOPICS_PER_ACCOUNT - 1)
      .run();
    expect(await snsRefused("CreateTopic", { Name: "one-more" }, account)).toEqual({
      status: 403,
      code: "TopicLimitExceeded",
      message: "Topic limit exceeded.",
    });
    await sns("CreateTopic", { Name: arn.split(":").at(-1) ?? "" }, account);
    await sns("DeleteTopic", { TopicArn: arn }, account);
    await sns("CreateTopic", { Name: "one-more" }, account);
  });
});

describe("ListTopics", () => {
  test("lists each topic of the account once, in pages of 100, and none of another account", async () => {
    const account = await createAccount();
    const arns: string[] = [];
    for (let count = 0; count < 101; count++) arns.push(await createTopic(account));
    await createTopic(await createAccount());
    const first = await sns("ListTopics", {}, account);
    expect(first?.children.map(({ name }) => name)).toEqual(["Topics", "NextToken"]);
    const second = await sns("ListTopics", { NextToken: textIn(first, "NextToken") ?? "" }, account);
    expect(second?.children.map(({ name }) => name)).toEqual(["Topics"]);
    const listed = [first, second].map((page) => page?.children[0]?.children.map((one) => textIn(one, "TopicArn")));
    expect(listed.map((page) => page?.length)).toEqual([100, 1]);
    expect(listed.flat().sort()).toEqual(arns.sort());
    // A token is valid only for one list of one account.
    const NextToken = textIn(first, "NextToken") ?? "";
    expect(await snsRefused("ListTopics", { NextToken })).toEqual(invalid("NextToken"));
    expect(await snsRefused("ListSubscriptions", { NextToken }, account)).toEqual(invalid("NextToken"));
    expect(await snsRefused("ListTopics", { NextToken: "x" }, account)).toEqual(invalid("NextToken"));
  });
});

describe("attributes", () => {
  test("GetTopicAttributes shows owner, settings and counts of subscriptions", async () => {
    const account = await createAccount();
    const TopicArn = await createTopic(account);
    await subscribe(TopicArn, {}, account);
    const other = { TopicArn, Protocol: "https", Endpoint: "https://example.com/" };
    await sns("Subscribe", other, account);
    expect(attributesOf(await sns("GetTopicAttributes", { TopicArn }, account))).toEqual({
      TopicArn,
      Owner: account.accountId,
      Policy: expect.stringContaining("__default_policy_ID"),
      DisplayName: "",
      SignatureVersion: "1",
      SubscriptionsConfirmed: "1",
      SubscriptionsPending: "1",
      SubscriptionsDeleted: "0",
    });
  });

  test("SetTopicAttributes changes one attribute and not the others", async () => {
    const TopicArn = await createTopic();
    const set = (AttributeName: string, AttributeValue: string) =>
      sns("SetTopicAttributes", { TopicArn, AttributeName, AttributeValue });
    const shown = async () => attributesOf(await sns("GetTopicAttributes", { TopicArn }));
    await set("DisplayName", "Ä <b>&");
    await set("SignatureVersion", "2");
    expect(await shown()).toMatchObject({ DisplayName: "Ä <b>&", SignatureVersion: "2" });
    await set("DisplayName", "");
    expect(await shown()).toMatchObject({ DisplayName: "", SignatureVersion: "2" });
  });

  test.each([
    [{ AttributeName: "DisplayName", AttributeValue: "a\nb" }, "DisplayName"],
    [
      { AttributeName: "SignatureVersion", AttributeValue: "one" },
      "SignatureVersion Reason: Invalid value [one]. Must be 1 or 2.",
    ],
    [{ AttributeName: "SignatureVersion" }, "SignatureVersion Reason: Invalid value []. Must be 1 or 2."],
    [{ AttributeName: "DeliveryPolicy", AttributeValue: "{}" }, "AttributeName"],
    [{ AttributeName: "TopicArn", AttributeValue: "x" }, "AttributeName"],
    [{}, "AttributeName Reason: no value for required parameter"],
  ] as [Record<string, string>, string][])(
    "SetTopicAttributes refuses %o with InvalidParameter",
    async (parameters, message) => {
      const TopicArn = await createTopic();
      expect(await snsRefused("SetTopicAttributes", { TopicArn, ...parameters })).toEqual(invalid(message));
    },
  );
});

test("actions on a topic that does not exist are NotFound, except DeleteTopic", async () => {
  const TopicArn = await noTopic();
  const attribute = { AttributeName: "DisplayName", AttributeValue: "x" };
  for (const [action, more] of [
    ["GetTopicAttributes", {}],
    ["SetTopicAttributes", attribute],
    ["ListSubscriptionsByTopic", {}],
    ["Subscribe", { Protocol: "https", Endpoint: "https://example.com/" }],
    ["Publish", { Message: "x" }],
  ] as const) {
    expect(await snsRefused(action, { TopicArn, ...more }), action).toEqual(NOT_FOUND);
  }
  expect(await snsRefused("ListTagsForResource", { ResourceArn: TopicArn })).toEqual(NOT_FOUND);
  expect(await sns("DeleteTopic", { TopicArn })).toBeUndefined();
});

test("DeleteTopic removes the topic's subscriptions", async () => {
  const account = await createAccount();
  const TopicArn = await createTopic(account);
  const { arn } = await subscribe(TopicArn, {}, account);
  await sns("DeleteTopic", { TopicArn }, account);
  expect(await snsRefused("GetTopicAttributes", { TopicArn }, account)).toEqual(NOT_FOUND);
  expect(await snsRefused("GetSubscriptionAttributes", { SubscriptionArn: arn }, account)).toMatchObject({
    code: "NotFound",
  });
  expect((await sns("ListSubscriptions", {}, account))?.children[0]?.children).toEqual([]);
  // A new topic with the same name has none of them.
  await sns("CreateTopic", { Name: TopicArn.split(":").at(-1) ?? "" }, account);
  expect((await sns("ListSubscriptionsByTopic", { TopicArn }, account))?.children[0]?.children).toEqual([]);
});

test("ListTagsForResource returns an empty list", async () => {
  const result = await sns("ListTagsForResource", { ResourceArn: await createTopic() });
  expect(result?.children.map(({ name, children }) => [name, children])).toEqual([["Tags", []]]);
});
