import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { countingEnv } from "../../support/counting-env.ts";
import { expectError } from "../../support/errors.ts";
import {
  digestGet,
  MIB,
  md5,
  multipartETag,
  newTarget,
  noise,
  putMultipart,
  type UploadTarget,
} from "../../support/multipart.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { encode, putObject, type SendOptions, STYLES, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { all, documentOf, fields } from "../../support/xml.ts";

type Tags = Readonly<Record<string, string>>;

function document(tags: Tags): string {
  const elements = Object.entries(tags).map(([key, value]) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`);
  return `<Tagging><TagSet>${elements.join("")}</TagSet></Tagging>`;
}

function contentMd5(body: string): Record<string, string> {
  return { "content-md5": createHash("md5").update(body).digest("base64") };
}

const TAGS = document({ a: "1" });

describeRefusals("GetObjectTagging", { key: "k", query: "tagging", success: 200 });
describeRefusals("DeleteObjectTagging", { method: "DELETE", key: "k", query: "tagging", success: 204 });
describeRefusals("PutObjectTagging", {
  method: "PUT",
  key: "k",
  query: "tagging",
  body: TAGS,
  headers: contentMd5(TAGS),
  success: 200,
});

function putTags(target: UploadTarget, body: string, options: SendOptions = {}): Promise<Response> {
  return send({ ...target, method: "PUT", query: "tagging", body, headers: contentMd5(body), ...options });
}

async function setTags(target: UploadTarget, tags: Tags): Promise<void> {
  const response = await putTags(target, document(tags));
  expect([response.status, await response.text()]).toEqual([200, ""]);
}

async function tagsOf(target: UploadTarget): Promise<Tags> {
  const root = await documentOf(await send({ ...target, query: "tagging" }), "Tagging");
  const rows = all(root, "TagSet")
    .flatMap((set) => all(set, "Tag"))
    .map(fields);
  return Object.fromEntries(rows.map((row) => [row.Key ?? "", row.Value ?? ""]));
}

async function newObject(body: string | Uint8Array = "content", headers: Record<string, string> = {}) {
  const target = await newTarget();
  await putObject(target.bucket, target.key, body, { headers });
  return target;
}

async function headOf(target: UploadTarget): Promise<Record<string, string>> {
  const {
    date: _date,
    "x-amz-request-id": _id,
    "x-amz-id-2": _id2,
    ...headers
  } = Object.fromEntries((await send({ ...target, method: "HEAD" })).headers);
  return headers;
}

function manyTags(count: number): Tags {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, "v"]));
}

describe("tags of an object", () => {
  it.each(STYLES)(
    "PutObjectTagging replaces the whole set, DeleteObjectTagging removes it, %s style",
    async (style) => {
      const target = { ...(await newObject()), style };
      expect(await tagsOf(target)).toEqual({});
      await setTags(target, { Project: " Blue + Green ", "ünï:/=.-_@": "" });
      expect(await tagsOf(target)).toEqual({ Project: " Blue + Green ", "ünï:/=.-_@": "" });
      await setTags(target, { other: "1" });
      expect(await tagsOf(target)).toEqual({ other: "1" });
      const response = await send({ ...target, method: "DELETE", query: "tagging" });
      expect([response.status, await response.text()]).toEqual([204, ""]);
      expect(await tagsOf(target)).toEqual({});
    },
  );

  it("PutObjectTagging with an empty set removes the tags", async () => {
    const target = await newObject("content", { "x-amz-tagging": "a=1" });
    await setTags(target, {});
    expect(await tagsOf(target)).toEqual({});
  });

  it("PutObjectTagging without a set removes the tags", async () => {
    const target = await newObject("content", { "x-amz-tagging": "a=1" });
    expect((await putTags(target, "<Tagging/>")).status).toBe(200);
    expect(await tagsOf(target)).toEqual({});
  });

  it("GetObject and HeadObject count the tags, if there are any", async () => {
    const target = await newObject();
    for (const count of [0, 3, 0]) {
      await setTags(target, manyTags(count));
      for (const method of ["GET", "HEAD"]) {
        const response = await send({ ...target, method });
        expect(response.headers.get("x-amz-tagging-count")).toBe(count === 0 ? null : String(count));
        await response.body?.cancel();
      }
    }
  });

  // Inline in memory, inline streamed, and one that the listing always reads the metadata of.
  it.each([
    [7, {}],
    [0, {}],
    [3 * MIB, {}],
    [7, { "x-amz-storage-class": "STANDARD_IA" }],
  ])("PutObjectTagging changes nothing else of an object of %i bytes with %j", async (sizeBytes, extra) => {
    const body = noise(sizeBytes);
    const target = await newObject(body, {
      "content-type": "text/x-test",
      expires: "whenever",
      "x-amz-meta-a": "1",
      "x-amz-website-redirect-location": "/there",
      ...(extra as Record<string, string>),
    });
    const before = await headOf(target);
    // A listing reads the metadata of a changed entry, and then returns its checksum too.
    const listed = async () =>
      (await (await send({ bucket: target.bucket })).text()).replace(/<ChecksumAlgorithm>.*<\/ChecksumType>/, "");
    const listedBefore = await listed();
    // Last-Modified is in whole seconds.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await setTags(target, { a: "1" });
    expect(await headOf(target)).toEqual({ ...before, "x-amz-tagging-count": "1" });
    expect(await listed()).toBe(listedBefore);
    expect(await digestGet(target)).toEqual({ status: 200, sizeBytes, md5: md5(body) });
    await send({ ...target, method: "DELETE", query: "tagging" });
    expect(await headOf(target)).toEqual(before);
    // Conditions still use the object's own ETag.
    const etag = (before.etag ?? "").replaceAll('"', "");
    expect(await putObject(target.bucket, "k", "next", { headers: { "if-match": `"${etag}"` } })).toBe(md5("next"));
  });

  it("PutObjectTagging copies no bytes of an object uploaded in parts", async () => {
    const target = await newTarget();
    const bodies = [noise(5 * MIB), "the end"];
    await putMultipart(target, bodies);
    const before = await headOf(target);
    const { env, counts, log, reset } = countingEnv(testEnv);
    await send({ ...target, method: "HEAD", env });
    reset();
    expect((await putTags(target, TAGS, { env })).status).toBe(200);
    expect([counts.r2, log.filter((call) => call.includes("~b/"))]).toEqual([2, []]);
    expect(await headOf(target)).toEqual({ ...before, "x-amz-tagging-count": "1" });
    expect(before.etag).toBe(`"${multipartETag(bodies)}"`);
    expect((await digestGet({ ...target, query: "partNumber=2" })).md5).toBe(md5("the end"));
  });

  it("PutObject stores the tags of x-amz-tagging, and removes the previous tags without that header", async () => {
    const target = await newObject("content", { "x-amz-tagging": "Project=Blue%20x&Owner=a+b&flag" });
    expect(await tagsOf(target)).toEqual({ Project: "Blue x", Owner: "a b", flag: "" });
    await putObject(target.bucket, "k", "again");
    expect(await tagsOf(target)).toEqual({});
  });

  it.each([2 * MIB, 100])("PutObject stores tags with %i bytes", async (sizeBytes) => {
    const target = await newObject(noise(sizeBytes), { "x-amz-tagging": "a=1" });
    expect(await tagsOf(target)).toEqual({ a: "1" });
    expect((await headOf(target))["x-amz-tagging-count"]).toBe("1");
  });

  it("PutObjectTagging at the same time as PutObject never restores the old object", async () => {
    const target = await newObject("old");
    const [tagged] = await Promise.all([putTags(target, TAGS), putObject(target.bucket, "k", "new")]);
    await tagged.body?.cancel();
    expect(await (await send(target)).text()).toBe("new");
  });
});

describe("refusals of tags", () => {
  it.each(["GET", "PUT", "DELETE"])("%s of the tags of an absent object is NoSuchKey", async (method) => {
    const target = { bucket: await createBucket(), key: "none" };
    const response = await send({
      ...target,
      method,
      query: "tagging",
      ...(method === "PUT" && { body: TAGS, headers: contentMd5(TAGS) }),
    });
    const Key = method === "GET" ? `${target.bucket}/none` : "none";
    await expectError(response, 404, "NoSuchKey", { details: { Key } });
  });

  it.each(["GET", "DELETE"])("%s of the tags of a version other than null is InvalidArgument", async (method) => {
    const target = await newObject();
    expect((await send({ ...target, method, query: "tagging&versionId=null" })).status).toBeLessThan(300);
    await expectError(await send({ ...target, method, query: "tagging&versionId=x" }), 400, "InvalidArgument", {
      message: "Invalid version id specified",
      details: { ArgumentName: "versionId", ArgumentValue: "x" },
    });
  });

  // Messages as seen on AWS (LocalStack's recordings of 2026-02).
  it.each([
    [{ "Key1,Key2": "v" }, "The TagKey you have provided is invalid", { TagKey: "Key1,Key2" }],
    [{ ["k".repeat(129)]: "v" }, "The TagKey you have provided is invalid", { TagKey: "k".repeat(129) }],
    [{ k: "a,b" }, "The TagValue you have provided is invalid", { TagKey: "k", TagValue: "a,b" }],
    [{ k: "v".repeat(257) }, "The TagValue you have provided is invalid", { TagKey: "k", TagValue: "v".repeat(257) }],
    [{ "aws:k": "v" }, "Your TagKey cannot be prefixed with aws:", { TagKey: "aws:k" }],
  ])("PutObjectTagging refuses %j with InvalidTag", async (tags, message, details) => {
    const target = await newObject();
    await expectError(await putTags(target, document({ ...tags } as Tags)), 400, "InvalidTag", {
      message,
      details: { ...details } as Record<string, string>,
    });
    expect(await tagsOf(target)).toEqual({});
  });

  it("PutObjectTagging refuses a repeated key with InvalidTag", async () => {
    const target = await newObject();
    const tag = "<Tag><Key>k</Key><Value>v</Value></Tag>";
    await expectError(await putTags(target, `<Tagging><TagSet>${tag}${tag}</TagSet></Tagging>`), 400, "InvalidTag", {
      message: "Cannot provide multiple Tags with the same key",
      details: { TagKey: "k" },
    });
  });

  it("more than 10 tags are refused with BadRequest, in a document and in a header", async () => {
    const target = await newObject();
    const expected = { message: "Object tags cannot be greater than 10" };
    await expectError(await putTags(target, document(manyTags(11))), 400, "BadRequest", expected);
    const header = Object.keys(manyTags(11)).map(encode).join("&");
    const response = await send({ ...target, method: "PUT", body: "x", headers: { "x-amz-tagging": header } });
    await expectError(response, 400, "BadRequest", expected);
    await setTags(target, manyTags(10));
  });

  it.each(["", "text that is not XML", "<TagSet/>", "<Tagging><TagSet><Tag><Key>k</Key></Tag></TagSet></Tagging>"])(
    "PutObjectTagging refuses %j with MalformedXML",
    async (body) => {
      const target = await newObject();
      await expectError(await putTags(target, body), 400, "MalformedXML");
    },
  );

  it("PutObjectTagging refuses a document without a digest with InvalidRequest", async () => {
    const target = await newObject();
    await expectError(await putTags(target, TAGS, { headers: {} }), 400, "InvalidRequest", {
      message: "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
    });
  });

  it.each(["a=1&a=2", "=v", "a=b=c", "a%"])(
    "PutObject refuses x-amz-tagging %j with InvalidArgument",
    async (header) => {
      const target = await newObject();
      const response = await send({ ...target, method: "PUT", body: "x", headers: { "x-amz-tagging": header } });
      await expectError(response, 400, "InvalidArgument", {
        message:
          "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
        details: { ArgumentName: "x-amz-tagging", ArgumentValue: header },
      });
      expect(await (await send(target)).text()).toBe("content");
    },
  );
});
