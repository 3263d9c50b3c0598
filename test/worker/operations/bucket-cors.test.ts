import { describe, expect, it } from "vitest";
import { contentMd5, corsDocument, putCors } from "../../support/cors.ts";
import { expectError } from "../../support/errors.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { STYLES, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { all, documentOf, readXml } from "../../support/xml.ts";

const MINIMAL = corsDocument("<AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>");
// The sample of API_PutBucketCors, its MaxAgeSec corrected.
const SAMPLE = corsDocument(
  `<AllowedOrigin>http://www.example.com</AllowedOrigin>
   <AllowedMethod>PUT</AllowedMethod>
   <AllowedMethod>POST</AllowedMethod>
   <AllowedMethod>DELETE</AllowedMethod>
   <AllowedHeader>*</AllowedHeader>
   <MaxAgeSeconds>3000</MaxAgeSeconds>
   <ExposeHeader>x-amz-server-side-encryption</ExposeHeader>`,
  "<ID>any</ID><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>",
);
const RULES = [
  [
    ["AllowedHeader", "*"],
    ["AllowedMethod", "PUT"],
    ["AllowedMethod", "POST"],
    ["AllowedMethod", "DELETE"],
    ["AllowedOrigin", "http://www.example.com"],
    ["ExposeHeader", "x-amz-server-side-encryption"],
    ["MaxAgeSeconds", "3000"],
  ],
  [
    ["AllowedMethod", "GET"],
    ["AllowedOrigin", "*"],
    ["ID", "any"],
  ],
];

async function rulesOf(bucket: string): Promise<string[][][]> {
  const root = await documentOf(await send({ bucket, query: "cors" }), "CORSConfiguration");
  return all(root, "CORSRule").map((rule) => rule.children.map(({ name, text }) => [name, text]));
}

async function expectNone(bucket: string, style: "path" | "virtual-host" = "path"): Promise<void> {
  const details = { BucketName: bucket };
  const message = "The CORS configuration does not exist";
  const response = await send({ bucket, query: "cors", style });
  await expectError(response, 404, "NoSuchCORSConfiguration", { message, details });
}

describeRefusals("PutBucketCors", {
  method: "PUT",
  query: "cors",
  body: MINIMAL,
  headers: contentMd5(MINIMAL),
  success: 200,
});
describeRefusals("DeleteBucketCors", { method: "DELETE", query: "cors", success: 204 });

describe.each(STYLES)("CORS of a bucket, %s style", (style) => {
  it("GetBucketCors returns what PutBucketCors put, DeleteBucketCors removes it", async () => {
    const bucket = await createBucket();
    await expectNone(bucket, style);
    const put = await putCors(bucket, SAMPLE, { style });
    expect([put.status, await put.text()]).toEqual([200, ""]);
    expect(await rulesOf(bucket)).toEqual(RULES);
    const deleted = await send({ method: "DELETE", bucket, query: "cors", style });
    expect([deleted.status, await deleted.text()]).toEqual([204, ""]);
    await expectNone(bucket, style);
  });
});

describe("GetBucketCors", () => {
  // describeRefusals needs a request that succeeds, which here requires a document first, so these refusals are written
  // out.
  it("GetBucketCors refuses an anonymous caller with AccessDenied, with and without rules", async () => {
    const bucket = await createBucket();
    await expectError(await send({ bucket, query: "cors", as: null }), 403, "AccessDenied");
    await putCors(bucket, MINIMAL);
    await expectError(await send({ bucket, query: "cors", as: null }), 403, "AccessDenied");
  });

  it("GetBucketCors refuses a bucket that does not exist with NoSuchBucket", async () => {
    const bucket = "no-bucket-of-this-name";
    await expectError(await send({ bucket, query: "cors" }), 404, "NoSuchBucket", {
      details: { BucketName: bucket },
    });
  });
});

describe("PutBucketCors", () => {
  it("PutBucketCors replaces the whole configuration", async () => {
    const bucket = await createBucket();
    expect((await putCors(bucket, SAMPLE)).status).toBe(200);
    expect((await putCors(bucket, MINIMAL)).status).toBe(200);
    expect(await rulesOf(bucket)).toEqual([
      [
        ["AllowedMethod", "GET"],
        ["AllowedOrigin", "*"],
      ],
    ]);
  });

  it("PutBucketCors accepts a checksum instead of Content-MD5", async () => {
    const headers = { "x-amz-checksum-crc32": "AAAAAA==", "x-amz-sdk-checksum-algorithm": "CRC32" };
    const bucket = await createBucket();
    const wrong = await putCors(bucket, MINIMAL, { headers });
    expect([wrong.status, readXml(await wrong.text()).children[0]?.text]).toEqual([400, "BadDigest"]);
    const sha256 = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(MINIMAL));
    const right = { "x-amz-checksum-sha256": btoa(String.fromCharCode(...new Uint8Array(sha256))) };
    expect((await putCors(bucket, MINIMAL, { headers: right })).status).toBe(200);
  });

  it("PutBucketCors refuses a document without Content-MD5 or checksum with InvalidRequest", async () => {
    const bucket = await createBucket();
    await expectError(await putCors(bucket, MINIMAL, { headers: {} }), 400, "InvalidRequest", {
      message: "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
    });
    await expectNone(bucket);
  });

  it.each([
    ["BadDigest", contentMd5("another document")],
    ["InvalidDigest", { "content-md5": "no digest" }],
  ])("PutBucketCors refuses a wrong Content-MD5 with %s", async (code, headers) => {
    const bucket = await createBucket();
    const response = await putCors(bucket, MINIMAL, { headers });
    expect([response.status, readXml(await response.text()).children[0]?.text]).toEqual([400, code]);
    await expectNone(bucket);
  });

  it.each([
    ["not XML", "<CORSConfiguration>"],
    ["no rules", "<CORSConfiguration/>"],
    ["a rule without method", corsDocument("<AllowedOrigin>*</AllowedOrigin>")],
    ["nothing", ""],
  ])("PutBucketCors refuses %s with MalformedXML and keeps the configuration", async (_why, document) => {
    const bucket = await createBucket();
    await putCors(bucket, SAMPLE);
    await expectError(await putCors(bucket, document), 400, "MalformedXML");
    expect(await rulesOf(bucket)).toEqual(RULES);
  });

  it("PutBucketCors refuses an unknown method with InvalidRequest", async () => {
    const bucket = await createBucket();
    const document = corsDocument("<AllowedOrigin>*</AllowedOrigin><AllowedMethod>PATCH</AllowedMethod>");
    await expectError(await putCors(bucket, document), 400, "InvalidRequest", {
      message: "Found unsupported HTTP method in CORS config. Unsupported method is PATCH",
    });
  });

  it("PutBucketCors accepts 64 KB and refuses more with MaxMessageLengthExceeded", async () => {
    const bucket = await createBucket();
    const padded = (size: number) => MINIMAL + " ".repeat(size - MINIMAL.length);
    expect((await putCors(bucket, padded(65_536))).status).toBe(200);
    await expectError(await putCors(bucket, padded(65_537)), 400, "MaxMessageLengthExceeded", {
      message: "Your request was too big.",
      details: { MaxMessageLengthBytes: "65536" },
    });
  });
});

describe("DeleteBucketCors", () => {
  it("DeleteBucketCors answers 204 without a configuration", async () => {
    const bucket = await createBucket();
    expect((await send({ method: "DELETE", bucket, query: "cors" })).status).toBe(204);
  });

  it("DeleteBucket deletes the rules", async () => {
    const bucket = await createBucket();
    await putCors(bucket, SAMPLE);
    expect((await send({ method: "DELETE", bucket })).status).toBe(204);
    expect((await send({ method: "PUT", bucket })).status).toBe(200);
    await expectNone(bucket);
  });
});
