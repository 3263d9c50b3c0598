import { describe, expect, it } from "vitest";
import { describeReceiver, identifyReceiver } from "../../../src/delivery/receiver-identity.ts";

const by = { accountId: "000000000001" };

describe("identifyReceiver", () => {
  it("names a URL without its query, which may contain a token, but includes the query in the id", async () => {
    const one = await identifyReceiver({ kind: "callback", url: "https://a.example/cb?token=1" }, by);
    const other = await identifyReceiver({ kind: "callback", url: "https://a.example/cb?token=2" }, by);
    expect(one).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{64}$/),
      kind: "callback",
      name: "https://a.example/cb",
      accountId: "000000000001",
      host: "a.example:443",
    });
    expect(other.name).toBe(one.name);
    expect(other.id).not.toBe(one.id);
    expect(describeReceiver({ kind: "callback", url: "https://a.example/cb?token=1" })).toBe("https://a.example/cb");
  });

  it("names a subscription or a queue by its ARN", async () => {
    const topicArn = "arn:aws:sns:us-east-1:000000000001:news";
    const subscriptionArn = `${topicArn}:0b8b6a0e`;
    const queue = "arn:aws:sqs:us-east-1:000000000001:jobs";
    const subscription = { kind: "subscription", topicArn, subscriptionArn } as const;
    const subscribed = { ...by, endpoint: "http://b.example/x" };
    expect(await identifyReceiver(subscription, subscribed)).toMatchObject({
      name: subscriptionArn,
      host: "b.example:80",
    });
    expect(await identifyReceiver(subscription, by)).toMatchObject({ name: subscriptionArn, host: "" });
    expect(await identifyReceiver({ kind: "queue", arn: queue }, by)).toMatchObject({
      kind: "queue",
      name: queue,
      host: queue,
    });
    expect(describeReceiver({ kind: "queue", arn: queue })).toBe(queue);
  });

  it.each([
    ["https://A.example./x", "a.example:443"],
    ["http://a.example:443/y?z", "a.example:443"],
    ["http://127.0.0.1:8080", "127.0.0.1:8080"],
    ["https://[2001:DB8::1]/", "[2001:db8::1]:443"],
    ["no URL", ""],
  ])("finds the host and port of %s", async (url, host) => {
    expect(await identifyReceiver({ kind: "callback", url }, by)).toMatchObject({ host });
  });

  it("gives one URL another id for another account", async () => {
    const receiver = { kind: "callback", url: "https://a.example/cb" } as const;
    const [one, other] = [
      await identifyReceiver(receiver, by),
      await identifyReceiver(receiver, { accountId: "000000000002" }),
    ];
    expect(other.id).not.toBe(one.id);
  });
});
