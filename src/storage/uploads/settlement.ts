/**
 * Finds out whether a completion took effect of which only the beginning is recorded: its entry was to be put, and then the
 * Durable Object died or R2 gave no clear answer. The evidence, strongest first:
 *
 * - a copy shares the blobs: it was made from an entry that names them;
 * - the entry at the key names the blob set and has the ETag of these very parts. Its write id would prove nothing, since
 *   changing tags or ACL gives a new one;
 * - another object, or none, is at the key than when the completion began. Then the completion either took effect and was
 *   overwritten, or another write came first. For a client that has no answer yet both are the same: its write took effect
 *   before the other one. Putting the entry now would undo a later write.
 *
 * The last one counts only if the later write did not depend on what was there. An object or a removal with a condition, or
 * a replica, may be there because the completion had *not* taken effect, and so may an object with the ETag from before,
 * which can be a copy onto itself. In these cases, and if nothing has changed at all, the client may complete again: the put
 * is conditional on the state that is read, so that an earlier put which is still in flight cannot take effect after it.
 */

import { callR2 } from "../platform-errors.ts";
import { describeEntry, identityOf, isSameObject, lastModifiedOf } from "../r2/entry.ts";
import { entryKey, type RegionStores, storeOf } from "../r2/entry-place.ts";
import type { BlobSetRecords, CompletionRecord } from "./blob-set-records.ts";
import type { UploadDescription } from "./messages.ts";

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
  const found = await callR2(storeOf(stores, description).head(entryKey(description.bucketId, description.key)));
  const committedAt = judge(begun, found, { blobSetId: description.blobSetId, isCopied });
  if (committedAt === undefined) records.setState("open", begun);
  else records.setState("completed", { ...begun, committedAt });
}

/**
 * When the entry was put, as far as is known, in milliseconds since 1970; undefined if it was not.
 * @param found the entry at the upload's key now
 */
function judge(
  begun: CompletionRecord,
  found: R2Object | null,
  { blobSetId, isCopied }: { readonly blobSetId: string; readonly isCopied: boolean },
): number | undefined {
  const entry = found === null ? undefined : describeEntry(found);
  if (found !== null && entry?.record.f?.b === blobSetId) {
    // With another ETag it is the entry of an earlier attempt, with other parts.
    return entry.etag === begun.answer.etag ? lastModifiedOf(found, entry.record).getTime() : undefined;
  }
  const at = found === null ? Date.now() : found.uploaded.getTime() - 1;
  if (isCopied && begun.earlier === undefined) return at;
  const { before } = begun;
  const now = identityOf(found);
  // A release that did not record it has begun the completion, or the client wants an error after any other write.
  if (before === undefined || begun.isConditional) return undefined;
  const wasConditional = entry?.isTombstone === true || entry?.record.q === 1 || entry?.record.v !== undefined;
  const isDecisive = !wasConditional && now?.etag !== before?.etag;
  return isDecisive && !isSameObject(now, before) ? at : undefined;
}
