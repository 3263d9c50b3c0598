import { describe, expect, it } from "vitest";
import { countingEnv } from "../../support/counting-env.ts";
import { expectError } from "../../support/errors.ts";
import {
  checksumOf,
  complete,
  createUpload,
  MIB,
  md5,
  multipartETag,
  NO_SUCH_UPLOAD,
  newTarget,
  noise,
  putPart,
  sendPart,
} from "../../support/multipart.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { encode, STYLES, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";

describeRefusals("UploadPart", {
  method: "PUT",
  key: "k",
  query: "partNumber=1&uploadId=none",
  body: "content",
  // The upload does not exist, which only an authorized caller learns.
  success: 404,
});

describe("UploadPart", () => {
  it.each(STYLES)("UploadPart answers with the part's MD5 as ETag, %s style", async (style) => {
    const target = { ...(await newTarget()), style };
    const uploadId = await createUpload(target);
    const response = await sendPart(target, uploadId, 1, "content");
    expect([response.status, await response.text()]).toEqual([200, ""]);
    expect(response.headers.get("etag")).toBe(`"${md5("content")}"`);
    expect(response.headers.get("x-amz-checksum-type")).toBeNull();
  });

  it.each([0, 1, MIB, MIB + 1, 5 * MIB])("UploadPart stores %i bytes unchanged", async (sizeBytes) => {
    const target = await newTarget();
    const uploadId = await createUpload(target);
    const body = noise(sizeBytes);
    const part = await putPart(target, uploadId, 1, body);
    expect(part.etag).toBe(md5(body));
    expect(await complete(target, uploadId, [part])).toBe(multipartETag([body]));
    expect(md5(new Uint8Array(await (await send(target)).arrayBuffer()))).toBe(md5(body));
  });

  it("UploadPart replaces the part of the same number", async () => {
    const target = await newTarget();
    const uploadId = await createUpload(target);
    await putPart(target, uploadId, 1, "first");
    const second = await putPart(target, uploadId, 1, "second");
    await complete(target, uploadId, [second]);
    expect(await (await send(target)).text()).toBe("second");
  });

  it.each(["1", "10000"])("UploadPart accepts part number %s", async (partNumber) => {
    const target = await newTarget();
    const uploadId = await createUpload(target);
    expect((await sendPart(target, uploadId, partNumber, "content")).status).toBe(200);
  });

  it.each(["0", "-1", "10001", "x", "1.0", ""])(
    "UploadPart refuses part number %j with InvalidArgument",
    async (text) => {
      const target = await newTarget();
      const uploadId = await createUpload(target);
      await expectError(await sendPart(target, uploadId, text, "content"), 400, "InvalidArgument", {
        message: "Part number must be an integer between 1 and 10000, inclusive",
        details: { ArgumentName: "partNumber", ArgumentValue: text },
      });
    },
  );

  it("UploadPart refuses an upload id without a part number with MethodNotAllowed", async () => {
    const target = await newTarget();
    const query = `uploadId=${encode(await createUpload(target))}`;
    const headers = { "x-amz-copy-source": `${target.bucket}/${target.key}` };
    for (const put of [{ body: "x" }, { headers }]) {
      const response = await send({ ...target, method: "PUT", query, ...put });
      expect(response.headers.get("allow")).toBe("DELETE, POST, GET");
      await expectError(response, 405, "MethodNotAllowed", {
        message: "The specified method is not allowed against this resource.",
        details: { Method: "PUT", ResourceType: "UPLOAD" },
      });
    }
  });

  it("UploadPart refuses a part number without an upload id with InvalidArgument", async () => {
    const target = await newTarget();
    await expectError(
      await send({ ...target, method: "PUT", query: "partNumber=3", body: "x" }),
      400,
      "InvalidArgument",
      {
        message: "This operation does not accept partNumber without uploadId",
        details: { ArgumentName: "partNumber", ArgumentValue: "partNumber" },
      },
    );
  });

  it("UploadPart refuses an upload id that is forged, empty, or of another key or bucket with NoSuchUpload", async () => {
    const target = await newTarget();
    const uploadId = await createUpload(target);
    const forged = `${uploadId.slice(0, -1)}${uploadId.endsWith("a") ? "b" : "a"}`;
    const cases = [
      [target, forged],
      [target, ""],
      [target, "x".repeat(2000)],
      [{ ...target, key: "other" }, uploadId],
      [{ ...target, bucket: await createBucket() }, uploadId],
    ] as const;
    for (const [place, id] of cases) {
      await expectError(await sendPart(place, id, 1, "content"), 404, "NoSuchUpload", {
        message: NO_SUCH_UPLOAD,
        details: { UploadId: id },
      });
    }
  });

  it.each(["complete", "abort"])("UploadPart refuses an upload after %s with NoSuchUpload", async (end) => {
    const target = await newTarget();
    const uploadId = await createUpload(target);
    const part = await putPart(target, uploadId, 1, "content");
    if (end === "complete") await complete(target, uploadId, [part]);
    else await send({ ...target, method: "DELETE", query: `uploadId=${encode(uploadId)}` });
    await expectError(await sendPart(target, uploadId, 2, "late"), 404, "NoSuchUpload", {
      message: NO_SUCH_UPLOAD,
      details: { UploadId: uploadId },
    });
  });

  it.each(["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128"])(
    "UploadPart verifies %s and answers with it",
    async (algorithm) => {
      const target = await newTarget();
      const uploadId = await createUpload(target, { "x-amz-checksum-algorithm": algorithm });
      const header = `x-amz-checksum-${algorithm.toLowerCase()}`;
      const value = await checksumOf(algorithm, "content");
      const response = await sendPart(target, uploadId, 1, "content", { headers: { [header]: value } });
      expect([response.status, response.headers.get(header)]).toEqual([200, value]);
      const wrong = await sendPart(target, uploadId, 1, "Content", { headers: { [header]: value } });
      await expectError(wrong, 400, "BadDigest", {
        message: `The ${algorithm} you specified did not match the calculated checksum.`,
      });
    },
  );

  it("UploadPart accepts MD5 as SDKs send it; otherwise Content-MD5 is not the part's checksum", async () => {
    const target = await newTarget();
    const uploadId = await createUpload(target, { "x-amz-checksum-algorithm": "MD5" });
    const md5 = await checksumOf("MD5", "content");
    const headers = { "content-md5": md5, "x-amz-sdk-checksum-algorithm": "MD5" };
    const part = await putPart(target, uploadId, 1, "content", headers);
    expect(part.checksums).toEqual({ ChecksumMD5: md5 });
    await expectError(
      await sendPart(target, uploadId, 2, "content", { headers: { "content-md5": md5 } }),
      400,
      "InvalidRequest",
      { message: "Checksum Type mismatch occurred, expected checksum Type: md5, actual checksum Type: null" },
    );
    expect(await complete(target, uploadId, [part])).toBe(multipartETag(["content"]));
  });

  it("UploadPart refuses a checksum of an algorithm other than the upload's with InvalidRequest", async () => {
    const target = await newTarget();
    const uploadId = await createUpload(target, { "x-amz-checksum-algorithm": "SHA256" });
    const headers = { "x-amz-checksum-crc32": await checksumOf("CRC32", "content") };
    await expectError(await sendPart(target, uploadId, 1, "content", { headers }), 400, "InvalidRequest", {
      message: "Checksum Type mismatch occurred, expected checksum Type: sha256, actual checksum Type: crc32",
    });
  });

  // AWS returns base64 here, and hex in PutObject.
  it.each(["other", new Uint8Array(MIB + 1)])(
    "UploadPart refuses a wrong Content-MD5 and keeps the part",
    async (body) => {
      const target = await newTarget();
      const uploadId = await createUpload(target);
      const part = await putPart(target, uploadId, 1, "content");
      const headers = { "content-md5": "1B2M2Y8AsgTpgAmY7PhCfg==" };
      await expectError(await sendPart(target, uploadId, 1, body, { headers }), 400, "BadDigest", {
        message: "The Content-MD5 you specified did not match what we received.",
        details: { ExpectedDigest: headers["content-md5"], CalculatedDigest: await checksumOf("MD5", body) },
      });
      expect(await complete(target, uploadId, [part])).toBe(multipartETag(["content"]));
    },
  );

  it("UploadPart refuses a wrong payload hash with XAmzContentSHA256Mismatch", async () => {
    const target = await newTarget();
    const uploadId = await createUpload(target);
    const headers = { "x-amz-content-sha256": "0".repeat(64) };
    const response = await sendPart(target, uploadId, 1, "content", { headers });
    expect([response.status, (await response.text()).includes("<Code>XAmzContentSHA256Mismatch</Code>")]).toEqual([
      400,
      true,
    ]);
  });

  it("UploadPart needs one R2 call and no D1 call", async () => {
    const target = await newTarget();
    const uploadId = await createUpload(target);
    const { env, counts, reset } = countingEnv(testEnv);
    await sendPart(target, uploadId, 1, "warm", { env });
    reset();
    expect((await sendPart(target, uploadId, 2, noise(2 * MIB), { env })).status).toBe(200);
    expect(counts).toMatchObject({ r2: 1, d1: 0 });
  });
});
