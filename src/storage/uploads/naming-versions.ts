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
import { callR2 } from "../platform-errors.ts";
import type { NamingKey } from "../r2/blobs.ts";
import { describeEntry, type Entry } from "../r2/entry.ts";
import { recordsOfEntry } from "../versions/record-key.ts";

/** Pages of records looked through; each is one R2 call. A set of a key with still more records is kept. */
const MAX_PAGES = 500;

export interface PlainSearch {
  /** The version that names the set, if it was found. */
  readonly naming: Entry | undefined;
  /** To R2. */
  readonly calls: number;
}

/**
 * Looks where the version is that most likely names the set: one R2 call for the current version, two or three for others.
 * Without its token these are the one that was current last, and the null version.
 */
export async function searchPlainly(store: R2Bucket, key: NamingKey, blobSetId: string): Promise<PlainSearch> {
  const current = await read(store, key.entry);
  if (names(current, blobSetId)) return { naming: current, calls: 1 };
  const { P: previous, N: nullVersion } = current?.record ?? {};
  const records = recordsOfEntry(key.entry);
  let calls = 1;
  for (const token of new Set([key.version ?? previous, nullVersion])) {
    if (token === undefined) continue;
    calls++;
    const kept = await read(store, records + token);
    if (names(kept, blobSetId)) return { naming: kept, calls };
  }
  return { naming: undefined, calls };
}

/** Whether any version names the set. One more R2 call for each 1,000 versions of the key, if none of the likely ones does. */
export async function isNamed(store: R2Bucket, key: NamingKey, blobSetId: string): Promise<boolean> {
  if ((await searchPlainly(store, key, blobSetId)).naming !== undefined) return true;
  const prefix = recordsOfEntry(key.entry);
  let cursor: string | undefined;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const page = await callR2(store.list({ prefix, include: ["customMetadata"], ...(cursor && { cursor }) }));
    if (page.objects.some((object) => names(describeEntry(object), blobSetId))) return true;
    if (!page.truncated) return names(await read(store, key.entry), blobSetId);
    cursor = page.cursor;
  }
  return true;
}

async function read(store: R2Bucket, r2Key: string): Promise<Entry | undefined> {
  const found = await callR2(store.head(r2Key));
  return found === null ? undefined : describeEntry(found);
}

function names(entry: Entry | undefined, blobSetId: string): boolean {
  return entry?.record.f?.b === blobSetId;
}
