/** Parameters of SNS requests: accepted and refused values. */
import { describe, expect, test } from "vitest";
import { QueryError } from "../../../src/query-api/errors.ts";
import { Parameters, parseBoolean, parseSignatureVersion, parseTitle } from "../../../src/sns/parameters.ts";

const of = (values: Record<string, string>) => new Parameters(new Map(Object.entries(values)));
const TOPIC = "arn:aws:sns:us-east-1:123456789012:my-topic";
const UUID = "b5e0d3f6-8a52-4a8e-9d51-6f5d3d0f6c11";

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof QueryError && error.code === "InvalidParameter") return error.message;
    throw error;
  }
  return "none";
}

describe("requireTopicName", () => {
  test.each(["a", "A-z_09", "x".repeat(256)])("accepts %s", (Name) => {
    expect(of({ Name }).requireTopicName()).toBe(Name);
  });

  test.each(["a.b", "queue.fifo", "a b", "ä", "a/b", "a:b", "x".repeat(257)])("refuses %s", (Name) => {
    expect(refusal(() => of({ Name }).requireTopicName())).toBe("Invalid parameter: Topic Name");
  });

  test.each([{}, { Name: "" }])("refuses %o", (values) => {
    expect(refusal(() => of(values).requireTopicName())).toBe(
      "Invalid parameter: Name Reason: no value for required parameter",
    );
  });
});

describe("requireTopic", () => {
  test("reads region, account and name", () => {
    const topic = { arn: TOPIC, region: "us-east-1", accountId: "123456789012", name: "my-topic" };
    expect(of({ TopicArn: TOPIC }).requireTopic()).toEqual(topic);
  });

  test.each([
    ["my-topic", "TopicArn Reason: An ARN must have at least 6 elements, not 1"],
    ["arn:aws:sns:us-east-1:123456789012", "TopicArn Reason: An ARN must have at least 6 elements, not 5"],
    [`${TOPIC}:${UUID}`, "TopicArn"],
    [`${TOPIC}.fifo`, "TopicArn"],
    ["arn:aws:sqs:us-east-1:123456789012:q", "TopicArn"],
    ["arn:aws:sns:us-east-1:12345678901:t", "TopicArn"],
    ["arn:aws:sns:us-east-1:123456789012:", "TopicArn"],
    [`${TOPIC}\n`, "TopicArn"],
    ["arn:aws:sns:US EAST:123456789012:t", "TopicArn"],
  ])("refuses %j", (TopicArn, what) => {
    expect(refusal(() => of({ TopicArn }).requireTopic())).toBe(`Invalid parameter: ${what}`);
  });
});

describe("requireSubscription", () => {
  test("reads the topic it belongs to", () => {
    const arn = `${TOPIC}:${UUID}`;
    expect(of({ SubscriptionArn: arn }).requireSubscription()).toMatchObject({ arn, topic: { arn: TOPIC } });
  });

  test.each([
    ["PendingConfirmation", "SubscriptionArn Reason: An ARN must have at least 6 elements, not 1"],
    [TOPIC, "SubscriptionId"],
    [`${TOPIC}:1`, "SubscriptionId"],
    [`${TOPIC}:${UUID}:${UUID}`, "SubscriptionId"],
    [`${TOPIC}:${UUID.toUpperCase()}`, "SubscriptionId"],
  ])("refuses %s", (SubscriptionArn, what) => {
    expect(refusal(() => of({ SubscriptionArn }).requireSubscription())).toBe(`Invalid parameter: ${what}`);
  });
});

describe("readMap", () => {
  test("puts keys and values together; none is an empty map", () => {
    const values = { "A.entry.2.key": "b", "A.entry.2.value": "", "A.entry.1.value": "1", "A.entry.1.key": "a" };
    expect(Object.fromEntries(of({ ...values, AB: "x" }).readMap("A"))).toEqual({ a: "1", b: "" });
    expect(of({ A: "" }).readMap("A").size).toBe(0);
    expect(of({}).readMap("A").size).toBe(0);
  });

  test.each([
    { A: "x" },
    { "A.entry.1.key": "a" },
    { "A.entry.1.value": "a" },
    { "A.entry.0.key": "a", "A.entry.0.value": "1" },
    { "A.entry.1.key": "a", "A.entry.1.value": "1", "A.entry.2.key": "a", "A.entry.2.value": "2" },
    { "A.member.1.key": "a", "A.member.1.value": "1" },
    { "A.entry.1.name": "a" },
  ])("refuses %o", (values) => {
    expect(refusal(() => of(values as unknown as Record<string, string>).readMap("A"))).toBe("Invalid parameter: A");
  });
});

test("refuseEntries lets an empty list pass and nothing else", () => {
  of({ Tags: "" }).refuseEntries("Tags", "no");
  of({ TagsX: "a" }).refuseEntries("Tags", "no");
  for (const values of [{ Tags: "x" }, { "Tags.member.1.Key": "" }] as Record<string, string>[]) {
    expect(refusal(() => of(values).refuseEntries("Tags", "no"))).toBe("Invalid parameter: Tags Reason: no");
  }
});

test("parseBoolean, parseSignatureVersion and parseTitle", () => {
  expect([parseBoolean("X Reason", "true"), parseBoolean("X Reason", "False")]).toEqual([true, false]);
  for (const text of ["", "1", "yes", "true "]) {
    expect(refusal(() => parseBoolean("X Reason", text))).toBe(
      `Invalid parameter: X Reason: Invalid value [${text}]. Must be true or false.`,
    );
  }
  expect([parseSignatureVersion("1"), parseSignatureVersion("2")]).toEqual([1, 2]);
  for (const text of ["", "0", "3", "01"]) expect(refusal(() => parseSignatureVersion(text))).toMatch(/Must be 1 or 2/);
  expect(parseTitle("Subject", "ä".repeat(100))).toHaveLength(100);
  for (const text of ["a".repeat(101), "a\nb", "a\u0007"]) {
    expect(refusal(() => parseTitle("Subject", text))).toBe("Invalid parameter: Subject");
  }
});
