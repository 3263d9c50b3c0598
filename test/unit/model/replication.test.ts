import { describe, expect, it } from "vitest";
import { compareStates, type ObjectState } from "../../../src/model/object.ts";
import {
  formatDestinationArn,
  matchReplication,
  parseDestinationArn,
  type ReplicationRule,
  removalState,
} from "../../../src/model/replication.ts";

const state = (lastModified: number, revision: number, etag: string): ObjectState => ({
  lastModified,
  revision,
  etag,
});

describe("compareStates", () => {
  const ordered = [
    state(1, 9, "z"),
    state(2, 2, "a"),
    state(2, 2, "b"),
    state(2, 3, "a"),
    removalState(new Date(2)),
    state(3, 0, ""),
  ];

  it("orders by Last-Modified, then by revision, then by ETag, and a removal after all states of its time", () => {
    for (const [left, one] of ordered.entries()) {
      for (const [right, other] of ordered.entries()) {
        expect(Math.sign(compareStates(one, other)), `${left} and ${right}`).toBe(Math.sign(left - right));
      }
    }
  });
});

describe("ARNs of destinations", () => {
  it.each([
    ["arn:aws:s3:::bucket.name", { bucket: "bucket.name" }],
    ["arn:workers-s3:remote:::far-1/Bucket_1", { remote: "far-1", bucket: "Bucket_1" }],
  ])("%s is read and written", (arn, place) => {
    expect(parseDestinationArn(arn)).toEqual(place);
    expect(formatDestinationArn(place)).toBe(arn);
  });

  it.each([
    "",
    "bucket",
    "arn:aws:s3:::",
    "arn:aws:s3:::a/b",
    "arn:aws:s3:us-east-1::a",
    "arn:aws-cn:s3:::a",
    "arn:workers-s3:remote:::far",
    "arn:workers-s3:remote:::far/",
    "arn:workers-s3:remote:::/a",
    "arn:workers-s3:remote:::Far/a",
    "arn:workers-s3:remote:::far/a/b",
    "arn:workers-s3:s3:::a",
  ])("refuses %j", (arn) => {
    expect(parseDestinationArn(arn)).toBeUndefined();
  });
});

describe("matchReplication", () => {
  const rule = (id: string, more: Partial<ReplicationRule> = {}): ReplicationRule => ({
    id,
    schema: "V2",
    isEnabled: true,
    priority: 1,
    prefix: "",
    tags: [],
    destination: { bucket: "b" },
    replicatesDeletes: false,
    ...more,
  });
  const rules = [
    rule("all"),
    rule("prefix", { prefix: "a/", priority: 5 }),
    rule("off", { isEnabled: false }),
    rule("deletes", { replicatesDeletes: true, priority: 3 }),
    rule("tagged", { tags: [{ key: "k", value: "v" }], replicatesDeletes: true, priority: 4 }),
  ];
  const ids = (event: Parameters<typeof matchReplication>[1], key: string) =>
    matchReplication({ rules }, event, key).map(({ id }) => id);

  it("returns the matching rules, the greatest priority first", () => {
    expect(ids("ObjectCreated:Put", "a/b")).toEqual(["prefix", "tagged", "deletes", "all"]);
    expect(ids("ObjectTagging:Delete", "b")).toEqual(["tagged", "deletes", "all"]);
    expect(ids("ObjectLock:Put", "b")).toEqual(["tagged", "deletes", "all"]);
  });

  it("matches removals only with rules that replicate them and have no tags, and replication and lifecycle events with no rule", () => {
    expect(ids("ObjectRemoved:Delete", "a/b")).toEqual(["deletes"]);
    expect(ids("ObjectRemoved:DeleteMarkerCreated", "a/b")).toEqual(["deletes"]);
    for (const event of ["LifecycleExpiration:Delete", "LifecycleTransition"] as const)
      expect(ids(event, "a/b")).toEqual([]);
    expect(ids("Replication:OperationFailedReplication", "a/b")).toEqual([]);
  });
});
