import { describe, expect, it } from "vitest";
import { expectHeadError } from "../../support/errors.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { presign, putObject, type SendOptions, STYLES, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { handDirectly } from "../../support/worker.ts";

describeRefusals("HeadObject", { method: "HEAD", key: "k", success: 200 });

function head(options: SendOptions): Promise<Response> {
  return send({ method: "HEAD", key: "k", ...options });
}

async function bucketWith(body: string | Uint8Array = "0123456789", options: SendOptions = {}): Promise<string> {
  const bucket = await createBucket();
  await putObject(bucket, "k", body, options);
  return bucket;
}

describe("HeadObject", () => {
  it.each(STYLES)("HeadObject answers GetObject's headers without a body, %s style", async (style) => {
    const headers = {
      "content-type": "text/plain",
      "content-language": "de",
      expires: "soon",
      "x-amz-meta-a": "1",
      "x-amz-storage-class": "STANDARD_IA",
      "x-amz-website-redirect-location": "/x",
    };
    const bucket = await bucketWith("0123456789", { headers });
    const response = await head({ bucket, style });
    expect([response.status, await response.text()]).toEqual([200, ""]);
    const get = await send({ bucket, key: "k", style });
    await get.body?.cancel();
    // The platform sets the Content-Length of GET from the stream, when it sends the response.
    const own = new Set(["content-length", "date", "x-amz-id-2", "x-amz-request-id"]);
    const comparable = (all: Headers) => [...all].filter(([name]) => !own.has(name));
    expect(comparable(response.headers)).toEqual(comparable(get.headers));
    expect(Object.fromEntries(response.headers)).toMatchObject({ ...headers, "content-length": "10" });
  });

  it.each([0, 1, 1024 * 1024 + 1])("HeadObject answers Content-Length %i", async (sizeBytes) => {
    const response = await head({ bucket: await bucketWith(new Uint8Array(sizeBytes)) });
    expect([response.status, response.headers.get("content-length")]).toEqual([200, String(sizeBytes)]);
  });

  it("HeadObject answers the size and ETag of a large object behind a manifest", async () => {
    const bytes = new Uint8Array(1024 * 1024 + 1);
    const bucket = await createBucket();
    const etag = await putObject(bucket, "k", bytes, { headers: { "x-amz-storage-class": "REDUCED_REDUNDANCY" } });
    const response = await head({ bucket });
    expect(response.headers.get("content-length")).toBe(String(bytes.byteLength));
    expect(response.headers.get("etag")).toBe(`"${etag}"`);
    expect(response.headers.get("x-amz-storage-class")).toBe("REDUCED_REDUNDANCY");
  });

  it.each(STYLES)("HeadObject refuses an absent key with 404 and no body, %s style", async (style) => {
    await expectHeadError(await head({ bucket: await createBucket(), style }), 404);
  });

  it.each([
    ["bytes=0-0", "1", "bytes 0-0/10"],
    ["bytes=3-", "7", "bytes 3-9/10"],
    ["bytes=-3", "3", "bytes 7-9/10"],
  ])("HeadObject answers %s with 206", async (range, length, contentRange) => {
    const response = await head({ bucket: await bucketWith(), headers: { range } });
    expect([response.status, response.headers.get("content-length")]).toEqual([206, length]);
    expect(response.headers.get("content-range")).toBe(contentRange);
  });

  it("HeadObject refuses a range outside the object with 416", async () => {
    const response = await head({ bucket: await bucketWith(), headers: { range: "bytes=10-" } });
    expect(response.headers.get("content-range")).toBe("bytes */10");
    await expectHeadError(response, 416);
  });

  it("HeadObject answers partNumber=1 with 206 and refuses others with 416", async () => {
    const bucket = await bucketWith();
    const response = await head({ bucket, query: "partNumber=1" });
    expect([response.status, response.headers.get("content-length")]).toEqual([206, "10"]);
    await expectHeadError(await head({ bucket, query: "partNumber=2" }), 416);
  });

  it.each([
    [{ "if-none-match": '"781e5e245d69b566979b86e28d23f2c7"' }, 304],
    [{ "if-match": '"0"' }, 412],
  ])("HeadObject answers %j with %i", async (headers, status) => {
    const response = await head({ bucket: await bucketWith(), headers: headers as unknown as Record<string, string> });
    expect([response.status, await response.text()]).toEqual([status, ""]);
  });

  it.each([
    ["versionId=null", 200],
    ["versionId=x", 400],
    ["versionId=", 400],
    ["partNumber=0", 400],
    ["response-content-type=a%0Ab", 400],
  ])("HeadObject answers %s with %i", async (query, status) => {
    expect((await head({ bucket: await bucketWith(), query })).status).toBe(status);
  });

  it("HeadObject replaces headers by response-* parameters, for signed requests only", async () => {
    const bucket = await bucketWith();
    const query = "response-content-disposition=attachment";
    expect((await head({ bucket, query })).headers.get("content-disposition")).toBe("attachment");
    const url = await presign({ method: "HEAD", bucket, key: "k", query });
    const presigned = await handDirectly(new Request(url, { method: "HEAD" }));
    expect([presigned.status, presigned.headers.get("content-disposition")]).toEqual([200, "attachment"]);
    await expectHeadError(await head({ bucket, query, as: null }), 403);
  });
});
