/** Operations that AWS added in 2025 and 2026, with AWS SDK for JavaScript v3: names of elements and headers are those of its model. */
import {
  CreateBucketCommand,
  DeleteObjectAnnotationCommand,
  GetObjectAnnotationCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectAnnotationsCommand,
  PutObjectAnnotationCommand,
  PutObjectCommand,
  RenameObjectCommand,
  S3Client,
  UpdateObjectEncryptionCommand,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { newBucketName } from "./support/tools.ts";

const { accessKeyId, secretAccessKey, endpoint, region } = inject("devServer");
const s3 = new S3Client({ endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } });
const Bucket = newBucketName("newest");

beforeAll(async () => {
  await s3.send(new CreateBucketCommand({ Bucket }));
});

afterAll(() => {
  s3.destroy();
});

test("UpdateObjectEncryption, to a key that another object shows", async () => {
  const ServerSideEncryption = "aws:kms";
  const { SSEKMSKeyId } = await s3.send(new PutObjectCommand({ Bucket, Key: "kms", Body: "x", ServerSideEncryption }));
  const plain = { Bucket, Key: "plain" };
  const { ETag } = await s3.send(new PutObjectCommand({ ...plain, Body: "content" }));
  const SSEKMS = { KMSKeyArn: SSEKMSKeyId, BucketKeyEnabled: true };
  await s3.send(new UpdateObjectEncryptionCommand({ ...plain, ObjectEncryption: { SSEKMS } }));
  const head = await s3.send(new HeadObjectCommand(plain));
  expect(head).toMatchObject({ ETag, ServerSideEncryption, SSEKMSKeyId, BucketKeyEnabled: true });
  const { Body } = await s3.send(new GetObjectCommand(plain));
  expect(await Body?.transformToString()).toBe("content");
  const absent = { ...SSEKMS, KMSKeyArn: "alias/none" };
  const refused = s3.send(new UpdateObjectEncryptionCommand({ ...plain, ObjectEncryption: { SSEKMS: absent } }));
  await expect(refused).rejects.toMatchObject({ name: "InvalidRequest", $metadata: { httpStatusCode: 400 } });
});

test("Annotations: put, get, list, delete", async () => {
  const target = { Bucket, Key: "annotated" };
  await s3.send(new PutObjectCommand({ ...target, Body: "content" }));
  const AnnotationName = "notes/first";
  const put = await s3.send(new PutObjectAnnotationCommand({ ...target, AnnotationName, AnnotationPayload: "a note" }));
  const got = await s3.send(new GetObjectAnnotationCommand({ ...target, AnnotationName }));
  expect(await got.AnnotationPayload?.transformToString()).toBe("a note");
  expect([got.ETag, got.ContentLength]).toEqual([put.ETag, 6]);
  const listed = await s3.send(new ListObjectAnnotationsCommand(target));
  expect(listed.Annotations).toEqual([expect.objectContaining({ AnnotationName, Size: 6, ETag: put.ETag })]);
  await s3.send(new DeleteObjectAnnotationCommand({ ...target, AnnotationName }));
  const gone = s3.send(new GetObjectAnnotationCommand({ ...target, AnnotationName }));
  await expect(gone).rejects.toMatchObject({ name: "NoSuchAnnotation" });
});

test("RenameObject", async () => {
  await s3.send(new PutObjectCommand({ Bucket, Key: "old", Body: "content" }));
  await s3.send(new RenameObjectCommand({ Bucket, Key: "new", RenameSource: "old" }));
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: "new" }));
  expect(await Body?.transformToString()).toBe("content");
  const gone = s3.send(new HeadObjectCommand({ Bucket, Key: "old" }));
  await expect(gone).rejects.toMatchObject({ name: "NotFound" });
});
