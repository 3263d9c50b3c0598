import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { expectError } from "../../support/errors.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { STYLES, type Style, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { all, documentOf, fields } from "../../support/xml.ts";

type Tags = Readonly<Record<string, string>>;

function tagElements(tags: Tags): string {
  return Object.entries(tags)
    .map(([key, value]) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`)
    .join("");
}

function document(tags: Tags): string {
  return `<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet>${tagElements(tags)}</TagSet></Tagging>`;
}

function contentMd5(body: string): Record<string, string> {
  return { "content-md5": createHash("md5").update(body).digest("base64") };
}

const TAGS = document({ a: "1" });

// The bucket has no tags, which only an authorized caller learns.
describeRefusals("GetBucketTagging", { query: "tagging", success: 404 });
describeRefusals("DeleteBucketTagging", { method: "DELETE", query: "tagging", success: 204 });
describeRefusals("PutBucketTagging", {
  method: "PUT",
  query: "tagging",
  body: TAGS,
  headers: contentMd5(TAGS),
  success: 204,
});

function putTags(bucket: string, body: string, style: Style = "path"): Promise<Response> {
  return send({ bucket, style, method: "PUT", query: "tagging", body, headers: contentMd5(body) });
}

async function tagsOf(bucket: string, style: Style = "path"): Promise<Tags> {
  const root = await documentOf(await send({ bucket, style, query: "tagging" }), "Tagging");
  const rows = all(root, "TagSet")
    .flatMap((set) => all(set, "Tag"))
    .map(fields);
  return Object.fromEntries(rows.map((row) => [row.Key ?? "", row.Value ?? ""]));
}

async function expectNone(bucket: string): Promise<void> {
  await expectError(await send({ bucket, query: "tagging" }), 404, "NoSuchTagSet", {
    message: "The TagSet does not exist",
    details: { BucketName: bucket },
  });
}

async function rows(): Promise<number> {
  const row = await testEnv.DB.prepare("SELECT count(*) AS n FROM bucket_documents").first<{ n: number }>();
  return row?.n ?? 0;
}

describe("tags of a bucket", () => {
  it.each(STYLES)(
    "PutBucketTagging replaces the whole set, DeleteBucketTagging removes it, %s style",
    async (style) => {
      const bucket = await createBucket();
      await expectNone(bucket);
      const response = await putTags(bucket, document({ tag1: "tag1", "ünï:/=.-_@ ": "" }), style);
      expect([response.status, await response.text()]).toEqual([204, ""]);
      expect(await tagsOf(bucket, style)).toEqual({ tag1: "tag1", "ünï:/=.-_@ ": "" });
      expect((await putTags(bucket, document({ tag3: "tag3" }), style)).status).toBe(204);
      expect(await tagsOf(bucket, style)).toEqual({ tag3: "tag3" });
      for (let time = 0; time < 2; time++) {
        expect((await send({ bucket, style, method: "DELETE", query: "tagging" })).status).toBe(204);
        await expectNone(bucket);
      }
    },
  );

  it("PutBucketTagging with an empty set removes the tags", async () => {
    const bucket = await createBucket();
    await putTags(bucket, TAGS);
    expect((await putTags(bucket, document({}))).status).toBe(204);
    await expectNone(bucket);
  });

  it("PutBucketTagging changes this bucket only", async () => {
    const [one, other] = [await createBucket(), await createBucket()];
    await putTags(one, TAGS);
    await expectNone(other);
  });

  it("DeleteBucket deletes the tags, and the next bucket of the name has none", async () => {
    const bucket = await createBucket();
    const before = await rows();
    await putTags(bucket, TAGS);
    expect(await rows()).toBe(before + 1);
    expect((await send({ bucket, method: "DELETE" })).status).toBe(204);
    expect(await rows()).toBe(before);
    expect((await send({ bucket, method: "PUT" })).status).toBe(200);
    await expectNone(bucket);
  });

  it("CreateBucket stores the tags of its configuration", async () => {
    const bucket = `tagged-${Date.now().toString(36)}`;
    const body = `<CreateBucketConfiguration><Tags>${tagElements({ a: "1", b: "" })}</Tags></CreateBucketConfiguration>`;
    expect((await send({ bucket, method: "PUT", body })).status).toBe(200);
    expect(await tagsOf(bucket)).toEqual({ a: "1", b: "" });
    // Seen on AWS: a repeated request with tags is refused, one without them succeeds.
    const again = body.replace("<Value>1</Value>", "<Value>2</Value>");
    await expectError(await send({ bucket, method: "PUT", body: again }), 409, "BucketAlreadyOwnedByYou", {
      message: /you (already )?own it\.$/,
      details: { BucketName: bucket },
    });
    expect((await send({ bucket, method: "PUT" })).status).toBe(200);
    expect(await tagsOf(bucket)).toEqual({ a: "1", b: "" });
  });
});

describe("refusals of a bucket's tags", () => {
  // Messages as seen on AWS (LocalStack's recordings of 2026-02).
  it.each([
    [{ "Key1,Key2": "v" }, "The TagKey you have provided is invalid", { TagKey: "Key1,Key2" }],
    [{ Key1: "a,b" }, "The TagValue you have provided is invalid", { TagKey: "Key1", TagValue: "a,b" }],
    [{ "aws:k": "v" }, "System tags cannot be added/updated by requester", { TagKey: "aws:k" }],
  ])("PutBucketTagging refuses %j with InvalidTag", async (tags, message, details) => {
    const bucket = await createBucket();
    await expectError(await putTags(bucket, document({ ...tags } as Tags)), 400, "InvalidTag", {
      message,
      details: { ...details } as Record<string, string>,
    });
    await expectNone(bucket);
  });

  it("PutBucketTagging accepts 50 tags and refuses 51 with BadRequest", async () => {
    const bucket = await createBucket();
    const tags = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, "v"]));
    expect((await putTags(bucket, document(tags(50)))).status).toBe(204);
    await expectError(await putTags(bucket, document(tags(51))), 400, "BadRequest", {
      message: "Bucket tag count cannot be greater than 50",
    });
    expect(Object.keys(await tagsOf(bucket)).length).toBe(50);
  });

  it("PutBucketTagging refuses a tag without a name with InvalidTag", async () => {
    const body = "<Tagging><TagSet><Tag><Key/><Value>v</Value></Tag></TagSet></Tagging>";
    await expectError(await putTags(await createBucket(), body), 400, "InvalidTag", {
      message: "The TagKey you have provided is invalid",
      details: { TagKey: "" },
    });
  });

  it("PutBucketTagging without a set removes the tags", async () => {
    const bucket = await createBucket();
    await putTags(bucket, TAGS);
    expect((await putTags(bucket, "<Tagging/>")).status).toBe(204);
    await expectNone(bucket);
  });

  it.each(["", "<Tagging><TagSet><Tag><Value>v</Value></Tag></TagSet></Tagging>"])(
    "PutBucketTagging refuses %j with MalformedXML",
    async (body) => {
      const bucket = await createBucket();
      await expectError(await putTags(bucket, body), 400, "MalformedXML");
    },
  );

  it("PutBucketTagging refuses a document without a digest with InvalidRequest", async () => {
    const bucket = await createBucket();
    const response = await send({ bucket, method: "PUT", query: "tagging", body: TAGS });
    await expectError(response, 400, "InvalidRequest", {
      message: "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
    });
  });
});
