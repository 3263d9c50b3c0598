/** What docs/lifecycle.md states about the calls of each action. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { countingEnv } from "../../support/counting-env.ts";
import { configureLifecycle, envWith, inDays, passOver } from "../../support/lifecycle.ts";
import { keepObjectsInMemory } from "../../support/memory-store.ts";
import { MIB, noise } from "../../support/multipart.ts";
import { putObject } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { createVersionedBucket, putMarker, putVersion } from "../../support/versions.ts";

keepObjectsInMemory();

const EXPIRE = "<Filter/><Expiration><Days>1</Days></Expiration>";
const NONCURRENT =
  "<Filter/><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>";
const TO_IA = "<Filter/><Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>";

// Entries younger than a minute take more calls.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
});
afterEach(async () => {
  vi.useRealTimers();
  await testEnv.DB.prepare("DELETE FROM bucket_documents WHERE kind = 'lifecycle'").run();
});

/** The methods of R2 that a pass over the bucket calls, in order. */
async function callsFor(bucket: string, rule: string): Promise<string[]> {
  await configureLifecycle(bucket, rule);
  const later = inDays(40);
  vi.setSystemTime(later);
  const counting = countingEnv(envWith({}));
  await passOver(bucket, later, { env: counting.env });
  return counting.log.map((call) => call.split(" ")[0] ?? "");
}

it.each<[action: string, prepare: () => Promise<string>, rule: string, calls: string[]]>([
  [
    "an object that is not due",
    async () => {
      const bucket = await createBucket();
      await putObject(bucket, "k");
      return bucket;
    },
    "<Filter/><Expiration><Days>90</Days></Expiration>",
    ["list"],
  ],
  [
    "an object of a bucket that was never versioned",
    async () => {
      const bucket = await createBucket();
      await putObject(bucket, "k");
      return bucket;
    },
    EXPIRE,
    ["list", "put"],
  ],
  [
    "a large object, for whose page the metadata is listed",
    async () => {
      const bucket = await createBucket();
      await putObject(bucket, "k", noise(10), { headers: { "x-amz-storage-class": "STANDARD_IA" } });
      return bucket;
    },
    EXPIRE,
    ["list", "list", "put"],
  ],
  [
    "the current version",
    async () => {
      const bucket = await createVersionedBucket();
      await putVersion(bucket, "k", "1");
      return bucket;
    },
    EXPIRE,
    ["list", "list", "get", "put", "put"],
  ],
  [
    "a noncurrent version",
    async () => {
      const bucket = await createVersionedBucket();
      await putVersion(bucket, "k", "1");
      await putVersion(bucket, "k", "2");
      return bucket;
    },
    NONCURRENT,
    ["list", "list", "head", "head", "put", "head"],
  ],
  [
    "a delete marker without other versions",
    async () => {
      const bucket = await createVersionedBucket();
      await putMarker(bucket, "k");
      return bucket;
    },
    "<Filter/><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>",
    ["list", "list", "head", "head", "head", "put", "put"],
  ],
  [
    "the transition of an object up to 1 MiB",
    async () => {
      const bucket = await createBucket();
      await putObject(bucket, "k", noise(200_000));
      return bucket;
    },
    TO_IA,
    ["list", "get", "put"],
  ],
  [
    "the transition of a large object, whose bytes become a blob",
    async () => {
      const bucket = await createBucket();
      await putObject(bucket, "k", noise(MIB + 1));
      return bucket;
    },
    TO_IA,
    ["list", "get", "put", "put"],
  ],
  [
    "the transition of an object with blobs",
    async () => {
      const bucket = await createVersionedBucket();
      await putVersion(bucket, "k", noise(MIB + 1));
      return bucket;
    },
    TO_IA,
    ["list", "list", "get", "list", "get", "put", "get", "put"],
  ],
])("R2 calls of a pass over %s", async (_action, prepare, rule, calls) => {
  expect(await callsFor(await prepare(), rule)).toEqual(calls);
});

it("bytes are put into Infrequent Access", async () => {
  const bucket = await createBucket();
  await putObject(bucket, "inline", noise(200_000));
  await putObject(bucket, "large", noise(MIB + 1));
  await configureLifecycle(bucket, TO_IA);
  const own = envWith({});
  const classes: (string | undefined)[] = [];
  const STORE = new Proxy(own.STORE, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...parameters: unknown[]) => {
        if (name === "put") classes.push((parameters[2] as R2PutOptions).storageClass);
        return Reflect.apply(value, target, parameters);
      };
    },
  });
  await passOver(bucket, inDays(40), { env: { ...own, STORE } });
  // The manifest, which is read with every HEAD, stays in the standard class.
  expect(classes.sort()).toEqual(["InfrequentAccess", "InfrequentAccess", undefined]);
});
