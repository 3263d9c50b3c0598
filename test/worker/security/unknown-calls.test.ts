/** An unknown call must not be taken for another one, whether it is signed, presigned or anonymous. */
import { AwsClient } from "aws4fetch";
import { beforeAll, describe, expect, it } from "vitest";
import { expectError } from "../../support/errors.ts";
import { BOUNDARY, encodeForm } from "../../support/post-form.ts";
import { handDirectly, presign, putObject, type SendOptions, STYLES, send, urlOf } from "../../support/request.ts";
import { createBucket, ROOT } from "../../support/s3.ts";

let bucket = "";

beforeAll(async () => {
  bucket = await createBucket();
  await putObject(bucket, "k", "content");
});

async function expectUntouched(): Promise<void> {
  expect(await (await send({ bucket, key: "k" })).text()).toBe("content");
}

/** In the three kinds of authentication. */
async function inEveryWay(options: SendOptions): Promise<Response[]> {
  const { method = "GET", headers = {}, body } = options;
  const url = await presign(options);
  const init = { method, headers: { ...headers }, ...(body !== undefined && { body }) };
  return [await send(options), await handDirectly(new Request(url, init)), await send({ ...options, as: null })];
}

describe.each(STYLES)("a write with an unknown bare parameter, %s style", (style) => {
  it.each<[method: string, key: string | undefined, query: string]>([
    ["PUT", "k", "novelty"],
    ["PUT", "k", "novelty="],
    ["DELETE", "k", "novelty"],
    ["POST", "k", "novelty"],
    ["PUT", undefined, "metadataAnnotationTable"],
    ["PUT", undefined, "novelty"],
    ["DELETE", undefined, "novelty"],
    ["POST", undefined, "novelty"],
  ])("%s %s ?%s changes nothing", async (method, key, query) => {
    const target = { bucket, ...(key !== undefined && { key }), query, style };
    for (const response of await inEveryWay({ ...target, method, body: "other" })) {
      expect(response.status).toBe(501);
      expect(await response.text()).toContain("<Code>NotImplemented</Code>");
    }
    expect(await (await send({ bucket, key: "k" })).text()).toBe("content");
  });

  it("creates no bucket", async () => {
    const name = `new-${crypto.randomUUID().slice(0, 8)}`;
    for (const response of await inEveryWay({ bucket: name, method: "PUT", query: "novelty", style })) {
      expect(response.status).toBe(501);
    }
    expect((await send({ method: "HEAD", bucket: name })).status).toBe(404);
  });

  it("ignores parameters with values, names that begin with x-, and empty names", async () => {
    for (const query of ["Version=2006-03-01", "x-purpose", "X-Purpose=", "x-id=PutObject", "prefix="]) {
      expect([query, (await send({ method: "PUT", bucket, key: "other", query, style, body: "x" })).status]).toEqual([
        query,
        200,
      ]);
    }
  });
});

it("a form is refused like any other write", async () => {
  const body = encodeForm([
    ["key", "k"],
    ["file", { content: "other", name: "f" }],
  ]);
  const headers = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
  const form = { method: "POST", bucket, headers, body, as: null };
  expect((await send({ ...form, query: "novelty" })).status).toBe(501);
  expect((await send({ ...form, query: "x-novelty" })).status).toBe(403);
  await expectUntouched();
});

describe("requests of other servers and services", () => {
  it("GET of a bucket with events does not list it", async () => {
    const target = { bucket, query: "events=s3%3AObjectCreated%3A%2A&prefix=&suffix=" };
    for (const response of await inEveryWay(target)) {
      await expectError(response, 501, "NotImplemented", {
        message: "Listening for events of a bucket is not implemented.",
      });
    }
  });

  it.each([
    ["PUT", "k"],
    ["DELETE", "k"],
    ["GET", undefined],
  ])("%s %s signed for directory buckets does nothing", async (method, key) => {
    const client = new AwsClient({ ...ROOT, service: "s3express", region: "us-east-1", retries: 0 });
    const url = urlOf({ bucket, ...(key !== undefined && { key }) });
    const body = method === "PUT" ? { body: "other" } : {};
    const signed = await client.sign(url, { method, ...body });
    const presigned = await client.sign(`${url}?X-Amz-Expires=60`, { method, aws: { signQuery: true } });
    for (const request of [signed, new Request(presigned.url, { method, ...body })]) {
      await expectError(await handDirectly(request), 501, "NotImplemented", {
        message: "Directory buckets are not implemented.",
      });
    }
    await expectUntouched();
  });
});

describe("a header that AWS honours and that is not implemented here", () => {
  it.each([
    ["x-amz-object-lock-event-hold", "ON"],
    ["x-amz-object-lock-event-hold-duration-years", "1"],
    ["x-amz-if-match-novelty", "x"],
  ])("%s is refused, sent or in the query of a presigned URL", async (name, value) => {
    const copy = { "x-amz-copy-source": `/${bucket}/k` };
    const target = { method: "PUT", bucket, key: "copy" };
    const hoisted = await presign({
      ...target,
      query: `${name}=${encodeURIComponent(value)}&x-amz-copy-source=${bucket}/k`,
    });
    for (const response of [
      await send({ ...target, headers: { ...copy, [name]: value } }),
      await handDirectly(new Request(hoisted, { method: "PUT" })),
    ]) {
      await expectError(response, 501, "NotImplemented", {
        message: "A header you provided implies functionality that is not implemented",
        details: { Header: name },
      });
    }
    expect((await send({ method: "HEAD", bucket, key: "copy" })).status).toBe(404);
  });

  it("x-amz-if-match-initiated-time is refused, and the upload stays", async () => {
    const created = await (await send({ method: "POST", bucket, key: "m", query: "uploads" })).text();
    const uploadId = /<UploadId>(.*)<\/UploadId>/.exec(created)?.[1];
    const upload = { bucket, key: "m", query: `uploadId=${uploadId}` };
    const headers = { "x-amz-if-match-initiated-time": "Thu, 01 Jan 1970 00:00:00 GMT" };
    await expectError(await send({ ...upload, method: "DELETE", headers }), 501, "NotImplemented", {
      message: "A header you provided implies functionality that is not implemented",
      details: { Header: "x-amz-if-match-initiated-time" },
    });
    expect((await send(upload)).status).toBe(200);
  });

  it("a header without meaning is ignored", async () => {
    const directive = { "x-amz-metadata-directive": "REPLACE", "x-amz-tagging-directive": "COPY" };
    expect((await send({ method: "POST", bucket, key: "m", query: "uploads", headers: directive })).status).toBe(200);
  });
});

describe("conditions in the query of a presigned URL", () => {
  const put = async (query: string, headers: Record<string, string> = {}, body = "new") =>
    handDirectly(
      new Request(await presign({ method: "PUT", bucket, key: "c", query }), { method: "PUT", headers, body }),
    );
  const NOBODYS = `%22${"0".repeat(32)}%22`;

  it.each([
    ["If-None-Match=%2A", 412],
    ["if-none-match=%2A", 412],
    ["IF-NONE-MATCH=*", 412],
    [`If-Match=${NOBODYS}`, 412],
    [`if-match=${NOBODYS}`, 412],
    [`If-None-Match=${NOBODYS}`, 501],
    [`If-Match=${NOBODYS}&If-None-Match=%2A`, 501],
    ["If-Unmodified-Since=Thu%2C%2001%20Jan%202015%2000%3A00%3A00%20GMT", 501],
    [`If-Match=${NOBODYS}&if-match=${NOBODYS}`, 400],
  ])("PutObject with %s answers %i and replaces nothing", async (query, status) => {
    await putObject(bucket, "c", "old");
    expect((await put(query)).status).toBe(status);
    expect(await (await send({ bucket, key: "c" })).text()).toBe("old");
  });

  it("PutObject replaces an object with the ETag", async () => {
    const etag = await putObject(bucket, "c", "old");
    expect((await put(`If-Match=%22${etag}%22`)).status).toBe(200);
    expect(await (await send({ bucket, key: "c" })).text()).toBe("new");
  });

  it("no header replaces the signed condition", async () => {
    const etag = await putObject(bucket, "c", "old");
    expect((await put(`If-Match=${NOBODYS}`, { "if-match": `"${etag}"` })).status).toBe(400);
    expect((await put(`If-Match=${NOBODYS}`, { "if-none-match": "*" })).status).toBe(501);
    expect(await (await send({ bucket, key: "c" })).text()).toBe("old");
    expect((await put(`If-Match=%22${etag}%22`, { "if-match": `"${etag}"` })).status).toBe(200);
  });

  it.each([
    ["If-None-Match=%2A", 412],
    [`If-Match=${NOBODYS}`, 412],
  ])("CopyObject with %s answers %i and replaces nothing", async (query, status) => {
    await putObject(bucket, "c", "old");
    const url = await presign({ method: "PUT", bucket, key: "c", query: `${query}&x-amz-copy-source=${bucket}/k` });
    expect((await handDirectly(new Request(url, { method: "PUT" }))).status).toBe(status);
    expect(await (await send({ bucket, key: "c" })).text()).toBe("old");
  });

  it("DeleteObject removes nothing", async () => {
    await putObject(bucket, "c", "old");
    const url = await presign({ method: "DELETE", bucket, key: "c", query: `If-Match=${NOBODYS}` });
    expect((await handDirectly(new Request(url, { method: "DELETE" }))).status).toBe(412);
    expect(await (await send({ bucket, key: "c" })).text()).toBe("old");
  });

  it("GetObject answers 304", async () => {
    const etag = await putObject(bucket, "c", "old");
    const url = await presign({ bucket, key: "c", query: `If-None-Match=%22${etag}%22` });
    expect((await handDirectly(new Request(url))).status).toBe(304);
  });
});
