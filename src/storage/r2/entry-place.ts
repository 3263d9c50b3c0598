/**
 * Where an entry is in R2: at `<bucketId>/<S3 key>` in the bucket's region.
 *
 * R2 takes keys of up to 1,024 bytes and so does S3, so the longest S3 keys do not fit after the prefix. A key of more
 * than `DIRECT_BYTES` bytes is cut at the first character that ends at or after that length; the R2 key is the prefix, that
 * head and the SHA-256 of the whole key, and the entry's metadata holds the whole key. It follows that:
 *
 * - the two shapes cannot be confused: a hashed R2 key is always longer than a direct one can be;
 * - all keys with the same head (a cluster) are neighbours in R2, and heads sort as their keys do, so byte order is
 *   right everywhere except inside a cluster, which the listing sorts itself.
 */
import { createHash } from "node:crypto";
import { S3Error } from "../../errors.ts";
import type { Versioning } from "../../model/version.ts";
import type { WaitsBinding } from "../platform/waits.ts";

/** `<bucketId>/`: 12 characters and the slash. */
export const PREFIX_BYTES = 13;

/** S3 keys up to this many UTF-8 bytes are used as they are. */
export const DIRECT_BYTES = 960;

const encoder = new TextEncoder();

export function entryPrefix(bucketId: string): string {
  return `${bucketId}/`;
}

export function entryKey(bucketId: string, key: string): string {
  const head = clusterHead(key);
  if (head === undefined) return entryPrefix(bucketId) + key;
  return entryPrefix(bucketId) + head + createHash("sha256").update(key).digest("base64url");
}

/** The head of a key that is too long to be stored as it is; undefined for all others. */
export function clusterHead(key: string): string | undefined {
  // A character is at most 3 bytes per UTF-16 unit, so most keys need no encoding.
  if (key.length * 3 <= DIRECT_BYTES) return undefined;
  if (encoder.encode(key).byteLength <= DIRECT_BYTES) return undefined;
  return headOf(key);
}

/** The cluster an R2 key or delimited prefix belongs to; undefined for direct ones. */
export function clusterOfEntry(r2Key: string): string | undefined {
  return clusterHead(r2Key.slice(PREFIX_BYTES));
}

function headOf(key: string): string {
  let bytes = 0;
  let end = 0;
  // Counted without encoding, since a listing does this for every key of its page.
  while (end < key.length && bytes < DIRECT_BYTES) {
    const codePoint = key.codePointAt(end) ?? 0;
    bytes += codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
    end += codePoint < 0x10000 ? 1 : 2;
  }
  return key.slice(0, end);
}

/** An R2 object by its store and its key there. */
export interface R2Location {
  readonly store: R2Bucket;
  readonly r2Key: string;
}

/** Where an entry is put, and whose bucket that is. */
export interface EntryPlace extends R2Location {
  /** The S3 key. */
  readonly key: string;
  /** Canonical user id of the bucket's owner. */
  readonly bucketOwnerId: string;
  readonly bucketId: string;
  /** Absent: a put replaces what is at the key. Otherwise it makes a version, and the one at the key is kept. */
  readonly versioning?: Versioning | undefined;
}

export function entryPlace(store: R2Bucket, names: Omit<EntryPlace, keyof R2Location>): EntryPlace {
  const { bucketId, bucketOwnerId, key, versioning } = names;
  return { store, r2Key: entryKey(bucketId, key), key, bucketOwnerId, bucketId, versioning };
}

/** The R2 bindings: `STORE` serves the default region, `STORE_EU_WEST_1` serves `eu-west-1`. */
export interface StoreBindings extends WaitsBinding {
  readonly STORE: R2Bucket;
  readonly REGION?: string;
}

/** R2 bindings by region. */
export type RegionStores = ReadonlyMap<string, R2Bucket>;

/** The region of the `STORE` binding. */
export function defaultRegion({ REGION }: Pick<StoreBindings, "REGION">): string {
  return REGION || "us-east-1";
}

export function regionStores(bindings: StoreBindings): RegionStores {
  const stores = new Map([[defaultRegion(bindings), bindings.STORE]]);
  for (const [name, binding] of Object.entries(bindings as unknown as Record<string, unknown>)) {
    const match = /^STORE_([A-Z0-9_]+)$/.exec(name);
    if (match?.[1] !== undefined) stores.set(match[1].toLowerCase().replaceAll("_", "-"), binding as R2Bucket);
  }
  return stores;
}

/** @throws S3Error `ServiceUnavailable` if the deployment has no binding any more for a region that has buckets */
export function storeOf(stores: RegionStores, { region }: { readonly region: string }): R2Bucket {
  const store = stores.get(region);
  if (store !== undefined) return store;
  throw new S3Error("ServiceUnavailable", { cause: new Error(`no R2 binding serves region ${region}`) });
}
