/**
 * Finds out whether a completion took effect of which only the beginning is recorded: its entry was to be put, and then the
 * Durable Object died or R2 gave no clear answer. The evidence, strongest first:
 *
 * - a version of the key has the token that was chosen for it, or only another order, or has left a stub with it;
 * - the entry at the key names the blob set and has the ETag of these very parts. Its write id would prove nothing, since
 *   changing tags or ACL gives a new one. If it was put before the bucket was versioned, it may be in a record by now;
 * - a copy shares the blobs: it was made from an entry that names them;
 * - another object, or none, is at the key than when the completion began. Then the completion either took effect and was
 *   overwritten, or another write came first. For a client that has no answer yet both are the same: its write took effect
 *   before the other one. Putting the entry now would undo a later write. A version that is not a null version is not
 *   overwritten, so of these this says nothing.
 *
 * The last one counts only if the later write did not depend on what was there. An object or a removal with a condition, or
 * a replica, may be there because the completion had *not* taken effect, and so may an object with the ETag from before,
 * which can be a copy onto itself. In these cases, and if nothing has changed at all, the client may complete again: the put
 * is conditional on the state that is read, so that an earlier put which is still in flight cannot take effect after it.
 */

import { identityOfToken, isNullToken, type VersionToken } from "../../model/version.ts";
import { callR2 } from "../platform-errors.ts";
import { describeEntry, identityOf, isSameObject, lastModifiedOf, tokenOf } from "../r2/entry.ts";
import { entryKey, type RegionStores, storeOf } from "../r2/entry-place.ts";
import { recordsOfEntry } from "../versions/record-key.ts";
import type { BlobSetRecords, CompletionRecord } from "./blob-set-records.ts";
import type { UploadDescription } from "./messages.ts";
import { findNaming } from "./naming-versions.ts";

/** Leaves the upload `open`, `completed` or `aborted`, with a record of the completion that was begun. */
export async function settle(
  records: BlobSetRecords,
  stores: RegionStores,
  description: UploadDescription,
): Promise<void> {
  const state = records.state();
  const begun = records.completion();
  const isCopied = records.references().length > 0;
  if (begun === undefined || !(state === "completing" || (state === "open" && isCopied))) return;
  const key = keyOf(stores, description);
  const found = await callR2(key.store.head(key.entry));
  const effect =
    begun.version === undefined
      ? await findUnversioned(key, begun, found)
      : await findVersion(key, begun.version, found);
  if (effect === "none") records.setState("open", begun);
  else if (effect !== undefined) records.setState("completed", { ...begun, ...effect });
  else {
    const committedAt = judge(begun, found, isCopied);
    if (committedAt === undefined) records.setState("open", begun);
    else records.setState("completed", { ...begun, committedAt });
  }
}

/** Where the versions of an upload's key are. */
export interface UploadKey {
  readonly store: R2Bucket;
  readonly entry: string;
  readonly blobSetId: string;
}

export function keyOf(stores: RegionStores, description: UploadDescription): UploadKey {
  const { bucketId, key, blobSetId } = description;
  return { store: storeOf(stores, description), entry: entryKey(bucketId, key), blobSetId };
}

/** What a completion has done, as far as is known. */
export interface Effect {
  /** Milliseconds since 1970. */
  readonly committedAt: number;
  readonly version?: VersionToken;
}

/**
 * What the put of a version has done, which may have been deleted since; undefined if there is no trace of it.
 * @param chosen the token that was proposed for it
 * @param found the entry now
 */
export async function findVersion(
  { store, entry }: UploadKey,
  chosen: VersionToken,
  found: R2Object | null,
): Promise<Effect | undefined> {
  const isIt = (token: VersionToken) => identityOfToken(token) === identityOfToken(chosen);
  const current = found === null ? undefined : describeEntry(found);
  if (found !== null && current !== undefined) {
    const version = tokenOf(found, current.record);
    // A tombstone has the token of the version that was deleted last.
    if (isIt(version)) return { committedAt: lastModifiedOf(found, current.record).getTime(), version };
  }
  const records = recordsOfEntry(entry);
  const direct = await callR2(store.head(records + chosen));
  if (direct !== null) {
    return { committedAt: lastModifiedOf(direct, describeEntry(direct).record).getTime(), version: chosen };
  }
  let cursor: string | undefined;
  do {
    const page = await callR2(store.list({ prefix: records, ...(cursor && { cursor }) }));
    for (const { key, uploaded } of page.objects) {
      const version = key.slice(records.length);
      if (isIt(version)) return { committedAt: uploaded.getTime(), version };
    }
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
  return undefined;
}

/** The same for a put that made no version. "none": it has done nothing. */
async function findUnversioned(
  { store, entry, blobSetId }: UploadKey,
  { answer: { etag } }: CompletionRecord,
  found: R2Object | null,
): Promise<Effect | "none" | undefined> {
  if (found === null) return undefined;
  const current = describeEntry(found);
  if (current.record.f?.b === blobSetId) {
    // With another ETag it is the entry of an earlier attempt, with other parts.
    return current.etag === etag ? { committedAt: lastModifiedOf(found, current.record).getTime() } : "none";
  }
  if (current.record.V === undefined) return undefined;
  const naming = await findNaming(store, { entry }, { blobSetId, etag });
  return naming && { committedAt: lastModifiedOf(naming.found, naming.entry.record).getTime() };
}

/**
 * When the entry was put, if other objects show that it was, in milliseconds since 1970.
 * @param found the entry at the upload's key now
 */
function judge(begun: CompletionRecord, found: R2Object | null, isCopied: boolean): number | undefined {
  const entry = found === null ? undefined : describeEntry(found);
  const at = found === null ? Date.now() : found.uploaded.getTime() - 1;
  if (isCopied && begun.earlier === undefined) return at;
  const { before, version } = begun;
  // It would be among the versions of the key.
  if (version !== undefined && !isNullToken(version)) return undefined;
  if (found !== null && !isNullToken(tokenOf(found, describeEntry(found).record))) return undefined;
  const now = identityOf(found);
  // A release that did not record it has begun the completion, or the client wants an error after any other write.
  if (before === undefined || begun.isConditional) return undefined;
  const wasConditional = entry?.isTombstone === true || entry?.record.q === 1 || entry?.record.v !== undefined;
  const isDecisive = !wasConditional && now?.etag !== before?.etag;
  return isDecisive && !isSameObject(now, before) ? at : undefined;
}
