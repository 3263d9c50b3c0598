import { describe, expect, it } from "vitest";
import { expectError } from "../../support/errors.ts";
import { complete, createUpload, putPart } from "../../support/multipart.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { type SendOptions, STYLES, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { documentOf, fields, texts } from "../../support/xml.ts";

describeRefusals("CreateMultipartUpload", { method: "POST", key: "k", query: "uploads", success: 200 });

function create(options: SendOptions): Promise<Response> {
  return send({ key: "k", ...options, method: "POST", query: "uploads" });
}

describe("CreateMultipartUpload", () => {
  it.each(STYLES)("CreateMultipartUpload answers with bucket, key and upload id, %s style", async (style) => {
    const bucket = await createBucket();
    const key = "a/ä <&>\r\n'\"\u0001";
    const response = await create({ bucket, key, style });
    expect(response.headers.get("x-amz-checksum-algorithm")).toBeNull();
    const root = await documentOf(response, "InitiateMultipartUploadResult");
    expect(fields(root)).toEqual({ Bucket: bucket, Key: key, UploadId: expect.stringMatching(/^[\w.-]{20,}$/) });
  });

  it("CreateMultipartUpload creates a separate upload each time, and no visible object", async () => {
    const bucket = await createBucket();
    const ids = await Promise.all([1, 2, 3].map(() => createUpload({ bucket, key: "k" })));
    expect(new Set(ids).size).toBe(3);
    expect((await send({ method: "HEAD", bucket, key: "k" })).status).toBe(404);
    const listing = await documentOf(await send({ bucket }), "ListBucketResult");
    expect(texts(listing, "Contents", "Key")).toEqual([]);
  });

  it("CreateMultipartUpload sets all properties of the object", async () => {
    const target = { bucket: await createBucket(), key: "k" };
    const headers = {
      "content-type": "text/x-test",
      "cache-control": "max-age=5",
      "content-disposition": "attachment",
      "content-encoding": "x-custom",
      "content-language": "de",
      expires: "whenever",
      "x-amz-meta-a": "1",
      "x-amz-storage-class": "STANDARD_IA",
      "x-amz-website-redirect-location": "/there",
    };
    const uploadId = await createUpload(target, { ...headers, "x-amz-tagging": "a=1&b=2" });
    // Headers of a part do not change the object.
    const part = await putPart(target, uploadId, 1, "content", { "content-type": "text/other" });
    await complete(target, uploadId, [part]);
    const head = await send({ ...target, method: "HEAD" });
    expect(Object.fromEntries(head.headers)).toMatchObject({ ...headers, "x-amz-tagging-count": "2" });
  });

  // "Full object and composite checksum types" (checking-object-integrity-upload), and seen on AWS.
  it.each([
    ["CRC32", undefined, "COMPOSITE"],
    ["CRC32", "COMPOSITE", "COMPOSITE"],
    ["CRC32", "FULL_OBJECT", "FULL_OBJECT"],
    ["CRC32C", undefined, "COMPOSITE"],
    ["CRC32C", "FULL_OBJECT", "FULL_OBJECT"],
    ["CRC64NVME", undefined, "FULL_OBJECT"],
    ["CRC64NVME", "FULL_OBJECT", "FULL_OBJECT"],
    ["SHA1", undefined, "COMPOSITE"],
    ["SHA256", "COMPOSITE", "COMPOSITE"],
    ["sha256", undefined, "COMPOSITE"],
    ["MD5", undefined, "COMPOSITE"],
    ["SHA512", "COMPOSITE", "COMPOSITE"],
    ["XXHASH64", undefined, "COMPOSITE"],
    ["xxhash3", undefined, "COMPOSITE"],
    ["XXHASH128", "COMPOSITE", "COMPOSITE"],
  ])("CreateMultipartUpload accepts %s with type %s as %s", async (algorithm, type, expected) => {
    const bucket = await createBucket();
    const headers = { "x-amz-checksum-algorithm": algorithm, ...(type && { "x-amz-checksum-type": type }) };
    const response = await create({ bucket, headers });
    await documentOf(response, "InitiateMultipartUploadResult");
    expect(response.headers.get("x-amz-checksum-algorithm")).toBe(algorithm.toUpperCase());
    expect(response.headers.get("x-amz-checksum-type")).toBe(expected);
  });

  it.each([
    ["CRC64NVME", "COMPOSITE", "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm."],
    ["SHA1", "FULL_OBJECT", "The FULL_OBJECT checksum type cannot be used with the sha1 checksum algorithm."],
    ["SHA256", "FULL_OBJECT", "The FULL_OBJECT checksum type cannot be used with the sha256 checksum algorithm."],
    ["MD5", "FULL_OBJECT", "The FULL_OBJECT checksum type cannot be used with the md5 checksum algorithm."],
    ["XXHASH3", "FULL_OBJECT", "The FULL_OBJECT checksum type cannot be used with the xxhash3 checksum algorithm."],
    [
      "MD4",
      undefined,
      "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
    ],
    [
      undefined,
      "COMPOSITE",
      "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
    ],
    ["CRC32", "PARTIAL", "Value for x-amz-checksum-type header is invalid."],
  ])("CreateMultipartUpload refuses %s with type %s with InvalidRequest", async (algorithm, type, message) => {
    const bucket = await createBucket();
    const headers = {
      ...(algorithm && { "x-amz-checksum-algorithm": algorithm }),
      ...(type && { "x-amz-checksum-type": type }),
    };
    await expectError(await create({ bucket, headers }), 400, "InvalidRequest", { message });
  });

  it.each([
    ["x-amz-acl", "aws-exec-read"],
    ["x-amz-object-lock-event-hold", "ON"],
  ])("CreateMultipartUpload refuses %s: %s with NotImplemented", async (name, value) => {
    const bucket = await createBucket();
    await expectError(await create({ bucket, headers: { [name]: value } }), 501, "NotImplemented", {
      message: "A header you provided implies functionality that is not implemented",
      details: { Header: name },
    });
  });

  it("CreateMultipartUpload refuses an unknown storage class with InvalidStorageClass", async () => {
    const bucket = await createBucket();
    const headers = { "x-amz-storage-class": "NOPE" };
    await expectError(await create({ bucket, headers }), 400, "InvalidStorageClass", {
      message: "The storage class you specified is not valid",
      details: { StorageClassRequested: "NOPE" },
    });
  });

  it("CreateMultipartUpload refuses malformed tags with InvalidArgument", async () => {
    const bucket = await createBucket();
    const headers = { "x-amz-tagging": "key1=val1,key2=val2" };
    await expectError(await create({ bucket, headers }), 400, "InvalidArgument", {
      message:
        "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
      details: { ArgumentName: "x-amz-tagging", ArgumentValue: "key1=val1,key2=val2" },
    });
  });

  it("CreateMultipartUpload refuses more than 2 KB of metadata with MetadataTooLarge", async () => {
    const bucket = await createBucket();
    const headers = { "x-amz-meta-a": "x".repeat(2048) };
    await expectError(await create({ bucket, headers }), 400, "MetadataTooLarge", {
      message: "Your metadata headers exceed the maximum allowed metadata size",
      details: { Size: "2049", MaxSizeAllowed: "2048" },
    });
  });
});
