/**
 * Every binding call of a step fails: all later ones are not made, or only its answer is lost. What is not due stays, what
 * is due is removed by the next pass, and every removal and transition is reported.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { EVERYTHING, setRules, withEventQueue } from "../../support/events.ts";
import { callsToFail, type Failure, failingEnv } from "../../support/failing-env.ts";
import { configureLifecycle, forgetPasses, inDays, passOver } from "../../support/lifecycle.ts";
import { keepObjectsInMemory } from "../../support/memory-store.ts";
import { completionDocument, createUpload, putPart } from "../../support/multipart.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { expectNoFindings } from "../../support/scrub.ts";
import { createVersionedBucket, putMarker, putVersion } from "../../support/versions.ts";
import { ageObjects, resumeEvents } from "../../support/worker.ts";

keepObjectsInMemory();

afterAll(() => expectNoFindings());

const LIFECYCLE_EVENTS = { ...EVERYTHING, events: ["s3:LifecycleExpiration:*", "s3:LifecycleTransition"] };
const LARGE = "x".repeat(128 * 1024);

// Everything that a test writes is 40 days old, by R2's clock: younger entries take more calls, and pauses.
beforeAll(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.setSystemTime(inDays(40));
});
afterAll(() => {
  vi.useRealTimers();
});

interface Scenario {
  readonly name: string;
  /** Prepares a bucket without rules. */
  prepare(): Promise<{ readonly bucket: string; readonly kept: Kept }>;
  readonly rule: string;
  /** `event key` of everything that is to be reported. */
  readonly reported: readonly string[];
  /** What is left in the end. */
  readonly left: readonly string[];
}

/** The content that is readable afterwards, by query. */
type Kept = Readonly<Record<string, string>>;

const SCENARIOS: readonly Scenario[] = [
  {
    name: "expiration in a bucket that was never versioned",
    async prepare() {
      const bucket = await createBucket();
      for (const key of ["a/1", "a/2", "b/1"]) await putObject(bucket, key, key);
      return { bucket, kept: { "b/1": "b/1" } };
    },
    rule: "<Filter><Prefix>a/</Prefix></Filter><Expiration><Days>1</Days></Expiration>",
    reported: ["LifecycleExpiration:Delete a/1", "LifecycleExpiration:Delete a/2"],
    left: ["b/1"],
  },
  {
    name: "expiration in a versioned bucket",
    async prepare() {
      const bucket = await createVersionedBucket();
      const first = await putVersion(bucket, "a", "1");
      return { bucket, kept: { [`a?versionId=${first}`]: "1" } };
    },
    rule: "<Filter/><Expiration><Days>1</Days></Expiration>",
    reported: ["LifecycleExpiration:DeleteMarkerCreated a"],
    left: ["a D *", "a"],
  },
  {
    name: "expiration of noncurrent versions",
    async prepare() {
      const bucket = await createVersionedBucket();
      await putVersion(bucket, "a", "1");
      await putMarker(bucket, "a");
      await putVersion(bucket, "a", "3");
      return { bucket, kept: { a: "3" } };
    },
    rule: "<Filter/><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>",
    reported: ["LifecycleExpiration:Delete a", "LifecycleExpiration:Delete a"],
    left: ["a *"],
  },
  {
    name: "the end of a delete marker",
    async prepare() {
      const bucket = await createVersionedBucket();
      await putMarker(bucket, "a");
      return { bucket, kept: {} };
    },
    rule: "<Filter/><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>",
    reported: ["LifecycleExpiration:Delete a"],
    left: [],
  },
  {
    name: "transitions",
    async prepare() {
      const bucket = await createBucket();
      await putObject(bucket, "inline", LARGE);
      const uploadId = await createUpload({ bucket, key: "parts" });
      const part = await putPart({ bucket, key: "parts" }, uploadId, 1, LARGE);
      const body = completionDocument([part]);
      await send({ method: "POST", bucket, key: "parts", query: `uploadId=${uploadId}`, body });
      return { bucket, kept: { inline: LARGE, parts: LARGE } };
    },
    rule: "<Filter/><Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>",
    reported: ["LifecycleTransition inline", "LifecycleTransition parts"],
    left: ["inline", "parts"],
  },
  {
    name: "the abortion of uploads",
    async prepare() {
      const bucket = await createBucket();
      const uploadId = await createUpload({ bucket, key: "a" });
      await putPart({ bucket, key: "a" }, uploadId, 1, "content");
      return { bucket, kept: {} };
    },
    rule: "<Filter/><AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>",
    reported: [],
    left: [],
  },
];

async function listed(bucket: string): Promise<string[]> {
  const versions = await (await send({ bucket, query: "versions" })).text();
  const uploads = await (await send({ bucket, query: "uploads" })).text();
  const isVersioned = !/<VersionId>null/.test(versions);
  return [
    ...[...versions.matchAll(/<(Version|DeleteMarker)>(.*?)<\/\1>/gs)].map(([, kind, content = ""]) => {
      const [, key = ""] = /<Key>([^<]*)/.exec(content) ?? [];
      const isLatest = isVersioned && content.includes("<IsLatest>true");
      return `${key}${kind === "Version" ? "" : " D"}${isLatest ? " *" : ""}`;
    }),
    ...[...uploads.matchAll(/<Upload>/g)].map(() => "upload"),
  ];
}

async function run(scenario: Scenario, failure: Failure | undefined) {
  const { bucket, kept } = await scenario.prepare();
  await setRules(bucket, { notification: [LIFECYCLE_EVENTS] });
  await configureLifecycle(bucket, scenario.rule);
  const queue = withEventQueue();
  const failing = failingEnv(queue.env, failure);
  await forgetPasses();
  await ageObjects(failing.env, inDays(3)).catch(() => undefined);
  // A day later what failed is seen by the next pass.
  const next = await passOver(bucket, inDays(4), { env: queue.env });
  await resumeEvents(queue.env, new Date(Date.now() + 120_000));
  const reported = queue.messages
    .filter(({ origin }) => origin.bucket.name === bucket)
    .flatMap(({ changes }) => changes.map(({ event, key, versionId = "" }) => `${event} ${key} ${versionId}`));
  const unique = [...new Set(reported)].map((text) => text.split(" ").slice(0, 2).join(" ")).sort();
  const left = await listed(bucket);
  for (const [target, content] of Object.entries(kept)) {
    const [key = "", query] = target.split("?");
    const response = await send({ bucket, key, ...(query !== undefined && { query }) });
    const text = new TextDecoder().decode(await response.arrayBuffer());
    expect([target, response.status, text === content]).toEqual([target, 200, true]);
  }
  await send({ method: "DELETE", bucket, query: "lifecycle" });
  return { unique, left, calls: failing.calls(), next };
}

describe.each(SCENARIOS)("$name", (scenario) => {
  it.each([
    ["after", "permanently"],
    ["after", "once"],
  ] as const)("loses nothing when any call fails %s it is made, %s", async (when, lasting) => {
    const { calls, ...good } = await run(scenario, undefined);
    expect(good.left).toEqual(scenario.left);
    expect(good.unique).toEqual(scenario.reported);
    expect([good.next.expired, good.next.transitioned]).toEqual([0, 0]);
    for (const at of callsToFail(calls, { when, lasting })) {
      const outcome = await run(scenario, { at, when, lasting });
      const label = `call ${at} of ${calls}`;
      expect([label, outcome.left]).toEqual([label, scenario.left]);
      expect([label, outcome.unique]).toEqual([label, scenario.reported]);
    }
    expect(calls).toBeGreaterThanOrEqual(4);
  });
});
