import { describe, expect, it } from "vitest";
import { configureLifecycle, DAY_MS } from "../../support/lifecycle.ts";
import { completionDocument, createUpload, putPart } from "../../support/multipart.ts";
import { putObject, type SendOptions, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { createVersionedBucket, putVersion } from "../../support/versions.ts";

const EXPIRE = "<Expiration><Days>7</Days></Expiration>";
const inTags = (...tags: string[]) =>
  `<Filter><And><Prefix/>${tags.map((tag) => `<Tag><Key>${tag}</Key><Value>1</Value></Tag>`).join("")}</And></Filter>`;

/** A bucket whose objects below `e/` expire by a rule whose id needs encoding. */
async function expiring(): Promise<string> {
  const bucket = await createBucket();
  await configureLifecycle(bucket, `<ID>rule &quot;one&quot;</ID><Filter><Prefix>e/</Prefix></Filter>${EXPIRE}`);
  return bucket;
}

/** The midnight after seven days from an answer on, which may have been given just before a midnight. */
function expected(): string[] {
  const after = (time: number) => new Date(Math.ceil((time + 7 * DAY_MS) / DAY_MS) * DAY_MS).toUTCString();
  return [...new Set([after(Date.now() - 30_000), after(Date.now())])].map(
    (date) => `expiry-date="${date}", rule-id="rule%20%22one%22"`,
  );
}

async function expirationOf(options: SendOptions): Promise<string | null> {
  const response = await send(options);
  expect(response.status).toBeLessThan(300);
  await response.body?.cancel();
  return response.headers.get("x-amz-expiration");
}

describe("x-amz-expiration", () => {
  it("is in the answers about an object that a rule expires, and in no other", async () => {
    const bucket = await expiring();
    for (const key of ["e/k", "k"]) {
      const uploadId = await createUpload({ bucket, key });
      const part = await putPart({ bucket, key }, uploadId, 1, "content");
      const answers = [
        await expirationOf({ method: "PUT", bucket, key, body: "x" }),
        await expirationOf({ bucket, key }),
        await expirationOf({ method: "HEAD", bucket, key }),
        await expirationOf({ bucket, key, headers: { range: "bytes=0-0" } }),
        await expirationOf({
          method: "PUT",
          bucket,
          key: `${key}2`,
          headers: { "x-amz-copy-source": `/${bucket}/${key}` },
        }),
        await expirationOf({
          method: "POST",
          bucket,
          key,
          query: `uploadId=${uploadId}`,
          body: completionDocument([part]),
        }),
      ];
      const values: readonly (string | null)[] = key === "k" ? [null] : expected();
      expect(answers.filter((each) => !values.includes(each))).toEqual([]);
    }
  });

  it("follows a rule that was put later", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k");
    expect(await expirationOf({ bucket, key: "k" })).toBe(null);
    await configureLifecycle(bucket, `<ID>late</ID><Filter/>${EXPIRE}`);
    expect(await expirationOf({ bucket, key: "k" })).toContain('rule-id="late"');
  });

  // LocalStack's recording test_bucket_lifecycle_configuration_object_expiry_versioned.
  it("is about the current version only, and not if the request names it", async () => {
    const bucket = await createVersionedBucket();
    await configureLifecycle(bucket, `<ID>r</ID><Filter/>${EXPIRE}`);
    const first = await putVersion(bucket, "k", "1");
    const second = await putVersion(bucket, "k", "2");
    const head = { method: "HEAD", bucket, key: "k" };
    expect(await expirationOf({ ...head, query: `versionId=${first}` })).toBe(null);
    expect(await expirationOf({ ...head, query: `versionId=${second}` })).toBe(null);
    expect(await expirationOf(head)).toContain('rule-id="r"');
  });

  it("goes by size and tags, also of an upload", async () => {
    const bucket = await createBucket();
    await configureLifecycle(
      bucket,
      `<ID>tags</ID>${inTags("a", "b")}${EXPIRE}`,
      "<ID>large</ID><Filter><ObjectSizeGreaterThan>20</ObjectSizeGreaterThan></Filter><Expiration><Days>30</Days></Expiration>",
    );
    const put = (body: string, tagging?: string) =>
      expirationOf({ method: "PUT", bucket, key: "k", body, headers: tagging ? { "x-amz-tagging": tagging } : {} });
    expect(await put("x".repeat(22), "a=1&b=1")).toContain('rule-id="tags"');
    expect(await put("x".repeat(22), "a=1&b=2")).toContain('rule-id="large"');
    expect(await put("x", "a=1")).toBe(null);
    const tagged = { method: "POST", bucket, key: "u", query: "uploads", headers: { "x-amz-tagging": "a=1&b=1" } };
    const [, uploadId = ""] = /<UploadId>([^<]+)/.exec(await (await send(tagged)).text()) ?? [];
    const part = await putPart({ bucket, key: "u" }, uploadId, 1, "x");
    const complete = {
      method: "POST",
      bucket,
      key: "u",
      query: `uploadId=${uploadId}`,
      body: completionDocument([part]),
    };
    expect(await expirationOf(complete)).toContain('rule-id="tags"');
  });

  it("is not sent for a rule about delete markers", async () => {
    const bucket = await createBucket();
    await configureLifecycle(
      bucket,
      "<Filter/><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>",
    );
    expect(await expirationOf({ method: "PUT", bucket, key: "k", body: "x" })).toBe(null);
  });
});

describe("x-amz-abort-date and x-amz-abort-rule-id", () => {
  it("are in the answers to CreateMultipartUpload and ListParts of an upload that a rule aborts", async () => {
    const bucket = await createBucket();
    const abort = (days: number) =>
      `<AbortIncompleteMultipartUpload><DaysAfterInitiation>${days}</DaysAfterInitiation></AbortIncompleteMultipartUpload>`;
    await configureLifecycle(
      bucket,
      `<ID>late</ID><Filter/>${abort(9)}`,
      `<ID>early rule</ID><Filter><Prefix>a/</Prefix></Filter>${abort(7)}`,
    );
    const [midnight = ""] = expected()
      .map((text) => /"([^"]+)"/.exec(text)?.[1])
      .slice(-1);
    for (const [key, ruleId, days] of [
      ["a/k", "early%20rule", 0],
      ["k", "late", 2],
    ] as const) {
      const created = await send({ method: "POST", bucket, key, query: "uploads" });
      const [, uploadId = ""] = /<UploadId>([^<]+)/.exec(await created.text()) ?? [];
      const listed = await send({ bucket, key, query: `uploadId=${uploadId}` });
      for (const { headers } of [created, listed]) {
        expect(headers.get("x-amz-abort-rule-id")).toBe(ruleId);
        const at = new Date(headers.get("x-amz-abort-date") ?? "").getTime();
        expect(Math.abs(at - new Date(midnight).getTime() - days * DAY_MS) % DAY_MS).toBe(0);
        expect(Math.abs(at - new Date(midnight).getTime() - days * DAY_MS)).toBeLessThanOrEqual(DAY_MS);
      }
    }
    await configureLifecycle(bucket, `<ID>r</ID><Filter/>${EXPIRE}`);
    const created = await send({ method: "POST", bucket, key: "k", query: "uploads" });
    expect([created.headers.get("x-amz-abort-date"), created.headers.get("x-amz-abort-rule-id")]).toEqual([null, null]);
  });
});
