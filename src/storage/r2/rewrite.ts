/**
 * Changing what an entry says of an object without writing the object: ETag and Last-Modified stay.
 *
 * R2 cannot change metadata in place, so the entry is put again, on condition that it is still the one that was read.
 * A manifest is a small put. So is an inline object up to 1 MiB; a larger one becomes a blob behind a manifest once, after
 * which every further change is small.
 */

import { S3Error } from "../../errors.ts";
import type { StoredObject } from "../../model/object.ts";
import { newBlobSetId } from "../../model/random-ids.ts";
import type { WriteTicket } from "../journal/ticket.ts";
import { blobKey } from "./blobs.ts";
import { commitManifest, type EntryTarget, entryOptions, markForListing, r2StorageClass } from "./commit.ts";
import { storedBody } from "./copy.ts";
import { BUFFERED_BYTES } from "./limits.ts";
import { type Manifest, manifestFacts } from "./manifest.ts";
import type { OpenedObject } from "./opened-object.ts";
import { commitIf, type EntryPlace, putBytes, readBody, streamBody } from "./write.ts";

/** @throws S3Error `ConditionalRequestConflict` if the object was written meanwhile */
export async function rewriteEntry(
  opened: OpenedObject,
  target: EntryTarget,
  place: EntryPlace,
  changed: StoredObject,
  ticket: WriteTicket,
): Promise<void> {
  const { found, entry } = opened.origin;
  const { checksum, lastModified, sizeBytes } = changed;
  const { state, source: sourceId } = changed.replication ?? {};
  const kept = { checksum, lastModified, ticket, wasReplica: state === "replica", sourceId };
  const onlyIf = { etagMatches: found.etag };
  if (!entry.isManifest && sizeBytes <= BUFFERED_BYTES) {
    const bytes = await readBody(storedBody(await opened.body(), sizeBytes));
    const options = { ...entryOptions(target, changed, kept), ...markForListing(bytes) };
    await commitIf(place, { onlyIf }, () => putBytes(place.store, place.r2Key, bytes, { ...options, onlyIf }));
    return;
  }
  const manifest = entry.isManifest ? await opened.manifest() : await toBlob(opened, place);
  const isUpload = changed.partCount !== undefined;
  const facts = manifestFacts(manifest, { sizeBytes, etag: changed.etag, isUpload });
  const object = { attributes: changed, manifest, facts: { ...kept, manifest: facts } };
  await commitManifest(place.store, target, object, { onlyIf });
}

async function toBlob(opened: OpenedObject, place: EntryPlace): Promise<Manifest> {
  const { object } = opened;
  const blobSetId = newBlobSetId();
  const name = "1";
  const body = storedBody(await opened.body(), object.sizeBytes);
  const blob = await streamBody(place.store, blobKey(blobSetId, name), body, {
    customMetadata: { entry: place.r2Key },
    ...r2StorageClass(object),
  });
  if (blob === null) throw new S3Error("InternalError", { cause: new Error("an unconditional put was declined") });
  return { v: 1, b: blobSetId, p: [[name, object.sizeBytes]] };
}
