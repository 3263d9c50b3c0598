/**
 * Every binding call of every change fails: only that one or all from there on, before it was made or after. Afterwards every
 * change that is acknowledged or visible in R2 has been reported, and no change that did not happen.
 */
import { createHash } from "node:crypto";
import { afterAll, describe, expect, it } from "vitest";
import {
  bucketWithRules,
  EVERYTHING,
  type EventQueue,
  intentRows,
  setRules,
  withEventQueue,
} from "../../support/events.ts";
import { callsToFail, type Failure, failingEnv } from "../../support/failing-env.ts";
import { keepObjectsInMemory } from "../../support/memory-store.ts";
import { completionDocument, createUpload, putPart } from "../../support/multipart.ts";
import { putObject, type SendOptions, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { expectNoFindings } from "../../support/scrub.ts";
import { resumeEvents } from "../../support/worker.ts";

keepObjectsInMemory();

afterAll(() => expectNoFindings());

const MINUTES = 60_000;
const LARGE = new Uint8Array(1024 * 1024 + 1).fill(5);

interface Scenario {
  readonly name: string;
  readonly event: string;
  /** Prepares the bucket and returns the request that makes the change. */
  prepare(bucket: string): Promise<SendOptions>;
  /** Keys that change. */
  readonly keys: readonly string[];
}

const SCENARIOS: readonly Scenario[] = [
  {
    name: "PutObject",
    event: "ObjectCreated:Put",
    keys: ["k"],
    prepare: async (bucket) => ({ method: "PUT", bucket, key: "k", body: "new" }),
  },
  {
    name: "PutObject over another one, under a condition",
    event: "ObjectCreated:Put",
    keys: ["k"],
    async prepare(bucket) {
      const etag = await putObject(bucket, "k", "old");
      return { method: "PUT", bucket, key: "k", body: "new", headers: { "if-match": etag } };
    },
  },
  {
    name: "PutObject above 1 MiB in another class",
    event: "ObjectCreated:Put",
    keys: ["k"],
    prepare: async (bucket) => ({
      method: "PUT",
      bucket,
      key: "k",
      body: LARGE,
      headers: { "x-amz-storage-class": "STANDARD_IA" },
    }),
  },
  {
    name: "CopyObject",
    event: "ObjectCreated:Copy",
    keys: ["k"],
    async prepare(bucket) {
      await putObject(bucket, "source", "content");
      return { method: "PUT", bucket, key: "k", headers: { "x-amz-copy-source": `/${bucket}/source` } };
    },
  },
  {
    name: "CompleteMultipartUpload",
    event: "ObjectCreated:CompleteMultipartUpload",
    keys: ["k"],
    async prepare(bucket) {
      const uploadId = await createUpload({ bucket, key: "k" });
      const part = await putPart({ bucket, key: "k" }, uploadId, 1, "content");
      return { method: "POST", bucket, key: "k", query: `uploadId=${uploadId}`, body: completionDocument([part]) };
    },
  },
  {
    name: "PutObjectTagging",
    event: "ObjectTagging:Put",
    keys: ["k"],
    async prepare(bucket) {
      await putObject(bucket, "k", "content");
      const body = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>";
      return { method: "PUT", bucket, key: "k", query: "tagging", body, headers: { "content-md5": md5(body) } };
    },
  },
  {
    name: "PutObjectAcl",
    event: "ObjectAcl:Put",
    keys: ["k"],
    async prepare(bucket) {
      await putObject(bucket, "k", "content");
      return { method: "PUT", bucket, key: "k", query: "acl", headers: { "x-amz-acl": "public-read" } };
    },
  },
  {
    name: "DeleteObject",
    event: "ObjectRemoved:Delete",
    keys: ["k"],
    async prepare(bucket) {
      await putObject(bucket, "k", "content");
      return { method: "DELETE", bucket, key: "k" };
    },
  },
  {
    name: "DeleteObject under a condition",
    event: "ObjectRemoved:Delete",
    keys: ["k"],
    async prepare(bucket) {
      const etag = await putObject(bucket, "k", "content");
      return { method: "DELETE", bucket, key: "k", headers: { "if-match": etag } };
    },
  },
  {
    name: "DeleteObjects",
    event: "ObjectRemoved:Delete",
    keys: ["a", "b"],
    async prepare(bucket) {
      for (const key of ["a", "b"]) await putObject(bucket, key, "content");
      const body = "<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object></Delete>";
      return { method: "POST", bucket, query: "delete", body, headers: { "content-md5": md5(body) } };
    },
  },
];

/** R2's version of each key's entry; undefined without an entry. */
async function versions(bucket: string, keys: readonly string[]): Promise<(string | undefined)[]> {
  const row = await testEnv.DB.prepare("SELECT id FROM buckets WHERE name = ?1").bind(bucket).first<{ id: string }>();
  return Promise.all(keys.map(async (key) => (await testEnv.STORE.head(`${row?.id}/${key}`))?.version));
}

/** One request with one failure, then a sweep. */
async function run(scenario: Scenario, failure: Failure | undefined) {
  const bucket = await createBucket();
  const request = await scenario.prepare(bucket);
  await setRules(bucket, { notification: [EVERYTHING] });
  const queue = withEventQueue();
  const failing = failingEnv(queue.env, failure);
  const before = await versions(bucket, scenario.keys);
  const status = await send({ ...request, env: failing.env }).then(
    async (response) => {
      await response.text();
      return response.status;
    },
    () => 0,
  );
  const after = await versions(bucket, scenario.keys);
  const isChanged = after.some((version, index) => version !== before[index]);
  await sweepAfter(queue, 2 * MINUTES);
  return { bucket, status, isChanged, queue, calls: failing.calls() };
}

async function sweepAfter(queue: EventQueue, ms: number): Promise<void> {
  await resumeEvents(queue.env, new Date(Date.now() + ms));
}

const reportedOf = ({ queue }: { queue: EventQueue }, { event, keys }: Scenario) =>
  keys.map((key) => queue.changes().filter((change) => change.event === event && change.key === key).length);

describe.each(SCENARIOS)("$name", (scenario) => {
  it("is reported once if nothing fails", async () => {
    const outcome = await run(scenario, undefined);
    expect(outcome.status).toBeLessThan(300);
    expect(outcome.isChanged).toBe(true);
    const reported = reportedOf(outcome, scenario);
    // The message has not been consumed, so the row still exists, and the sweep reports the change again.
    expect(reported.every((count) => count >= 1 && count <= 2)).toBe(true);
  });

  it.each([
    ["before", "once"],
    ["before", "permanently"],
    ["after", "once"],
    ["after", "permanently"],
  ] as const)(
    "is reported if it happened, and only then, when any call fails %s it is made, %s",
    async (when, lasting) => {
      const { calls } = await run(scenario, undefined);
      const seen = new Set<string>();
      for (const at of callsToFail(calls, { when, lasting })) {
        const outcome = await run(scenario, { at, when, lasting });
        const reported = reportedOf(outcome, scenario);
        const label = `call ${at} of ${calls}: status ${outcome.status}, changed ${outcome.isChanged}, reported ${reported}`;
        if (outcome.status >= 200 && outcome.status < 300) expect(outcome.isChanged, label).toBe(true);
        expect(
          reported.every((count) => (outcome.isChanged ? count > 0 : count === 0)),
          label,
        ).toBe(true);
        seen.add(`${outcome.isChanged}`);
        // Intents of changes that did not happen are removed; the others wait for their consumer.
        await sweepAfter(outcome.queue, 25 * 60 * MINUTES);
        if (!outcome.isChanged) expect(await intentRows(outcome.bucket), label).toEqual([]);
      }
      expect(calls).toBeGreaterThanOrEqual(3);
      expect(seen.size).toBeGreaterThan(0);
    },
  );
});

describe("the sweep", () => {
  it("ignores a change that is still being made", async () => {
    const bucket = await bucketWithRules({ notification: [EVERYTHING] });
    const queue = withEventQueue();
    const { env } = failingEnv(queue.env, { at: 4, when: "before", lasting: "permanently" });
    await send({ method: "PUT", bucket, key: "k", body: "new", env });
    const rows = await intentRows(bucket);
    expect(rows).toHaveLength(1);
    await sweepAfter(queue, 0);
    expect(queue.messages).toEqual([]);
    expect(await intentRows(bucket)).toEqual(rows);
  });

  it("reports a removal with its own time, so that a later object stays later", async () => {
    const bucket = await bucketWithRules({ notification: [EVERYTHING] });
    const queue = withEventQueue();
    // The Worker dies after the key is loaded, the intent written and the object removed.
    const { env } = failingEnv(queue.env, { at: 4, when: "before", lasting: "permanently" });
    await send({ method: "DELETE", bucket, key: "k", env });
    await scheduler.wait(2_100);
    await putObject(bucket, "k", "later", { env: queue.env });
    await sweepAfter(queue, 2 * MINUTES);
    const ofBucket = queue.messages.filter(({ origin }) => origin.bucket.name === bucket);
    const reported = ofBucket.flatMap(({ changes }) => changes).map(({ event, sequencer }) => ({ event, sequencer }));
    const removed = reported.find(({ event }) => event === "ObjectRemoved:Delete");
    const created = reported.find(({ event }) => event === "ObjectCreated:Put");
    expect(removed?.sequencer).toBeDefined();
    expect([removed?.sequencer, created?.sequencer].sort()).toEqual([removed?.sequencer, created?.sequencer]);
  });

  it("does not repeat a message that it has just sent", async () => {
    const bucket = await bucketWithRules({ notification: [EVERYTHING] });
    await putObject(bucket, "k", "content", { env: withEventQueue().env });
    const queue = withEventQueue();
    const ofBucket = () => queue.messages.filter(({ origin }) => origin.bucket.name === bucket).length;
    await sweepAfter(queue, 2 * MINUTES);
    expect(ofBucket()).toBe(1);
    await sweepAfter(queue, 3 * MINUTES);
    expect(ofBucket()).toBe(1);
    await sweepAfter(queue, 30 * MINUTES);
    expect(ofBucket()).toBe(2);
  });
});

function md5(text: string): string {
  return createHash("md5").update(text).digest("base64");
}
