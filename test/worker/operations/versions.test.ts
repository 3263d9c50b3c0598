/**
 * Versions in the requests and answers of every operation on objects. What AWS answers in which state of a bucket: LocalStack's
 * recordings of AWS, 2026-02 (test_delete_object_versioned, test_put_object_on_suspended_bucket, test_object_tagging_versioned,
 * test_s3_copy_object_in_place_versioned and others).
 */
import { beforeAll, describe, expect, it } from "vitest";
import { NULL_VERSION_ID, newVersionToken } from "../../../src/model/version.ts";
import { createAccount } from "../../support/accounts.ts";
import { digestOf } from "../../support/acl.ts";
import { expectError, expectHeadError } from "../../support/errors.ts";
import { createUpload, putPart, sendCompletion } from "../../support/multipart.ts";
import { BOUNDARY, encodeForm, signPolicy, tomorrow } from "../../support/post-form.ts";
import { putObject, type SendOptions, send } from "../../support/request.ts";
import { createBucket, ROOT } from "../../support/s3.ts";
import {
  createVersionedBucket,
  putMarker,
  putVersion,
  setVersioning,
  versionHeaders,
  versionOf,
} from "../../support/versions.ts";
import { documentOf, fields, textIn, texts } from "../../support/xml.ts";

const TAGGING = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
const ID = expect.stringMatching(/^[0-9A-Za-z]{32}$/);
/** An id that no version has. */
const unknown = (): string =>
  newVersionToken({ isNull: false, isMarker: false }, { now: new Date(), replaced: undefined });

type SourceRefusal = "NoSuchVersion" | "InvalidRequest" | "InvalidArgument";

/** A request, and the headers of its answer in a bucket that was never versioned, is enabled, is suspended. */
interface Row {
  readonly request: SendOptions;
  readonly status?: number;
  readonly enabled: unknown;
  readonly suspended: unknown;
  readonly marker?: true;
  readonly source?: true;
}

const SUCCESS: Record<string, Row> = {
  PutObject: { request: { method: "PUT", body: "new" }, enabled: ID, suspended: null },
  GetObject: { request: {}, enabled: ID, suspended: "null" },
  HeadObject: { request: { method: "HEAD" }, enabled: ID, suspended: "null" },
  "GetObject with 304": {
    request: { headers: { "if-none-match": "*" } },
    status: 304,
    enabled: ID,
    suspended: "null",
  },
  "GetObject of a range": {
    request: { headers: { range: "bytes=0-0" } },
    status: 206,
    enabled: ID,
    suspended: "null",
  },
  GetObjectTagging: { request: { query: "tagging" }, enabled: ID, suspended: "null" },
  PutObjectTagging: { request: { method: "PUT", query: "tagging", body: TAGGING }, enabled: ID, suspended: "null" },
  DeleteObjectTagging: {
    request: { method: "DELETE", query: "tagging" },
    status: 204,
    enabled: ID,
    suspended: "null",
  },
  GetObjectAcl: { request: { query: "acl" }, enabled: ID, suspended: "null" },
  PutObjectAcl: {
    request: { method: "PUT", query: "acl", headers: { "x-amz-acl": "public-read" } },
    enabled: ID,
    suspended: "null",
  },
  GetObjectAttributes: {
    request: { query: "attributes", headers: { "x-amz-object-attributes": "ETag,ObjectParts" } },
    enabled: ID,
    suspended: "null",
  },
  // A copy shows the null version that it makes, and never one that it reads.
  CopyObject: { request: { method: "PUT" }, enabled: ID, suspended: "null", source: true },
  DeleteObject: { request: { method: "DELETE" }, status: 204, enabled: ID, suspended: "null", marker: true },
};

describe("the version in an answer", () => {
  describe.each(["never versioned", "Enabled", "Suspended"] as const)("in a bucket that is %s", (state) => {
    let bucket: string;

    beforeAll(async () => {
      bucket = await createBucket();
      if (state !== "never versioned") await setVersioning(bucket, state);
    });

    it.each(Object.entries(SUCCESS))("%s", async (name, { request, status = 200, ...shown }) => {
      const key = name.replaceAll(" ", "-");
      await putObject(bucket, key);
      const digest = typeof request.body === "string" ? await digestOf(request.body) : {};
      const copy = shown.source === true ? { "x-amz-copy-source": `${bucket}/${key}` } : {};
      const headers = { ...request.headers, ...(request.query === "tagging" && digest), ...copy };
      const to = shown.source === true ? `${key}-copy` : key;
      const response = await send({ ...request, bucket, key: to, headers });
      await response.body?.cancel();
      const version = { "never versioned": null, Enabled: shown.enabled, Suspended: shown.suspended }[state];
      expect(versionHeaders(response)).toEqual({
        status,
        version,
        source: shown.source === true && state === "Enabled" ? ID : null,
        marker: shown.marker === true && state !== "never versioned" ? "true" : null,
      });
    });

    it("CompleteMultipartUpload", async () => {
      const target = { bucket, key: "upload" };
      const uploadId = await createUpload(target);
      const part = await putPart(target, uploadId, 1, "part");
      const response = await sendCompletion(target, uploadId, [part]);
      await response.body?.cancel();
      const version = state === "Enabled" ? ID : null;
      expect(versionHeaders(response)).toEqual({ status: 200, version, source: null, marker: null });
    });

    it("PostObject", async () => {
      const document = (signing: readonly object[]) => ({
        expiration: tomorrow(),
        conditions: [...signing, { bucket }, { key: "form" }],
      });
      const body = encodeForm([
        ["key", "form"],
        ...Object.entries(signPolicy({ key: ROOT, document })),
        ["file", { content: "c", name: "f" }],
      ]);
      const headers = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
      const response = await send({ method: "POST", bucket, as: null, body, headers });
      expect(await response.text()).toBe("");
      const version = state === "Enabled" ? ID : null;
      expect(versionHeaders(response)).toEqual({ status: 204, version, source: null, marker: null });
    });

    it("UploadPartCopy", async () => {
      await putObject(bucket, "whole");
      const target = { bucket, key: "copied-part" };
      const uploadId = await createUpload(target);
      const query = `partNumber=1&uploadId=${uploadId}`;
      const headers = { "x-amz-copy-source": `${bucket}/whole` };
      const response = await send({ method: "PUT", ...target, query, headers });
      await response.body?.cancel();
      const source = state === "Enabled" ? ID : null;
      expect(versionHeaders(response)).toEqual({ status: 200, version: null, source, marker: null });
    });
  });
});

describe("a version by its id", () => {
  let bucket: string;
  let first: string;
  let second: string;
  let marker: string;
  const key = "k";

  beforeAll(async () => {
    bucket = await createBucket();
    await putObject(bucket, key, "written before versioning");
    await setVersioning(bucket, "Enabled");
    first = await putVersion(bucket, key, "one", { headers: { "x-amz-tagging": "is=one" } });
    second = await putVersion(bucket, key, "second", { headers: { "x-amz-tagging": "is=second" } });
    marker = await putMarker(bucket, key);
    await putVersion(bucket, key, "current");
  });

  const at = (versionId: string, options: SendOptions = {}) => {
    const query = options.query === undefined ? "" : `${options.query}&`;
    return send({ ...options, bucket, key, query: `${query}versionId=${versionId}` });
  };

  it("GetObject answers with the version, whole and in part", async () => {
    for (const [versionId, body] of [
      [first, "one"],
      [second, "second"],
      [NULL_VERSION_ID, "written before versioning"],
    ] as const) {
      const response = await at(versionId);
      expect(versionHeaders(response)).toMatchObject({ status: 200, version: versionId });
      expect(await response.text()).toBe(body);
      const part = await at(versionId, { headers: { range: "bytes=1-2" } });
      expect([part.status, await part.text()]).toEqual([206, body.slice(1, 3)]);
      expect((await at(versionId, { method: "HEAD" })).headers.get("content-length")).toBe(String(body.length));
    }
  });

  it("GetObject evaluates its conditions on the version", async () => {
    const etag = (await at(first, { method: "HEAD" })).headers.get("etag") ?? "";
    expect((await at(first, { headers: { "if-match": etag } })).status).toBe(200);
    await expectError(await at(second, { headers: { "if-match": etag } }), 412, "PreconditionFailed", {
      details: { Condition: "If-Match" },
    });
  });

  it("GetObjectTagging, PutObjectTagging and DeleteObjectTagging are about the version", async () => {
    const tagsOf = async (versionId: string) =>
      texts(
        (await documentOf(await at(versionId, { query: "tagging" }), "Tagging")).children[0] ?? never(),
        "Tag",
        "Value",
      );
    expect([await tagsOf(first), await tagsOf(second)]).toEqual([["one"], ["second"]]);
    const put = await at(first, { method: "PUT", query: "tagging", body: TAGGING, headers: await digestOf(TAGGING) });
    expect(versionHeaders(put)).toMatchObject({ status: 200, version: first });
    expect([await tagsOf(first), await tagsOf(second)]).toEqual([["b"], ["second"]]);
    const removed = await at(first, { method: "DELETE", query: "tagging" });
    expect(versionHeaders(removed)).toMatchObject({ status: 204, version: first });
    expect([await tagsOf(first), await tagsOf(second)]).toEqual([[], ["second"]]);
    expect(await (await at(first)).text()).toBe("one");
  });

  it("GetObjectAcl and PutObjectAcl are about the version", async () => {
    const grantsOf = async (versionId: string) =>
      (await (await at(versionId, { query: "acl" })).text()).split("<Grant>").length - 1;
    const put = await at(second, { method: "PUT", query: "acl", headers: { "x-amz-acl": "public-read" } });
    expect(versionHeaders(put)).toMatchObject({ status: 200, version: second });
    expect([await grantsOf(first), await grantsOf(second)]).toEqual([1, 2]);
    expect((await at(second, { as: null })).status).toBe(200);
    await expectError(await at(first, { as: null }), 403, "AccessDenied");
    await expectError(await send({ bucket, key, as: null }), 403, "AccessDenied");
  });

  it("GetObjectAttributes is about the version", async () => {
    const headers = { "x-amz-object-attributes": "ObjectSize" };
    const response = await at(second, { query: "attributes", headers });
    expect(versionHeaders(response)).toMatchObject({ status: 200, version: second });
    expect(fields(await documentOf(response, "GetObjectAttributesResponse"))).toEqual({ ObjectSize: "6" });
  });

  it("CopyObject and UploadPartCopy copy the version", async () => {
    const headers = { "x-amz-copy-source": `${bucket}/${key}?versionId=${first}` };
    const copied = await send({ method: "PUT", bucket, key: "copy", headers });
    expect(versionHeaders(copied)).toMatchObject({ status: 200, version: ID, source: first });
    expect(await (await send({ bucket, key: "copy" })).text()).toBe("one");
    const target = { bucket, key: "parts" };
    const uploadId = await createUpload(target);
    const part = await send({ method: "PUT", ...target, query: `partNumber=1&uploadId=${uploadId}`, headers });
    expect(versionHeaders(part)).toMatchObject({ status: 200, source: first });
    const etag = (textIn(await documentOf(part, "CopyPartResult"), "ETag") ?? "").replaceAll('"', "");
    expect((await sendCompletion(target, uploadId, [{ partNumber: 1, etag }])).status).toBe(200);
    expect(await (await send(target)).text()).toBe("one");
  });

  it.each(["", "current"])("CopyObject restores a version by copying it onto its key (%s)", async (state) => {
    const own = await createVersionedBucket();
    const old = await putVersion(own, key, "old", { headers: { "x-amz-meta-m": "kept" } });
    if (state === "current") await putVersion(own, key, "newer");
    const headers = { "x-amz-copy-source": `${own}/${key}?versionId=${old}` };
    const restored = await versionOf(send({ method: "PUT", bucket: own, key, headers }));
    const response = await send({ bucket: own, key });
    expect(versionHeaders(response)).toMatchObject({ version: restored });
    expect([await response.text(), response.headers.get("x-amz-meta-m")]).toEqual(["old", "kept"]);
    expect(await (await send({ bucket: own, key, query: `versionId=${old}` })).text()).toBe("old");
  });

  it("CopyObject without a version id still refuses a copy onto itself that changes nothing", async () => {
    const headers = { "x-amz-copy-source": `${bucket}/${key}` };
    await expectError(await send({ method: "PUT", bucket, key, headers }), 400, "InvalidRequest", {
      message: /^This copy request is illegal/,
    });
    const own = await createBucket();
    await putObject(own, key);
    const named = { "x-amz-copy-source": `${own}/${key}?versionId=null` };
    await expectError(await send({ method: "PUT", bucket: own, key, headers: named }), 400, "InvalidRequest", {
      message: /^This copy request is illegal/,
    });
  });

  const OPERATIONS: [name: string, request: SendOptions][] = [
    ["GetObject", {}],
    ["GetObjectTagging", { query: "tagging" }],
    ["PutObjectTagging", { method: "PUT", query: "tagging", body: TAGGING }],
    ["DeleteObjectTagging", { method: "DELETE", query: "tagging" }],
    ["GetObjectAcl", { query: "acl" }],
    ["PutObjectAcl", { method: "PUT", query: "acl", headers: { "x-amz-acl": "private" } }],
    ["GetObjectAttributes", { query: "attributes", headers: { "x-amz-object-attributes": "ETag" } }],
  ];

  it.each(OPERATIONS)("%s refuses an unknown version with NoSuchVersion", async (_name, request) => {
    const versionId = unknown();
    const headers = { ...request.headers, ...(request.body !== undefined && (await digestOf(TAGGING))) };
    await expectError(await at(versionId, { ...request, headers }), 404, "NoSuchVersion", {
      details: { Key: key, VersionId: versionId },
    });
  });

  it.each([...OPERATIONS, ["DeleteObject", { method: "DELETE" }] as [string, SendOptions]])(
    "%s refuses what is no version id with InvalidArgument",
    async (_name, request) => {
      const headers = { ...request.headers, ...(request.body !== undefined && (await digestOf(TAGGING))) };
      for (const [text, message] of [
        ["abc", "Invalid version id specified"],
        [`${first.slice(0, -4)}ABCD`, "Invalid version id specified"],
        ["", "Version id cannot be the empty string"],
      ] as const) {
        await expectError(await at(text, { ...request, headers }), 400, "InvalidArgument", {
          message,
          details: { ArgumentName: "versionId", ArgumentValue: text },
        });
      }
    },
  );

  it("HeadObject refuses an unknown version with 404 and what is no version id with 400", async () => {
    await expectHeadError(await at(unknown(), { method: "HEAD" }), 404);
    await expectHeadError(await at("abc", { method: "HEAD" }), 400);
  });

  it.each(OPERATIONS)("%s refuses a delete marker with MethodNotAllowed", async (_name, request) => {
    const headers = { ...request.headers, ...(request.body !== undefined && (await digestOf(TAGGING))) };
    const response = await at(marker, { ...request, headers });
    expect(versionHeaders(response)).toMatchObject({ version: marker, marker: "true" });
    expect(response.headers.get("allow")).toBe("DELETE");
    await expectError(response, 405, "MethodNotAllowed", {
      message: "The specified method is not allowed against this resource.",
      details: { Method: request.method ?? "GET", ResourceType: "DeleteMarker" },
    });
  });

  it("HeadObject of a delete marker answers 405 with Allow and Last-Modified", async () => {
    const response = await at(marker, { method: "HEAD" });
    expect(response.headers.get("allow")).toBe("DELETE");
    expect(Date.parse(response.headers.get("last-modified") ?? "")).toBeGreaterThan(0);
    await expectHeadError(response, 405);
  });

  const SOURCES: [name: string, versionOfSource: () => string, status: number, code: SourceRefusal][] = [
    ["an unknown version", unknown, 404, "NoSuchVersion"],
    ["a delete marker", () => marker, 400, "InvalidRequest"],
    ["no version id", () => "abc", 400, "InvalidArgument"],
    ["an empty version id", () => "", 400, "InvalidArgument"],
  ];

  it.each(SOURCES)(
    "CopyObject and UploadPartCopy refuse %s as source",
    async (_name, versionOfSource, status, code) => {
      const versionId = versionOfSource();
      const headers = { "x-amz-copy-source": `${bucket}/${key}?versionId=${versionId}` };
      const uploadId = await createUpload({ bucket, key: "refused" });
      const expected = {
        NoSuchVersion: { details: { Key: key, VersionId: versionId } },
        InvalidRequest: {
          message: "The source of a copy request may not specifically refer to a delete marker by version id.",
        },
        InvalidArgument: {
          message: versionId === "" ? "Version id cannot be the empty string" : "Invalid version id specified",
          details: { ArgumentName: "x-amz-copy-source", ArgumentValue: versionId },
        },
      }[code];
      for (const query of ["", `partNumber=1&uploadId=${uploadId}`]) {
        await expectError(
          await send({ method: "PUT", bucket, key: "refused", query, headers }),
          status,
          code,
          expected,
        );
      }
    },
  );

  it.each([
    ["PutObject", { method: "PUT", body: "b" }],
    ["CopyObject", { method: "PUT", headers: { "x-amz-copy-source": "b/k" } }],
    ["UploadPart", { method: "PUT", query: "partNumber=1&uploadId=u", body: "b" }],
    ["CompleteMultipartUpload", { method: "POST", query: "uploadId=u" }],
  ] as [string, SendOptions][])("%s refuses a version id with InvalidArgument", async (_name, request) => {
    for (const text of [first, "null", "abc", ""]) {
      await expectError(await at(text, request), 400, "InvalidArgument", {
        message: "This operation does not accept a version-id.",
        details: { ArgumentName: "versionId", ArgumentValue: text },
      });
    }
  });
});

describe("a delete marker that is the current version", () => {
  let bucket: string;
  let marker: string;

  beforeAll(async () => {
    bucket = await createVersionedBucket();
    await putVersion(bucket, "k", "hidden");
    marker = await putMarker(bucket, "k");
  });

  const ABSENT: [name: string, request: SendOptions][] = [
    ["GetObject", {}],
    ["GetObjectAcl", { query: "acl" }],
    ["GetObjectAttributes", { query: "attributes", headers: { "x-amz-object-attributes": "ETag" } }],
  ];

  it.each(ABSENT)("%s answers NoSuchKey with the marker's headers", async (_name, request) => {
    const response = await send({ bucket, key: "k", ...request });
    expect(versionHeaders(response)).toMatchObject({ version: marker, marker: "true" });
    await expectError(response, 404, "NoSuchKey", { details: { Key: "k" } });
  });

  it("HeadObject answers 404 with the marker's headers", async () => {
    const response = await send({ bucket, key: "k", method: "HEAD" });
    expect(versionHeaders(response)).toMatchObject({ version: marker, marker: "true" });
    await expectHeadError(response, 404);
  });

  it.each([
    ["GetObjectTagging", { query: "tagging" }],
    ["PutObjectTagging", { method: "PUT", query: "tagging", body: TAGGING }],
    ["DeleteObjectTagging", { method: "DELETE", query: "tagging" }],
    ["PutObjectAcl", { method: "PUT", query: "acl", headers: { "x-amz-acl": "private" } }],
  ] as [string, SendOptions][])("%s answers MethodNotAllowed without the marker's headers", async (_name, request) => {
    const headers = { ...request.headers, ...(request.body !== undefined && (await digestOf(TAGGING))) };
    const response = await send({ bucket, key: "k", ...request, headers });
    expect(versionHeaders(response)).toMatchObject({ version: null, marker: null });
    expect(response.headers.get("allow")).toBe("DELETE");
    await expectError(response, 405, "MethodNotAllowed", {
      message: "The specified method is not allowed against this resource.",
      details: { Method: request.method ?? "GET", ResourceType: "DeleteMarker" },
    });
  });

  it("CopyObject answers NoSuchKey with the marker's headers", async () => {
    const headers = { "x-amz-copy-source": `${bucket}/k` };
    const response = await send({ method: "PUT", bucket, key: "to", headers });
    expect(versionHeaders(response)).toMatchObject({ version: marker, marker: "true" });
    await expectError(response, 404, "NoSuchKey", { details: { Key: "k" } });
  });

  it("PutObject with If-None-Match writes, and with If-Match finds no object", async () => {
    const key = "conditional";
    await putVersion(bucket, key, "v");
    await putMarker(bucket, key);
    const refused = await send({ method: "PUT", bucket, key, body: "b", headers: { "if-match": "0".repeat(32) } });
    await expectError(refused, 404, "NoSuchKey", { details: { Key: key } });
    const written = await send({ method: "PUT", bucket, key, body: "b", headers: { "if-none-match": "*" } });
    expect(versionHeaders(written)).toMatchObject({ status: 200, version: ID });
  });
});

describe("callers that may not list", () => {
  it("learn neither of versions nor of delete markers", async () => {
    const bucket = await createVersionedBucket();
    await putVersion(bucket, "k", "v");
    const marker = await putMarker(bucket, "k");
    const Resource = `arn:aws:s3:::${bucket}/*`;
    const Action = ["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging", "s3:GetObjectVersionTagging"];
    const policy = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal: "*", Action, Resource }] };
    const body = JSON.stringify(policy);
    expect((await send({ method: "PUT", bucket, query: "policy", body })).status).toBe(204);
    for (const query of [
      "",
      `versionId=${marker}`,
      `versionId=${unknown()}`,
      "tagging",
      `tagging&versionId=${marker}`,
    ]) {
      const response = await send({ bucket, key: "k", query, as: null });
      expect(versionHeaders(response)).toMatchObject({ version: null, marker: null });
      expect(response.headers.has("allow")).toBe(false);
      await expectError(response, 403, "AccessDenied");
    }
    for (const query of ["", `?versionId=${marker}`, `?versionId=${unknown()}`]) {
      const headers = { "x-amz-copy-source": `${bucket}/k${query}` };
      const account = await createAccount();
      const own = await createBucket({ key: account });
      const response = await send({ method: "PUT", bucket: own, key: "to", headers, as: account });
      expect(versionHeaders(response)).toMatchObject({ version: null, marker: null });
      await expectError(response, 403, "AccessDenied");
    }
  });
});

function never(): never {
  throw new Error("no element");
}
