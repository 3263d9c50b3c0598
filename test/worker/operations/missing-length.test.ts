/**
 * Requests with neither Content-Length nor a transfer coding, which workerd passes without such a header and without a
 * body. With `Content-Length: 0` there is a header and an empty body (seen over a raw socket with workerd 1.20261117).
 */
import { AwsClient } from "aws4fetch";
import { describe, expect, it } from "vitest";
import { expectError } from "../../support/errors.ts";
import { createUpload } from "../../support/multipart.ts";
import { presign, putObject, type SendOptions, STYLES, send, urlOf } from "../../support/request.ts";
import { createBucket, ROOT, testEnv } from "../../support/s3.ts";
import { handleRequest } from "../../support/worker.ts";

async function sendWithoutLength(options: SendOptions): Promise<Response> {
  const { method = "PUT", headers = {} } = options;
  const client = new AwsClient({ ...ROOT, service: "s3", region: "us-east-1", retries: 0 });
  const request = await client.sign(urlOf(options), { method, headers: { ...headers } });
  expect([request.body, request.headers.get("content-length")]).toEqual([null, null]);
  return handleRequest(request, testEnv);
}

const MISSING = { message: "You must provide the Content-Length HTTP header." };

describe.each(STYLES)("a body without a length, %s style", (style) => {
  it("is refused by PutObject with MissingContentLength, and the object is kept", async () => {
    const bucket = await createBucket();
    const target = { bucket, key: "k", style };
    await putObject(bucket, "k", "precious");
    await expectError(await sendWithoutLength(target), 411, "MissingContentLength", MISSING);
    const unsigned = { ...target, headers: { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" } };
    await expectError(await sendWithoutLength(unsigned), 411, "MissingContentLength", MISSING);
    const chunked = {
      ...target,
      headers: {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": "0",
        "x-amz-trailer": "x-amz-checksum-crc32",
      },
    };
    await expectError(await sendWithoutLength(chunked), 411, "MissingContentLength", MISSING);
    const presigned = new Request(await presign({ ...target, method: "PUT" }), { method: "PUT" });
    await expectError(await handleRequest(presigned, testEnv), 411, "MissingContentLength", MISSING);
    expect(await (await send({ bucket, key: "k" })).text()).toBe("precious");
  });

  it("is refused by UploadPart with MissingContentLength", async () => {
    const target = { bucket: await createBucket(), key: "k" };
    const query = `partNumber=1&uploadId=${await createUpload(target)}`;
    expect((await sendWithoutLength({ ...target, query, style })).status).toBe(411);
  });
});

describe("requests without a length that succeed", () => {
  it("are copies", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "content");
    const headers = { "x-amz-copy-source": `/${bucket}/k` };
    expect((await sendWithoutLength({ bucket, key: "copy", headers })).status).toBe(200);
    const target = { bucket, key: "parts" };
    const query = `partNumber=1&uploadId=${await createUpload(target)}`;
    expect((await sendWithoutLength({ ...target, headers, query })).status).toBe(200);
    const hoisted = await presign({ method: "PUT", bucket, key: "other", query: `x-amz-copy-source=${bucket}/k` });
    expect((await handleRequest(new Request(hoisted, { method: "PUT" }), testEnv)).status).toBe(200);
  });

  it("are requests with an optional document or none", async () => {
    const bucket = `b-${crypto.randomUUID()}`;
    expect((await sendWithoutLength({ bucket })).status).toBe(200);
    const acl = { bucket, query: "acl", headers: { "x-amz-acl": "private" } };
    expect((await sendWithoutLength(acl)).status).toBe(200);
    expect((await sendWithoutLength({ method: "POST", bucket, key: "k", query: "uploads" })).status).toBe(200);
    expect((await sendWithoutLength({ method: "DELETE", bucket, key: "k" })).status).toBe(204);
  });

  it("are uploads with Content-Length: 0", async () => {
    const bucket = await createBucket();
    const headers = { "content-length": "0" };
    const request = new Request(await presign({ method: "PUT", bucket, key: "k" }), { method: "PUT", headers });
    expect((await handleRequest(request, testEnv)).status).toBe(200);
  });
});
