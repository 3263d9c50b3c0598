import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { newBlobSetId } from "../../../src/model/random-ids.ts";
import { moveToInfrequentAccess } from "../../../src/storage/r2/blob-class.ts";
import { blobKey } from "../../../src/storage/r2/blobs.ts";

const FAR = new Date(8.64e15);

async function newSet(count: number): Promise<{ blobSetId: string; keys: string[] }> {
  const blobSetId = newBlobSetId();
  const keys = Array.from({ length: count }, (_, index) => blobKey(blobSetId, `${index}.a`));
  for (const key of keys) await env.STORE.put(key, key, { customMetadata: { entry: "b/k", version: "v" } });
  return { blobSetId, keys };
}

function callsUpTo(limit: number) {
  let left = limit;
  return (calls: number) => {
    left -= calls;
    return left >= 0;
  };
}

const stateOf = async (key: string) => {
  const found = await env.STORE.get(key);
  return found === null ? undefined : { text: await found.text(), metadata: found.customMetadata };
};

it("moves the blobs of a set with their bytes and metadata, and continues with those that are left", async () => {
  const { blobSetId, keys } = await newSet(10);
  const moved = async () =>
    (await Promise.all(keys.map(stateOf))).filter((blob) => blob?.metadata?.class !== undefined);
  expect(await moveToInfrequentAccess(env.STORE, { blobSetId }, { until: FAR, take: callsUpTo(9) })).toBe(false);
  expect((await moved()).length).toBe(4);
  expect(await moveToInfrequentAccess(env.STORE, { blobSetId }, { until: FAR, take: callsUpTo(100) })).toBe(true);
  for (const key of keys) {
    expect(await stateOf(key)).toEqual({ text: key, metadata: { entry: "b/k", version: "v", class: "STANDARD_IA" } });
  }
  const calls: number[] = [];
  const take = (count: number) => calls.push(count) > 0;
  expect(await moveToInfrequentAccess(env.STORE, { blobSetId }, { until: FAR, take })).toBe(true);
  expect(calls).toEqual([1]);
});

it("begins no blob after its time", async () => {
  const { blobSetId, keys } = await newSet(2);
  expect(await moveToInfrequentAccess(env.STORE, { blobSetId }, { until: new Date(0), take: () => true })).toBe(false);
  for (const key of keys) expect((await stateOf(key))?.metadata?.class).toBe(undefined);
});

it("leaves a blob deleted that is deleted while it is being moved", async () => {
  const { blobSetId, keys } = await newSet(1);
  const [key = ""] = keys;
  const store = new Proxy(env.STORE, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return async (...parameters: unknown[]) => {
        if (name === "put") await env.STORE.delete(key);
        return Reflect.apply(value, target, parameters);
      };
    },
  });
  await moveToInfrequentAccess(store, { blobSetId }, { until: FAR, take: () => true });
  expect(await stateOf(key)).toBe(undefined);
});
