/**
 * Another encryption of an object as it is: ETag, Last-Modified, parts and checksums stay, and so does the version.
 *
 * Where the bytes keep their data key, only the entry is put again. Otherwise they are first copied into new blobs, under the
 * new key, and the annotations with them; then one put of the entry names all of it, on condition that the entry is the one that
 * was read. So a reader has the whole old or the whole new object; the sweep removes what an interrupted change leaves, and the
 * old blobs, unless copies share them.
 */
import type { ContentKey, DataKeyEncryption } from "../../model/encryption.ts";
import type { StoredObject } from "../../model/object.ts";
import type { Annotations } from "./annotations.ts";
import type { Manifest } from "./blobs.ts";
import { tokenOf } from "./entry.ts";
import { type EntryPlace, entryPlace, type RegionStores, storeOf } from "./entry-place.ts";
import type { EntryChange, Objects } from "./objects.ts";
import type { OpenedObject } from "./opened-object.ts";
import { putOnlyBlob } from "./put.ts";
import { copyBlobSet } from "./replicate.ts";
import { putChanged } from "./rewrite.ts";
import { storedBody } from "./stored-body.ts";
import { repeatIfBeaten } from "./unchanged.ts";

export interface NewEncryption {
  readonly encryption: DataKeyEncryption;
  readonly contentKey: ContentKey;
  /** Whether the bytes are under this data key already, and only its seal is new. */
  readonly isSameKey: boolean;
}

export class Reencryption {
  readonly #stores: RegionStores;
  readonly #objects: Objects;
  readonly #annotations: Annotations;

  constructor(stores: RegionStores, objects: Objects, annotations: Annotations) {
    this.#stores = stores;
    this.#objects = objects;
    this.#annotations = annotations;
  }

  /**
   * Undefined if there is no such version, otherwise the object as it was. Two R2 calls, or three for a version that is not the
   * current one; two more for each blob and each annotation where the bytes have to be encrypted.
   * @param decide may be called again, with another state of the object
   * @throws S3Error whatever `decide` throws; `ConditionalRequestConflict` if other writes of the object keep coming first
   */
  async update(
    change: EntryChange,
    decide: (object: StoredObject) => Promise<NewEncryption>,
  ): Promise<StoredObject | undefined> {
    const { bucket, key, versionId } = change;
    const place = entryPlace(storeOf(this.#stores, bucket), {
      bucketId: bucket.id,
      bucketOwnerId: bucket.ownerId,
      key,
      versioning: bucket.documents.versioning,
    });
    const moved = new EncryptedBytes(place);
    return repeatIfBeaten(async () => {
      const opened = await this.#objects.open(bucket, { key, versionId }, undefined);
      if (opened === undefined) return undefined;
      try {
        await this.#updateOpened(opened, await decide(opened.object), { change, place, moved });
        return opened.object;
      } finally {
        await opened.discard().catch(() => {});
      }
    });
  }

  async #updateOpened(opened: OpenedObject, { encryption, contentKey, isSameKey }: NewEncryption, attempt: Attempt) {
    const { change, place, moved } = attempt;
    const { bucket, key, ticket } = change;
    const { object } = opened;
    if (isSameKey) {
      const changed = { ...object, encryption };
      return putChanged(opened, changed, { place, ticket, manifest: () => opened.manifest() });
    }
    const annotations = await this.#annotations.move(
      { bucket, id: object.annotations },
      { bucket, key, versionId: object.versionId, contentKey },
    );
    const changed = { ...object, encryption, ...(annotations && { annotations: annotations.id }) };
    const manifest = () => moved.bytesOf(opened, { attributes: changed, contentKey });
    await putChanged(opened, changed, { place, ticket, manifest });
    await annotations?.finish();
  }
}

interface Attempt {
  readonly change: EntryChange;
  readonly place: EntryPlace;
  readonly moved: EncryptedBytes;
}

interface Encrypted {
  readonly attributes: StoredObject;
  readonly contentKey: ContentKey;
}

/** The bytes under the new key: copied once, however often the entry has to be put. */
class EncryptedBytes {
  readonly #place: EntryPlace;
  #copied: { readonly of: string; readonly contentKey: ContentKey; readonly manifest: Manifest } | undefined;

  constructor(place: EntryPlace) {
    this.#place = place;
  }

  async bytesOf(opened: OpenedObject, { attributes, contentKey }: Encrypted): Promise<Manifest> {
    const { found, entry } = opened.origin;
    // R2's ETag of an inline object is the MD5 of its bytes. The lifecycle may have moved the object in the meantime.
    const of = `${entry.record.f?.b ?? found.etag} ${attributes.storageClass}`;
    if (this.#copied?.of === of && this.#copied.contentKey.equals(contentKey)) return this.#copied.manifest;
    const { store, r2Key, versioning } = this.#place;
    const version = versioning === undefined ? undefined : tokenOf(found, entry.record);
    const to = { store, attributes, contentKey, owner: { entry: r2Key, version } };
    const manifest = entry.isManifest ? await copyBlobSet(opened, to, undefined) : await putInline(opened, to);
    this.#copied = { of, contentKey, manifest };
    return manifest;
  }
}

async function putInline(opened: OpenedObject, { store, ...to }: Parameters<typeof copyBlobSet>[1]): Promise<Manifest> {
  const body = storedBody(await opened.content(), opened.object.sizeBytes);
  return (await putOnlyBlob(store, body, to)).manifest;
}
