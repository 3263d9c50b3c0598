import { describe, expect, it } from "vitest";
import { expectError } from "../../support/errors.ts";
import { interceptEnv } from "../../support/platform/intercept.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { putObject, type SendOptions, STYLES, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { createVersionedBucket, putMarker, putVersion, setVersioning, versionHeaders } from "../../support/versions.ts";

describeRefusals("DeleteObject", { method: "DELETE", key: "k", success: 204 });

const OTHER_ETAG = "0".repeat(32);
const SIZE = "x-amz-if-match-size";
const TIME = "x-amz-if-match-last-modified-time";
const LONG_AGO = "Thu, 01 Jan 2015 00:00:00 GMT";

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

  it("DeleteObject refuses x-amz-mfa with NotImplemented and keeps the object", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k");
    await expectError(await remove({ bucket, headers: { "x-amz-mfa": "serial 123456" } }), 501, "NotImplemented", {
      message: "A header you provided implies functionality that is not implemented",
      details: { Header: "x-amz-mfa" },
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

  it.each(["true", "false"])("DeleteObject refuses a bypass of locks (%s) where the bucket has none", async (value) => {
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

  // R2 takes one write a second for each key (R2 "Limits").
  it("DeleteObject with If-Match writes to R2 once, and not at all if it does not hold", async () => {
    const bucket = await createBucket();
    const body = new Uint8Array(1024 * 1024 + 1);
    const etag = await putObject(bucket, "manifest", body, { headers: { "x-amz-storage-class": "STANDARD_IA" } });
    const small = await putObject(bucket, "inline");
    const calls: string[] = [];
    const env = interceptEnv(testEnv, (call, make) => {
      if (call.binding === "STORE") calls.push(call.method);
      return make();
    });
    const callsOf = async (key: string, value: string) => {
      calls.length = 0;
      const { status } = await remove({ bucket, key, headers: { "if-match": value }, env });
      return [status, ...calls];
    };
    expect(await callsOf("manifest", OTHER_ETAG)).toEqual([412, "head"]);
    expect(await callsOf("manifest", etag)).toEqual([204, "head", "put"]);
    expect(await callsOf("inline", small)).toEqual([204, "head", "put"]);
    expect(await callsOf("absent", etag)).toEqual([404, "head"]);
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

  // API_DeleteObject: "If the Size matches or if the object doesn't exist, the operation returns a 204".
  it.each(["inline", "manifest"])("DeleteObject with size and time removes only what has them, %s", async (kind) => {
    const bucket = await createBucket();
    const body = kind === "inline" ? "content" : new Uint8Array(1024 * 1024 + 1);
    await putObject(bucket, "k", body, kind === "inline" ? {} : { headers: { "x-amz-storage-class": "STANDARD_IA" } });
    const { headers: present } = await send({ method: "HEAD", bucket, key: "k" });
    const size = present.get("content-length") ?? "";
    const time = present.get("last-modified") ?? "";
    for (const [headers, Condition] of [
      [{ [SIZE]: "3" }, SIZE],
      [{ [TIME]: LONG_AGO }, TIME],
      [{ [SIZE]: size, [TIME]: LONG_AGO }, TIME],
      [{ [SIZE]: size, [TIME]: time, "if-match": OTHER_ETAG }, "If-Match"],
      [{ [SIZE]: "3", "if-match": "*" }, SIZE],
    ] as [Record<string, string>, string][]) {
      await expectError(await remove({ bucket, headers }), 412, "PreconditionFailed", { details: { Condition } });
    }
    expect(await isPresent(bucket)).toBe(true);
    const etag = present.get("etag") ?? "";
    const exact = { [SIZE]: size, [TIME]: new Date(time).toISOString(), "if-match": etag };
    expect((await remove({ bucket, headers: exact })).status).toBe(204);
    expect(await isPresent(bucket)).toBe(false);
    for (const headers of [{ [SIZE]: size }, { [TIME]: LONG_AGO }] as Record<string, string>[]) {
      expect((await remove({ bucket, headers })).status).toBe(204);
    }
  });

  it.each([
    [SIZE, "large", "Invalid size in the condition"],
    [SIZE, "-1", "Invalid size in the condition"],
    [TIME, "now", "Invalid date in the condition"],
  ])("DeleteObject refuses %s: %s with InvalidArgument", async (name, value, message) => {
    const bucket = await createBucket();
    await expectError(await remove({ bucket, headers: { [name]: value } }), 400, "InvalidArgument", {
      message,
      details: { ArgumentName: name, ArgumentValue: value },
    });
  });

  it("DeleteObject on a condition needs permission to read what the condition reveals", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k");
    const Statement = [
      { Effect: "Allow", Principal: "*", Action: "s3:DeleteObject", Resource: `arn:aws:s3:::${bucket}/*` },
    ];
    const policy = JSON.stringify({ Version: "2012-10-17", Statement });
    await send({ method: "PUT", bucket, query: "policy", body: policy });
    for (const headers of [{ [SIZE]: "7" }, { [TIME]: LONG_AGO }, { "if-match": OTHER_ETAG }] as Record<
      string,
      string
    >[]) {
      await expectError(await remove({ bucket, headers, as: null }), 403, "AccessDenied");
    }
    expect((await remove({ bucket, headers: { "if-match": "*" }, as: null })).status).toBe(204);
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

describe("DeleteObject in a versioned bucket", () => {
  it("DeleteObject puts a delete marker over the object, over a marker and where there is nothing", async () => {
    const bucket = await createVersionedBucket();
    const version = await putVersion(bucket, "k", "v");
    const markers = [await putMarker(bucket, "k"), await putMarker(bucket, "k"), await putMarker(bucket, "other")];
    expect(new Set(markers).size).toBe(3);
    expect(await isPresent(bucket)).toBe(false);
    expect((await send({ bucket, key: "k", query: `versionId=${version}` })).status).toBe(200);
  });

  it("DeleteObject of a version removes only this one, and says whether it was a delete marker", async () => {
    const bucket = await createVersionedBucket();
    const [first, second] = [await putVersion(bucket, "k", "1"), await putVersion(bucket, "k", "2")];
    const marker = await putMarker(bucket, "k");
    const gone = await remove({ bucket, query: `versionId=${marker}` });
    expect(versionHeaders(gone)).toMatchObject({ status: 204, version: marker, marker: "true" });
    expect(await (await send({ bucket, key: "k" })).text()).toBe("2");
    expect(versionHeaders(await remove({ bucket, query: `versionId=${second}` }))).toMatchObject({
      status: 204,
      version: second,
      marker: null,
    });
    expect(await (await send({ bucket, key: "k" })).text()).toBe("1");
    await expectError(await send({ bucket, key: "k", query: `versionId=${second}` }), 404, "NoSuchVersion", {
      details: { Key: "k", VersionId: second },
    });
    await remove({ bucket, query: `versionId=${first}` });
    const absent = await send({ bucket, key: "k" });
    expect(versionHeaders(absent)).toMatchObject({ status: 404, version: null, marker: null });
  });

  it("DeleteObject of a version that is gone succeeds", async () => {
    const bucket = await createVersionedBucket();
    const version = await putVersion(bucket, "k", "1");
    for (let round = 0; round < 2; round++) {
      const response = await remove({ bucket, query: `versionId=${version}` });
      expect(versionHeaders(response)).toMatchObject({ status: 204, version, marker: null });
    }
  });

  it("DeleteObject where versioning is suspended replaces the null version by a marker of the same id", async () => {
    const bucket = await createVersionedBucket();
    const version = await putVersion(bucket, "k", "kept");
    await setVersioning(bucket, "Suspended");
    await putObject(bucket, "k", "null version");
    expect(versionHeaders(await remove({ bucket }))).toMatchObject({ version: "null", marker: "true" });
    expect((await send({ bucket, key: "k", query: "versionId=null" })).status).toBe(405);
    expect(await (await send({ bucket, key: "k", query: `versionId=${version}` })).text()).toBe("kept");
    const gone = await remove({ bucket, query: "versionId=null" });
    expect(versionHeaders(gone)).toMatchObject({ version: "null", marker: "true" });
    expect(await (await send({ bucket, key: "k" })).text()).toBe("kept");
  });

  it("DeleteObject on a condition decides about the current version, and a delete marker is no object", async () => {
    const bucket = await createVersionedBucket();
    const etag = (await send({ method: "PUT", bucket, key: "k", body: "v" })).headers.get("etag") ?? "";
    const refused = await remove({ bucket, headers: { "if-match": OTHER_ETAG } });
    await expectError(refused, 412, "PreconditionFailed", { details: { Condition: "If-Match" } });
    await expectError(await remove({ bucket, headers: { [SIZE]: "2" } }), 412, "PreconditionFailed", {
      details: { Condition: SIZE },
    });
    const removed = await remove({ bucket, headers: { "if-match": etag, [SIZE]: "1" } });
    expect(versionHeaders(removed)).toMatchObject({ status: 204, marker: "true" });
    for (const condition of ["*", etag]) {
      await expectError(await remove({ bucket, headers: { "if-match": condition } }), 404, "NoSuchKey", {
        details: { Key: "k" },
      });
    }
    // A marker has neither a size nor an object's time.
    for (const [name, value] of [
      [SIZE, "1"],
      [TIME, LONG_AGO],
    ] as const) {
      const onMarker = await remove({ bucket, headers: { [name]: value } });
      await expectError(onMarker, 412, "PreconditionFailed", { details: { Condition: name } });
    }
    // There is nothing to remove, so no marker is made.
    const nothing = await remove({ bucket, key: "never-written", headers: { [SIZE]: "1" } });
    expect(versionHeaders(nothing)).toEqual({ status: 204, version: null, source: null, marker: null });
  });

  it("DeleteObject of a version on a condition decides about that version", async () => {
    const bucket = await createVersionedBucket();
    const version = await putVersion(bucket, "k", "old");
    const { headers } = await send({ method: "HEAD", bucket, key: "k" });
    await putVersion(bucket, "k", "current");
    const query = `versionId=${version}`;
    for (const [name, value, Condition] of [
      ["if-match", OTHER_ETAG, "If-Match"],
      [SIZE, "7", SIZE],
      [TIME, LONG_AGO, TIME],
    ] as const) {
      await expectError(await remove({ bucket, query, headers: { [name]: value } }), 412, "PreconditionFailed", {
        details: { Condition },
      });
    }
    const exact = {
      "if-match": headers.get("etag") ?? "",
      [SIZE]: "3",
      [TIME]: headers.get("last-modified") ?? "",
    };
    expect(versionHeaders(await remove({ bucket, query, headers: exact }))).toMatchObject({ status: 204, version });
    // What is gone already meets every condition.
    expect((await remove({ bucket, query, headers: { "if-match": OTHER_ETAG } })).status).toBe(204);
    expect(await (await send({ bucket, key: "k" })).text()).toBe("current");
  });

  it("DeleteObject of a version needs s3:DeleteObjectVersion, and the other deletion s3:DeleteObject", async () => {
    const bucket = await createVersionedBucket();
    const version = await putVersion(bucket, "k", "v");
    const allow = async (Action: string) => {
      const Statement = [{ Effect: "Allow", Principal: "*", Action, Resource: `arn:aws:s3:::${bucket}/*` }];
      const body = JSON.stringify({ Version: "2012-10-17", Statement });
      await send({ method: "PUT", bucket, query: "policy", body });
    };
    const query = `versionId=${version}`;
    await allow("s3:DeleteObject");
    await expectError(await remove({ bucket, query, as: null }), 403, "AccessDenied");
    await allow("s3:DeleteObjectVersion");
    await expectError(await remove({ bucket, as: null }), 403, "AccessDenied");
    expect((await send({ bucket, key: "k", query })).status).toBe(200);
    expect((await remove({ bucket, query, as: null })).status).toBe(204);
  });
});
