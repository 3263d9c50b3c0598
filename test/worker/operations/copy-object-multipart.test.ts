import { describe, expect, it } from "vitest";
import { copied, headOf } from "../../support/copy.ts";
import { countingEnv } from "../../support/counting-env.ts";
import {
  checksumOf,
  concat,
  digestGet,
  MIB,
  md5,
  multipartETag,
  newTarget,
  noise,
  putMultipart,
} from "../../support/multipart.ts";
import { send } from "../../support/request.ts";
import { testEnv } from "../../support/s3.ts";
import { documentOf, textIn } from "../../support/xml.ts";

describe("CopyObject of an object uploaded in parts", { timeout: 20_000 }, () => {
  const bodies = [noise(5 * MIB, 1), noise(5 * MIB + 3, 2), noise(10, 3)];
  const whole = concat(bodies);

  async function multipart(headers: Record<string, string> = {}) {
    const target = await newTarget();
    await putMultipart({ bucket: target.bucket, key: "source" }, bodies, headers);
    return { target, source: `${target.bucket}/source` };
  }

  it("CopyObject shares its parts, which remain after the source is deleted", async () => {
    const { target, source } = await multipart({ "x-amz-meta-a": "1" });
    const { env, counts, reset } = countingEnv(testEnv);
    await send({ ...target, method: "HEAD", env });
    reset();
    const headers = { "x-amz-copy-source": source };
    const root = await documentOf(await send({ ...target, method: "PUT", headers, env }), "CopyObjectResult");
    expect(counts.r2).toBeLessThanOrEqual(3);
    expect(textIn(root, "ETag")).toBe(`"${multipartETag(bodies)}"`);
    await send({ bucket: target.bucket, key: "source", method: "DELETE" });
    expect(await digestGet(target)).toEqual({ status: 200, sizeBytes: whole.byteLength, md5: md5(whole) });
    expect(await headOf(target)).toMatchObject({
      "content-length": String(whole.byteLength),
      "x-amz-meta-a": "1",
    });
    const part = await digestGet({ ...target, query: "partNumber=2" });
    expect(part).toEqual({ status: 206, sizeBytes: 5 * MIB + 3, md5: md5(bodies[1] ?? "") });
  });

  it("CopyObject copies it to another bucket, and a copy of that copy", async () => {
    const { source } = await multipart();
    const second = await newTarget();
    const third = await newTarget();
    await copied(second, source);
    await copied(third, `${second.bucket}/k`);
    for (const target of [second, third]) {
      expect(await digestGet(target)).toEqual({ status: 200, sizeBytes: whole.byteLength, md5: md5(whole) });
    }
  });

  it("CopyObject computes a checksum of the whole object on request", async () => {
    const { target, source } = await multipart();
    const result = await copied(target, source, { "x-amz-checksum-algorithm": "CRC32C" });
    expect(result).toMatchObject({ ChecksumCRC32C: await checksumOf("CRC32C", whole), ChecksumType: "FULL_OBJECT" });
    expect(await digestGet(target)).toEqual({ status: 200, sizeBytes: whole.byteLength, md5: md5(whole) });
  });

  it("CopyObject changes metadata in place", async () => {
    const { target, source } = await multipart({ "x-amz-meta-a": "1" });
    const place = { bucket: target.bucket, key: "source" };
    await copied(place, source, { "x-amz-metadata-directive": "REPLACE", "x-amz-meta-b": "2" });
    const head = await headOf(place);
    expect(head).toMatchObject({ "x-amz-meta-b": "2", etag: `"${multipartETag(bodies)}"` });
    expect(head).not.toHaveProperty("x-amz-meta-a");
    expect(await digestGet(place)).toEqual({ status: 200, sizeBytes: whole.byteLength, md5: md5(whole) });
  });

  it("CopyObject moves it to another storage class", async () => {
    const { target, source } = await multipart();
    await copied(target, source, { "x-amz-storage-class": "STANDARD_IA" });
    expect(await headOf(target)).toMatchObject({ "x-amz-storage-class": "STANDARD_IA" });
    expect(await digestGet(target)).toEqual({ status: 200, sizeBytes: whole.byteLength, md5: md5(whole) });
  });
});
