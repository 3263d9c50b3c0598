/**
 * What a scrub reads of R2, Durable Objects and keys, with the number of calls that it takes. It writes nothing. What it finds
 * is plain data: `src/scrub` judges it.
 */
import type { RootGrant } from "../../access/authorize.ts";
import type { BucketMarker } from "../../model/bucket-marker.ts";
import type { ContentKey } from "../../model/encryption.ts";
import { type KeyBinding, keyNameOfArn } from "../../model/kms-key.ts";
import type { KmsKeys } from "../d1/kms-keys.ts";
import type { ScrubRows } from "../d1/scrub-rows.ts";
import { callR2 } from "../platform-errors.ts";
import { blobSetPrefix, type NamingKey, ownerOf } from "../r2/blobs.ts";
import { findMarker } from "../r2/bucket-markers.ts";
import { entryKey, entryPrefix, type RegionStores, storeOf } from "../r2/entry-place.ts";
import { behind } from "../r2/list-position.ts";
import { CountedStore } from "../r2/listed-items.ts";
import { lastRow } from "../r2/listed-rows.ts";
import { readMany } from "../r2/read-many.ts";
import type { BlobSets, PartsQuery } from "../uploads/blob-sets.ts";
import { type BlobSetPage, listBlobSets } from "../uploads/list-blob-sets.ts";
import type { BlobSetState } from "../uploads/messages.ts";
import { searchPlainly } from "../uploads/naming-versions.ts";
import { RECORD_PREFIX, recordPrefix, recordsOfEntry } from "../versions/record-key.ts";
import { CallCounts } from "./call-counts.ts";
import { type DigestQuery, digestsOf, type ReadBytes } from "./stored-bytes.ts";
import { type StoredEntry, toStoredEntry } from "./stored-entry.ts";

export interface ScrubStores {
  readonly regions: RegionStores;
  readonly blobSets: BlobSets;
  readonly kmsKeys: KmsKeys;
  readonly rows: ScrubRows;
}

/** A bucket, as R2 keys name it. */
export interface BucketPlace {
  readonly region: string;
  readonly bucketId: string;
}

export interface StoredPage {
  readonly stored: readonly StoredEntry[];
  /** Where the next page begins; undefined: there is none. */
  readonly next: string | undefined;
}

export interface StoredBlob {
  readonly sizeBytes: number;
  /** R2's own. */
  readonly etag: string;
  /** R2's version. */
  readonly revision: string;
  /** JSON, of an annotation, if it was read with its metadata. */
  readonly checksum?: string;
}

/** The blobs of a set by their names, and the key for which the first one was written, as a sweep reads it. */
export interface StoredBlobSet {
  readonly blobs: ReadonlyMap<string, StoredBlob>;
  readonly owner: NamingKey | undefined;
}

/** Blobs that are read one by one. */
const READ_BY_NAME = 2;
/** Blobs that R2 lists in one call with their metadata. */
const LISTED_WITH_METADATA = 100;
/** Blobs that R2 lists in one call. */
export const LISTED_BLOBS = 1000;
/** R2 lists fewer objects at a time if their metadata is long. */
const PAGE = 500;
/** Longer bodies are no manifests: one of 10,000 parts has less. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

export class ScrubReads {
  readonly counts = new CallCounts();
  readonly rows: ScrubRows;
  readonly regions: readonly string[];
  readonly #stores: ScrubStores;
  readonly #by: RootGrant;
  /** By the key's ARN. */
  readonly #sealers = new Map<string, Awaited<ReturnType<KmsKeys["sealerOf"]>>>();

  /** For one step: it counts the calls. */
  constructor(stores: ScrubStores, by: RootGrant) {
    this.#stores = stores;
    this.#by = by;
    this.rows = stores.rows.counting(this.counts);
    this.regions = [...stores.regions.keys()];
  }

  hasRegion(region: string): boolean {
    return this.regions.includes(region);
  }

  /** Entries or records of a bucket. @param after the end of an R2 key: behind it the page begins. One R2 call. */
  async list(place: StoredEntry["place"], { region, bucketId }: BucketPlace, after: string): Promise<StoredPage> {
    const prefix = place === "entry" ? entryPrefix(bucketId) : recordPrefix(bucketId);
    const page = await this.#r2(region, (store) =>
      store.list({
        prefix,
        limit: PAGE,
        include: ["customMetadata"],
        ...(after !== "" && { startAfter: prefix + after }),
      }),
    );
    return {
      stored: page.objects.map((found) => toStoredEntry(found, bucketId, place)),
      next: page.truncated ? page.objects.at(-1)?.key.slice(prefix.length) : undefined,
    };
  }

  /** One R2 call. */
  async read({ region, bucketId }: BucketPlace, { place, r2Key }: Pick<StoredEntry, "place" | "r2Key">) {
    const found = await this.#r2(region, (store) => store.head(r2Key));
    return found === null ? undefined : toStoredEntry(found, bucketId, place);
  }

  /** The entries of keys; those for which no call was left are absent. A call for each, or for about a hundred neighbours. */
  async entriesOf(
    { region, bucketId }: BucketPlace,
    keys: readonly string[],
    maxCalls: number,
  ): Promise<ReadonlyMap<string, StoredEntry | undefined>> {
    const store = new CountedStore(storeOf(this.#stores.regions, { region }), maxCalls);
    const byR2Key = new Map(keys.map((key) => [entryKey(bucketId, key), key]));
    const found = await readMany(store, {
      r2Keys: byR2Key.keys(),
      prefix: entryPrefix(bucketId),
      include: ["customMetadata"],
      reserve: 0,
    });
    this.counts.r2 += maxCalls - store.left;
    return new Map(
      [...found].map(([r2Key, object]) => [
        byR2Key.get(r2Key) ?? "",
        object === undefined ? undefined : toStoredEntry(object, bucketId, "entry"),
      ]),
    );
  }

  /** The body of a manifest, with the version of R2 that it belongs to. One R2 call. */
  async text(region: string, r2Key: string): Promise<{ readonly revision: string; readonly text: string } | undefined> {
    const found = await this.#r2(region, (store) => store.get(r2Key));
    if (found === null) return undefined;
    if (found.size > MAX_MANIFEST_BYTES) {
      await found.body.cancel();
      return { revision: found.version, text: "" };
    }
    return { revision: found.version, text: await callR2(found.text()) };
  }

  /**
   * The blobs of a set; if they have one or two known names, only these. One R2 call for each of those names or for each 1,000
   * blobs, and one more if more than 100 are expected.
   */
  async blobs(
    region: string,
    blobSetId: string,
    { names, expected = names?.length ?? 1 }: { readonly names?: readonly string[]; readonly expected?: number },
  ): Promise<StoredBlobSet> {
    const prefix = blobSetPrefix(blobSetId);
    // A read is billed at less than a tenth of a listing.
    if (names !== undefined && names.length <= READ_BY_NAME) {
      const found: R2Object[] = [];
      // One after the other: a step works on several objects, and an invocation may wait for six answers at a time.
      for (const name of names) {
        const blob = await this.#r2(region, (store) => store.head(prefix + name));
        if (blob !== null) found.push(blob);
      }
      return { blobs: toBlobs(found, prefix), owner: ownerOf(found[0]) };
    }
    const include: ["customMetadata"] = ["customMetadata"];
    const isSmall = expected <= LISTED_WITH_METADATA;
    const listed: R2Object[] = [];
    for (let start: R2ListOptions | undefined = {}; start !== undefined; ) {
      const options: R2ListOptions = { prefix, ...start, ...(isSmall && { include }) };
      const page = await this.#r2(region, (store) => store.list(options));
      listed.push(...page.objects);
      start = page.truncated ? { cursor: page.cursor } : undefined;
    }
    const isRead = isSmall || listed.length === 0;
    const first = isRead
      ? listed
      : (await this.#r2(region, (store) => store.list({ prefix, limit: 1, include }))).objects;
    return { blobs: toBlobs(listed, prefix), owner: ownerOf(first[0]) };
  }

  /** Blobs of a set behind one of them, with their metadata, and where the next page begins. One R2 call. */
  async blobsAfter(
    region: string,
    { blobSetId, after }: { readonly blobSetId: string; readonly after: string },
  ): Promise<{ readonly blobs: ReadonlyMap<string, StoredBlob>; readonly next: string | undefined }> {
    const prefix = blobSetPrefix(blobSetId);
    const page = await this.#r2(region, (store) =>
      store.list({ prefix, include: ["customMetadata"], ...(after !== "" && { startAfter: prefix + after }) }),
    );
    const next = page.truncated ? page.objects.at(-1)?.key.slice(prefix.length) : undefined;
    return { blobs: toBlobs(page.objects, prefix), next };
  }

  /** One call to the set's Durable Object. @param page of the parts of an upload */
  async blobSet(blobSetId: string, page: PartsQuery = { after: 0, limit: 0 }): Promise<BlobSetState> {
    this.counts.durableObject++;
    return this.#stores.blobSets.inspect(blobSetId, page);
  }

  /** Sets of a region in the order they were made. One R2 call. */
  blobSets(region: string, after: string, limit: number): Promise<BlobSetPage> {
    this.counts.r2++;
    return listBlobSets(this.#stores.regions, { region, after, limit });
  }

  /**
   * Whether a version of the key names the set; "unknown" if the key has more records than one page. One to four R2 calls.
   * @param isThorough whether all records of the key are looked at
   */
  async isNamed(
    region: string,
    { key, blobSetId }: { readonly key: NamingKey; readonly blobSetId: string },
    isThorough: boolean,
  ): Promise<boolean | "unknown"> {
    const store = storeOf(this.#stores.regions, { region });
    const { naming, calls } = await searchPlainly(store, key, { blobSetId });
    this.counts.r2 += calls;
    if (naming !== undefined) return true;
    if (!isThorough) return "unknown";
    const page = await this.#r2(region, (r2) =>
      r2.list({ prefix: recordsOfEntry(key.entry), include: ["customMetadata"] }),
    );
    const isIn = page.objects.some((found) => {
      const record = toStoredEntry(found, "", "record").described?.record;
      return record?.A === blobSetId || record?.f?.b === blobSetId;
    });
    return isIn || (page.truncated ? "unknown" : false);
  }

  /**
   * The data key of an object. "missing", "unavailable": the key of SSE-KMS; "unusable": the data key. At most one D1 call for
   * each key of SSE-KMS.
   */
  async dataKey(
    keyArn: string,
    sealed: string,
    binding: KeyBinding,
  ): Promise<ContentKey | "missing" | "unavailable" | "unusable"> {
    let sealer = this.#sealers.get(keyArn);
    if (sealer === undefined) {
      this.counts.d1++;
      sealer = await this.#stores.kmsKeys.sealerOf(this.#by, keyNameOfArn(keyArn));
      this.#sealers.set(keyArn, sealer);
    }
    if (typeof sealer === "string") return sealer;
    return (await sealer.unseal(sealed, binding)) ?? "unusable";
  }

  /** The digests of the bytes of R2 objects, one after the other. One R2 call for each. */
  digests(region: string, query: DigestQuery): Promise<ReadBytes> {
    this.counts.r2 += query.r2Keys.length;
    return digestsOf(storeOf(this.#stores.regions, { region }), query, this.counts);
  }

  /** Ids under which a region has entries or records: a page of what could be ids of buckets. One R2 call. */
  async bucketIds(
    region: string,
    { place, after }: { readonly place: StoredEntry["place"]; readonly after: string },
  ): Promise<{ readonly ids: readonly string[]; readonly next: string | undefined }> {
    const base = place === "entry" ? "" : RECORD_PREFIX;
    const page = await this.#r2(region, (store) =>
      store.list({ prefix: base, delimiter: "/", ...(after !== "" && { startAfter: after }) }),
    );
    const names = page.delimitedPrefixes.map((prefix) => prefix.slice(base.length, -1));
    const last = lastRow(page);
    const end = page.delimitedPrefixes.includes(last) ? behind(last) : last;
    return { ids: names.filter((name) => /^[a-z0-9]{12}$/.test(name)), next: page.truncated ? end : undefined };
  }

  /** The marker of a bucket; undefined if there is none, or what is at its place is no marker. One R2 call. */
  async marker({ region, bucketId }: BucketPlace): Promise<BucketMarker | undefined> {
    this.counts.r2++;
    const found = await findMarker(storeOf(this.#stores.regions, { region }), { id: bucketId, region });
    return found?.marker;
  }

  /** Whether there is anything under a bucket's id. One R2 call. */
  async hasContents(place: StoredEntry["place"], { region, bucketId }: BucketPlace): Promise<boolean> {
    const prefix = place === "entry" ? entryPrefix(bucketId) : recordPrefix(bucketId);
    return (await this.#r2(region, (store) => store.list({ prefix, limit: 1 }))).objects.length > 0;
  }

  #r2<Result>(region: string, call: (store: R2Bucket) => Promise<Result>): Promise<Result> {
    this.counts.r2++;
    return callR2(call(storeOf(this.#stores.regions, { region })));
  }
}

function toBlobs(objects: readonly R2Object[], prefix: string): ReadonlyMap<string, StoredBlob> {
  return new Map(
    objects.map(({ key, size, etag, version, customMetadata: { checksum } = {} }) => [
      key.slice(prefix.length),
      { sizeBytes: size, etag, revision: version, ...(checksum !== undefined && { checksum }) },
    ]),
  );
}

/** What services hold: each step opens its own reads. */
export class ScrubSource {
  readonly #stores: ScrubStores;

  constructor(stores: ScrubStores) {
    this.#stores = stores;
  }

  open(by: RootGrant): ScrubReads {
    return new ScrubReads(this.#stores, by);
  }
}
