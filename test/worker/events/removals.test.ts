/** Removals with an outcome each, as `DeleteObjects` and lifecycle rules make them in a bucket that is versioned. */
import { beforeEach, describe, expect, it } from "vitest";
import type { GrantedBucket } from "../../../src/access/authorize.ts";
import { S3Error } from "../../../src/errors.ts";
import type { BucketDocumentTypes } from "../../../src/model/bucket.ts";
import { Intents } from "../../../src/storage/journal/intents.ts";
import { Journal, type RequestJournal } from "../../../src/storage/journal/journal.ts";
import { OwnQueue } from "../../../src/storage/journal/messages.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { EVERYTHING, type EventQueue, intentRows, REPLICATE_ALL, withEventQueue } from "../../support/events.ts";
import { noQuotas, testBucket } from "../../support/storage.ts";

const ORIGIN = {
  time: new Date(),
  principalId: "AIDAUSER",
  sourceIp: "203.0.113.9",
  requestId: "0123456789ABCDEF",
  endpoint: "http://s3.localhost:8787",
  callbackVariables: {},
};
const AT = new Date(1_800_000_000_000);

let queue: EventQueue;
let effects: string[];
beforeEach(() => {
  queue = withEventQueue();
  effects = [];
});

function journalOf(env = queue.env): RequestJournal {
  const confirm = async (_: unknown, effect: string) => void effects.push(effect);
  return new Journal({
    intents: new Intents(env.DB),
    events: new OwnQueue(env.EVENTS),
    deletion: { confirm },
    quotas: noQuotas,
  }).of(ORIGIN);
}

function bucketWith(documents: Partial<BucketDocumentTypes>): GrantedBucket {
  const bucket = testBucket();
  return { ...bucket, name: `b-${bucket.id}`, documents: { ...bucket.documents, ...documents } };
}

const NOTIFIED = { notification: { rules: [EVERYTHING] } };
const VERSIONED = { ...NOTIFIED, versioning: "Enabled" } as const;

describe("removeEach", () => {
  it("reports each removal with its own version id, in one D1 call for all", async () => {
    const bucket = bucketWith(VERSIONED);
    const { env, counts } = countingEnv(queue.env);
    const removals = [{ key: "k" }, { key: "k", versionId: "old" }, { key: "k" }, { key: "other", versionId: "null" }];
    const outcomes = await journalOf(env).removeEach(bucket, removals, {
      commit: async (tickets) => tickets.map(({ writeId }, index) => ({ writeId, versionId: `v${index}` })),
      describe: ({ versionId }) => ({ at: AT, versionId }),
    });
    expect(queue.changes()).toMatchObject([
      { event: "ObjectRemoved:DeleteMarkerCreated", key: "k", versionId: "v0", notify: [0] },
      { event: "ObjectRemoved:Delete", key: "k", versionId: "v1", notify: [0] },
      { event: "ObjectRemoved:DeleteMarkerCreated", key: "k", versionId: "v2", notify: [0] },
      { event: "ObjectRemoved:Delete", key: "other", versionId: "v3", notify: [0] },
    ]);
    expect(queue.changes().map(({ writeId }) => writeId)).toEqual(outcomes.map(({ writeId }) => writeId));
    expect(new Set(queue.changes().map(({ sequencer }) => sequencer)).size).toBe(4);
    expect(queue.messages).toMatchObject([{ isVersioned: true }]);
    expect(counts.d1).toBe(1);
  });

  it("does not report removals that removed nothing, and forgets messages without any other", async () => {
    const bucket = bucketWith(VERSIONED);
    const removals = Array.from({ length: 250 }, (_, index) => ({ key: `k${index}` }));
    await journalOf().removeEach(bucket, removals, {
      commit: async (tickets) => tickets.map((_, index) => index),
      describe: (index) => (index >= 100 && index < 150 ? { at: AT, versionId: `v${index}` } : undefined),
    });
    expect(queue.messages).toHaveLength(1);
    expect(queue.changes().map(({ key, versionId }) => `${key} ${versionId}`)).toEqual(
      Array.from({ length: 50 }, (_, index) => `k${index + 100} v${index + 100}`),
    );
    await expect
      .poll(() => intentRows(bucket.name).then((rows) => rows.map(({ id }) => id)))
      .toEqual([queue.messages[0]?.id]);
  });

  it("leaves the rows if it is not known what was removed, and removes them after the refusal of a single removal", async () => {
    const refusal = new S3Error("PreconditionFailed");
    for (const [error, removals, rows] of [
      [new S3Error("SlowDown"), [{ key: "a" }], 1],
      [new Error("R2 is gone"), [{ key: "a" }], 1],
      [refusal, [{ key: "a" }, { key: "b" }], 1],
      [refusal, [{ key: "a" }], 0],
    ] as const) {
      const bucket = bucketWith(VERSIONED);
      const removal = { commit: () => Promise.reject(error), describe: () => undefined };
      await expect(journalOf().removeEach(bucket, removals, removal)).rejects.toBe(error);
      await expect.poll(() => intentRows(bucket.name).then(({ length }) => length)).toBe(rows);
    }
    expect(queue.messages).toEqual([]);
  });

  it("reports what was removed at once, and leaves the row if another removal of its message is unclear", async () => {
    const bucket = bucketWith(VERSIONED);
    const removal = {
      commit: async (tickets: readonly unknown[]) => tickets.map((_, index) => index),
      describe: (index: number) => (index === 0 ? { at: AT, versionId: "v0" } : index === 1 ? "unclear" : undefined),
    } as const;
    const removals = [{ key: "made" }, { key: "unclear" }, { key: "refused" }];
    await journalOf().removeEach(bucket, removals, removal);
    expect(queue.changes().map(({ key, versionId }) => [key, versionId])).toEqual([["made", "v0"]]);
    const rows = await intentRows(bucket.name);
    expect(rows.map(({ has_landed }) => has_landed)).toEqual([0]);
    expect(rows.map(({ id }) => id)).not.toEqual([queue.messages[0]?.id]);
    // If the queue refuses the message, it has a row of its own.
    const refused = bucketWith(VERSIONED);
    const send = () => Promise.reject(new Error("no queue"));
    const EVENTS = { send, sendBatch: send } as unknown as Queue;
    await journalOf({ ...queue.env, EVENTS }).removeEach(refused, removals, removal);
    expect((await intentRows(refused.name)).map(({ has_landed }) => has_landed).sort()).toEqual([0, 1]);
  });

  it("of lifecycle rules raises their events, which no replication rule carries over", async () => {
    const rule = { ...EVERYTHING, events: ["s3:LifecycleExpiration:*"] };
    const rules = { notification: { rules: [rule] }, replication: { rules: [REPLICATE_ALL] } };
    const commit = async (tickets: readonly unknown[]) => tickets;
    const describe = () => ({ at: AT });
    for (const [documents, expected] of [
      [{ ...rules, versioning: "Suspended" }, ["DeleteMarkerCreated", "Delete"]],
      [rules, ["Delete", "Delete"]],
    ] as const) {
      queue = withEventQueue();
      const removals = [
        { key: "a", isExpiration: true },
        { key: "a", versionId: "old", isExpiration: true },
      ];
      await journalOf().removeEach(bucketWith(documents), removals, { commit, describe });
      expect(queue.changes().map(({ event }) => event)).toEqual(expected.map((name) => `LifecycleExpiration:${name}`));
      expect(queue.messages.flatMap(({ replications }) => replications)).toEqual([]);
    }
  });

  it("replicates delete markers, and never the removal of a version", async () => {
    const bucket = bucketWith({ replication: { rules: [REPLICATE_ALL] }, versioning: "Enabled" });
    await journalOf().removeEach(bucket, [{ key: "marker" }, { key: "version", versionId: "old" }], {
      commit: async (tickets) => tickets,
      describe: () => ({ at: AT }),
    });
    expect(queue.changes().map(({ key, replicate }) => [key, replicate])).toEqual([["marker", [0]]]);
  });

  it("gives tickets of replicas, and asks whether the bucket still exists: a delete marker is kept in it", async () => {
    const replicaOf = { lastModified: 1, revision: 1, etag: "e" };
    const removal = {
      commit: async (tickets: readonly { replicaOf?: unknown }[]) => tickets,
      describe: () => undefined,
    };
    const bucket = bucketWith({ versioning: "Enabled" });
    const outcomes = await journalOf().removeEach(bucket, [{ key: "a", replicaOf }, { key: "b" }], removal);
    expect(outcomes.map((ticket) => ticket.replicaOf)).toEqual([replicaOf, undefined]);
    await journalOf().removeEach(bucket, [{ key: "a", versionId: "old" }], removal);
    await journalOf().removeEach(bucketWith({}), [{ key: "a" }], removal);
    expect(effects).toEqual(["adds", "adds-nothing", "adds-nothing"]);
    expect(await intentRows(bucket.name)).toEqual([]);
  });
});
