/** The checksum of the completed object, and the checksums that the request may state. */
import { describe, expect, it } from "vitest";
import { expectError } from "../../support/errors.ts";
import {
  checksumOf,
  complete,
  compositeOf,
  createUpload,
  fullObjectOf,
  INVALID_PART,
  MIB,
  multipartETag,
  newTarget,
  noise,
  putPart,
  sendCompletion,
  started,
} from "../../support/multipart.ts";
import { send } from "../../support/request.ts";
import { documentOf, fields } from "../../support/xml.ts";

describe("CompleteMultipartUpload and checksums", () => {
  const SIZES = [5 * MIB, 5 * MIB + 7, 1000];
  const bodies = SIZES.map((sizeBytes, index) => noise(sizeBytes, index + 10));

  // "Full object and composite checksum types": one is computed from the bytes, the other from the parts' checksums.
  it.each([
    ["CRC32", "COMPOSITE"],
    ["CRC32C", "COMPOSITE"],
    ["SHA1", "COMPOSITE"],
    ["SHA256", "COMPOSITE"],
    ["SHA512", "COMPOSITE"],
    ["MD5", "COMPOSITE"],
    ["XXHASH64", "COMPOSITE"],
    ["XXHASH3", "COMPOSITE"],
    ["XXHASH128", "COMPOSITE"],
    ["CRC32", "FULL_OBJECT"],
    ["CRC32C", "FULL_OBJECT"],
    ["CRC64NVME", "FULL_OBJECT"],
  ])("CompleteMultipartUpload computes %s as %s", async (algorithm, type) => {
    const target = await newTarget();
    const header = `x-amz-checksum-${algorithm.toLowerCase()}`;
    const uploadId = await createUpload(target, { "x-amz-checksum-algorithm": algorithm, "x-amz-checksum-type": type });
    const parts = await Promise.all(
      bodies.map(async (body, index) =>
        putPart(target, uploadId, index + 1, body, { [header]: await checksumOf(algorithm, body) }),
      ),
    );
    const expected = await (type === "COMPOSITE" ? compositeOf : fullObjectOf)(algorithm, bodies);
    const headers = { [header]: expected, "x-amz-checksum-type": type };
    const response = await sendCompletion(target, uploadId, parts, { headers });
    expect(fields(await documentOf(response, "CompleteMultipartUploadResult"))).toMatchObject({
      ETag: `"${multipartETag(bodies)}"`,
      [`Checksum${algorithm}`]: expected,
      ChecksumType: type,
    });
    const plain = await send({ ...target, method: "HEAD" });
    expect(plain.headers.get(header)).toBeNull();
    for (const method of ["HEAD", "GET"]) {
      const read = await send({ ...target, method, headers: { "x-amz-checksum-mode": "ENABLED" } });
      expect([read.headers.get(header), read.headers.get("x-amz-checksum-type")]).toEqual([expected, type]);
      await read.body?.cancel();
    }
  });

  it.each([
    ["CRC32C", "FULL_OBJECT"],
    ["SHA256", "COMPOSITE"],
    ["MD5", "COMPOSITE"],
    ["XXHASH128", "COMPOSITE"],
  ])("CompleteMultipartUpload refuses a wrong %s (%s) with BadDigest", async (algorithm, type) => {
    const { target, uploadId, part } = await started({
      "x-amz-checksum-algorithm": algorithm,
      "x-amz-checksum-type": type,
    });
    const headers = {
      [`x-amz-checksum-${algorithm.toLowerCase()}`]: await checksumOf(algorithm, "other"),
      "x-amz-checksum-type": type,
    };
    await expectError(await sendCompletion(target, uploadId, [part], { headers }), 400, "BadDigest", {
      message: `The ${algorithm.toLowerCase()} you specified did not match the calculated checksum.`,
    });
    expect(await complete(target, uploadId, [part])).toBe(multipartETag(["content"]));
  });

  // Recorded on AWS (LocalStack, test_multipart_parts_checksum_exceptions_full_object): without the type a value is read as
  // a composite one, and the message names the upload's algorithm.
  it("CompleteMultipartUpload refuses any value for a FULL_OBJECT upload without the type with BadDigest", async () => {
    const created = { "x-amz-checksum-algorithm": "CRC32C", "x-amz-checksum-type": "FULL_OBJECT" };
    const { target, uploadId, part } = await started(created);
    const whole = await checksumOf("CRC32C", "content");
    for (const headers of [
      { "x-amz-checksum-crc32c": whole },
      { "x-amz-checksum-crc32c": `${whole}-1` },
      { "x-amz-checksum-crc32c": await compositeOf("CRC32C", ["content"]) },
      { "x-amz-checksum-crc64nvme": await checksumOf("CRC64NVME", "content") },
      { "x-amz-checksum-crc32": await checksumOf("CRC32", "content"), "x-amz-checksum-type": "FULL_OBJECT" },
      { "x-amz-checksum-crc32c": `${whole}-1`, "x-amz-checksum-type": "FULL_OBJECT" },
    ] as Record<string, string>[]) {
      await expectError(await sendCompletion(target, uploadId, [part], { headers }), 400, "BadDigest", {
        message: "The crc32c you specified did not match the calculated checksum.",
      });
    }
    const headers = { "x-amz-checksum-crc32c": whole, "x-amz-checksum-type": "FULL_OBJECT" };
    expect(await complete(target, uploadId, [part], headers)).toBe(multipartETag(["content"]));
  });

  // Recorded on AWS (LocalStack, test_complete_multipart_parts_checksum_default).
  it("CompleteMultipartUpload refuses checksums of parts with InvalidPart if the upload has no algorithm", async () => {
    const { target, uploadId } = await started();
    const value = await checksumOf("CRC32", "content");
    const part = await putPart(target, uploadId, 1, "content", { "x-amz-checksum-crc32": value });
    expect(part.checksums).toEqual({ ChecksumCRC32: value });
    for (const checksums of [{ ChecksumCRC32: value }, { ChecksumSHA256: await checksumOf("SHA256", "content") }]) {
      const named = { ...part, checksums: { ...checksums } as Record<string, string> };
      await expectError(await sendCompletion(target, uploadId, [named]), 400, "InvalidPart", {
        message: INVALID_PART,
        details: { UploadId: uploadId, PartNumber: "1", ETag: part.etag },
      });
    }
    for (const type of ["COMPOSITE", "FULL_OBJECT"]) {
      const headers = { "x-amz-checksum-type": type };
      const response = await sendCompletion(target, uploadId, [{ ...part, checksums: {} }], { headers });
      await expectError(response, 400, "InvalidRequest", {
        message:
          "The upload was created using the null checksum mode. The complete request must use the same checksum mode.",
      });
    }
    // AWS ignores a value for the whole object here, even a wrong one.
    const headers = { "x-amz-checksum-crc32c": "AAAAAA==-2" };
    expect(await complete(target, uploadId, [{ ...part, checksums: {} }], headers)).toBe(multipartETag(["content"]));
  });

  it("CompleteMultipartUpload refuses a type other than the upload's with InvalidRequest", async () => {
    const { target, uploadId, part } = await started({ "x-amz-checksum-algorithm": "CRC32" });
    const headers = { "x-amz-checksum-type": "FULL_OBJECT" };
    // Recorded on AWS by LocalStack without the part's checksum: the type is checked first.
    for (const checksums of [part.checksums ?? {}, {}]) {
      const response = await sendCompletion(target, uploadId, [{ ...part, checksums }], { headers });
      await expectError(response, 400, "InvalidRequest", {
        message:
          "The upload was created using the COMPOSITE checksum mode. The complete request must use the same checksum mode.",
      });
    }
  });

  it("CompleteMultipartUpload refuses a composite upload without its parts' checksums with InvalidRequest", async () => {
    const { target, uploadId, part } = await started({ "x-amz-checksum-algorithm": "SHA1" });
    await expectError(await sendCompletion(target, uploadId, [{ ...part, checksums: {} }]), 400, "InvalidRequest", {
      message:
        "The upload was created using a sha1 checksum. The complete request must include the checksum for each part. It was missing for part 1 in the request.",
    });
  });

  it("CompleteMultipartUpload refuses a wrong checksum of a part with InvalidPart", async () => {
    const { target, uploadId, part } = await started({ "x-amz-checksum-algorithm": "SHA1" });
    const checksums = { ChecksumSHA1: await checksumOf("SHA1", "other") };
    await expectError(await sendCompletion(target, uploadId, [{ ...part, checksums }]), 400, "InvalidPart", {
      message: INVALID_PART,
      details: { UploadId: uploadId, PartNumber: "1", ETag: part.etag },
    });
  });

  it.each([
    ["a malformed checksum", { ChecksumCRC32: "x" }, "x"],
    ["two checksums", { ChecksumCRC32: "AAAAAA==", ChecksumCRC32C: "AAAAAA==" }, "CRC32:AAAAAA==;CRC32C:AAAAAA==;"],
  ])("CompleteMultipartUpload refuses a part with %s with InvalidArgument", async (_name, checksums, value) => {
    const { target, uploadId, part } = await started();
    const response = await sendCompletion(target, uploadId, [
      { ...part, checksums: { ...checksums } as Record<string, string> },
    ]);
    await expectError(response, 400, "InvalidArgument", {
      message: "Invalid Base64 or multiple checksums present in request",
      details: { ArgumentName: "Checksum", ArgumentValue: value },
    });
  });

  it.each([
    [{ "x-amz-checksum-crc32": "bad" }, "Value for x-amz-checksum-crc32 header is invalid."],
    [{ "x-amz-checksum-crc32": "AAAAAA==-x" }, "Value for x-amz-checksum-crc32 header is invalid."],
    [
      { "x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-sha1": "AAAAAA==" },
      "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    ],
    [{ "x-amz-checksum-type": "PARTIAL" }, "Value for x-amz-checksum-type header is invalid."],
    [{ "x-amz-mp-object-size": "x" }, "Value for x-amz-mp-object-size header is invalid: 'x'"],
    [{ "x-amz-mp-object-size": "-1" }, "Value for x-amz-mp-object-size header is less than zero: '-1'"],
    [
      { "x-amz-mp-object-size": "8" },
      "The provided 'x-amz-mp-object-size' header value 8 does not match what was computed: 7",
    ],
  ])("CompleteMultipartUpload refuses %j with InvalidRequest", async (headers, message) => {
    const { target, uploadId, part } = await started();
    const response = await sendCompletion(target, uploadId, [part], {
      headers: { ...headers } as Record<string, string>,
    });
    await expectError(response, 400, "InvalidRequest", { message });
  });

  it("CompleteMultipartUpload accepts the object's size", async () => {
    const { target, uploadId, part } = await started();
    expect(await complete(target, uploadId, [part], { "x-amz-mp-object-size": "7" })).toBe(multipartETag(["content"]));
  });
});
