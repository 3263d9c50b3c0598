import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { configureLifecycle, inDays, passOver } from "../../support/lifecycle.ts";
import { completionDocument, createUpload, MIB, md5, noise, putPart } from "../../support/multipart.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";

const EXPIRE = "<Expiration><Days>1</Days></Expiration>";
const TO_IA = "<Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>";

async function keysOf(bucket: string): Promise<string[]> {
  const text = await (await send({ bucket, query: "list-type=2" })).text();
  return [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = ""]) => key);
}

async function bucketWith(...keys: string[]): Promise<string> {
  const bucket = await createBucket();
  for (const key of keys) await putObject(bucket, key);
  return bucket;
}

describe("expiration in a bucket that was never versioned", () => {
  it("removes objects that are old enough, below the rule's prefix", async () => {
    const bucket = await bucketWith("a/1", "a/2", "b/1");
    await configureLifecycle(bucket, `<Prefix>a/</Prefix>${EXPIRE}`);
    expect(await passOver(bucket, inDays(0))).toMatchObject({ seen: 2, expired: 0 });
    expect(await keysOf(bucket)).toEqual(["a/1", "a/2", "b/1"]);
    expect(await passOver(bucket, inDays(2))).toMatchObject({ seen: 2, expired: 2, failed: 0 });
    expect(await keysOf(bucket)).toEqual(["b/1"]);
    expect((await send({ bucket, key: "a/1" })).status).toBe(404);
    await putObject(bucket, "a/1", "new");
    expect(await (await send({ bucket, key: "a/1" })).text()).toBe("new");
  });

  it("chooses by tags, sizes and prefixes of several rules", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "t/yes", "x", { headers: { "x-amz-tagging": "k=v&l=m" } });
    await putObject(bucket, "t/no", "x", { headers: { "x-amz-tagging": "k=w" } });
    await putObject(bucket, "s/small", "x");
    await putObject(bucket, "s/large", "x".repeat(100));
    await configureLifecycle(
      bucket,
      `<Filter><And><Prefix>t/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter>${EXPIRE}`,
      `<Filter><And><Prefix>s/</Prefix><ObjectSizeGreaterThan>10</ObjectSizeGreaterThan></And></Filter>${EXPIRE}`,
    );
    expect(await passOver(bucket, inDays(2))).toMatchObject({ seen: 4, expired: 2 });
    expect(await keysOf(bucket)).toEqual(["s/small", "t/no"]);
  });

  it("removes large objects, uploads in parts, other classes and long keys", async () => {
    const long = "k".repeat(1_000);
    const bucket = await bucketWith(long, `${long}2`);
    await putObject(bucket, "large", noise(MIB + 1));
    await putObject(bucket, "ia", "x", { headers: { "x-amz-storage-class": "STANDARD_IA" } });
    const uploadId = await createUpload({ bucket, key: "parts" });
    const part = await putPart({ bucket, key: "parts" }, uploadId, 1, "content");
    const complete = { method: "POST", bucket, key: "parts", query: `uploadId=${uploadId}` };
    expect((await send({ ...complete, body: completionDocument([part]) })).status).toBe(200);
    await configureLifecycle(bucket, `<Filter/>${EXPIRE}`);
    expect(await passOver(bucket, inDays(2))).toMatchObject({ seen: 5, expired: 5 });
    expect(await keysOf(bucket)).toEqual([]);
    expect((await send({ method: "DELETE", bucket })).status).toBe(204);
  });

  it("goes by a date, and not before it", async () => {
    const bucket = await bucketWith("k");
    const date = inDays(10).toISOString().slice(0, 10);
    await configureLifecycle(bucket, `<Filter/><Expiration><Date>${date}T00:00:00Z</Date></Expiration>`);
    expect(await passOver(bucket, inDays(8))).toMatchObject({ seen: 0, expired: 0 });
    expect(await passOver(bucket, inDays(11))).toMatchObject({ expired: 1 });
  });

  it("does nothing by rules that are disabled, and by those for versions", async () => {
    const bucket = await bucketWith("k");
    await configureLifecycle(
      bucket,
      "<Filter/><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>",
      "<Filter/><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>",
    );
    expect(await passOver(bucket, inDays(9))).toMatchObject({ seen: 0, expired: 0 });
    expect(await keysOf(bucket)).toEqual(["k"]);
  });
});

async function contentOf(bucket: string, key: string): Promise<Uint8Array> {
  return new Uint8Array(await (await send({ bucket, key })).arrayBuffer());
}

describe("transition in a bucket that was never versioned", () => {
  async function classOf(bucket: string, key: string) {
    const head = await send({ method: "HEAD", bucket, key });
    return head.headers.get("x-amz-storage-class") ?? "STANDARD";
  }

  it("moves bytes to Infrequent Access, and keeps everything else about the object", async () => {
    const bucket = await createBucket();
    const bodies = { small: noise(200_000, 1), large: noise(MIB + 1, 2), tiny: noise(100, 3) };
    for (const [key, body] of Object.entries(bodies)) {
      await putObject(bucket, key, body, { headers: { "x-amz-meta-a": "b", "x-amz-tagging": "k=v" } });
    }
    const parts = [noise(5 * MIB, 4), noise(10, 5)];
    const uploadId = await createUpload({ bucket, key: "parts" });
    const put = await Promise.all(
      parts.map((body, index) => putPart({ bucket, key: "parts" }, uploadId, index + 1, body)),
    );
    const complete = { method: "POST", bucket, key: "parts", query: `uploadId=${uploadId}` };
    expect((await send({ ...complete, body: completionDocument(put) })).status).toBe(200);
    const headOf = async (key: string) => {
      const { headers } = await send({ method: "HEAD", bucket, key });
      return ["etag", "last-modified", "content-length", "x-amz-meta-a"].map((name) => headers.get(name));
    };
    const keys = ["small", "large", "parts", "tiny"];
    const before = await Promise.all(keys.map(headOf));

    await configureLifecycle(bucket, `<Filter/>${TO_IA}`);
    expect(await passOver(bucket, inDays(29))).toMatchObject({ transitioned: 0 });
    expect(await passOver(bucket, inDays(32))).toMatchObject({ transitioned: 3, failed: 0, changed: 0 });
    expect(await Promise.all(keys.map((key) => classOf(bucket, key)))).toEqual([
      "STANDARD_IA",
      "STANDARD_IA",
      "STANDARD_IA",
      "STANDARD",
    ]);
    expect(await Promise.all(keys.map(headOf))).toEqual(before);
    for (const [key, body] of Object.entries(bodies)) {
      expect(md5(await contentOf(bucket, key))).toBe(md5(body));
    }
    expect(md5(await contentOf(bucket, "parts"))).toBe(md5(new Uint8Array(await new Blob(parts).arrayBuffer())));
    expect(await passOver(bucket, inDays(33))).toMatchObject({ transitioned: 0, seen: 4 });
    const id = await env.DB.prepare("SELECT id FROM buckets WHERE name = ?1").bind(bucket).first<string>("id");
    const blobs = await env.STORE.list({ prefix: "~b/", include: ["customMetadata"] });
    const own = blobs.objects.filter(({ customMetadata }) => customMetadata?.entry === `${id}/parts`);
    expect(own.map(({ customMetadata }) => customMetadata?.class)).toEqual(["STANDARD_IA", "STANDARD_IA"]);
  });
});
