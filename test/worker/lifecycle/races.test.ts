/** A client changes something between the listing and the action: what it has changed is not removed or moved. */
import { describe, expect, it } from "vitest";
import type { Env } from "../../../src/env.ts";
import { contentMd5 } from "../../support/cors.ts";
import { configureLifecycle, envWith, inDays, passOver } from "../../support/lifecycle.ts";
import { keepObjectsInMemory } from "../../support/memory-store.ts";
import { createLockedBucket } from "../../support/object-lock.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { createVersionedBucket, putMarker, putVersion } from "../../support/versions.ts";

keepObjectsInMemory();

const EXPIRE = "<Expiration><Days>1</Days></Expiration>";
const NONCURRENT = "<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>";
const TAGGED = "<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>";

/**
 * Bindings whose R2 runs a function once, before a call about a key of the bucket that is no listing.
 * @param at which of these calls, from 1
 */
async function beforeAction(
  bucket: string,
  change: () => Promise<unknown>,
  { at = 1, ...settings }: Partial<Record<keyof Env, string>> & { readonly at?: number } = {},
): Promise<Env> {
  const id = await testEnv.DB.prepare("SELECT id FROM buckets WHERE name = ?1").bind(bucket).first<string>("id");
  let calls = 0;
  const env = envWith(settings);
  const STORE = new Proxy(env.STORE, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return async (...parameters: unknown[]) => {
        const [key] = parameters;
        if (typeof key === "string" && key.includes(`${id}/`) && ++calls === at) await change();
        return Reflect.apply(value, target, parameters);
      };
    },
  });
  return { ...env, STORE };
}

async function tag(bucket: string, key: string, tags: string): Promise<void> {
  const body = `<Tagging><TagSet>${tags}</TagSet></Tagging>`;
  const response = await send({ method: "PUT", bucket, key, query: "tagging", body, headers: contentMd5(body) });
  expect(response.status).toBe(200);
}

const textOf = async (bucket: string, key: string) => {
  const response = await send({ bucket, key });
  return response.status === 200 ? response.text() : response.status;
};

describe("in a bucket that was never versioned, a change after the listing", () => {
  it.each<[change: string, run: (bucket: string) => Promise<unknown>, left: string | number]>([
    ["writes other bytes", (bucket) => putObject(bucket, "k", "new"), "new"],
    ["writes the same bytes", (bucket) => putObject(bucket, "k", "old"), "old"],
    ["tags the object", (bucket) => tag(bucket, "k", "<Tag><Key>a</Key><Value>b</Value></Tag>"), "old"],
    ["removes the object", (bucket) => send({ method: "DELETE", bucket, key: "k" }), 404],
  ])("%s and is not undone", async (_change, run, left) => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "old");
    await configureLifecycle(bucket, `<Filter/>${EXPIRE}`);
    const env = await beforeAction(bucket, () => run(bucket));
    expect(await passOver(bucket, inDays(2), { env })).toMatchObject({ expired: 0, changed: 1, failed: 0 });
    expect(await textOf(bucket, "k")).toBe(left);
  });

  it("removes the tag by which the object was chosen", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "old", { headers: { "x-amz-tagging": "k=v" } });
    await configureLifecycle(bucket, `${TAGGED}${EXPIRE}`);
    const env = await beforeAction(bucket, () => tag(bucket, "k", ""));
    expect(await passOver(bucket, inDays(2), { env })).toMatchObject({ expired: 0, changed: 1 });
    expect(await textOf(bucket, "k")).toBe("old");
  });

  it("writes an object that was to be moved", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "o".repeat(200_000));
    await configureLifecycle(
      bucket,
      "<Filter/><Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>",
    );
    const env = await beforeAction(bucket, () => putObject(bucket, "k", "new"));
    expect(await passOver(bucket, inDays(32), { env })).toMatchObject({ transitioned: 0, changed: 1 });
    expect(await textOf(bucket, "k")).toBe("new");
    expect((await send({ method: "HEAD", bucket, key: "k" })).headers.get("x-amz-storage-class")).toBe(null);
  });
});

describe("a write at any moment of the removal", () => {
  it("is what is read afterwards, with and without versioning", async () => {
    for (const create of [createBucket, createVersionedBucket]) {
      let moments = 0;
      for (let at = 1; at <= 8; at++) {
        const bucket = await create();
        await putObject(bucket, "k", "old");
        await configureLifecycle(bucket, `<Filter/>${EXPIRE}`);
        let isWritten = false;
        const write = async () => {
          isWritten = true;
          await putObject(bucket, "k", "new");
        };
        await passOver(bucket, inDays(2), { env: await beforeAction(bucket, write, { at }) });
        expect([create.name, at, await textOf(bucket, "k")]).toEqual([create.name, at, isWritten ? "new" : 404]);
        if (isWritten) moments++;
        await send({ method: "DELETE", bucket, query: "lifecycle" });
      }
      expect(moments).toBeGreaterThanOrEqual(3);
    }
  });
});

describe("in a versioned bucket, a change after the listing", () => {
  it.each<[change: string, run: (bucket: string) => Promise<unknown>, left: string | number]>([
    ["writes a new version", (bucket) => putVersion(bucket, "k", "new"), "new"],
    ["tags the current version", (bucket) => tag(bucket, "k", ""), "old"],
    ["makes a delete marker", (bucket) => putMarker(bucket, "k"), 404],
  ])("%s, and no delete marker is put over it", async (_change, run, left) => {
    const bucket = await createVersionedBucket();
    await putVersion(bucket, "k", "old");
    await configureLifecycle(bucket, `<Filter/>${EXPIRE}`);
    const env = await beforeAction(bucket, () => run(bucket));
    expect(await passOver(bucket, inDays(2), { env })).toMatchObject({ expired: 0, changed: 1, failed: 0 });
    expect(await textOf(bucket, "k")).toBe(left);
  });

  it("removes the version above a noncurrent one, which becomes current and stays", async () => {
    const bucket = await createVersionedBucket();
    await putVersion(bucket, "k", "old");
    const second = await putVersion(bucket, "k", "new");
    await configureLifecycle(bucket, `<Filter/>${NONCURRENT}`);
    const env = await beforeAction(bucket, () =>
      send({ method: "DELETE", bucket, key: "k", query: `versionId=${second}` }),
    );
    expect(await passOver(bucket, inDays(3), { env })).toMatchObject({ expired: 0, changed: 1 });
    expect(await textOf(bucket, "k")).toBe("old");
  });

  it("writes over a delete marker without other versions: the marker stays", async () => {
    const bucket = await createVersionedBucket();
    const marker = await putMarker(bucket, "k");
    await configureLifecycle(
      bucket,
      "<Filter/><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>",
    );
    const env = await beforeAction(bucket, () => putVersion(bucket, "k", "new"));
    expect(await passOver(bucket, inDays(1), { env })).toMatchObject({ expired: 0, changed: 1 });
    expect(await textOf(bucket, "k")).toBe("new");
    expect(await (await send({ bucket, query: "versions" })).text()).toContain(marker);
  });

  it("removes the tag by which a noncurrent version was chosen", async () => {
    const bucket = await createVersionedBucket();
    const first = await putVersion(bucket, "k", "old", { headers: { "x-amz-tagging": "k=v" } });
    await putVersion(bucket, "k", "new");
    await configureLifecycle(bucket, `${TAGGED}${NONCURRENT}`);
    const query = `tagging&versionId=${first}`;
    const env = await beforeAction(bucket, () => send({ method: "DELETE", bucket, key: "k", query }));
    expect(await passOver(bucket, inDays(3), { env })).toMatchObject({ expired: 0, changed: 1 });
    expect((await send({ bucket, key: "k", query: `versionId=${first}` })).status).toBe(200);
  });

  it("puts a legal hold on a noncurrent version, and the version stays", async () => {
    const bucket = await createLockedBucket();
    const first = await putVersion(bucket, "k", "old", { headers: contentMd5("old") });
    await putVersion(bucket, "k", "new", { headers: contentMd5("new") });
    await configureLifecycle(bucket, `<Filter/>${NONCURRENT}`);
    const body = "<LegalHold><Status>ON</Status></LegalHold>";
    const hold = {
      method: "PUT",
      bucket,
      key: "k",
      query: `legal-hold&versionId=${first}`,
      body,
      headers: contentMd5(body),
    };
    let status = 0;
    const env = await beforeAction(bucket, async () => {
      status = (await send(hold)).status;
    });
    const pass = await passOver(bucket, inDays(3), { env });
    if (status === 501) return;
    expect([status, pass.expired, pass.locked]).toEqual([200, 0, 1]);
    expect((await send({ bucket, key: "k", query: `versionId=${first}` })).status).toBe(200);
  });
});
