/**
 * What the lifecycle does with objects. Nothing is removed or moved that has changed since it was listed: the put that does it
 * has the condition that the entry, or the record of the version, is the one that the rules were applied to.
 */
import type { GrantedBucket } from "../../access/authorize.ts";
import { authorizeLifecycleKey } from "../../access/authorize-kms.ts";
import { S3Error } from "../../errors.ts";
import { type ContentKey, type DataKeyEncryption, isSameEncryption } from "../../model/encryption.ts";
import { keyNameOfArn } from "../../model/kms-key.ts";
import type { ListedVersion, VersionPage, VersionQuery } from "../../model/listed-version.ts";
import type { StoredObject } from "../../model/object.ts";
import type { KmsKeys } from "../d1/kms-keys.ts";
import { callR2 } from "../platform-errors.ts";
import { listVersions } from "../versions/list-versions.ts";
import { moveToInfrequentAccess } from "./blob-class.ts";
import { entryPlace, type RegionStores, storeOf } from "./entry-place.ts";
import { CountedStore } from "./listed-items.ts";
import { MAX_CALLS } from "./listing.ts";
import type { EntryChange, Objects } from "./objects.ts";
import type { OpenedObject } from "./opened-object.ts";
import { putRemoval, type Removed } from "./removal.ts";
import { rewriteObject } from "./rewrite.ts";
import { type ScannedEntry, type ScanPage, type ScanQuery, scanEntries } from "./scanning.ts";
import { SETTLED_AGE_MS } from "./unchanged.ts";

/** How much a transition may do. */
export interface TransitionLimits {
  /** After this time no further blob is begun. */
  readonly until: Date;
  /** Takes calls of the run's; false if there are not so many left. */
  take(calls: number): boolean;
}

export type TransitionOutcome = "done" | "unchanged" | "unfinished";

export class LifecycleObjects {
  readonly #stores: RegionStores;
  readonly #objects: Objects;
  readonly #kmsKeys: KmsKeys;

  constructor(stores: RegionStores, objects: Objects, kmsKeys: KmsKeys) {
    this.#stores = stores;
    this.#objects = objects;
    this.#kmsKeys = kmsKeys;
  }

  /** Of a bucket that was never versioned. */
  scan(bucket: GrantedBucket, query: ScanQuery): Promise<ScanPage> {
    return scanEntries(storeOf(this.#stores, bucket), bucket.id, query);
  }

  /** Of a bucket that is or was versioned. `calls`: R2 calls that were made. */
  async versions(bucket: GrantedBucket, query: VersionQuery): Promise<VersionPage & { readonly calls: number }> {
    const store = new CountedStore(storeOf(this.#stores, bucket), MAX_CALLS);
    const page = await listVersions(store, bucket, query);
    return { ...page, calls: MAX_CALLS - store.left };
  }

  /**
   * Puts a tombstone over an entry of a bucket that was never versioned. One R2 call; three for an entry younger than a
   * minute.
   * @throws S3Error `ConditionalRequestConflict` if it has changed since it was listed
   */
  async expireEntry({ bucket, key, ticket }: EntryChange, { found }: ScannedEntry): Promise<Removed> {
    const { id, ownerId } = bucket;
    const store = storeOf(this.#stores, bucket);
    const place = entryPlace(store, { bucketId: id, bucketOwnerId: ownerId, key });
    let madeOf: R2Object | null = found;
    if (Date.now() - found.uploaded.getTime() < SETTLED_AGE_MS) {
      // The write id, by which two writes of one millisecond differ, is not listed.
      madeOf = await callR2(store.head(found.key));
      if (madeOf?.version !== found.version) throw new S3Error("ConditionalRequestConflict", { details: { Key: key } });
    }
    return putRemoval(place, ticket, { madeOf });
  }

  /**
   * Puts a delete marker over the current version.
   * @throws S3Error `PreconditionFailed`, `NoSuchKey`, `ConditionalRequestConflict` if it is not the one that was listed
   */
  expireCurrent(change: EntryChange, { writeId, etag }: ListedVersion): Promise<Removed> {
    return this.#objects.remove(change, { kind: "if-listed", writeId, etag });
  }

  /**
   * Removes a version.
   * @throws S3Error `AccessDenied` for a version under object lock; `PreconditionFailed` if it has changed since it was
   *   listed, or is current and was not, or the reverse
   */
  async expireVersion(change: EntryChange, listed: ListedVersion): Promise<Removed> {
    await this.#requireAsListed(change, listed);
    return this.#objects.removeVersion(
      { ...change, versionId: listed.versionId },
      {
        bypassesGovernance: false,
        check: (version) => {
          if (!isAsListed(version, listed)) throw new S3Error("PreconditionFailed");
        },
      },
    );
  }

  /**
   * A noncurrent version becomes the current one if all later ones are removed. If that happens within the milliseconds after
   * this read, the version is removed as if it had expired before.
   */
  async #requireAsListed({ bucket, key }: EntryChange, { versionId, isLatest }: ListedVersion): Promise<void> {
    const current = await this.#objects.head(bucket, { key }).catch((error: unknown) => markerIn(error));
    const isCurrent = current?.versionId === versionId;
    if (isCurrent !== isLatest) throw new S3Error("PreconditionFailed");
  }

  /**
   * Moves an object, or one of its versions, to STANDARD_IA; ETag and Last-Modified stay. What is "unfinished" continues when it
   * is called again.
   * @param isDue whether the object, as it is then, is still to be moved
   */
  async transition(
    change: EntryChange,
    isDue: (object: StoredObject) => boolean,
    limits: TransitionLimits,
  ): Promise<TransitionOutcome> {
    const { bucket, key, versionId, ticket } = change;
    const open = () => this.#objects.open(bucket, { key, versionId }, undefined);
    let opened = await open();
    if (opened === undefined) return "unchanged";
    const { object, origin } = opened;
    const { f: manifest } = origin.entry.record;
    if (isDue(object) && object.encryption?.kind === "data-key") {
      if (!this.#kmsKeys.isCached(keyNameOfArn(object.encryption.keyArn)) && !limits.take(1)) {
        await opened.discard();
        return "unfinished";
      }
      opened.unlock(await this.#unseal(change, object.encryption).catch(discarding(opened)));
    }
    // Without the customer's key the bytes cannot be moved.
    if (!isDue(object) || (object.encryption !== undefined && opened.contentKey === undefined)) {
      await opened.discard();
      return "unchanged";
    }
    if (manifest !== undefined) {
      const { contentKey } = opened;
      await opened.discard();
      opened = undefined;
      if (!(await moveToInfrequentAccess(origin.store, { blobSetId: manifest.b, contentKey }, limits)))
        return "unfinished";
    }
    const place = entryPlace(origin.store, {
      bucketId: bucket.id,
      bucketOwnerId: bucket.ownerId,
      key,
      versioning: bucket.documents.versioning,
    });
    const openAgain = async () => {
      const first = opened;
      opened = undefined;
      return first ?? open();
    };
    const rewritten = await rewriteObject({ place, ticket, open: openAgain }, (present) => {
      // Under another encryption it may have other blobs, which have not been moved.
      const isMoved = isSameEncryption(present.encryption, object.encryption);
      return isDue(present) && isMoved ? { ...present, storageClass: "STANDARD_IA" } : undefined;
    });
    return rewritten?.isChanged === true ? "done" : "unchanged";
  }

  /** One call unless the key is cached. @throws S3Error `AccessDenied` for a key of another account; `KMS.*` */
  async #unseal({ bucket, key }: EntryChange, encryption: DataKeyEncryption): Promise<ContentKey> {
    const kmsKey = await this.#kmsKeys.require(keyNameOfArn(encryption.keyArn));
    const grant = authorizeLifecycleKey(bucket, kmsKey);
    const { sealed, context } = encryption;
    return this.#kmsKeys.unseal(grant, sealed, { bucketId: bucket.id, key, context });
  }
}

function discarding(opened: OpenedObject): (error: unknown) => Promise<never> {
  return async (error) => {
    await opened.discard().catch(() => {});
    throw error;
  };
}

/** Tags are changed, and locks, without another ETag and Last-Modified; the lock is checked by the removal itself. */
function isAsListed(version: StoredObject, { etag, lastModified, tags }: ListedVersion): boolean {
  return (
    version.etag === etag &&
    version.lastModified.getTime() === lastModified.getTime() &&
    JSON.stringify(version.tags) === JSON.stringify(tags)
  );
}

/** The version id of the delete marker that is the current version. */
function markerIn(error: unknown): { readonly versionId: string | undefined } {
  if (error instanceof S3Error && error.code === "NoSuchKey") {
    return { versionId: new Headers(error.headers).get("x-amz-version-id") ?? undefined };
  }
  throw error;
}
