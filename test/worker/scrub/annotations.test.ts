/** Annotations of objects: damage is named, and their bytes are read like those of objects. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { Env } from "../../../src/env.ts";
import type { FindingKind } from "../../../src/scrub/findings.ts";
import { MAX_CALLS } from "../../../src/scrub/step-budget.ts";
import { entryOf, recordAt, recordsOf } from "../../support/damage.ts";
import { keyedEnv, keyedStore } from "../../support/keyed-r2.ts";
import { kmsHeaders } from "../../support/kms.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { scrub } from "../../support/scrub.ts";
import { createVersionedBucket, putVersion } from "../../support/versions.ts";

const keyed = keyedEnv().env;

async function annotate(bucket: string, name: string, body: string, options: { env?: Env } = {}): Promise<void> {
  const query = `annotation&annotationName=${name}`;
  const response = await send({ method: "PUT", bucket, key: "k", query, body, ...options });
  expect([response.status, response.ok ? "" : await response.text()]).toEqual([200, ""]);
}

async function annotated(options: { headers?: Record<string, string>; env?: Env } = {}): Promise<string> {
  const bucket = await createBucket();
  await putObject(bucket, "k", "content", options);
  const { env: bindings } = options;
  for (const name of ["one", "two"]) await annotate(bucket, name, `text of ${name}`, bindings && { env: bindings });
  return bucket;
}

/** The R2 key of an annotation that a record names. */
async function blobAt(r2Key: string, name = "one"): Promise<string> {
  return `~b/${(await recordAt(r2Key)).A}/a.${name}`;
}

/** Puts an annotation again, with other bytes or metadata. */
async function damageBlob(r2Key: string, change: { bytes?: string; metadata?: Record<string, string> }) {
  const found = await env.STORE.get(r2Key);
  if (found === null) throw new Error(`there is no ${r2Key}`);
  const bytes = await found.text();
  await env.STORE.put(r2Key, change.bytes ?? bytes, {
    customMetadata: { ...found.customMetadata, ...change.metadata },
  });
}

interface Case {
  readonly kind: FindingKind;
  readonly what: string;
  readonly bytes?: true;
  readonly plant: () => Promise<{ bucket: string; blob: string; env?: Env }>;
}

const changed = (change: Parameters<typeof damageBlob>[1]) => async () => {
  const bucket = await annotated();
  const blob = await blobAt(await entryOf(bucket));
  await damageBlob(blob, change);
  return { bucket, blob };
};

const CASES: readonly Case[] = [
  { kind: "blob-size-differs", what: "no bytes", plant: changed({ bytes: "" }) },
  {
    kind: "checksum-differs",
    what: "a checksum of another length",
    plant: changed({ metadata: { checksum: '{"algorithm":"CRC64NVME","value":"AAAA","type":"FULL_OBJECT"}' } }),
  },
  { kind: "checksum-differs", what: "a checksum that is no JSON", plant: changed({ metadata: { checksum: "{" } }) },
  { kind: "checksum-differs", what: "other bytes", bytes: true, plant: changed({ bytes: "text of own" }) },
  {
    kind: "checksum-differs",
    what: "other bytes of a noncurrent version's",
    bytes: true,
    async plant() {
      const bucket = await createVersionedBucket();
      await putVersion(bucket, "k", "content");
      await annotate(bucket, "one", "text of one");
      await putVersion(bucket, "k", "later");
      const [record = ""] = await recordsOf(bucket);
      const blob = await blobAt(record);
      await damageBlob(blob, { bytes: "text of own" });
      return { bucket, blob };
    },
  },
  {
    kind: "bytes-unreadable",
    what: "bytes under another key",
    bytes: true,
    async plant() {
      const bucket = await annotated({ headers: kmsHeaders(), env: keyed });
      const blob = await blobAt(await entryOf(bucket));
      const { customMetadata = {} } = (await env.STORE.head(blob)) ?? {};
      const { store } = keyedStore(testEnv.STORE);
      await store.put(blob, "text of one", { customMetadata, ssecKey: new Uint8Array(32).buffer });
      return { bucket, blob, env: keyed };
    },
  },
];

describe.each(CASES)("an annotation with $what", ({ kind, bytes, plant }) => {
  it(`is named with ${kind}`, async () => {
    const { bucket, blob, env: bindings } = await plant();
    const options = { bucket, ...(bindings && { env: bindings }) };
    const { findings } = await scrub({ ...options, ...(bytes && { bytes }) });
    expect(findings.map((found) => [found.kind, found.bucket, found.key])).toEqual([[kind, bucket, "k"]]);
    expect(findings[0]?.subject?.replace(/^~b\//, "")).toBe(blob.slice("~b/".length));
    if (bytes) expect((await scrub(options)).findings).toEqual([]);
  });
});

describe("annotations without damage", () => {
  it.each([
    ["in plain objects", {}, testEnv],
    ["under a data key", kmsHeaders(), keyed],
  ] as const)("have no finding, %s", async (_where, headers, bindings) => {
    const bucket = await annotated({ headers, env: bindings });
    const { findings, counts } = await scrub({ bucket, bytes: true, env: bindings });
    expect(findings).toEqual([]);
    expect(counts.bytesRead).toBe("contenttext of onetext of two".length);
  });

  it("are read once each, in several steps, and the last one is not missed", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "content");
    const names = Array.from({ length: 60 }, (_, index) => `n${String(index).padStart(2, "0")}`);
    for (const name of names) await annotate(bucket, name, `text of ${name}`);
    const calls: number[] = [];
    const options = { bucket, bytes: true, onStep: (made: number) => calls.push(made) };
    const { findings, counts, steps } = await scrub(options);
    expect(findings).toEqual([]);
    expect(steps).toBeGreaterThan(2);
    expect(Math.max(...calls)).toBeLessThanOrEqual(MAX_CALLS);
    expect(counts.bytesRead).toBe("content".length + 60 * "text of n00".length);
    const last = await blobAt(await entryOf(bucket), "n59");
    await damageBlob(last, { bytes: "text of n5." });
    expect((await scrub({ bucket, bytes: true })).findings.map(({ subject }) => subject)).toEqual([last]);
  });
});
