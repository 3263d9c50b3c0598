import { describe, expect, it } from "vitest";
import { digestOf } from "../../support/acl.ts";
import { expectError } from "../../support/errors.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { type SendOptions, STYLES, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { setVersioning, versioningDocument } from "../../support/versions.ts";
import { documentOf, fields } from "../../support/xml.ts";

const ENABLED = versioningDocument("<Status>Enabled</Status>");

describeRefusals("GetBucketVersioning", { query: "versioning", success: 200 });
describeRefusals("PutBucketVersioning", { method: "PUT", query: "versioning", body: ENABLED, success: 200 });

async function stateOf(bucket: string, options: SendOptions = {}) {
  const root = await documentOf(await send({ ...options, bucket, query: "versioning" }), "VersioningConfiguration");
  return fields(root);
}

function put(bucket: string, body: string, options: SendOptions = {}): Promise<Response> {
  return send({ ...options, method: "PUT", bucket, query: "versioning", body });
}

describe("GetBucketVersioning", () => {
  // API_GetBucketVersioning: a bucket whose versioning was never set has no Status.
  it.each(STYLES)("GetBucketVersioning answers without a Status, %s style", async (style) => {
    expect(await stateOf(await createBucket(), { style })).toEqual({});
  });
});

describe("PutBucketVersioning", () => {
  it.each(STYLES)("PutBucketVersioning enables, suspends and enables again, %s style", async (style) => {
    const bucket = await createBucket();
    for (const status of ["Enabled", "Suspended", "Enabled"] as const) {
      const response = await put(bucket, versioningDocument(`<Status>${status}</Status>`), { style });
      expect([response.status, await response.text()]).toEqual([200, ""]);
      expect(await stateOf(bucket, { style })).toEqual({ Status: status });
    }
  });

  it("PutBucketVersioning suspends a bucket that was never versioned", async () => {
    const bucket = await createBucket();
    await setVersioning(bucket, "Suspended");
    expect(await stateOf(bucket)).toEqual({ Status: "Suspended" });
  });

  it("PutBucketVersioning accepts MfaDelete Disabled and a digest", async () => {
    const bucket = await createBucket();
    const body = versioningDocument("<MfaDelete>Disabled</MfaDelete><Status>Enabled</Status>");
    expect((await put(bucket, body, { headers: await digestOf(body) })).status).toBe(200);
    expect(await stateOf(bucket)).toEqual({ Status: "Enabled" });
  });

  // LocalStack's recordings of AWS, test_bucket_versioning_crud.
  it.each([
    ["a Status in lower case", "<Status>enabled</Status>"],
    ["Disabled", "<Status>Disabled</Status>"],
    ["an empty Status", "<Status/>"],
    ["an unknown element", "<Status>Enabled</Status><State/>"],
    ["an unknown MfaDelete", "<Status>Enabled</Status><MfaDelete>yes</MfaDelete>"],
  ])("PutBucketVersioning refuses %s with MalformedXML", async (_name, content) => {
    const bucket = await createBucket();
    await expectError(await put(bucket, versioningDocument(content)), 400, "MalformedXML");
    await expectError(await put(bucket, "<Versioning/>"), 400, "MalformedXML");
    expect(await stateOf(bucket)).toEqual({});
  });

  it.each(["", "<MfaDelete>Disabled</MfaDelete>"])(
    "PutBucketVersioning refuses a document without Status, %j, with IllegalVersioningConfigurationException",
    async (content) => {
      const response = await put(await createBucket(), versioningDocument(content));
      await expectError(response, 400, "IllegalVersioningConfigurationException", {
        message: "The Versioning element must be specified",
      });
    },
  );

  it("PutBucketVersioning refuses MFA delete with NotImplemented", async () => {
    const bucket = await createBucket();
    const body = versioningDocument("<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>");
    await expectError(await put(bucket, body), 501, "NotImplemented", { message: "MFA delete is not implemented." });
    await expectError(await put(bucket, ENABLED, { headers: { "x-amz-mfa": "serial 1" } }), 501, "NotImplemented", {
      message: "A header you provided implies functionality that is not implemented",
      details: { Header: "x-amz-mfa" },
    });
    expect(await stateOf(bucket)).toEqual({});
  });

  it("PutBucketVersioning refuses to suspend a bucket with object lock with InvalidBucketState", async () => {
    const bucket = await createBucket();
    await setVersioning(bucket, "Enabled");
    await testEnv.DB.prepare(
      "INSERT INTO bucket_documents (bucket_id, kind, body, updated_at) SELECT id, 'objectLock', '{}', 0 FROM buckets WHERE name = ?1",
    )
      .bind(bucket)
      .run();
    await expectError(await put(bucket, versioningDocument("<Status>Suspended</Status>")), 409, "InvalidBucketState", {
      message: "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
    });
    await setVersioning(bucket, "Enabled");
    expect(await stateOf(bucket)).toEqual({ Status: "Enabled" });
  });

  it("PutBucketVersioning is answered once no other isolate can have the earlier state", async () => {
    const bucket = await createBucket();
    let waitedMs = 0;
    // An isolate of its own, which shares no services with the other tests.
    const DB = new Proxy(testEnv.DB, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const { wait } = scheduler;
    scheduler.wait = async (ms) => {
      waitedMs += Number(ms);
    };
    try {
      const env = { ...testEnv, DB, ONE_ISOLATE: "false", CONFIG_TTL_SECONDS: "3" };
      await setVersioning(bucket, "Enabled", { env });
    } finally {
      scheduler.wait = wait;
    }
    expect(waitedMs).toBe(3_000);
  });
});
