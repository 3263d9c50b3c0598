/** The checksums that S3 has offered since 2026, computed by the AWS SDK for JavaScript. */
import { Readable } from "node:stream";
import { Sha512 } from "@aws-sdk/checksums/sha";
import { Xxh3_64, Xxh3_128, Xxh64 } from "@aws-sdk/checksums/xxh";
import {
  type ChecksumAlgorithm,
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { newBucketName } from "./support/tools.ts";
import { pseudoRandomBytes } from "./support/tree.ts";

const { accessKeyId, secretAccessKey, endpoint, region } = inject("devServer");
// Their implementations are passed to the SDK; it has MD5, and sends it as Content-MD5.
const checksumAlgorithms = { SHA512: Sha512, XXHASH64: Xxh64, XXHASH3: Xxh3_64, XXHASH128: Xxh3_128 };
const s3 = new S3Client({
  endpoint,
  region,
  forcePathStyle: true,
  maxAttempts: 1,
  credentials: { accessKeyId, secretAccessKey },
  checksumAlgorithms,
});
const bucket = newBucketName("newest-checksums");

beforeAll(async () => {
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
});
afterAll(() => s3.destroy());

describe("the newest checksums", () => {
  const algorithms = ["MD5", ...Object.keys(checksumAlgorithms)] as ChecksumAlgorithm[];

  test.each(algorithms)("%s works in headers, trailers, parts and documents", async (ChecksumAlgorithm) => {
    const field = `Checksum${ChecksumAlgorithm}`;
    const target = { Bucket: bucket, Key: ChecksumAlgorithm };
    const Body = pseudoRandomBytes(target.Key, 100_000);
    const inHeader = await s3.send(new PutObjectCommand({ ...target, Body, ChecksumAlgorithm }));
    const value = Reflect.get(inHeader, field);
    expect(value).toMatch(/^[\w+/]+=*$/);
    // The SDK fails the read if the bytes do not match the checksum of the answer.
    const read = await s3.send(new GetObjectCommand(target));
    expect(Buffer.from((await read.Body?.transformToByteArray()) ?? []).equals(Body)).toBe(true);
    expect(Reflect.get(read, field)).toBe(value);
    const stream = {
      Body: Readable.from([Body.subarray(0, 60_000), Body.subarray(60_000)]),
      ContentLength: Body.length,
    };
    const inTrailer = await s3.send(new PutObjectCommand({ ...target, ...stream, ChecksumAlgorithm }));
    expect(Reflect.get(inTrailer, field)).toBe(value);

    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ ...target, ChecksumAlgorithm }));
    const upload = { ...target, UploadId };
    const part = await s3.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body, ChecksumAlgorithm }));
    expect(Reflect.get(part, field)).toBe(value);
    const Parts = [{ PartNumber: 1, ETag: part.ETag, [field]: value }];
    const done = await s3.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));
    expect([Reflect.get(done, field), done.ChecksumType]).toEqual([expect.stringMatching(/-1$/), "COMPOSITE"]);
    const Delete = { Objects: [{ Key: target.Key }] };
    const { Deleted } = await s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete, ChecksumAlgorithm }));
    expect(Deleted).toHaveLength(1);
  });
});
