/**
 * Carries out one task: the destination gets what the source has NOW, whichever change caused the task. So the order of
 * tasks and repetitions do not matter: the last one to read the source sees its last state.
 */
import { authorizeReplication, type ReplicationGrant } from "../access/authorize.ts";
import { requireRemovable, requireReplicable } from "../access/authorize-replication.ts";
import { S3Error } from "../errors.ts";
import type { Bucket } from "../model/bucket.ts";
import { leavesNothing } from "../model/event.ts";
import type { StoredObject } from "../model/object.ts";
import { compareStates } from "../model/object.ts";
import {
  hasTags,
  isSameDestination,
  matchReplication,
  type ReplicationRule,
  removalState,
} from "../model/replication.ts";
import type { Services } from "../services.ts";
import type { ReplicationTask } from "../storage/d1/replication-tasks.ts";
import type { OpenedObject } from "../storage/r2/opened-object.ts";
import { orMarker } from "./current-version.ts";
import type { Destination } from "./destination.ts";
import type { FreshReads } from "./fresh-reads.ts";
import { OwnBucket } from "./own-bucket.ts";
import { RemoteBucket } from "./remote-bucket.ts";
import { RemoteClient, RemoteFailure } from "./remote-client.ts";
import { readSource, SourceChanged } from "./source-reader.ts";
import { isStamped } from "./stamp.ts";
import { unlock } from "./unlock.ts";

/** Rounds in one attempt if the source is written meanwhile. */
const MAX_ROUNDS = 3;

export type ReplicationServices = Pick<
  Services,
  | "config"
  | "directory"
  | "stores"
  | "journal"
  | "remotes"
  | "replicationTasks"
  | "replicationJobs"
  | "queues"
  | "targetPolicy"
  | "stampKey"
>;

/** Of one attempt. */
export interface AttemptContext {
  /** Read from D1 after the task was stored: a task can be newer than the cached configuration. */
  readonly reads: FreshReads;
  /** The attempt fails if it takes longer. */
  readonly until: Date;
}

/**
 * Returns when the destination is up to date.
 * @throws S3Error, RemoteFailure, SourceChanged if the attempt fails
 */
export async function converge(
  task: ReplicationTask,
  services: ReplicationServices,
  context: AttemptContext,
): Promise<void> {
  const { origin, change } = task;
  const { remote, bucket } = task.destination;
  const buckets = await context.reads.buckets();
  const source = buckets.get(origin.bucket.name);
  // The bucket was deleted, empty, and another one may have its name.
  if (source?.id !== origin.bucket.id) return;
  const target = remote === undefined ? buckets.get(bucket) : undefined;
  const grant = authorizeReplication(source, task.destination, target);
  const destination = await openDestination(grant, task, { ...context, services });
  const { objects } = services.stores;
  /** Milliseconds since 1970: the latest state that this task has replicated, in any attempt. */
  let reached = change.at;
  const remove = async () => {
    if (!replicatesRemovals(source, task)) return;
    await requireRemovable(grant, change.key, new Date());
    await destination.remove(change.key, removalState(new Date(reached)));
  };

  for (let round = 0; round < MAX_ROUNDS; round++) {
    const opened = await orMarker(objects.open(grant.source, { key: change.key }, undefined));
    if (isGone(opened)) {
      // Whatever the change was: an attempt may have written the replica after the task of the removal was done.
      if (isRemoved(opened, source, task)) await remove();
    } else {
      try {
        const rule = chooseRule(source, task, opened.object);
        if (rule === undefined) return;
        requireLocks(grant);
        await unlock(opened, task, { source: grant.source, kmsKeys: services.stores.kmsKeys });
        const storageClass = rule.destination.storageClass ?? opened.object.storageClass;
        await requireReplicable(grant, { ...opened.object, storageClass }, new Date());
        const { lastModified } = opened.object.state;
        if (lastModified > reached) {
          await services.replicationTasks.reach(task.id, lastModified);
          reached = lastModified;
        }
        await destination.replicate(opened, rule);
      } finally {
        await opened.discard().catch(() => {});
      }
    }
    const after = await orMarker(objects.head(grant.source, { key: change.key }));
    if (isSameState(isGone(opened) ? opened : opened.object, after)) return;
    // Removed during the replication; the task of the removal may have found no replica yet.
    if (isGone(after)) return isRemoved(after, source, task) ? remove() : undefined;
  }
  throw new SourceChanged("The object was written again during each round.");
}

async function openDestination(
  { source, target }: ReplicationGrant,
  { origin, destination }: ReplicationTask,
  { services, reads, until }: AttemptContext & { readonly services: ReplicationServices },
): Promise<Destination> {
  const { objects } = services.stores;
  if (target !== undefined) {
    const { bucket: _, ...request } = origin;
    const journal = services.journal.of({ ...request, time: new Date() });
    return new OwnBucket({ source, target }, { objects, journal, until });
  }
  const name = destination.remote ?? "";
  const found = await reads.remote(name);
  // Checked in every attempt: the administrator can withdraw the remote from the account.
  if (found === undefined || !found.remote.accountIds.includes(source.accountId)) {
    throw new RemoteFailure(`There is no remote ${name} for this account.`, { status: 403, code: undefined });
  }
  if (found.remote.buckets?.includes(destination.bucket) === false) {
    throw new RemoteFailure(`The remote ${name} does not allow this bucket.`, { status: 403, code: undefined });
  }
  const client = new RemoteClient(found, { policy: services.targetPolicy(), until });
  const read = (opened: OpenedObject) => readSource(objects, source, opened);
  const { stampKey } = services;
  return new RemoteBucket(client, { bucket: destination.bucket, sourceId: source.id, stampKey }, read);
}

/** The rule for this destination with the greatest priority. None for a replica: it is not replicated further. */
function chooseRule(
  { name, documents }: Bucket,
  { destination, change }: ReplicationTask,
  object: StoredObject,
): ReplicationRule | undefined {
  const { replication } = documents;
  const isReplica =
    object.replication?.state === "replica" || (destination.remote !== undefined && isStamped(name, object));
  if (replication === undefined || isReplica) return undefined;
  return matchReplication(replication, "ObjectCreated:Put", change.key).find(
    (rule) => isSameDestination(rule.destination, destination) && hasTags(object.tags, rule.tags),
  );
}

function replicatesRemovals({ documents }: Bucket, { destination, change }: ReplicationTask): boolean {
  const rules = documents.replication && matchReplication(documents.replication, "ObjectRemoved:Delete", change.key);
  return rules?.some((rule) => isSameDestination(rule.destination, destination)) ?? false;
}

/** What is at a key without an object. */
type Gone = "delete-marker" | undefined;

function isGone<Read>(read: Read | Gone): read is Gone {
  return read === undefined || read === "delete-marker";
}

/**
 * Whether the key was removed by a removal that is replicated. In a source that is or was versioned that is a delete marker: if
 * it has nothing at the key, each version was deleted by its id, or the removal came before versioning.
 */
function isRemoved(gone: Gone, { documents }: Bucket, { change }: ReplicationTask): boolean {
  if (gone === "delete-marker" || documents.versioning === undefined) return true;
  return leavesNothing(change.event);
}

/** "To replicate objects from a source bucket with Object Lock enabled, the destination bucket must also have Object Lock". */
function requireLocks({ source, target }: ReplicationGrant): void {
  if (source.documents.objectLock === undefined || target === undefined) return;
  if (target.documents.objectLock !== undefined) return;
  throw new S3Error("InvalidRequest", { message: "The source has object lock, and the destination has not." });
}

function isSameState(left: StoredObject | Gone, right: StoredObject | Gone): boolean {
  if (isGone(left) || isGone(right)) return left === right;
  return compareStates(left.state, right.state) === 0;
}

/** One line for `npm run admin -- replication status`, without secrets. */
export function describeFailure(error: unknown): string {
  if (error instanceof S3Error && error.code === "AccessDenied") return error.message.slice(0, 500);
  if (error instanceof S3Error) return `${error.code}: ${error.message}`.slice(0, 500);
  if (error instanceof RemoteFailure || error instanceof SourceChanged) return error.message.slice(0, 500);
  return "InternalError";
}
