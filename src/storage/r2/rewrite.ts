/**
 * Changing an entry without writing its object: ETag and Last-Modified stay.
 *
 * R2 cannot change metadata in place, so the entry is put again, on condition that it is still the one that was read.
 * A manifest is a small put. So is an inline object up to 1 MiB; a larger one becomes a blob behind a manifest once, after
 * which every further change is small. If another write comes first, the change is made to the entry that exists then.
 */

import { S3Error } from "../../errors.ts";
import type { ObjectAttributes, StoredObject } from "../../model/object.ts";
import type { WriteTicket } from "../journal/ticket.ts";
import { callR2 } from "../platform-errors.ts";
import { removeMark } from "../versions/restored.ts";
import { type Manifest, summarizeManifest } from "./blobs.ts";
import { commitIf, commitManifest } from "./commit.ts";
import { describeEntry, identityOf, tokenOf } from "./entry.ts";
import { entryOptions, markForListing } from "./entry-options.ts";
import type { EntryPlace } from "./entry-place.ts";
import type { EntryRecord, EntryVersion } from "./entry-record.ts";
import type { OpenedObject } from "./opened-object.ts";
import { putOnlyBlob } from "./put.ts";
import { storedBody } from "./stored-body.ts";
import { repeatIfBeaten } from "./unchanged.ts";
import { BUFFERED_BYTES, putBytes, readBody } from "./write.ts";

/** An object whose entry is to be changed, and how to open it. */
export interface Rewrite {
  readonly place: EntryPlace;
  readonly ticket: WriteTicket;
  /** Undefined if there is no such object. */
  open(): Promise<OpenedObject | undefined>;
}

export interface Rewritten {
  /** As it was before. */
  readonly object: StoredObject;
  readonly isChanged: boolean;
}

/**
 * Undefined if there is no such object.
 * @param change may be called again, with another state of the object; undefined: nothing is to be changed
 * @throws S3Error whatever `change` throws; `ConditionalRequestConflict` if other writes of the object keep coming first
 */
export async function rewriteObject(
  rewrite: Rewrite,
  change: (object: StoredObject) => StoredObject | undefined,
): Promise<Rewritten | undefined> {
  const moved = new MovedBytes(rewrite.place);
  return repeatIfBeaten(() => rewriteOnce(rewrite, change, moved));
}

async function rewriteOnce(
  rewrite: Rewrite,
  change: (object: StoredObject) => StoredObject | undefined,
  moved: MovedBytes,
): Promise<Rewritten | undefined> {
  const opened = await rewrite.open();
  if (opened === undefined) return undefined;
  try {
    const { object } = opened;
    const changed = change(object);
    if (changed !== undefined) {
      await putChanged(opened, changed, { ...rewrite, manifest: () => manifestOf(opened, changed, moved) });
    }
    return { object, isChanged: changed !== undefined };
  } finally {
    await opened.discard().catch(() => {});
  }
}

/** Undefined for an object that is small enough to stay inline. */
async function manifestOf(
  opened: OpenedObject,
  changed: StoredObject,
  moved: MovedBytes,
): Promise<Manifest | undefined> {
  if (opened.origin.entry.isManifest) return opened.manifest();
  return changed.sizeBytes <= BUFFERED_BYTES ? undefined : moved.bytesOf(opened, changed);
}

/** What is put in place of an entry. */
export interface Replacement extends Omit<Rewrite, "open"> {
  /** Of the changed object; undefined: its bytes are inline, as they were. Called once it is clear where the version is. */
  manifest(): Promise<Manifest | undefined>;
}

/**
 * Puts an entry again, changed, on condition that it is the one that was opened.
 * @throws S3Error `ConditionalRequestConflict`
 */
export async function putChanged(
  opened: OpenedObject,
  changed: StoredObject,
  { place, ticket, ...replacement }: Replacement,
): Promise<void> {
  await refuseRestored(place, opened.origin);
  const { found, entry } = opened.origin;
  // An isolate that has an older row of the bucket may find a version.
  const isVersion = place.versioning !== undefined || entry.record.V !== undefined;
  const version = isVersion ? nextRevision(found, entry.record) : undefined;
  // The same version, at the entry or in a record.
  const target = { ...place, r2Key: found.key, versioning: undefined };
  const { checksum, lastModified, sizeBytes } = changed;
  const { state, source: sourceId, writeId } = changed.replication ?? {};
  const identity = entry.record.d === undefined ? undefined : (identityOf(found) ?? undefined);
  const kept = {
    checksum,
    lastModified,
    ticket,
    wasReplica: state === "replica",
    replicatedAs: state === "source" ? writeId : undefined,
    sourceId,
    identity,
    isConditional: entry.record.q === 1,
    renamed: entry.record.n,
    version,
  };
  const manifest = await replacement.manifest();
  if (manifest === undefined) {
    const bytes = await readBody(storedBody(await opened.content(), sizeBytes));
    const options = { ...entryOptions(place, changed, kept), ...markForListing(bytes) };
    await commitIf(target, { madeOf: found, writeId: ticket.writeId, isSameVersion: true }, ({ onlyIf }) =>
      putBytes(target, { bytes }, onlyIf === undefined ? options : { ...options, onlyIf }),
    );
    return;
  }
  const isUpload = changed.partCount !== undefined;
  const facts = summarizeManifest(manifest, { sizeBytes, etag: changed.etag, isUpload });
  const object = { attributes: changed, manifest, facts: { ...kept, manifest: facts } };
  await commitManifest(target, object, { madeOf: found, isSameVersion: true });
}

function nextRevision(found: R2Object, record: EntryRecord): EntryVersion {
  const { P, N, S, U, R = 0 } = record;
  return {
    V: tokenOf(found, record),
    ...(P !== undefined && { P }),
    ...(N !== undefined && { N }),
    ...(S !== undefined && { S }),
    ...(U !== undefined && { U }),
    R: R + 1,
  };
}

/**
 * A version that becomes current again is at the entry and in its record, and must be changed in one place only: in the record
 * while the entry has the mark of a restored version, then at the entry (`versions/restored.ts`). So a record is changed only
 * if its version is not at the entry after the record was read, and an entry only without the mark.
 * @throws S3Error `ConditionalRequestConflict`, after which the entry is changed
 */
async function refuseRestored(place: EntryPlace, { found, entry }: OpenedObject["origin"]): Promise<void> {
  const token = tokenOf(found, entry.record);
  if (found.key === place.r2Key) {
    if (entry.record.U !== 1) return;
    await removeMark(place, token);
  } else {
    const current = await callR2(place.store.head(place.r2Key));
    if (current === null || tokenOf(current, describeEntry(current).record) !== token) return;
  }
  throw new S3Error("ConditionalRequestConflict", { details: { Key: place.key } });
}

/**
 * The blob that an object's bytes are moved to, only once, however often the entry has to be put. If no entry names it in
 * the end, the sweep removes it.
 */
class MovedBytes {
  readonly #place: EntryPlace;
  #moved: { readonly manifest: Manifest; readonly of: string } | undefined;

  constructor(place: EntryPlace) {
    this.#place = place;
  }

  async bytesOf(opened: OpenedObject, attributes: Pick<ObjectAttributes, "storageClass">): Promise<Manifest> {
    const { object, origin } = opened;
    // R2's ETag of an inline object is the MD5 of its bytes.
    const of = `${origin.found.etag} ${attributes.storageClass}`;
    if (this.#moved?.of === of) return this.#moved.manifest;
    const body = storedBody(await opened.content(), object.sizeBytes);
    const { store, r2Key, versioning } = this.#place;
    const version = versioning === undefined ? undefined : tokenOf(origin.found, origin.entry.record);
    const owner = { entry: r2Key, version };
    const { manifest } = await putOnlyBlob(store, body, { attributes, owner });
    this.#moved = { manifest, of };
    return manifest;
  }
}
