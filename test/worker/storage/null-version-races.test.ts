/** The version `null` of a suspended bucket is removed while a write replaces it. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { GrantedBucket } from "../../../src/access/authorize.ts";
import type { S3Error } from "../../../src/errors.ts";
import { Objects } from "../../../src/storage/r2/objects.ts";
import { BlobSets } from "../../../src/storage/uploads/blob-sets.ts";
import { recordsOfKey } from "../../../src/storage/versions/record-key.ts";
import { md5 } from "../../support/linearizability/object-model.ts";
import { attributes, bodyOf, newTicket, testBucket } from "../../support/storage.ts";

const KEY = "k";
const objectsOn = (store: R2Bucket) => new Objects(new Map([["us-east-1", store]]), new BlobSets(env.UPLOADS));
const objects = objectsOn(env.STORE);

const suspended = () => ({ ...testBucket(), documents: { versioning: "Suspended" } }) as GrantedBucket;
const withState = (bucket: GrantedBucket, versioning: "Enabled" | "Suspended") =>
  ({ ...bucket, documents: { versioning } }) as GrantedBucket;

const ifMatch = (content: string) => ({ kind: "if-match", etag: md5(content) }) as const;

function put(bucket: GrantedBucket, content: string, condition?: ReturnType<typeof ifMatch>) {
  const write = { bucket, key: KEY, attributes: attributes(), ticket: newTicket(), condition };
  return objects.put(write, bodyOf(content));
}

const change = (bucket: GrantedBucket) => ({ bucket, key: KEY, ticket: newTicket() });

/** Removes `null`, and before its first record is put, does something else. */
function removeNull(bucket: GrantedBucket, meanwhile: () => Promise<unknown>, check?: () => void) {
  let isFirst = true;
  const store = new Proxy(env.STORE, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return async (...parameters: unknown[]) => {
        if (name === "put" && isFirst && String(parameters[0]).startsWith(recordsOfKey(bucket.id, KEY))) {
          isFirst = false;
          await meanwhile();
        }
        return Reflect.apply(value, target, parameters);
      };
    },
  });
  return objectsOn(store).removeVersion(
    { ...change(bucket), versionId: "null" },
    { bypassesGovernance: false, ...(check && { check }) },
  );
}

const etagOf = async (bucket: GrantedBucket) =>
  (await objects.head(bucket, { key: KEY }).catch((error: S3Error) => ({ etag: error.code })))?.etag;

describe("the removal of the version null in a suspended bucket", () => {
  it("comes after a write that depends on it and was acknowledged", async () => {
    const bucket = suspended();
    await put(bucket, "first");
    const removed = await removeNull(bucket, () => put(bucket, "second", ifMatch("first")));
    expect(removed).toMatchObject({ isMarker: false, versionId: "null" });
    expect(await etagOf(bucket)).toBeUndefined();
  });

  it("comes after several of them", async () => {
    const bucket = suspended();
    await put(bucket, "first");
    await removeNull(bucket, async () => {
      await put(bucket, "second", ifMatch("first"));
      await put(bucket, "third", ifMatch("second"));
    });
    expect(await etagOf(bucket)).toBeUndefined();
  });

  it("comes after a delete marker that was put on a condition, and removes it", async () => {
    const bucket = suspended();
    await put(bucket, "first");
    const removed = await removeNull(bucket, () => objects.remove(change(bucket), ifMatch("first")));
    expect(removed).toMatchObject({ isMarker: true, versionId: "null" });
    expect(await etagOf(bucket)).toBeUndefined();
  });

  it("shows the version below when the write that came before is removed", async () => {
    const bucket = suspended();
    await put(withState(bucket, "Enabled"), "kept");
    await put(bucket, "first");
    await removeNull(bucket, () => put(bucket, "second", ifMatch("first")));
    expect(await etagOf(bucket)).toBe(md5("kept"));
  });

  it("comes before a write that does not depend on it, which stays", async () => {
    const bucket = suspended();
    await put(bucket, "first");
    await removeNull(bucket, () => put(bucket, "second"));
    expect(await etagOf(bucket)).toBe(md5("second"));
    await removeNull(bucket, () => objects.remove(change(bucket)));
    expect(await etagOf(bucket)).toBe("NoSuchKey");
  });

  it("is refused by its own condition if a write that came before does not meet it", async () => {
    const bucket = suspended();
    await put(bucket, "first");
    let calls = 0;
    const check = () => {
      if (++calls > 1) throw new Error("another object");
    };
    await expect(removeNull(bucket, () => put(bucket, "second", ifMatch("first")), check)).rejects.toThrow("another");
    expect(await etagOf(bucket)).toBe(md5("second"));
  });
});
