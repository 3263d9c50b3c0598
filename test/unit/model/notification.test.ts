import { describe, expect, it } from "vitest";
import { matchNotifications, type NotificationRule } from "../../../src/model/notification.ts";

const rule = (id: string, options: Partial<NotificationRule> = {}): NotificationRule => ({
  id,
  destination: { kind: "queue", arn: "arn:aws:sqs:us-east-1:000000000001:jobs" },
  events: ["s3:ObjectCreated:*"],
  prefix: "",
  suffix: "",
  ...options,
});
const callback = (id: string, options: Partial<NotificationRule> = {}) =>
  rule(id, { destination: { kind: "callback", urls: [`http://${id}.example/`] }, ...options });
const matched = (rules: readonly NotificationRule[], ...change: [Parameters<typeof matchNotifications>[1], string]) =>
  matchNotifications({ rules }, ...change).map(({ id }) => id);

describe("matchNotifications", () => {
  it.each<[events: string, event: Parameters<typeof matchNotifications>[1], fits: boolean]>([
    ["s3:ObjectCreated:*", "ObjectCreated:CompleteMultipartUpload", true],
    ["s3:ObjectCreated:*", "ObjectRemoved:Delete", false],
    ["s3:ObjectCreated:Put", "ObjectCreated:Put", true],
    ["s3:ObjectCreated:Put", "ObjectCreated:Post", false],
    ["s3:ObjectRemoved:*", "ObjectRemoved:DeleteMarkerCreated", true],
    ["s3:ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated", false],
    ["s3:LifecycleExpiration:*", "LifecycleExpiration:DeleteMarkerCreated", true],
    ["s3:LifecycleExpiration:*", "LifecycleTransition", false],
    ["s3:LifecycleTransition", "LifecycleTransition", true],
    ["s3:Replication:*", "Replication:OperationFailedReplication", true],
    ["s3:ObjectTagging:*", "ObjectAcl:Put", false],
  ])("takes %s for %s: %s", (events, event, fits) => {
    expect(matched([rule("a", { events: [events] })], event, "key")).toEqual(fits ? ["a"] : []);
  });

  it("requires prefix and suffix, which may share characters of the key", () => {
    const rules = [rule("a", { prefix: "pic/", suffix: ".png" }), rule("b", { prefix: "aba", suffix: "bab" })];
    expect(matched(rules, "ObjectCreated:Put", "pic/a.png")).toEqual(["a"]);
    expect(matched(rules, "ObjectCreated:Put", "pic/a.png.txt")).toEqual([]);
    expect(matched(rules, "ObjectCreated:Put", "abab")).toEqual(["b"]);
  });

  it("returns the first NS: rule that matches and every ARN rule that matches", () => {
    const rules = [callback("x", { prefix: "other" }), callback("first"), rule("arn"), callback("second")];
    expect(matched(rules, "ObjectCreated:Put", "key")).toEqual(["first", "arn"]);
  });
});
