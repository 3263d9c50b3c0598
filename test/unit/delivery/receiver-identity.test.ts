import { describe, expect, it } from "vitest";
import { describeReceiver, identify } from "../../../src/delivery/receiver-identity.ts";

describe("a receiver in statistics", () => {
  it("shows a URL without its query, which may hold a token, and is told apart by it", async () => {
    const one = await identify({ kind: "callback", url: "https://a.example/cb?token=1" });
    const other = await identify({ kind: "callback", url: "https://a.example/cb?token=2" });
    expect(one).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{64}$/),
      kind: "callback",
      name: "https://a.example/cb",
    });
    expect(other.name).toBe(one.name);
    expect(other.id).not.toBe(one.id);
    expect(describeReceiver({ kind: "callback", url: "https://a.example/cb?token=1" })).toBe("https://a.example/cb");
  });

  it("is a subscription or a queue by its ARN", async () => {
    const topicArn = "arn:aws:sns:us-east-1:000000000001:news";
    const subscriptionArn = `${topicArn}:0b8b6a0e`;
    const queue = "arn:aws:sqs:us-east-1:000000000001:jobs";
    expect(await identify({ kind: "subscription", topicArn, subscriptionArn })).toMatchObject({
      name: subscriptionArn,
    });
    expect(await identify({ kind: "queue", arn: queue })).toMatchObject({ kind: "queue", name: queue });
    expect(describeReceiver({ kind: "queue", arn: queue })).toBe(queue);
  });
});
