/**
 * Listings of versions compared with a model in memory: random changes of keys of every kind, then every page of listings with
 * random parameters; and listings while writers change the keys.
 */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { compareBytes } from "../../../src/model/byte-order.ts";
import type { ListedVersion, VersionMarker } from "../../../src/model/listed-version.ts";
import { newBlobSetId, newWriteId } from "../../../src/model/random-ids.ts";
import { isNullToken, type VersionToken, versionIdOf } from "../../../src/model/version.ts";
import { describeEntry, tokenOf } from "../../../src/storage/r2/entry.ts";
import { markTombstone } from "../../../src/storage/r2/entry-options.ts";
import { type EntryPlace, entryKey } from "../../../src/storage/r2/entry-place.ts";
import { encodeRecord } from "../../../src/storage/r2/entry-record.ts";
import { Objects } from "../../../src/storage/r2/objects.ts";
import { putBytes } from "../../../src/storage/r2/write.ts";
import { BlobSets } from "../../../src/storage/uploads/blob-sets.ts";
import { commitVersion } from "../../../src/storage/versions/commit-version.ts";
import { deleteVersion, putStub } from "../../../src/storage/versions/delete-version.ts";
import { listVersions } from "../../../src/storage/versions/list-versions.ts";
import { newTicket, objects, testBucket } from "../../support/storage.ts";

type Bucket = ReturnType<typeof testBucket>;
const SEEDS = Array.from({ length: Number(Reflect.get(env, "RACE_ROUNDS") ?? 0) || 4 }, (_, index) => index + 1);
const store = new Objects(new Map([["us-east-1", env.STORE]]), new BlobSets(env.UPLOADS));
const encode = (text: string) => new TextEncoder().encode(text);
const LONG = "l".repeat(918);

/** Keys around the limits of both key spaces, and characters that records escape. */
const KEYS = [
  "a",
  "a!",
  "a!A",
  "a\0",
  "a b",
  "a/",
  "a/b",
  "a/b/c",
  "a/c",
  "aA",
  "b/1",
  "b/2",
  "ünï/x",
  "\u{ffee}",
  "\u{1f600}/y",
  `${LONG}00`,
  `${LONG}001`,
  `${LONG}00/2`,
  `${LONG}00/3`,
  `${LONG}00${"x".repeat(60)}/1`,
  `${LONG}00${"x".repeat(60)}/2`,
  `${LONG}0!`,
  `${LONG}1`,
];

function placeOf(bucket: Bucket, key: string, store = env.STORE): EntryPlace {
  return { store, r2Key: entryKey(bucket.id, key), key, bucketOwnerId: bucket.ownerId, bucketId: bucket.id };
}

function versionedBucket(): Bucket {
  return { ...testBucket(), documents: { versioning: "Enabled" } } as Bucket;
}

type Status = "Enabled" | "Suspended";

async function write(place: EntryPlace, versioning: Status, isMarker = false): Promise<VersionToken> {
  const w = newWriteId();
  const bytes = encode(newBlobSetId());
  const { token } = await commitVersion({ ...place, versioning }, { writeId: w, isMarker }, ({ onlyIf, links }) =>
    putBytes(
      place,
      { bytes },
      {
        onlyIf,
        ...(isMarker && markTombstone(bytes)),
        customMetadata: encodeRecord({ w, k: place.key, ...links, ...(isMarker && { D: 1 }) }),
      },
    ),
  );
  return token;
}

async function writeUnversioned({ store, r2Key, key }: EntryPlace): Promise<VersionToken> {
  const stored = await store.put(r2Key, encode("legacy"), {
    customMetadata: encodeRecord({ w: newWriteId(), k: key }),
  });
  return tokenOf(stored, describeEntry(stored).record);
}

/** Newest first. */
type Model = Map<string, { readonly token: VersionToken; readonly isMarker: boolean; readonly tag?: string }[]>;

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
}

function pick<Item>(random: () => number, items: readonly Item[]): Item | undefined {
  return items[Math.floor(random() * items.length)];
}

/** Makes the same random changes in R2 and in the model. */
async function change(bucket: Bucket, model: Model, random: () => number): Promise<void> {
  const key = pick(random, [...model.keys()]) ?? "";
  const place = placeOf(bucket, key);
  const versions = model.get(key) ?? [];
  const kind = random();
  if (kind < 0.4) {
    const target = pick(random, versions);
    if (target === undefined) return;
    // A deletion that is interrupted after its stub has removed the version, unless it is current and was never restored.
    // Until that is noticed, a common prefix of the key is still listed.
    const isEnough = versions[0] !== target || (!/[/A!x0]/.test(key) && (await isRestored(place)));
    if (kind < 0.1 && isEnough) await putStub(place, target.token, {});
    else await deleteVersion(place, { token: target.token });
    versions.splice(versions.indexOf(target), 1);
    return;
  }
  if (kind < 0.5) {
    const target = pick(random, versions);
    if (target === undefined || target.isMarker) return;
    const tag = newWriteId();
    const versionId = versionIdOf(target.token);
    await store.setTags({ bucket, key, versionId, ticket: newTicket() }, [{ key: "k", value: tag }]);
    versions.splice(versions.indexOf(target), 1, { ...target, tag });
    return;
  }
  const versioning = random() < 0.7 ? "Enabled" : "Suspended";
  const isMarker = random() < 0.25;
  const token = await write(place, versioning, isMarker);
  const kept = versioning === "Enabled" ? versions : versions.filter((version) => !isNullToken(version.token));
  model.set(key, [{ token, isMarker }, ...kept]);
}

async function isRestored({ store, r2Key }: EntryPlace): Promise<boolean> {
  const found = await store.head(r2Key);
  return found !== null && describeEntry(found).record.U === 1;
}

interface Asked {
  readonly prefix: string;
  readonly delimiter: string;
  readonly after: VersionMarker;
}

/** What S3 defines, without pages. */
function expectedOf(model: Model, { prefix, delimiter, after }: Asked, isCurrentOnly = false): string[] {
  const lines: string[] = [];
  const commonPrefixOf = (key: string) => {
    const found = delimiter === "" || !key.startsWith(prefix) ? -1 : key.indexOf(delimiter, prefix.length);
    return found === -1 ? undefined : key.slice(0, found + delimiter.length);
  };
  const passed = after.key === "" ? undefined : commonPrefixOf(after.key);
  for (const key of [...model.keys()].sort(compareBytes)) {
    if (!key.startsWith(prefix)) continue;
    const common = commonPrefixOf(key);
    const order = after.key === "" ? 1 : compareBytes(key, after.key);
    if (order < 0 || (order === 0 && after.token === undefined)) continue;
    const versions = model.get(key) ?? [];
    if (common !== undefined) {
      const isListed = isCurrentOnly ? versions[0]?.isMarker === false : versions.length > 0;
      if (isListed && common !== passed && !lines.includes(`${short(common)}*`)) lines.push(`${short(common)}*`);
      continue;
    }
    if (isCurrentOnly && versions[0]?.isMarker === false) lines.push(short(key));
    for (const [index, { token, isMarker, tag }] of isCurrentOnly ? [] : versions.entries()) {
      if (order === 0 && after.token !== undefined && token <= after.token) continue;
      lines.push(lineOf({ key, token, isMarker, isLatest: index === 0, tag }));
    }
  }
  return lines;
}

const short = (key: string) => key.replace(LONG, "L");

function lineOf(version: {
  key: string;
  token: string;
  isMarker: boolean;
  isLatest: boolean;
  tag: string | undefined;
}): string {
  const { key, token, isMarker, isLatest, tag = "" } = version;
  return [short(key), versionIdOf(token), token, isMarker ? "marker" : "", isLatest ? "latest" : "", tag].join(" ");
}

async function allPages(bucket: Bucket, asked: Asked, maxKeys: number): Promise<string[]> {
  const lines: string[] = [];
  let after: VersionMarker | undefined = asked.after;
  for (let pages = 0; after !== undefined; pages++) {
    expect(pages).toBeLessThan(500);
    const page = await listVersions(env.STORE, bucket, { ...asked, after, maxKeys });
    expect(page.versions.length + page.commonPrefixes.length).toBeLessThanOrEqual(maxKeys);
    const shown = page.versions.map((version: ListedVersion) => ({
      key: version.key,
      line: lineOf({ ...version, isMarker: version.isDeleteMarker, tag: version.tags[0]?.value }),
    }));
    const prefixes = page.commonPrefixes.map((key) => ({ key, line: `${short(key)}*` }));
    const sorted = [...shown, ...prefixes].sort((left, right) => compareBytes(left.key, right.key));
    lines.push(...sorted.map(({ line }) => line));
    after = page.next;
  }
  return lines;
}

async function allObjects(bucket: Bucket, { after, ...asked }: Asked, maxKeys: number): Promise<string[]> {
  const names: string[] = [];
  let position = after.key;
  for (let pages = 0; ; pages++) {
    expect(pages).toBeLessThan(500);
    const page = await objects.list(bucket, { ...asked, after: position, maxKeys });
    const shown = page.objects.map(({ key }) => ({ key, line: short(key) }));
    const prefixes = page.commonPrefixes.map((key) => ({ key, line: `${short(key)}*` }));
    const sorted = [...shown, ...prefixes].sort((left, right) => compareBytes(left.key, right.key));
    names.push(...sorted.map(({ line }) => line));
    if (!page.isTruncated) return names;
    position = page.last;
  }
}

describe("a listing of versions", () => {
  it("does not bring back a null version that was replaced when those after it are deleted", async () => {
    const bucket = versionedBucket();
    const place = placeOf(bucket, "k");
    await writeUnversioned(place);
    const version = await write(place, "Enabled");
    const nullVersion = await write(place, "Suspended");
    await deleteVersion(place, { token: nullVersion });
    await deleteVersion(place, { token: version });
    expect(await allPages(bucket, { prefix: "", delimiter: "", after: { key: "" } }, 1000)).toEqual([]);
    expect(await objects.head(bucket, { key: "k" })).toBeUndefined();
    expect(await objects.isEmpty(bucket)).toBe(true);
  });

  it.each(SEEDS)("shows what a simple model shows, whatever was done: %i", async (seed) => {
    const random = randomFrom(seed * 7919);
    const bucket = versionedBucket();
    const model: Model = new Map();
    for (const key of KEYS.filter(() => random() < 0.8)) {
      model.set(key, random() < 0.5 ? [] : [{ token: await writeUnversioned(placeOf(bucket, key)), isMarker: false }]);
    }
    for (let count = 0; count < 60; count++) await change(bucket, model, random);
    for (let count = 0; count < 25; count++) {
      const key = random() < 0.5 ? "" : (pick(random, KEYS) ?? "");
      const token = pick(random, model.get(key) ?? [])?.token;
      const asked = {
        prefix: pick(random, ["", "", "a", "a/", LONG, `${LONG}00`, `${LONG}00/`]) ?? "",
        delimiter: pick(random, ["", "", "/", "A", "!", "x", "0"]) ?? "",
        after: { key, token: random() < 0.5 ? token : undefined },
      };
      const maxKeys = pick(random, [1, 2, 3, 7, 1000]) ?? 1;
      expect(await allPages(bucket, asked, maxKeys), JSON.stringify([seed, asked, maxKeys])).toEqual(
        expectedOf(model, asked),
      );
      const objectsAsked = { ...asked, after: { key } };
      expect(await allObjects(bucket, objectsAsked, maxKeys), JSON.stringify([seed, objectsAsked, maxKeys])).toEqual(
        expectedOf(model, objectsAsked, true),
      );
    }
  });
});

/** A store whose calls take a random time: longer than the pause between a record and the entry that replaces its version. */
function slow(random: () => number): R2Bucket {
  return new Proxy(env.STORE, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return async (...parameters: unknown[]) => {
        await new Promise((resolve) => setTimeout(resolve, random() * 40));
        const result: unknown = await Reflect.apply(value, target, parameters);
        await new Promise((resolve) => setTimeout(resolve, random() * 40));
        return result;
      };
    },
  });
}

async function checkListing(
  bucket: Bucket,
  {
    random,
    keys,
    staying,
    deleted,
  }: {
    readonly random: () => number;
    readonly keys: readonly string[];
    readonly staying: ReadonlyMap<string, ReadonlySet<VersionToken>>;
    readonly deleted: ReadonlySet<VersionToken>;
  },
): Promise<void> {
  const store = slow(random);
  const expected = [...staying].flatMap(([key, tokens]) => [...tokens].map((token) => `${key} ${token}`));
  const shown: ListedVersion[] = [];
  const maxKeys = pick(random, [20, 1000, 1000]) ?? 1;
  for (let after: VersionMarker | undefined = { key: "" }; after !== undefined; ) {
    const page = await listVersions(store, bucket, { prefix: "", delimiter: "", after, maxKeys });
    for (const key of keys) {
      const ofKey = page.versions.filter((version) => version.key === key);
      expect(ofKey.filter(({ isLatest }) => isLatest).length).toBeLessThanOrEqual(1);
      expect(ofKey.slice(1).some(({ isLatest }) => isLatest)).toBe(false);
    }
    shown.push(...page.versions);
    after = page.next;
  }
  const lines = shown.map(({ key, token }) => `${key} ${token}`);
  expect(new Set(lines).size).toBe(lines.length);
  const inOrder = shown.toSorted(
    (one, other) => compareBytes(one.key, other.key) || compareBytes(one.token, other.token),
  );
  expect(shown).toEqual(inOrder);
  for (const { token } of shown) expect(deleted.has(token)).toBe(false);
  expect(lines).toEqual(expect.arrayContaining(expected));
}

describe("a listing while writers change the keys", () => {
  it.each(SEEDS)("shows what stays, once and in order, and nothing that was deleted before: %i", async (seed) => {
    const random = randomFrom(seed * 104_729);
    const bucket = versionedBucket();
    const keys = ["a", "b!", `${LONG}00/2`];
    const staying = new Map<string, Set<VersionToken>>();
    const targets: { readonly key: string; readonly token: VersionToken }[] = [];
    const deleted = new Set<VersionToken>();
    for (const key of keys) {
      const tokens = random() < 0.5 ? [await writeUnversioned(placeOf(bucket, key))] : [];
      for (let count = 1 + Math.floor(random() * 4); count > 0; count--) {
        tokens.push(await write(placeOf(bucket, key), "Enabled", random() < 0.2));
      }
      const stays = tokens.filter(() => random() < 0.5);
      staying.set(key, new Set(stays));
      for (const token of tokens) if (!stays.includes(token)) targets.push({ key, token });
    }
    for (const target of targets.splice(0, Math.ceil(targets.length / 3))) {
      await deleteVersion(placeOf(bucket, target.key), { token: target.token });
      deleted.add(target.token);
    }
    let isDone = false;
    const writers = [1, 2].map(async () => {
      for (let count = 0; count < 25 && !isDone; count++) {
        const target = random() < 0.4 ? targets.pop() : undefined;
        if (target !== undefined) await deleteVersion(placeOf(bucket, target.key), { token: target.token });
        else {
          const key = pick(random, keys) ?? "";
          const token = await write(placeOf(bucket, key), "Enabled", random() < 0.2);
          staying.get(key)?.add(token);
        }
      }
    });
    try {
      for (let round = 0; round < 4; round++) await checkListing(bucket, { random, keys, staying, deleted });
    } finally {
      isDone = true;
      await Promise.all(writers);
    }
  });
});
