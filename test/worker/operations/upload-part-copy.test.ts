import { beforeAll, describe, expect, it } from "vitest";
import { requireCopyableSize } from "../../../src/operations/object/source-object.ts";
import { createAccount } from "../../support/accounts.ts";
import { expectError } from "../../support/errors.ts";
import {
  checksumOf,
  complete,
  concat,
  createUpload,
  digestGet,
  MIB,
  md5,
  multipartETag,
  NO_SUCH_UPLOAD,
  newTarget,
  noise,
  putMultipart,
  type UploadTarget,
} from "../../support/multipart.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { encode, putObject, STYLES, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { documentOf, fields, textIn } from "../../support/xml.ts";

const SHARED_SOURCE = "source-of-refused-copies";

beforeAll(async () => {
  await send({ method: "PUT", bucket: SHARED_SOURCE });
  await putObject(SHARED_SOURCE, "k");
});

describeRefusals("UploadPartCopy", {
  method: "PUT",
  key: "k",
  query: "partNumber=1&uploadId=none",
  headers: { "x-amz-copy-source": `${SHARED_SOURCE}/k` },
  // The upload does not exist, which only an authorized caller learns.
  success: 404,
});

function sourceHeader(bucket: string, key: string): string {
  return `/${bucket}/${key.split("/").map(encode).join("/")}`;
}

function copyPart(
  target: UploadTarget,
  uploadId: string,
  source: string,
  headers: Record<string, string> = {},
  partNumber = 1,
): Promise<Response> {
  return send({
    ...target,
    method: "PUT",
    query: `partNumber=${partNumber}&uploadId=${encode(uploadId)}`,
    headers: { "x-amz-copy-source": source, ...headers },
  });
}

async function etagOf(response: Response): Promise<string> {
  return (textIn(await documentOf(response, "CopyPartResult"), "ETag") ?? "").replaceAll('"', "");
}

/** An upload in a bucket that also holds "0123456789" under "source". */
async function prepared(headers: Record<string, string> = {}) {
  const target = await newTarget();
  await putObject(target.bucket, "source", "0123456789");
  const uploadId = await createUpload(target, headers);
  return { target, uploadId, source: `${target.bucket}/source` };
}

const MALFORMED_RANGE =
  "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy";

describe("UploadPartCopy", { timeout: 20_000 }, () => {
  it.each(STYLES)("UploadPartCopy answers with the part's ETag and time, %s style", async (style) => {
    const { target, uploadId, source } = await prepared();
    const root = await documentOf(await copyPart({ ...target, style }, uploadId, source), "CopyPartResult");
    expect(fields(root)).toEqual({
      LastModified: expect.stringMatching(/^20\d\d-.*\.\d{3}Z$/),
      ETag: `"${md5("0123456789")}"`,
    });
  });

  it("UploadPartCopy reads a plus sign in the source as a space, and accepts a whole URL", async () => {
    const { target, uploadId } = await prepared();
    await putObject(target.bucket, "my file", "content");
    for (const source of [`${target.bucket}/my+file`, `https://s3.amazonaws.com/${target.bucket}/my%20file`]) {
      expect(await etagOf(await copyPart(target, uploadId, source))).toBe(md5("content"));
    }
  });

  it("UploadPartCopy copies ranges of an object with an unusual key in another bucket", async () => {
    const target = await newTarget();
    const from = await createBucket();
    const key = "?versionId /ä+%25";
    const bytes = noise(6 * MIB);
    await putObject(from, key, bytes);
    const uploadId = await createUpload(target);
    const parts = [];
    for (const [index, range] of [
      [0, 5 * MIB - 1],
      [5 * MIB, 6 * MIB - 1],
    ].entries()) {
      const headers = { "x-amz-copy-source-range": `bytes=${range[0]}-${range[1]}` };
      const partNumber = index + 1;
      const etag = await etagOf(await copyPart(target, uploadId, sourceHeader(from, key), headers, partNumber));
      parts.push({ partNumber, etag });
    }
    const bodies = [bytes.subarray(0, 5 * MIB), bytes.subarray(5 * MIB)];
    expect(await complete(target, uploadId, parts)).toBe(multipartETag(bodies));
    expect(await digestGet(target)).toEqual({ status: 200, sizeBytes: 6 * MIB, md5: md5(bytes) });
  });

  it("UploadPartCopy copies whole objects and ranges across part borders of an object uploaded in parts", async () => {
    const target = await newTarget();
    const from = { bucket: target.bucket, key: "source" };
    const bodies = [noise(5 * MIB, 1), noise(5 * MIB + 1, 2), noise(100, 3)];
    const whole = concat(bodies);
    await putMultipart(from, bodies);
    const uploadId = await createUpload(target);
    const source = `${target.bucket}/source`;
    const first = await etagOf(await copyPart(target, uploadId, source));
    const [start, end] = [5 * MIB - 10, 10 * MIB + 50];
    const headers = { "x-amz-copy-source-range": `bytes=${start}-${end}` };
    const second = await etagOf(await copyPart(target, uploadId, source, headers, 2));
    const slices = [whole, whole.subarray(start, end + 1)];
    expect([first, second]).toEqual(slices.map(md5));
    const parts = [first, second].map((etag, index) => ({ partNumber: index + 1, etag }));
    expect(await complete(target, uploadId, parts)).toBe(multipartETag(slices));
    const joined = concat(slices);
    expect(await digestGet(target)).toEqual({ status: 200, sizeBytes: joined.byteLength, md5: md5(joined) });
  });

  it("UploadPartCopy copies a range within a part of an object uploaded in parts", async () => {
    const target = await newTarget();
    const bodies = [noise(5 * MIB, 1), noise(MIB, 2)];
    await putMultipart({ bucket: target.bucket, key: "source" }, bodies);
    const uploadId = await createUpload(target);
    const headers = { "x-amz-copy-source-range": `bytes=${5 * MIB}-${6 * MIB - 2}` };
    const etag = await etagOf(await copyPart(target, uploadId, `${target.bucket}/source`, headers));
    expect(etag).toBe(md5(concat(bodies).subarray(5 * MIB, 6 * MIB - 1)));
  });

  it("UploadPartCopy copies an empty object", async () => {
    const { target, uploadId } = await prepared();
    await putObject(target.bucket, "empty", "");
    expect(await etagOf(await copyPart(target, uploadId, `${target.bucket}/empty`))).toBe(md5(""));
  });

  it.each(["CRC32C", "SHA256", "CRC64NVME", "MD5", "SHA512", "XXHASH64", "XXHASH3", "XXHASH128"])(
    "UploadPartCopy computes the upload's %s",
    async (algorithm) => {
      const { target, uploadId, source } = await prepared({ "x-amz-checksum-algorithm": algorithm });
      const headers = { "x-amz-copy-source-range": "bytes=2-4" };
      const root = await documentOf(await copyPart(target, uploadId, source, headers), "CopyPartResult");
      expect(textIn(root, `Checksum${algorithm}`)).toBe(await checksumOf(algorithm, "234"));
    },
  );

  // Values and messages as seen on AWS (LocalStack's recordings of 2026-02).
  it.each([
    ["0-8", "InvalidArgument", MALFORMED_RANGE],
    ["bytes=1-0", "InvalidArgument", MALFORMED_RANGE],
    ["bytes=-1-", "InvalidArgument", MALFORMED_RANGE],
    ["bytes=0--1", "InvalidArgument", MALFORMED_RANGE],
    ["bytes=0-1,3-4,7-9", "InvalidArgument", MALFORMED_RANGE],
    ["bytes=-", "InvalidArgument", MALFORMED_RANGE],
    ["bytes=1-", "InvalidArgument", MALFORMED_RANGE],
    ["bytes=-2", "InvalidArgument", MALFORMED_RANGE],
    ["bytes=hello-world", "InvalidArgument", MALFORMED_RANGE],
    ["bytes=0-100", "InvalidArgument", "Range specified is not valid for source object of size: 10"],
    ["bytes=9-10", "InvalidArgument", "Range specified is not valid for source object of size: 10"],
    ["bytes=100-200", "InvalidRequest", "The specified copy range is invalid for the source object size"],
  ])("UploadPartCopy refuses the range %s with %s", async (range, code, message) => {
    const { target, uploadId, source } = await prepared();
    await expectError(await copyPart(target, uploadId, source, { "x-amz-copy-source-range": range }), 400, code, {
      message,
      ...(code === "InvalidArgument" && {
        details: { ArgumentName: "x-amz-copy-source-range", ArgumentValue: range },
      }),
    });
  });

  it.each(["bytes=0-8", "bytes=1-1", "bytes=0-9"])("UploadPartCopy accepts the range %s", async (range) => {
    const { target, uploadId, source } = await prepared();
    const [first = 0, last = 0] = range.slice("bytes=".length).split("-").map(Number);
    const response = await copyPart(target, uploadId, source, { "x-amz-copy-source-range": range });
    expect(await etagOf(response)).toBe(md5("0123456789".slice(first, last + 1)));
  });

  it("UploadPartCopy refuses more than 5 GiB at once with InvalidRequest", () => {
    expect(() => requireCopyableSize(5 * 1024 ** 3)).not.toThrow();
    expect(() => requireCopyableSize(5 * 1024 ** 3 + 1)).toThrow(
      expect.objectContaining({
        code: "InvalidRequest",
        message: "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120",
      }),
    );
  });

  it.each([
    ["if-match", '"other"', "If-Match"],
    ["if-none-match", `"${md5("0123456789")}"`, "If-None-Match"],
    ["if-none-match", md5("0123456789"), "If-None-Match"],
    ["if-unmodified-since", "Mon, 01 Jan 2001 00:00:00 GMT", "If-Unmodified-Since"],
  ])("UploadPartCopy refuses x-amz-copy-source-%s: %s with PreconditionFailed", async (name, value, condition) => {
    const { target, uploadId, source } = await prepared();
    const headers = { [`x-amz-copy-source-${name}`]: value };
    await expectError(await copyPart(target, uploadId, source, headers), 412, "PreconditionFailed", {
      details: { Condition: `x-amz-copy-source-${condition}` },
    });
  });

  it("UploadPartCopy refuses an upload that does not exist with NoSuchUpload", async () => {
    const { target, source } = await prepared();
    await expectError(await copyPart(target, "none", source), 404, "NoSuchUpload", {
      message: NO_SUCH_UPLOAD,
      details: { UploadId: "none" },
    });
  });

  it("UploadPartCopy refuses a source that does not exist with NoSuchKey or NoSuchBucket", async () => {
    const { target, uploadId } = await prepared();
    await expectError(await copyPart(target, uploadId, `${target.bucket}/none`), 404, "NoSuchKey", {
      details: { Key: "none" },
    });
    await expectError(await copyPart(target, uploadId, "no-bucket-of-this-name/k"), 404, "NoSuchBucket", {
      details: { BucketName: "no-bucket-of-this-name" },
    });
  });

  it("UploadPartCopy refuses a source of another account with AccessDenied", async () => {
    const { target, uploadId } = await prepared();
    const as = await createAccount();
    const foreign = await createBucket({ key: as });
    await putObject(foreign, "k", "content", { as });
    await expectError(await copyPart(target, uploadId, `${foreign}/k`), 403, "AccessDenied");
  });

  it("UploadPartCopy refuses part numbers as UploadPart does", async () => {
    const { target, uploadId, source } = await prepared();
    await expectError(await copyPart(target, uploadId, source, {}, 10001), 400, "InvalidArgument", {
      message: "Part number must be an integer between 1 and 10000, inclusive",
      details: { ArgumentName: "partNumber", ArgumentValue: "10001" },
    });
  });
});
