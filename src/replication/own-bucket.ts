/** Replicas in a bucket of this deployment, written through the journal like every other write. */
import { aclOfReplica } from "../access/acl/ownership.ts";
import type { GrantedBucket } from "../access/authorize.ts";
import { S3Error } from "../errors.ts";
import type { Bucket } from "../model/bucket.ts";
import type { ObjectAttributes, StoredObject } from "../model/object.ts";
import { compareStates, type ObjectState } from "../model/object.ts";
import { hasTags, isSameDestination, matchReplication, type ReplicationRule } from "../model/replication.ts";
import type { RequestJournal } from "../storage/journal/journal.ts";
import type { Objects } from "../storage/r2/objects.ts";
import type { OpenedObject } from "../storage/r2/opened-object.ts";
import type { Destination } from "./destination.ts";

export class OwnBucket implements Destination {
  readonly #bucket: GrantedBucket;
  readonly #source: Bucket;
  readonly #objects: Objects;
  readonly #journal: RequestJournal;
  readonly #until: Date;

  constructor(
    { source, target }: { readonly source: Bucket; readonly target: GrantedBucket },
    context: { objects: Objects; journal: RequestJournal; until: Date },
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
    const present = await this.#objects.head(this.#bucket, { key });
    if (present !== undefined && compareStates(present.state, replicaOf) >= 0) return;
    await ignorePreconditionFailed(
      this.#journal.write(
        this.#bucket,
        { key, event: "ObjectCreated:Put", replicaOf },
        {
          commit: (ticket) => {
            const attributes = this.#attributes(opened, rule);
            return this.#objects.replicate(opened, { bucket: this.#bucket, key, attributes, ticket }, this.#until);
          },
          describe: ({ etag, sizeBytes, lastModified }) => ({ etag, sizeBytes, at: lastModified }),
        },
      ),
    );
  }

  async remove(key: string, state: ObjectState): Promise<void> {
    const removal = { ...state, source: this.#source.id };
    const present = await this.#objects.head(this.#bucket, { key });
    if (present === undefined) return;
    const orWriteId = this.#isReplicatedBack(present) ? present.replication?.writeId : undefined;
    await ignorePreconditionFailed(
      this.#journal.write(
        this.#bucket,
        { key, event: "ObjectRemoved:Delete", replicaOf: removal },
        {
          commit: (ticket) =>
            this.#objects.deleteReplica({ bucket: this.#bucket, key, ticket }, { state: removal, orWriteId }),
          describe: (removed) => removed && { at: removed.at },
        },
      ),
    );
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
    const { content, userMetadata, tags, websiteRedirectLocation } = object;
    return {
      content,
      userMetadata,
      tags,
      ...(websiteRedirectLocation !== undefined && { websiteRedirectLocation }),
      storageClass: destination.storageClass ?? object.storageClass,
      ...aclOfReplica({ ...object, bucket: this.#source }, this.#bucket, destination.overridesOwner === true),
    };
  }
}

async function ignorePreconditionFailed(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!(error instanceof S3Error && error.code === "PreconditionFailed")) throw error;
  }
}
