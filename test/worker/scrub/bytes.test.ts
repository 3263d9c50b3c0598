/** The bytes of an object of more parts than one step may read. */

import { env } from "cloudflare:workers";
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { newBlobSetId } from "../../../src/model/random-ids.ts";
import { idOf } from "../../support/damage.ts";
import { checksumOf, multipartETag } from "../../support/multipart.ts";
import { createBucket } from "../../support/s3.ts";
import { scrub } from "../../support/scrub.ts";

const PARTS = 60;

/** An upload as its completion leaves it, of parts that are smaller than S3 takes. @param wrong index of a part */
async function bucketWithParts(wrong?: number): Promise<string> {
  const bucket = await createBucket();
  const entry = `${await idOf(bucket)}/k`;
  const b = newBlobSetId();
  const bodies = Array.from({ length: PARTS }, (_, index) => `part ${index}`);
  const p = await Promise.all(
    bodies.map(async (body, index) => {
      await env.STORE.put(`~b/${b}/${index + 1}.a`, body, { customMetadata: { entry } });
      return [`${index + 1}.a`, body.length, await checksumOf("CRC32", index === wrong ? "other" : body)] as const;
    }),
  );
  const bytes = new TextEncoder().encode(JSON.stringify({ v: 1, w: "w", b, p }));
  const n = p.reduce((sum, [, sizeBytes]) => sum + sizeBytes, 0);
  const digests = p.map(([, , value]) => Buffer.from(value, "base64"));
  const c = ["CRC32", `${await checksumOf("CRC32", Buffer.concat(digests))}-${PARTS}`, "COMPOSITE"];
  const s3 = JSON.stringify({ w: "w", c, f: { n, e: multipartETag(bodies), b, k: PARTS } });
  const sha512 = createHash("sha512").update(bytes).digest("hex");
  await env.STORE.put(entry, bytes, { customMetadata: { s3 }, sha512 });
  return bucket;
}

it("a scrub with bytes continues within an object, and reads each part once", async () => {
  const { findings, counts, steps } = await scrub({ bucket: await bucketWithParts(), bytes: true });
  expect(findings).toEqual([]);
  expect(steps).toBeGreaterThan(3);
  expect([counts.objects, counts.bytesRead]).toEqual([1, counts.objectBytes]);
});

it("a scrub with bytes names a part whose bytes have another checksum", async () => {
  const bucket = await bucketWithParts(PARTS - 5);
  const { findings } = await scrub({ bucket, bytes: true });
  expect(findings.map(({ kind, subject }) => [kind, subject?.split("/").at(-1)])).toEqual([
    ["checksum-differs", `${PARTS - 4}.a`],
  ]);
});
