/** Replicas in a bucket of this deployment, written through the journal like every other write. */
import { aclOfReplica } from "../access/acl/ownership.ts";
import type { GrantedBucket } from "../access/authorize.ts";
import { S3Error } from "../errors.ts";
import type { Bucket } from "../model/bucket.ts";
import type { ObjectEvent } from "../model/event.ts";
import type { ObjectAttributes, StoredObject } from "../model/object.ts";
import { compareStates, type ObjectState } from "../model/object.ts";
import { lockOfNewVersion, type ObjectLock, strengthenedLock } from "../model/object-lock.ts";
import {
  hasTags,
  isSameDestination,
  matchReplication,
  type ReplicaState,
  type ReplicationRule,
} from "../model/replication.ts";
import type { RequestJournal } from "../storage/journal/journal.ts";
import type { ObjectStore } from "../storage/r2/objects.ts";
import type { OpenedObject } from "../storage/r2/opened-object.ts";
import { orUndefined } from "./current-version.ts";
import type { Destination } from "./destination.ts";

export class OwnBucket implements Destination {
  readonly #bucket: GrantedBucket;
  readonly #source: Bucket;
  readonly #objects: ObjectStore;
  readonly #journal: RequestJournal;
  readonly #until: Date;

  constructor(
    { source, target }: { readonly source: Bucket; readonly target: GrantedBucket },
    context: { objects: ObjectStore; journal: RequestJournal; until: Date },
  ) {
    this.#bucket = target;
    this.#source = source;
    this.#objects = context.objects;
    this.#journal = context.journal;
    this.#until = context.until;
  }

  async replicate(opened: OpenedObject, rule: ReplicationRule): Promise<void> {
    const { object } = opened;
    const { key } = object;
    const replicaOf = { ...object.state, source: this.#source.id };
    const present = await orUndefined(this.#objects.head(this.#bucket, { key }));
    if (present !== undefined && compareStates(present.state, replicaOf) >= 0) return;
    const attributes = this.#attributes(opened, rule);
    if (this.#isVersioned && isSameObject(present, replicaOf)) {
      if (await this.#change(present, { attributes, lock: object.lock, replicaOf })) return;
    }
    await ignorePreconditionFailed(
      this.#journal.write(
        this.#bucket,
        { key, event: "ObjectCreated:Put", replicaOf },
        {
          adds: { objects: 1, bytes: object.sizeBytes },
          commit: (ticket) =>
            this.#objects.replicate(opened, { bucket: this.#bucket, key, attributes, ticket }, this.#until),
          describe: ({ etag, sizeBytes, lastModified, versionId }) => ({
            etag,
            sizeBytes,
            at: lastModified,
            versionId,
          }),
        },
      ),
    );
  }

  /**
   * Changes tags, ACL and lock of the version that is the replica already, so that it does not become another version.
   * False if it is not current any more.
   */
  async #change(
    present: StoredObject,
    {
      attributes,
      lock: sourceLock,
      replicaOf,
    }: {
      readonly attributes: ObjectAttributes;
      readonly lock: ObjectLock | undefined;
      readonly replicaOf: ReplicaState;
    },
  ): Promise<boolean> {
    const { key } = present;
    const { tags, ownerId, acl } = attributes;
    const changed = (object: StoredObject): StoredObject | undefined => {
      if (!isSameObject(object, replicaOf) || compareStates(object.state, replicaOf) >= 0) return undefined;
      const { acl: _acl, lock: present, ...others } = object;
      // The bucket's default retention is for new versions only.
      const lock = this.#isLocking ? strengthenedLock(present, sourceLock, new Date()) : present;
      return { ...others, tags, ownerId, ...(acl !== undefined && { acl }), ...(lock !== undefined && { lock }) };
    };
    const rewritten = await this.#journal.write(
      this.#bucket,
      { key, event: eventOf(present, attributes), replicaOf },
      {
        adds: undefined,
        commit: (ticket) => orUndefined(this.#objects.rewrite({ bucket: this.#bucket, key, ticket }, changed)),
        describe: (outcome) => {
          if (outcome?.isChanged !== true) return undefined;
          const { etag, sizeBytes, versionId } = outcome.object;
          return { etag, sizeBytes, versionId, at: new Date() };
        },
      },
    );
    return rewritten?.isChanged === true;
  }

  async remove(key: string, state: ObjectState): Promise<void> {
    const removal = { ...state, source: this.#source.id };
    const present = await orUndefined(this.#objects.head(this.#bucket, { key }));
    if (present === undefined) return;
    const orWriteId = this.#isReplicatedBack(present) ? present.replication?.writeId : undefined;
    await ignorePreconditionFailed(
      this.#journal.removeEach(this.#bucket, [{ key, replicaOf: removal }], {
        commit: (tickets) =>
          Promise.all(
            tickets.map((ticket) =>
              this.#objects.deleteReplica({ bucket: this.#bucket, key, ticket }, { state: removal, orWriteId }),
            ),
          ),
        describe: (removed) => removed,
      }),
    );
  }

  get #isVersioned(): boolean {
    return this.#bucket.documents.versioning !== undefined;
  }

  get #isLocking(): boolean {
    return this.#bucket.documents.objectLock !== undefined;
  }

  /** Whether the object was written here and a rule of this bucket replicates it to the source. */
  #isReplicatedBack({ key, tags, replication }: StoredObject): boolean {
    const configuration = this.#bucket.documents.replication;
    if (replication?.state !== "source" || configuration === undefined) return false;
    return matchReplication(configuration, "ObjectCreated:Put", key).some(
      (rule) => isSameDestination(rule.destination, { bucket: this.#source.name }) && hasTags(tags, rule.tags),
    );
  }

  #attributes({ object }: OpenedObject, { destination }: ReplicationRule): ObjectAttributes {
    const { content, userMetadata, tags, websiteRedirectLocation, encryption } = object;
    const { objectLock } = this.#bucket.documents;
    const lock = objectLock && lockOfNewVersion(object.lock, objectLock, new Date());
    return {
      content,
      userMetadata,
      tags,
      ...(websiteRedirectLocation !== undefined && { websiteRedirectLocation }),
      ...(lock !== undefined && { lock }),
      // The replica has the customer's key, of which only the proof is known here. A data key is the source's.
      ...(encryption?.kind === "customer-key" && { encryption }),
      storageClass: destination.storageClass ?? object.storageClass,
      ...aclOfReplica({ ...object, bucket: this.#source }, this.#bucket, destination.overridesOwner === true),
    };
  }
}

/** Whether an object and a state have the same bytes, written at the same time. */
function isSameObject(object: StoredObject | undefined, { lastModified, etag }: ReplicaState): object is StoredObject {
  return object?.state.lastModified === lastModified && object.state.etag === etag;
}

/** The event of a change that leaves the bytes as they are. */
function eventOf(present: StoredObject, { tags, acl, ownerId }: ObjectAttributes): ObjectEvent {
  const isSame = (left: unknown, right: unknown) => JSON.stringify(left) === JSON.stringify(right);
  if (!isSame(present.tags, tags)) return tags.length === 0 ? "ObjectTagging:Delete" : "ObjectTagging:Put";
  return isSame([present.ownerId, present.acl], [ownerId, acl]) ? "ObjectLock:Put" : "ObjectAcl:Put";
}

async function ignorePreconditionFailed(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!(error instanceof S3Error && error.code === "PreconditionFailed")) throw error;
  }
}
