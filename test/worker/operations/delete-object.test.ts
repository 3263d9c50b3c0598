import { describe, expect, it } from "vitest";
import { expectError } from "../../support/errors.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { putObject, type SendOptions, STYLES, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";

describeRefusals("DeleteObject", { method: "DELETE", key: "k", success: 204 });

const OTHER_ETAG = "0".repeat(32);

function remove(options: SendOptions): Promise<Response> {
  return send({ method: "DELETE", key: "k", ...options });
}

async function isPresent(bucket: string, key = "k"): Promise<boolean> {
  const { status } = await send({ method: "HEAD", bucket, key });
  const listed = (await (await send({ bucket })).text()).includes(`<Key>${key}</Key>`);
  expect(listed).toBe(status === 200);
  return listed;
}

describe("DeleteObject", () => {
  it.each(STYLES)("DeleteObject removes an object and answers 204 without a body, %s style", async (style) => {
    const bucket = await createBucket();
    await putObject(bucket, "k");
    const response = await remove({ bucket, style });
    expect([response.status, await response.text()]).toEqual([204, ""]);
    expect(await isPresent(bucket)).toBe(false);
  });

  it("DeleteObject succeeds for an absent key", async () => {
    expect((await remove({ bucket: await createBucket() })).status).toBe(204);
  });

  it("DeleteObject removes this key and no similar one", async () => {
    const bucket = await createBucket();
    for (const key of ["a", "a/", "a/b", "A", "a "]) await putObject(bucket, key);
    await remove({ bucket, key: "a" });
    expect((await send({ method: "HEAD", bucket, key: "a" })).status).toBe(404);
    for (const key of ["a/", "a/b", "A", "a "]) {
      expect([key, (await send({ method: "HEAD", bucket, key })).status]).toEqual([key, 200]);
    }
  });

  it("DeleteObject removes the version null", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k");
    expect((await remove({ bucket, query: "versionId=null" })).status).toBe(204);
    expect(await isPresent(bucket)).toBe(false);
  });

  it("DeleteObject refuses any other version with InvalidArgument and keeps the object", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k");
    await expectError(await remove({ bucket, query: "versionId=abc" }), 400, "InvalidArgument", {
      message: "Invalid version id specified",
      details: { ArgumentName: "versionId", ArgumentValue: "abc" },
    });
    await expectError(await remove({ bucket, query: "versionId=" }), 400, "InvalidArgument", {
      message: "Version id cannot be the empty string",
      details: { ArgumentName: "versionId", ArgumentValue: "" },
    });
    expect(await isPresent(bucket)).toBe(true);
  });

  it.each([
    ["x-amz-if-match-last-modified-time", "Thu, 01 Jan 2015 00:00:00 GMT"],
    ["x-amz-if-match-size", "7"],
    ["x-amz-mfa", "serial 123456"],
  ])("DeleteObject refuses %s with NotImplemented and keeps the object", async (name, value) => {
    const bucket = await createBucket();
    await putObject(bucket, "k");
    await expectError(await remove({ bucket, headers: { [name]: value } }), 501, "NotImplemented", {
      message: "A header you provided implies functionality that is not implemented",
      details: { Header: name },
    });
    expect(await isPresent(bucket)).toBe(true);
  });

  it.each([
    ["If-None-Match", "*"],
    ["If-Unmodified-Since", "Thu, 01 Jan 2015 00:00:00 GMT"],
    ["If-Modified-Since", "Thu, 01 Jan 2015 00:00:00 GMT"],
  ])("DeleteObject refuses the condition %s with NotImplemented and keeps the object", async (name, value) => {
    const bucket = await createBucket();
    await putObject(bucket, "k");
    await expectError(await remove({ bucket, headers: { [name]: value } }), 501, "NotImplemented", {
      message: "A header you provided implies functionality that is not implemented",
      details: { Header: name, additionalMessage: `We don't accept the ${name} header for this API` },
    });
    expect(await isPresent(bucket)).toBe(true);
  });

  it.each(["true", "false"])("DeleteObject refuses a bypass of locks (%s), which no bucket has", async (value) => {
    const bucket = await createBucket();
    await putObject(bucket, "k");
    const headers = { "x-amz-bypass-governance-retention": value };
    await expectError(await remove({ bucket, headers }), 400, "InvalidArgument", {
      message: "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.",
      details: { ArgumentName: "x-amz-bypass-governance-retention" },
    });
    expect(await isPresent(bucket)).toBe(true);
    expect((await remove({ bucket: "no-bucket-of-this-name", headers })).status).toBe(404);
    expect((await remove({ bucket, headers, as: null })).status).toBe(403);
  });

  it("DeleteObject is never performed for a request with a subresource", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k");
    for (const query of ["acl", "retention", "legal-hold", "uploadId=u", "partNumber=1", "policy"]) {
      const response = await remove({ bucket, query });
      expect([query, response.status]).toEqual([query, expect.toSatisfy((status) => [404, 405, 501].includes(status))]);
      await response.body?.cancel();
    }
    expect(await isPresent(bucket)).toBe(true);
  });
});

// "How to perform conditional deletes" (conditional-deletes).
describe("DeleteObject under a condition", () => {
  it.each([
    ["the ETag, quoted", (etag: string) => `"${etag}"`],
    ["the ETag, bare", (etag: string) => etag],
    ["*", () => "*"],
  ])("DeleteObject with If-Match: %s removes the object", async (_form, format) => {
    const bucket = await createBucket();
    const etag = await putObject(bucket, "k");
    expect((await remove({ bucket, headers: { "if-match": format(etag) } })).status).toBe(204);
    expect(await isPresent(bucket)).toBe(false);
  });

  it("DeleteObject with If-Match removes a large object behind a manifest", async () => {
    const bucket = await createBucket();
    const body = new Uint8Array(1024 * 1024 + 1);
    const etag = await putObject(bucket, "k", body, { headers: { "x-amz-storage-class": "STANDARD_IA" } });
    expect((await remove({ bucket, headers: { "if-match": OTHER_ETAG } })).status).toBe(412);
    expect((await remove({ bucket, headers: { "if-match": etag } })).status).toBe(204);
    expect(await isPresent(bucket)).toBe(false);
  });

  it.each([`"${OTHER_ETAG}"`, '"a", "b"', 'W/"a"'])(
    "DeleteObject with If-Match: %s refuses another ETag with PreconditionFailed",
    async (etag) => {
      const bucket = await createBucket();
      await putObject(bucket, "k");
      await expectError(await remove({ bucket, headers: { "if-match": etag } }), 412, "PreconditionFailed", {
        details: { Condition: "If-Match" },
      });
      expect(await isPresent(bucket)).toBe(true);
    },
  );

  it.each(["*", OTHER_ETAG])("DeleteObject with If-Match: %s refuses an absent key with NoSuchKey", async (etag) => {
    const bucket = await createBucket();
    for (const prepare of [async () => {}, async () => void (await putAndRemove(bucket))]) {
      await prepare();
      await expectError(await remove({ bucket, headers: { "if-match": etag } }), 404, "NoSuchKey", {
        details: { Key: "k" },
      });
    }
  });

  it("DeleteObject with If-Match never removes a newer write it races with", async () => {
    for (let round = 0; round < 5; round++) {
      const bucket = await createBucket();
      const etag = await putObject(bucket, "k", "old");
      await Promise.all([remove({ bucket, headers: { "if-match": etag } }), putObject(bucket, "k", "new")]);
      expect(await (await send({ bucket, key: "k" })).text()).toBe("new");
    }
  });

  it("DeleteObject does not reveal to callers without permission whether a condition holds", async () => {
    const bucket = await createBucket();
    const etag = await putObject(bucket, "k");
    for (const condition of [etag, OTHER_ETAG]) {
      const response = await remove({ bucket, as: null, headers: { "if-match": condition } });
      await expectError(response, 403, "AccessDenied");
    }
    expect(await isPresent(bucket)).toBe(true);
  });

  async function putAndRemove(bucket: string): Promise<void> {
    const etag = await putObject(bucket, "k");
    await remove({ bucket, headers: { "if-match": etag } });
  }
});
