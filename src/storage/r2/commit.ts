/** The one put that makes an object visible, under a guard, and the entries whose body is a manifest. */
import { S3Error } from "../../errors.ts";
import type { ObjectAttributes } from "../../model/object.ts";
import { type VersionToken, versionIdOf } from "../../model/version.ts";
import { callR2 } from "../platform-errors.ts";
import { commitVersion } from "../versions/commit-version.ts";
import { encodeManifest, type Manifest } from "./blobs.ts";
import {
  blindCondition,
  type EntryCondition,
  exactCondition,
  type Guard,
  nameOf,
  requireCondition,
} from "./conditions.ts";
import { describeEntry } from "./entry.ts";
import { entryOptions, markForListing } from "./entry-options.ts";
import type { EntryPlace } from "./entry-place.ts";
import type { EntryFacts, ManifestSummary, VersionLinks } from "./entry-record.ts";
import { putBytes, requireStored } from "./write.ts";

/** On what condition an entry is put, and which version it is: absent in a bucket that was never versioned. */
export interface CommitTerms {
  readonly onlyIf?: R2Conditional;
  readonly links?: VersionLinks;
}

/** Puts the entry; null if R2 declined because the condition does not hold. */
type Put = (terms: CommitTerms) => Promise<R2Object | null>;

/** An entry that has been put. */
export interface Committed {
  readonly object: R2Object;
  /** Of the version; absent in a bucket that was never versioned. */
  readonly token?: VersionToken;
  /** As clients see it. */
  readonly versionId?: string;
}

/** Attempts to put an entry that other writes keep changing. */
const MAX_ATTEMPTS = 4;

/**
 * Commits an entry under a guard. In a bucket that is or was versioned, the version at the key is kept. Otherwise, for a client's own condition the first attempt is made blind, so that the common outcome
 * costs one call; only when R2 declines is the entry read, because a tombstone or the ETag of a manifest's body may
 * have been the reason.
 * @throws S3Error `PreconditionFailed`, `NoSuchKey` (If-Match on nothing), `ConditionalRequestConflict`
 */
export function commitIf(place: EntryPlace, guard: Guard, put: Put): Promise<Committed> {
  const blind =
    guard.condition === undefined || guard.madeOf !== undefined ? undefined : blindCondition(guard.condition);
  return commit(place, guard, { put, blind, attempts: MAX_ATTEMPTS });
}

/**
 * The same, but the entry is read before the first attempt. R2 takes one write a second for each key, and a put that it declines
 * may count: where the entry may well be a manifest, a blind attempt would make the second one wait.
 */
export function commitAfterReading(place: EntryPlace, guard: Guard, put: Put): Promise<Committed> {
  return commit(place, guard, { put, blind: undefined, attempts: MAX_ATTEMPTS });
}

/** The same for a body that can be sent only once: the condition is made exact before it moves. */
export function commitOnce(place: EntryPlace, guard: Guard, put: Put): Promise<Committed> {
  return commit(place, guard, { put, blind: undefined, attempts: 1 });
}

interface Attempts {
  readonly put: Put;
  readonly blind: R2Conditional | undefined;
  readonly attempts: number;
}

async function commit(place: EntryPlace, guard: Guard, { put, blind, attempts }: Attempts): Promise<Committed> {
  if (place.versioning !== undefined) {
    const { object, token } = await commitVersion(place, guard, put);
    return { object, token, versionId: versionIdOf(token) };
  }
  return { object: await commitUnversioned(place, guard, { put, blind, attempts }) };
}

async function commitUnversioned(
  place: EntryPlace,
  guard: Guard,
  { put, blind, attempts }: Attempts,
): Promise<R2Object> {
  const { condition, madeOf } = guard;
  if (condition === undefined && madeOf === undefined) return requireStored(await put({}));
  let onlyIf = blind;
  let seen = madeOf;
  for (let left = madeOf === undefined ? attempts : 1; left > 0; left--) {
    if (onlyIf === undefined) {
      if (seen === undefined) seen = await headEntry(place);
      onlyIf = await exactCondition(place, guard, seen);
    }
    const stored = onlyIf === undefined ? null : await put({ onlyIf });
    if (stored !== null) return stored;
    seen = await headEntry(place);
    // If the platform has repeated the put, the second one finds the entry that the first one made.
    if (seen !== null && describeEntry(seen).record.w === guard.writeId) return seen;
    onlyIf = undefined;
  }
  throw new S3Error("ConditionalRequestConflict", { details: { ...nameOf(condition), Key: place.key } });
}

/**
 * Refuses a write that cannot succeed before its bytes move. What holds now may no longer hold when it is committed.
 * @throws S3Error `PreconditionFailed` or `NoSuchKey`
 */
export async function refuseAtOnce(place: EntryPlace, condition: EntryCondition | undefined): Promise<void> {
  if (condition !== undefined) requireCondition(await headEntry(place), place.key, condition);
}

export interface ManifestObject {
  readonly attributes: ObjectAttributes;
  readonly manifest: Manifest;
  readonly facts: EntryFacts & { readonly manifest: ManifestSummary };
}

/** Commits an entry whose bytes are blobs. One R2 call, two if a condition had to be checked. */
export function commitManifest(
  place: EntryPlace,
  { attributes, manifest, facts }: ManifestObject,
  { condition, madeOf, token, isSameVersion = false }: Omit<Guard, "writeId" | "isMarker">,
): Promise<Committed> {
  const { writeId } = facts.ticket;
  const bytes = encodeManifest(manifest, writeId);
  return commitIf(
    place,
    { condition, madeOf, writeId, token, isSameVersion },
    ({ links = facts.version, ...terms }) => {
      const options = { ...entryOptions(place, attributes, { ...facts, version: links }), ...markForListing(bytes) };
      return putBytes(place, { bytes }, { ...options, ...terms });
    },
  );
}

function headEntry({ store, r2Key }: EntryPlace): Promise<R2Object | null> {
  return callR2(store.head(r2Key));
}
