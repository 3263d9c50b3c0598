import { describe, expect, it } from "vitest";
import { digestOf } from "../../support/acl.ts";
import { expectError } from "../../support/errors.ts";
import { createUser } from "../../support/iam.ts";
import {
  createLockedBucket,
  lockConfiguration,
  putLockConfiguration,
  putVersioning,
} from "../../support/object-lock.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { STYLES, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { documentOf, textIn } from "../../support/xml.ts";

const allow = (actions: readonly string[]) => ({ Effect: "Allow", Action: actions, Resource: "*" });

const QUERY = "object-lock";
const BODY = lockConfiguration();

describeRefusals("GetObjectLockConfiguration", { query: QUERY, success: 404 });
// The bucket of these tests is not versioned.
describeRefusals("PutObjectLockConfiguration", {
  method: "PUT",
  query: QUERY,
  body: BODY,
  headers: await digestOf(BODY),
  success: 409,
});

async function read(bucket: string, style: (typeof STYLES)[number] = "path"): Promise<string> {
  const response = await send({ bucket, query: QUERY, style });
  expect(response.status).toBe(200);
  const text = await response.text();
  return text.slice(text.indexOf("<ObjectLockEnabled>"), text.indexOf("</ObjectLockConfiguration>"));
}

async function versioningOf(bucket: string): Promise<string | undefined> {
  const root = await documentOf(await send({ bucket, query: "versioning" }), "VersioningConfiguration");
  return textIn(root, "Status");
}

const NOT_VERSIONED = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration";
const ENABLED = "<ObjectLockEnabled>Enabled</ObjectLockEnabled>";
const GOVERNANCE = "<Mode>GOVERNANCE</Mode><Days>1</Days>";

describe("object lock of a bucket", () => {
  it("GetObjectLockConfiguration of a bucket without it: ObjectLockConfigurationNotFoundError", async () => {
    const bucket = await createBucket();
    await expectError(await send({ bucket, query: QUERY }), 404, "ObjectLockConfigurationNotFoundError", {
      message: "Object Lock configuration does not exist for this bucket",
      details: { BucketName: bucket },
    });
  });

  it.each(STYLES)("is there from the bucket's creation, replaced and never removed, %s style", async (style) => {
    const bucket = await createLockedBucket();
    expect(await versioningOf(bucket)).toBe("Enabled");
    expect(await read(bucket, style)).toBe(ENABLED);
    for (const rule of [GOVERNANCE, "<Mode>COMPLIANCE</Mode><Years>2</Years>", undefined]) {
      const response = await putLockConfiguration(bucket, lockConfiguration(rule), { style });
      expect([response.status, await response.text()]).toEqual([200, ""]);
      const shown = rule === undefined ? "" : `<Rule><DefaultRetention>${rule}</DefaultRetention></Rule>`;
      expect(await read(bucket, style)).toBe(ENABLED + shown);
    }
    const remove = await send({ method: "DELETE", bucket, query: QUERY, style });
    expect(remove.status).toBe(405);
    expect(await read(bucket)).toBe(ENABLED);
  });

  it("PutObjectLockConfiguration of a bucket that is not versioned: InvalidBucketState", async () => {
    const bucket = await createBucket();
    const refuse = async () =>
      expectError(await putLockConfiguration(bucket, BODY), 409, "InvalidBucketState", { message: NOT_VERSIONED });
    await refuse();
    await putVersioning(bucket, "Suspended");
    await refuse();
    await putVersioning(bucket, "Enabled");
    expect((await putLockConfiguration(bucket, BODY)).status).toBe(200);
    expect(await read(bucket)).toBe(ENABLED);
  });

  it("PutBucketVersioning cannot suspend it: InvalidBucketState", async () => {
    const bucket = await createLockedBucket();
    await expectError(await putVersioning(bucket, "Suspended"), 409, "InvalidBucketState", {
      message: "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
    });
    expect((await putVersioning(bucket, "Enabled")).status).toBe(200);
    expect(await versioningOf(bucket)).toBe("Enabled");
  });

  it("of suspending and locking at the same time, one wins", async () => {
    const bucket = await createBucket();
    await putVersioning(bucket, "Enabled");
    const [locked, suspended] = await Promise.all([
      putLockConfiguration(bucket, BODY),
      putVersioning(bucket, "Suspended"),
    ]);
    expect([locked.status, suspended.status].sort()).toEqual([200, 409]);
    expect(await versioningOf(bucket)).toBe(locked.status === 200 ? "Enabled" : "Suspended");
  });

  it("PutObjectLockConfiguration refuses a document without digest with InvalidRequest", async () => {
    const bucket = await createLockedBucket();
    await expectError(await send({ method: "PUT", bucket, query: QUERY, body: BODY }), 400, "InvalidRequest", {
      message: "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
    });
  });

  it.each([
    ["MalformedXML", 400, lockConfiguration("<Mode>GOVERNANCE</Mode>"), {}],
    [
      "InvalidArgument",
      400,
      lockConfiguration("<Mode>GOVERNANCE</Mode><Days>0</Days>"),
      { message: "Default retention period must be a positive integer value.", details: { ArgumentName: "Days" } },
    ],
    [
      "NotImplemented",
      501,
      lockConfiguration(`${GOVERNANCE}<DefaultEventHold><Days>1</Days></DefaultEventHold>`),
      { message: "Event holds are not implemented." },
    ],
  ])("PutObjectLockConfiguration answers %s, and nothing changes", async (code, status, body, expected) => {
    const bucket = await createLockedBucket();
    await expectError(await putLockConfiguration(bucket, body), status, code, expected);
    expect(await read(bucket)).toBe(ENABLED);
  });

  it("PutObjectLockConfiguration ignores the token for existing buckets", async () => {
    const bucket = await createLockedBucket();
    const headers = { ...(await digestOf(BODY)), "x-amz-bucket-object-lock-token": "t" };
    expect((await send({ method: "PUT", bucket, query: QUERY, body: BODY, headers })).status).toBe(200);
  });
});

describe("CreateBucket with x-amz-bucket-object-lock-enabled", () => {
  const create = (bucket: string, value: string, as?: Awaited<ReturnType<typeof createUser>>["key"]) =>
    send({ method: "PUT", bucket, headers: { "x-amz-bucket-object-lock-enabled": value }, ...(as && { as }) });

  it.each(["true", "True", "TRUE"])("%s creates it", async (value) => {
    const bucket = `lock-${crypto.randomUUID()}`;
    expect((await create(bucket, value)).status).toBe(200);
    expect(await read(bucket)).toBe(ENABLED);
    await expectError(await create(bucket, value), 409, "BucketAlreadyOwnedByYou", {
      message: "Your previous request to create the named bucket succeeded and you already own it.",
      details: { BucketName: bucket },
    });
  });

  it.each(["false", ""])("%j creates none", async (value) => {
    const bucket = `lock-${crypto.randomUUID()}`;
    expect((await create(bucket, value)).status).toBe(200);
    expect((await send({ bucket, query: QUERY })).status).toBe(404);
    expect(await versioningOf(bucket)).toBeUndefined();
  });

  it("CreateBucket refuses another value with InvalidArgument", async () => {
    const bucket = `lock-${crypto.randomUUID()}`;
    await expectError(await create(bucket, "yes"), 400, "InvalidArgument", {
      message: "Invalid Argument",
      details: { ArgumentName: "x-amz-bucket-object-lock-enabled", ArgumentValue: "yes" },
    });
    expect((await send({ method: "HEAD", bucket })).status).toBe(404);
  });

  it("CreateBucket refuses a caller without either of the two permissions with AccessDenied", async () => {
    const actions = ["s3:CreateBucket", "s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"];
    for (const missing of [undefined, ...actions]) {
      const { key } = await createUser([allow(actions.filter((action) => action !== missing))]);
      const bucket = `lock-${crypto.randomUUID()}`;
      const response = await create(bucket, "true", key);
      if (missing === undefined) expect(response.status).toBe(200);
      else await expectError(response, 403, "AccessDenied");
    }
  });
});
