/**
 * Versions in R2, below the protocol: two or three writers of one key at the same moment, each of which may die at any R2
 * call. No version is lost, doubled or brought back, and the newest one is current.
 */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { newBucketId, newWriteId } from "../../../src/model/random-ids.ts";
import { newVersionToken, orderOf, type VersionToken } from "../../../src/model/version.ts";
import { describeEntry, tokenOf } from "../../../src/storage/r2/entry.ts";
import { type EntryPlace, entryPlace } from "../../../src/storage/r2/entry-place.ts";
import { encodeRecord } from "../../../src/storage/r2/entry-record.ts";
import { putBytes } from "../../../src/storage/r2/write.ts";
import { commitVersion } from "../../../src/storage/versions/commit-version.ts";
import { deleteVersion, putStub } from "../../../src/storage/versions/delete-version.ts";
import { recordsOfKey } from "../../../src/storage/versions/record-key.ts";

const ROUNDS = Number(Reflect.get(env, "RACE_ROUNDS")) * 5;
const encode = (text: string) => new TextEncoder().encode(text);

/** A store whose calls take a random time, and of which one and all later ones fail. */
function unsteady(store: R2Bucket, random: () => number, failure?: { at: number; when: "before" | "after" }): R2Bucket {
  let made = 0;
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return async (...parameters: unknown[]) => {
        const call = ++made;
        await new Promise((resolve) => setTimeout(resolve, random() * 4));
        if (failure !== undefined && call > failure.at) throw new Error("the Worker has stopped");
        if (failure?.at === call && failure.when === "before") throw new Error("the Worker has stopped");
        const result: unknown = await Reflect.apply(value, target, parameters);
        if (failure?.at === call) throw new Error("the Worker has stopped");
        return result;
      };
    },
  });
}

function placeOf(store: R2Bucket, bucketId: string, key = "a key!"): EntryPlace {
  return entryPlace(store, { key, bucketOwnerId: "owner", bucketId, versioning: "Enabled" });
}

async function putVersion(place: EntryPlace, text: string, versioning: "Enabled" | "Suspended" = "Enabled") {
  const w = newWriteId();
  const committed = await commitVersion({ ...place, versioning }, { writeId: w }, ({ onlyIf, links }) =>
    putBytes(place, { bytes: encode(text) }, { onlyIf, customMetadata: encodeRecord({ w, ...links }) }),
  );
  return committed.token;
}

async function legacyObject(place: EntryPlace, text: string): Promise<VersionToken> {
  const stored = await place.store.put(place.r2Key, encode(text), {
    customMetadata: encodeRecord({ w: newWriteId() }),
  });
  return tokenOf(stored, describeEntry(stored).record);
}

interface Visible {
  readonly token: VersionToken;
  readonly text: string;
  readonly isCurrent: boolean;
}

/** Newest first. A restored entry whose record is a stub counts as deleted. */
async function visible({ store, r2Key, bucketId, key }: EntryPlace): Promise<Visible[]> {
  const found = await store.get(r2Key);
  const entry = found === null ? undefined : describeEntry(found);
  const current = found === null || entry === undefined || entry.isTombstone ? undefined : tokenOf(found, entry.record);
  const all: Visible[] = [];
  const stubs = new Set<VersionToken>();
  const { objects } = await store.list({ prefix: recordsOfKey(bucketId, key), include: ["customMetadata"] });
  for (const object of objects) {
    const { record, isTombstone } = describeEntry(object);
    const token = record.V ?? "";
    if (isTombstone) stubs.add(token);
    else if (token !== current)
      all.push({ token, text: (await (await store.get(object.key))?.text()) ?? "", isCurrent: false });
  }
  const isGone = entry?.record.U === 1 && stubs.has(current ?? "");
  if (current !== undefined && !isGone)
    all.unshift({ token: current, text: (await found?.text()) ?? "", isCurrent: true });
  return all;
}

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
}

describe("versions of a key", () => {
  it("are kept in order, from before versioning too", async () => {
    const place = placeOf(env.STORE, newBucketId());
    const first = await legacyObject(place, "1");
    const tokens = [first];
    for (const text of ["2", "2", "3"]) tokens.push(await putVersion(place, text));
    expect(await visible(place)).toEqual(
      tokens.map((token, index) => ({ token, text: ["1", "2", "2", "3"][index], isCurrent: index === 3 })).toReversed(),
    );
  });

  it("are not doubled if the platform repeats a put, and another write has come in between", async () => {
    const place = placeOf(env.STORE, newBucketId());
    await putVersion(place, "1");
    const w = newWriteId();
    let later: VersionToken | undefined;
    const { token } = await commitVersion(place, { writeId: w }, async ({ onlyIf, links }) => {
      const put = () =>
        putBytes(place, { bytes: encode("2") }, { onlyIf, customMetadata: encodeRecord({ w, ...links }) });
      expect(await put()).not.toBeNull();
      later = await putVersion(place, "3");
      return put();
    });
    const found = await visible(place);
    expect(found.map((one) => one.text)).toEqual(["3", "2", "1"]);
    expect(found.slice(0, 2).map((one) => one.token)).toEqual([later, token]);
  });

  it("are found below any number of deleted ones, of which R2 lists few at once with their metadata", async () => {
    const place = placeOf(env.STORE, newBucketId());
    const first = await putVersion(place, "1");
    const between = [first];
    const kind = { isNull: false, isMarker: false };
    for (let count = 0; count < 500; count++) {
      between.push(newVersionToken(kind, { now: new Date(0), replaced: between.at(-1) }));
    }
    const previous = await putVersion(place, "2");
    const current = await putVersion(place, "3");
    await Promise.all([...between.slice(1), previous].map((token) => putStub(place, token, {})));
    const few = new Proxy(env.STORE, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        if (name !== "list") return value.bind(target);
        return (options: R2ListOptions) => target.list({ ...options, ...(options.include && { limit: 2 }) });
      },
    });
    await deleteVersion(placeOf(few, place.bucketId), { token: current });
    expect(await visible(place)).toEqual([{ token: first, text: "1", isCurrent: true }]);
  });

  it("become current again when the later ones are deleted", async () => {
    const place = placeOf(env.STORE, newBucketId());
    const tokens = [await putVersion(place, "1"), await putVersion(place, "2"), await putVersion(place, "3")];
    const [first = "", second = "", third = ""] = tokens;
    await deleteVersion(place, { token: second });
    await deleteVersion(place, { token: third });
    expect(await visible(place)).toEqual([{ token: first, text: "1", isCurrent: true }]);
    await deleteVersion(place, { token: first });
    expect(await visible(place)).toEqual([]);
    const fourth = await putVersion(place, "4");
    expect(await visible(place)).toEqual([{ token: fourth, text: "4", isCurrent: true }]);
  });

  it("of a suspended bucket are one null version among others", async () => {
    const place = placeOf(env.STORE, newBucketId());
    await legacyObject(place, "1");
    const version = await putVersion(place, "2");
    const second = await putVersion(place, "3", "Suspended");
    const third = await putVersion(place, "4", "Suspended");
    expect(second).not.toBe(third);
    const [newest, next] = await visible(place);
    expect(newest).toEqual({ token: third, text: "4", isCurrent: true });
    expect(next).toEqual({ token: version, text: "2", isCurrent: false });
  });

  it("keep their bytes if they are large and from before versioning", async () => {
    const place = placeOf(env.STORE, newBucketId());
    const stored = await env.STORE.put(place.r2Key, new Uint8Array(1_500_000).fill(7), {
      customMetadata: encodeRecord({ w: newWriteId() }),
    });
    await putVersion(place, "2");
    const { objects } = await env.STORE.list({
      prefix: recordsOfKey(place.bucketId, place.key),
      include: ["customMetadata"],
    });
    const [record] = objects.map((object) => describeEntry(object));
    expect(record).toMatchObject({ isManifest: true, sizeBytes: 1_500_000, etag: stored.etag, key: place.key });
  });

  // Every pair of kinds of change, with and without the death of one writer at a random call.
  it.each([
    ["no writer dies", 0],
    ["one writer dies", 1],
    ["all writers die", 3],
  ])("are neither lost nor doubled by simultaneous changes when %s", async (_name, deaths) => {
    for (let round = 0; round < ROUNDS; round++) {
      const random = randomFrom(round * 7919 + deaths);
      const bucketId = newBucketId();
      const steady = placeOf(env.STORE, bucketId);
      const known: VersionToken[] = [];
      const texts = new Map<VersionToken, string>();
      const remember = (token: VersionToken, text: string) => {
        known.push(token);
        texts.set(token, text);
      };
      if (random() < 0.5) remember(await legacyObject(steady, "same"), "same");
      for (let count = Math.floor(random() * 3); count > 0; count--) remember(await putVersion(steady, "same"), "same");

      const deleted = new Set<VersionToken>();
      const targeted = new Set<VersionToken>();
      const written: VersionToken[] = [];
      const changes = Array.from({ length: 2 + Math.floor(random() * 2) }, (_, index) => {
        const failure =
          index < deaths
            ? { at: 1 + Math.floor(random() * 5), when: random() < 0.5 ? ("before" as const) : ("after" as const) }
            : undefined;
        const place = placeOf(unsteady(env.STORE, random, failure), bucketId);
        const target = known[Math.floor(random() * known.length)];
        if (target !== undefined && random() < 0.5) {
          targeted.add(target);
          return async () => {
            await deleteVersion(place, { token: target });
            deleted.add(target);
          };
        }
        return async () => {
          const token = await putVersion(place, "same");
          written.push(token);
          texts.set(token, "same");
        };
      });
      await Promise.all(
        changes.map((change) =>
          change().catch((error: unknown) => {
            if (
              !String(error).includes("Worker has stopped") &&
              !String((error as Error).cause).includes("Worker has stopped")
            )
              throw error;
          }),
        ),
      );

      const shown = await visible(steady);
      const tokens = shown.map(({ token }) => token);
      expect(new Set(tokens).size, `round ${round}`).toBe(tokens.length);
      for (const token of deleted) expect(tokens, `round ${round}: deleted`).not.toContain(token);
      for (const token of [...known, ...written]) {
        if (!targeted.has(token)) expect(tokens, `round ${round}: kept`).toContain(token);
      }
      const orders = tokens.map(orderOf);
      expect(orders, `round ${round}: order`).toEqual(orders.toSorted((left, right) => right - left));
      if (shown.length > 0) expect(shown[0]?.isCurrent, `round ${round}: current`).toBe(true);
    }
  });
});
