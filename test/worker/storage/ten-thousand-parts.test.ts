import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { BlobSetRecords } from "../../../src/storage/uploads/blob-set-records.ts";
import { blobSetOfUpload } from "../../../src/storage/uploads/upload-id.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { createBucket, s3, testEnv } from "../../support/s3.ts";
import { blobSets, MIB } from "../../support/uploads.ts";

const PARTS = 10_000;

/** Any MD5. */
const md5Of = (partNumber: number) => partNumber.toString(16).padStart(32, "0");

it("CompleteMultipartUpload joins 10,000 parts in one call, within the limits of D1, Durable Objects and R2", async () => {
  const bucket = await createBucket();
  const created = await (await s3(`/${bucket}/k?uploads=`, { method: "POST" })).text();
  const uploadId = /<UploadId>([^<]+)/.exec(created)?.[1] ?? "";
  // The parts are recorded as if fifty gigabytes had been uploaded.
  await runInDurableObject(blobSets.of(blobSetOfUpload(uploadId)), (_instance, state) => {
    const records = new BlobSetRecords(state.storage);
    for (let partNumber = 1; partNumber <= PARTS; partNumber++) {
      const blobName = `${partNumber}.${String(partNumber).padStart(8, "x")}`;
      records.putPart({ partNumber, blobName, sizeBytes: 5 * MIB, md5: md5Of(partNumber), uploadedAt: 0 });
    }
  });
  const parts = Array.from(
    { length: PARTS },
    (_, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>"${md5Of(index + 1)}"</ETag></Part>`,
  );
  const body = `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`;
  const counted = countingEnv(testEnv);
  // Warms the isolate's cache, so that only the calls of the completion are counted.
  await s3(`/${bucket}?location=`, { env: counted.env });
  counted.reset();
  const headers = { "content-length": String(body.length) };
  const response = await s3(`/${bucket}/k?uploadId=${uploadId}`, { method: "POST", headers, body, env: counted.env });
  expect([response.status, await response.text()]).toEqual([200, expect.stringContaining(`-${PARTS}&quot;</ETag>`)]);
  expect(counted.counts).toMatchObject({ d1: 1, durableObject: 1 });

  const head = await s3(`/${bucket}/k`, { method: "HEAD" });
  expect(head.headers.get("content-length")).toBe(String(PARTS * 5 * MIB));
  const { objects } = await env.STORE.list();
  const manifest = objects.find((object) => object.key.endsWith("/k"));
  // R2 takes bodies of gigabytes, but a GET must be able to read a manifest at once.
  expect(manifest?.size).toBeLessThan(512 * 1024);
  const last = await s3(`/${bucket}/k?partNumber=${PARTS}`, { method: "HEAD" });
  expect(last.headers.get("content-length")).toBe(String(5 * MIB));
});
