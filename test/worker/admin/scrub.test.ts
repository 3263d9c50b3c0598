/** The scrub's API: one step for each call, for the root account only. */
import { describe, expect, it } from "vitest";
import { MAX_CALLS } from "../../../src/scrub/step-budget.ts";
import { createAccount } from "../../support/accounts.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { damage, entryOf } from "../../support/damage.ts";
import { env as kmsEnv, kmsHeaders } from "../../support/kms.ts";
import { putObject, type SendOptions, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";

interface Answer {
  readonly findings: readonly { readonly kind: string; readonly key?: string }[];
  readonly counts: Readonly<Record<string, number>>;
  readonly at?: string;
  readonly cursor: string | null;
  readonly error?: { readonly code: string; readonly message: string };
}

async function step(body: unknown, options: SendOptions = {}): Promise<Answer & { readonly status: number }> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await send({ method: "POST", bucket: "-", key: "admin/scrub", body: text, ...options });
  return { status: response.status, ...((await response.json()) as Answer) };
}

describe("POST /-/admin/scrub", () => {
  it("answers with findings, counts and the cursor of the next step, until nothing is left", async () => {
    const bucket = await createBucket();
    const headers = kmsHeaders();
    for (let count = 0; count < 30; count++) {
      await putObject(bucket, `k${100 + count}`, "content", { headers, env: kmsEnv });
    }
    for (const key of ["k103", "k128"]) await damage(await entryOf(bucket, key), { record: () => "{" });
    const keys: (string | undefined)[] = [];
    let objects = 0;
    let cursor: string | null | undefined;
    let steps = 0;
    for (; cursor !== null; steps++) {
      const { env, counts } = countingEnv(kmsEnv);
      const answer = await step(cursor === undefined ? { bucket } : { cursor }, { env });
      expect(answer.status).toBe(200);
      keys.push(...answer.findings.map(({ kind }) => kind));
      objects += answer.counts.objects ?? 0;
      // The request itself loads its key.
      expect(counts.r2 + counts.d1 + counts.durableObject).toBeLessThanOrEqual(MAX_CALLS + 2);
      if (answer.cursor !== null) expect(answer.at).toMatch(/^(entries|records|uploads) of /);
      ({ cursor } = answer);
    }
    expect([keys, objects]).toEqual([["record-unreadable", "record-unreadable"], 28]);
    expect(steps).toBeGreaterThan(1);
  });

  it.each([
    ["nothing", ""],
    ["a list", []],
    ["another name", { buckets: "b" }],
    ["a bucket that is no text", { bucket: 1 }],
    ["bytes that are no boolean", { bytes: "yes" }],
    ["a cursor with a bucket", { cursor: "e30", bucket: "b" }],
    ["a cursor that no step has returned", { cursor: "e30" }],
    ["a cursor that is no base64", { cursor: "%" }],
    ["a cursor of an unknown stage", { cursor: btoa(JSON.stringify({ at: { stage: "toString" } })) }],
    ["a cursor without its bucket", { cursor: btoa(JSON.stringify({ at: { stage: "entries", after: "" } })) }],
  ])("refuses %s with InvalidRequest", async (_what, body) => {
    const { status, error } = await step(body);
    expect([status, error?.code]).toEqual([400, "InvalidRequest"]);
  });

  it("answers NoSuchBucket, and ends if the bucket is deleted meanwhile", async () => {
    const { status, error } = await step({ bucket: "no-such-bucket" });
    expect([status, error?.code]).toEqual([404, "NoSuchBucket"]);
    const gone = { only: "gone", at: { stage: "entries", bucket: "gone", bucketId: "aaaaaaaaaaaa", after: "" } };
    const ended = await step({ cursor: btoa(JSON.stringify(gone)) });
    expect([ended.status, ended.findings, ended.cursor]).toEqual([200, [], null]);
  });

  it("is for the root account only", async () => {
    const account = await createAccount();
    for (const as of [account, null]) {
      const { status, error } = await step({}, { as });
      expect([status, error?.code]).toEqual([403, "AccessDenied"]);
    }
  });
});
