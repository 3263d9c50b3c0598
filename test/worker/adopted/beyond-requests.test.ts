/** What happens without a request: events, sweeps, scrubs, access logs, restores. None of it writes to an R2 bucket on its own. */
import { beforeEach, describe, expect, it } from "vitest";
import { adopt, r2 } from "../../support/adopted.ts";
import { EVERYTHING, setRules, withEventQueue } from "../../support/events.ts";
import { type Failure, failingEnv } from "../../support/failing-env.ts";
import { createUpload, noise, putPart, sendPart } from "../../support/multipart.ts";
import { putObject, type SendOptions, send } from "../../support/request.ts";
import { createBucket, errorOf, testEnv } from "../../support/s3.ts";
import { expectNoFindings } from "../../support/scrub.ts";
import { count, figuresOf, setQuota, usageOf } from "../../support/usage.ts";
import { ageObjects, resumeEvents, runSweeps, takeInventories } from "../../support/worker.ts";

const MINUTES = 60_000;
const NONE = { "if-none-match": "*" };
const PUBLIC = { "x-amz-acl": "public-read" };
const store = r2("ADOPT_PHOTOS");
let bucket = "";

beforeEach(async () => {
  await createBucket();
  bucket = await adopt("ADOPT_PHOTOS");
});

const versions = async () => (await store.list()).objects.map(({ key, version }) => `${key} ${version}`);

describe("events of an adopted bucket", () => {
  it("have the region that clients see, and are sent before the answer", async () => {
    await setRules(bucket, { notification: [EVERYTHING] });
    const queue = withEventQueue();
    const etag = await putObject(bucket, "a/k", "content", { env: queue.env });
    const headers = { "x-amz-copy-source": `/${bucket}/a/k` };
    await send({ method: "PUT", bucket, key: "copy", headers, env: queue.env });
    await send({ method: "DELETE", bucket, key: "a/k", env: queue.env });
    expect(queue.changes().map(({ event, key, etag: of, sizeBytes }) => [event, key, of, sizeBytes])).toEqual([
      ["ObjectCreated:Put", "a/k", etag, 7],
      ["ObjectCreated:Copy", "copy", etag, 7],
      ["ObjectRemoved:Delete", "a/k", undefined, undefined],
    ]);
    expect(queue.messages[0]?.origin.bucket).toMatchObject({ name: bucket, location: "us-east-1" });
  });

  it.each<[what: string, request: SendOptions, event: string]>([
    ["PutObject", { method: "PUT", key: "k", body: "new" }, "ObjectCreated:Put"],
    ["PutObject on a condition", { method: "PUT", key: "new", body: "new", headers: NONE }, "ObjectCreated:Put"],
    ["DeleteObject", { method: "DELETE", key: "k" }, "ObjectRemoved:Delete"],
    ["PutObjectAcl", { method: "PUT", key: "k", query: "acl", headers: PUBLIC }, "ObjectAcl:Put"],
  ])("%s is reported if it happened, and only then, whichever call fails", async (_what, request, event) => {
    const { key = "" } = request;
    const attempt = async (failure: Failure | undefined) => {
      await store.delete(["k", "new"]);
      await store.put("k", "old");
      // An object of the same millisecond as the change would count as written by it.
      await scheduler.wait(2);
      const before = (await store.head(key))?.version;
      const queue = withEventQueue();
      const failing = failingEnv(queue.env, failure);
      const status = await send({ bucket, ...request, env: failing.env }).then(
        async (response) => {
          await response.text();
          return response.status;
        },
        () => 0,
      );
      const isChanged = (await store.head(key))?.version !== before;
      await resumeEvents(queue.env, new Date(Date.now() + 2 * MINUTES));
      const isReported = queue.changes().some((change) => change.event === event && change.key === key);
      await testEnv.DB.prepare("DELETE FROM event_intents").run();
      return { status, isChanged, isReported, calls: failing.calls() };
    };
    await setRules(bucket, { notification: [EVERYTHING] });
    const { calls, ...whole } = await attempt(undefined);
    expect(whole).toMatchObject({ isChanged: true, isReported: true });
    const outcomes = new Set<boolean>();
    for (const when of ["before", "after"] as const) {
      for (let at = 1; at <= calls; at++) {
        const outcome = await attempt({ at, when, lasting: "permanently" });
        const label = `call ${at} of ${calls} ${when}: ${outcome.status}`;
        if (outcome.status >= 200 && outcome.status < 300) expect(outcome.isChanged, label).toBe(true);
        expect([label, outcome.isReported]).toEqual([label, outcome.isChanged]);
        outcomes.add(outcome.isChanged);
      }
    }
    expect(outcomes.size).toBe(2);
  });
});

describe("scheduled work", () => {
  it("counts all that R2 lists in an adopted bucket", async () => {
    await putObject(bucket, "mine", "12345");
    await store.put("theirs", "1234567");
    await count(bucket);
    expect(figuresOf(await usageOf(bucket))).toMatchObject({ objects: 2, bytes: 12, versions: 0 });
  });

  it("counts the open uploads of an adopted bucket, and a quota is for them too", async () => {
    const target = { bucket, key: "u" };
    const uploadId = await createUpload(target);
    await putPart(target, uploadId, 1, noise(900));
    await putPart(target, uploadId, 1, noise(1000));
    await createUpload({ bucket, key: "empty" });
    await count(bucket);
    expect(figuresOf(await usageOf(bucket))).toMatchObject({ objects: 0, openUploads: 2, uploadBytes: 1000 });
    await setQuota({ bucket }, { bytes: 1000 });
    expect((await errorOf(await sendPart(target, uploadId, 2, "x"))).code).toBe("QuotaExceeded");
    expect((await errorOf(await send({ method: "PUT", bucket, key: "k", body: "x" }))).code).toBe("QuotaExceeded");
  });

  it("neither changes nor reads the objects of an adopted bucket, and finds nothing wrong", async () => {
    await store.put("~m/abcdefghijkl", "no marker");
    await store.put("~b/1/1", "no blob");
    await store.put("k", "content", { customMetadata: { s3: '{"w":"x","t":1}' } });
    // As after a restore.
    await testEnv.DB.prepare("UPDATE buckets SET marker_due = 0 WHERE name = ?1").bind(bucket).run();
    const before = await versions();
    const now = new Date(Date.now() + 10 * 24 * 60 * MINUTES);
    for (const work of [runSweeps, ageObjects, takeInventories, resumeEvents]) await work(testEnv, now);
    expect(await versions()).toEqual(before);
    await expectNoFindings();
  });
});
