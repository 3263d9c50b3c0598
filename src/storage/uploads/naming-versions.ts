/**
 * Whether a version of a key names a blob set, and so keeps its blobs.
 *
 * A version is at the entry while it is current, and at its record once it has been replaced. The record is put before the
 * entry is replaced, and it stays if the version becomes current again. Therefore the entry is read first: if it is another
 * version, the record exists by then. In the other order, a version that is replaced between the two reads would be missed.
 *
 * A stub is no name. It may have replaced the record of a version that is current: if the removal was refused because the
 * version had been changed in the meantime. Therefore the entry is read again at the end.
 *
 * A new version names a set only while the set is young, while its upload is open, or by a reference that is recorded first.
 */
import { S3Error } from "../../errors.ts";
import { callR2 } from "../platform-errors.ts";
import type { NamingKey } from "../r2/blobs.ts";
import { describeEntry, type Entry } from "../r2/entry.ts";
import { recordsOfEntry } from "../versions/record-key.ts";

/** Pages of records looked through; each is one R2 call. */
export const MAX_RECORD_PAGES = 500;

/** A version that names a set. */
export interface NamingVersion {
  readonly found: R2Object;
  readonly entry: Entry;
}

/** What to look for: any version that names the set, or only one with the ETag. */
export interface SetName {
  readonly blobSetId: string;
  readonly etag?: string;
}

export interface PlainSearch {
  readonly naming: NamingVersion | undefined;
  /** To R2. */
  readonly calls: number;
}

/**
 * Looks where the version is that most likely names the set: one R2 call for the current version, two or three for others.
 * Without its token these are the one that was current last, and the null version.
 */
export async function searchPlainly(store: R2Bucket, key: NamingKey, set: SetName): Promise<PlainSearch> {
  const current = await read(store, key.entry);
  if (names(current, set)) return { naming: current, calls: 1 };
  const { P: previous, N: nullVersion } = current?.entry.record ?? {};
  const records = recordsOfEntry(key.entry);
  let calls = 1;
  for (const token of new Set([key.version ?? previous, nullVersion])) {
    if (token === undefined) continue;
    calls++;
    const kept = await read(store, records + token);
    if (names(kept, set)) return { naming: kept, calls };
  }
  return { naming: undefined, calls };
}

/**
 * The version that names the set. If it is not where `searchPlainly` looks, one more R2 call for each 1,000 versions of the key.
 * @throws S3Error `SlowDown` if the key has so many versions that not all are looked at
 */
export async function findNaming(store: R2Bucket, key: NamingKey, set: SetName): Promise<NamingVersion | undefined> {
  const { naming } = await searchPlainly(store, key, set);
  if (naming !== undefined) return naming;
  const prefix = recordsOfEntry(key.entry);
  let cursor: string | undefined;
  for (let pages = 0; pages < MAX_RECORD_PAGES; pages++) {
    const page = await callR2(store.list({ prefix, include: ["customMetadata"], ...(cursor && { cursor }) }));
    for (const found of page.objects) {
      const kept = { found, entry: describeEntry(found) };
      if (names(kept, set)) return kept;
    }
    if (!page.truncated) {
      const current = await read(store, key.entry);
      return names(current, set) ? current : undefined;
    }
    cursor = page.cursor;
  }
  throw new S3Error("SlowDown", { cause: new Error(`too many versions of ${key.entry}`) });
}

async function read(store: R2Bucket, r2Key: string): Promise<NamingVersion | undefined> {
  const found = await callR2(store.head(r2Key));
  return found === null ? undefined : { found, entry: describeEntry(found) };
}

function names(version: NamingVersion | undefined, { blobSetId, etag }: SetName): boolean {
  if (version === undefined) return false;
  const { record, etag: itsEtag } = version.entry;
  if (record.A === blobSetId) return etag === undefined;
  return record.f?.b === blobSetId && (etag === undefined || etag === itsEtag);
}
