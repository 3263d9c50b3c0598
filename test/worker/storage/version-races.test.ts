/**
 * Versions below the protocol, by the store's own operations: writers, delete markers, removals of versions, changes of tags
 * and locks of one key at the same moment, each of which may die at any R2 call. Nothing that was acknowledged is lost, undone or
 * brought back, a lock that was acknowledged holds, and the newest version is current.
 */
import { env } from "cloudflare:workers";
import { afterAll, describe, expect, it } from "vitest";
import type { GrantedBucket } from "../../../src/access/authorize.ts";
import { S3Error } from "../../../src/errors.ts";
import { isNullToken, orderOf, type Versioning, type VersionToken, versionIdOf } from "../../../src/model/version.ts";
import { describeEntry, tokenOf } from "../../../src/storage/r2/entry.ts";
import { entryKey } from "../../../src/storage/r2/entry-place.ts";
import { Objects } from "../../../src/storage/r2/objects.ts";
import { BlobSets } from "../../../src/storage/uploads/blob-sets.ts";
import { recordsOfKey } from "../../../src/storage/versions/record-key.ts";
import { keepObjectsInMemory } from "../../support/memory-store.ts";
import { expectNoFindings } from "../../support/scrub.ts";
import { attributes, bodyOf, newTicket, testBucket } from "../../support/storage.ts";

keepObjectsInMemory();

afterAll(() => expectNoFindings());

const ROUNDS = Number(Reflect.get(env, "RACE_ROUNDS")) * 5;
const KEY = "a key!";
const UNTIL = Date.now() + 24 * 60 * 60 * 1000;

/** A store whose calls take a random time, and of which one and all later ones fail. */
function unsteady(random: () => number, failure?: { at: number; when: "before" | "after" }): R2Bucket {
  let made = 0;
  return new Proxy(env.STORE, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return async (...parameters: unknown[]) => {
        const call = ++made;
        await new Promise((resolve) => setTimeout(resolve, random() * 5));
        if (failure !== undefined && call > failure.at) throw new Error("the Worker has stopped");
        if (failure?.at === call && failure.when === "before") throw new Error("the Worker has stopped");
        const result: unknown = await Reflect.apply(value, target, parameters);
        if (failure?.at === call) throw new Error("the Worker has stopped");
        return result;
      };
    },
  });
}

const objectsOn = (store: R2Bucket) => new Objects(new Map([["us-east-1", store]]), new BlobSets(env.UPLOADS));
const steady = objectsOn(env.STORE);

function bucketOf(versioning: Versioning | undefined, isLocking: boolean): GrantedBucket {
  const documents = { ...(versioning !== undefined && { versioning }), ...(isLocking && { objectLock: {} }) };
  return { ...testBucket(), documents } as GrantedBucket;
}

const withState = (bucket: GrantedBucket, versioning: Versioning): GrantedBucket => ({
  ...bucket,
  documents: { ...bucket.documents, versioning },
});

interface Shown {
  readonly token: VersionToken;
  readonly isMarker: boolean;
  readonly isCurrent: boolean;
}

/** Newest first, read from R2 without the code under test; null versions that a later one hides are left out. */
async function shownIn(bucket: GrantedBucket): Promise<Shown[]> {
  const found = await env.STORE.head(entryKey(bucket.id, KEY));
  const entry = found === null ? undefined : describeEntry(found);
  const current = found === null || entry?.isTombstone !== false ? undefined : tokenOf(found, entry.record);
  const { objects } = await env.STORE.list({ prefix: recordsOfKey(bucket.id, KEY), include: ["customMetadata"] });
  const rows = objects.map((object) => describeEntry(object));
  const stub = rows.find(({ isTombstone, record }) => isTombstone && record.V === current);
  const isGone = entry?.record.U === 1 && stub !== undefined && (stub.record.R ?? 1e9) >= (entry.record.R ?? 0);
  const all: (Shown & { readonly isStub: boolean })[] = rows
    .filter(({ record }) => record.V !== current || isGone)
    .map(({ record, isTombstone, isDeleteMarker }) => ({
      token: record.V ?? "",
      isMarker: isDeleteMarker,
      isCurrent: false,
      isStub: isTombstone,
    }));
  if (current !== undefined && !isGone) {
    all.push({ token: current, isMarker: entry?.isDeleteMarker === true, isCurrent: true, isStub: false });
  }
  all.sort((left, right) => (left.token < right.token ? -1 : 1));
  const newestNull = all.find(({ token }) => isNullToken(token))?.token;
  return all.filter(({ token, isStub }) => !isStub && (!isNullToken(token) || token === newestNull));
}

function randomFrom(seed: number): () => number {
  let state = seed + 1;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
}

/** Refusals that a change may meet because of another one. */
const REFUSALS = ["NoSuchVersion", "NoSuchKey", "MethodNotAllowed", "AccessDenied", "ConditionalRequestConflict"];

function isExpected(error: unknown): boolean {
  if (String(error).includes("Worker has stopped")) return true;
  if (!(error instanceof S3Error)) return false;
  return REFUSALS.includes(error.code) || String(error.cause).includes("Worker has stopped");
}

describe("changes of one key at the same moment", () => {
  const cases = [
    { isLocking: true, mayDie: false },
    { isLocking: true, mayDie: true },
    { isLocking: false, mayDie: false },
    { isLocking: false, mayDie: true },
  ];
  it.each(cases)("keep what was acknowledged (locks: $isLocking, deaths: $mayDie)", async ({ isLocking, mayDie }) => {
    for (let round = 0; round < ROUNDS; round++) {
      const random = randomFrom(round * 7919 + (isLocking ? 1 : 0) + (mayDie ? 2 : 0));
      const bucket = bucketOf("Enabled", isLocking);
      const about = attributes();
      const known: VersionToken[] = [];
      const put = async (objects: Objects, versioning: Versioning) => {
        const write = { bucket: withState(bucket, versioning), key: KEY, attributes: about, ticket: newTicket() };
        await objects.put(write, bodyOf("same"));
        const found = await env.STORE.list({ prefix: recordsOfKey(bucket.id, KEY), include: ["customMetadata"] });
        const entry = await env.STORE.head(entryKey(bucket.id, KEY));
        const all = [...found.objects, ...(entry === null ? [] : [entry])];
        return all.map((object) => describeEntry(object).record).find(({ w }) => w === write.ticket.writeId)?.V;
      };
      if (random() < 0.5) {
        const { documents: _, ...unversioned } = bucket;
        const plain = { ...unversioned, documents: {} } as GrantedBucket;
        await steady.put({ bucket: plain, key: KEY, attributes: about, ticket: newTicket() }, bodyOf("same"));
        const [first] = await shownIn(bucket);
        if (first !== undefined) known.push(first.token);
      }
      for (let count = Math.floor(random() * 3); count > 0; count--) {
        const token = await put(steady, "Enabled");
        if (token !== undefined) known.push(token);
      }
      if (random() < 0.2) await steady.remove({ bucket, key: KEY, ticket: newTicket() });

      const acknowledged = {
        put: new Set<VersionToken>(),
        removed: new Set<VersionToken>(),
        locked: new Set<VersionToken>(),
      };
      const attempted = new Set<VersionToken>();
      const tags = new Map<VersionToken, string[]>();
      const tagsTried = new Map<VersionToken, number>();
      const change = async (index: number) => {
        const failure =
          mayDie && random() < 0.6
            ? ({ at: 1 + Math.floor(random() * 6), when: random() < 0.5 ? "before" : "after" } as const)
            : undefined;
        const objects = objectsOn(unsteady(random, failure));
        const target = known[Math.floor(random() * known.length)];
        const kind = random();
        const ticket = newTicket();
        if (target === undefined || kind < 0.3) {
          const versioning = !isLocking && random() < 0.4 ? "Suspended" : "Enabled";
          const token = await put(objects, versioning);
          if (token !== undefined) acknowledged.put.add(token);
        } else if (kind < 0.4) {
          await objects.remove({ bucket, key: KEY, ticket });
        } else if (isNullToken(target)) {
          // Its id may name another version by now.
        } else if (kind < 0.7) {
          attempted.add(target);
          await objects.removeVersion({ bucket, key: KEY, versionId: target, ticket }, { bypassesGovernance: true });
          acknowledged.removed.add(target);
        } else if (kind < 0.85 && isLocking) {
          const lock = { retention: { mode: "COMPLIANCE", until: UNTIL } } as const;
          const locked = await objects.setLock({ bucket, key: KEY, versionId: target, ticket }, () => lock);
          if (locked !== undefined) acknowledged.locked.add(target);
        } else {
          tagsTried.set(target, (tagsTried.get(target) ?? 0) + 1);
          const value = String(index);
          const tagged = await objects.setTags({ bucket, key: KEY, versionId: target, ticket }, [{ key: "t", value }]);
          if (tagged !== undefined) tags.set(target, [...(tags.get(target) ?? []), value]);
        }
      };
      const changes = Array.from({ length: 2 + Math.floor(random() * 3) }, (_, index) => change(index));
      for (const outcome of await Promise.allSettled(changes)) {
        if (outcome.status === "rejected" && !isExpected(outcome.reason)) throw outcome.reason;
      }

      const shown = await shownIn(bucket);
      const tokens = shown.map(({ token }) => token);
      const where = `round ${round}`;
      expect(new Set(tokens).size, `${where}: doubled`).toBe(tokens.length);
      expect(tokens.map(orderOf), `${where}: order`).toEqual(tokens.map(orderOf).toSorted((a, b) => b - a));
      if (shown.length > 0) expect(shown[0]?.isCurrent, `${where}: current`).toBe(true);
      for (const token of acknowledged.removed) expect(tokens, `${where}: removed`).not.toContain(token);
      for (const token of acknowledged.locked) expect(tokens, `${where}: locked`).toContain(token);
      const newestNull = tokens.find(isNullToken);
      for (const token of [...known, ...acknowledged.put]) {
        if (attempted.has(token)) continue;
        if (isNullToken(token)) expect(newestNull !== undefined && newestNull <= token, `${where}: null`).toBe(true);
        else expect(tokens, `${where}: kept`).toContain(token);
      }
      for (const { token, isMarker } of shown) {
        if (isMarker) continue;
        const found = await steady.head(bucket, { key: KEY, versionId: versionIdOf(token) });
        expect(found?.versionId, `${where}: readable`).toBe(versionIdOf(token));
        const acked = tags.get(token) ?? [];
        if (acked.length > 0 && tagsTried.get(token) === 1) {
          expect(found?.tags, `${where}: tags`).toEqual([{ key: "t", value: acked[0] }]);
        }
        if (acknowledged.locked.has(token)) {
          expect(found?.lock?.retention?.until, `${where}: lock`).toBe(UNTIL);
          const removal = { bucket, key: KEY, versionId: versionIdOf(token), ticket: newTicket() };
          await expect(steady.removeVersion(removal, { bypassesGovernance: true })).rejects.toMatchObject({
            code: "AccessDenied",
          });
        }
      }
      // What is left can be written over and removed, which completes what a death has interrupted.
      await put(steady, "Enabled");
      const later = await shownIn(bucket);
      const laterTokens = later.map(({ token }) => token);
      for (const { token } of shown) {
        // A removal that died after its stub may take effect later.
        if (!attempted.has(token) && !isNullToken(token)) expect(laterTokens, `${where}: later`).toContain(token);
      }
    }
  });
});

describe("a change of a version that becomes current meanwhile", () => {
  /** A store whose next put of a key waits until it is let through; after it the store may stop. */
  function held(r2Key: string, { dies }: { readonly dies: boolean }) {
    const reached = Promise.withResolvers<void>();
    const pass = Promise.withResolvers<void>();
    const isPut = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    let isHeld = false;
    const store = new Proxy(env.STORE, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return async (...parameters: unknown[]) => {
          if (name !== "put" || parameters[0] !== r2Key || isHeld) return Reflect.apply(value, target, parameters);
          isHeld = true;
          reached.resolve();
          await pass.promise;
          const result: unknown = await Reflect.apply(value, target, parameters);
          isPut.resolve();
          if (dies) throw new Error("the Worker has stopped");
          await goOn.promise;
          return result;
        };
      },
    });
    return { store, reached: reached.promise, put: pass.resolve, isPut: isPut.promise, goOn: goOn.resolve };
  }

  it("counts for a removal, and not what the version was before", async () => {
    const bucket = bucketOf("Enabled", true);
    const put = async () => {
      const write = { bucket, key: KEY, attributes: attributes(), ticket: newTicket() };
      return (await steady.put(write, bodyOf("same"))).versionId ?? "";
    };
    const versionId = await put();
    const version = { bucket, key: KEY, versionId };
    await steady.setLock({ ...version, ticket: newTicket() }, () => ({ hasLegalHold: true }));
    const later = { bucket, key: KEY, versionId: await put(), ticket: newTicket() };
    await steady.removeVersion(later, { bypassesGovernance: false });
    const removal = { ...version, ticket: newTicket() };
    await expect(steady.removeVersion(removal, { bypassesGovernance: false })).rejects.toMatchObject({
      code: "AccessDenied",
    });
    await steady.setLock({ ...version, ticket: newTicket() }, () => ({ hasLegalHold: false }));
    await steady.removeVersion(removal, { bypassesGovernance: false });
    expect(await shownIn(bucket)).toEqual([]);
  });

  it.each([{ dies: false }, { dies: true }])("does not undo a lock (dies: $dies)", async ({ dies }) => {
    const bucket = bucketOf("Enabled", true);
    const put = async () => {
      const write = { bucket, key: KEY, attributes: attributes(), ticket: newTicket() };
      return (await steady.put(write, bodyOf("same"))).versionId ?? "";
    };
    const changed = await put();
    const later = await put();
    const version = { bucket, key: KEY, versionId: changed };
    const slow = held(recordsOfKey(bucket.id, KEY) + changed, { dies });
    const tags = [{ key: "t", value: "1" }];
    const tagged = objectsOn(slow.store)
      .setTags({ ...version, ticket: newTicket() }, tags)
      .catch(() => "failed");
    await slow.reached;
    const removal = { bucket, key: KEY, versionId: later, ticket: newTicket() };
    await steady.removeVersion(removal, { bypassesGovernance: false });
    const lock = { retention: { mode: "COMPLIANCE", until: UNTIL } } as const;
    await steady.setLock({ ...version, ticket: newTicket() }, () => lock);
    slow.put();
    await slow.isPut;
    await put();
    slow.goOn();
    const outcome = await tagged;
    const found = await steady.head(bucket, version);
    expect(found?.lock).toEqual(lock);
    if (outcome !== "failed") expect(found?.tags).toEqual(tags);
  });
});
