/** A bucket's replication configuration, which of its rules apply to a change, and the states of objects it compares. */
import { S3Error } from "../errors.ts";
import { leavesNothing, makesDeleteMarker, type ObjectEvent } from "./event.ts";
import { compareStates, type ObjectState, type StorageClass, type Tag } from "./object.ts";

export interface ReplicationConfiguration {
  /** IAM role as it was sent; stored for GET, without effect. */
  readonly role?: string;
  readonly rules: readonly ReplicationRule[];
}

export interface ReplicationRule {
  readonly id: string;
  /** V1 selects by prefix only; all rules of a configuration have the same schema. */
  readonly schema: "V1" | "V2";
  readonly isEnabled: boolean;
  /** Among rules for one destination, the one with the greatest priority applies. */
  readonly priority: number;
  /** Empty: any key. */
  readonly prefix: string;
  /** The object must have all of them. */
  readonly tags: readonly Tag[];
  readonly destination: ReplicationDestination;
  /** Whether removals are replicated. */
  readonly replicatesDeletes: boolean;
  /** Whether the job for existing objects may apply this rule; absent: it was not stated, and it may. */
  readonly replicatesExisting?: boolean;
}

export interface ReplicationDestination {
  /** Name under which an administrator registered the endpoint; absent: this deployment. */
  readonly remote?: string;
  readonly bucket: string;
  /** Absent: the source object's. */
  readonly storageClass?: StorageClass;
  /** Account id of the bucket's owner, if it was stated. */
  readonly account?: string;
  /** Replicas belong to the destination bucket's owner instead of the source object's. */
  readonly overridesOwner?: true;
}

/** A state that is replicated to another bucket, or the removal of one. */
export interface ReplicaState extends ObjectState {
  /** Id of the bucket it comes from: a removal removes only replicas from the same bucket. */
  readonly source?: string;
}

/** The revision of removals, later than every change of tags or ACL of the removed object. */
export const REMOVAL_REVISION = Number.MAX_SAFE_INTEGER;

/** The state of a removed object: later than every state written up to then. */
export function removalState(at: Date): ObjectState {
  return { lastModified: at.getTime(), revision: REMOVAL_REVISION, etag: "" };
}

/** How errors name the condition that a replica is only written over an earlier state. */
export const OLDER_CONDITION = "If-Older";

/** @throws S3Error `PreconditionFailed` unless the state of the object that exists is earlier than the replica's */
export function requireOlder(present: ObjectState, replica: ObjectState): void {
  if (compareStates(present, replica) < 0) return;
  throw new S3Error("PreconditionFailed", { details: { Condition: OLDER_CONDITION } });
}

/** How far the clock of another deployment may be ahead of this one's. */
export const MAX_AHEAD_MS = 2_000;

/** Whether a state has a time in the future; it would then be kept over every write until that time. */
export function liesAhead({ lastModified, revision }: ObjectState, now: Date): boolean {
  return Math.max(lastModified, revision) > now.getTime() + MAX_AHEAD_MS;
}

/** `x-amz-replication-status`. */
export type ReplicationStatus = "PENDING" | "COMPLETED" | "FAILED" | "REPLICA";

/**
 * Enabled rules whose prefix matches and that replicate such a change, the greatest priority first. The tags that a rule
 * requires are compared later, with the object.
 */
export function matchReplication(
  { rules }: ReplicationConfiguration,
  event: ObjectEvent,
  key: string,
): readonly ReplicationRule[] {
  return rules
    .filter((rule) => rule.isEnabled && key.startsWith(rule.prefix) && carriesOver(rule, event))
    .sort((left, right) => right.priority - left.priority);
}

function carriesOver(rule: ReplicationRule, event: ObjectEvent): boolean {
  // "Actions performed by S3 Lifecycle configurations" are not replicated ("What isn't replicated with replication
  // configurations?"), and an update of the encryption "won't initiate replica events" (update-sse-encryption).
  if (event.startsWith("Replication:") || event.startsWith("Lifecycle")) return false;
  if (event === "ObjectAnnotation" || event === "ObjectEncryption") return false;
  // "Filter with tags and delete marker replication": a removal has no tags to compare.
  return !isRemoval(event) || (rule.replicatesDeletes && rule.tags.length === 0);
}

function isRemoval(event: ObjectEvent): boolean {
  return leavesNothing(event) || makesDeleteMarker(event);
}

export function hasTags(object: readonly Tag[], wanted: readonly Tag[]): boolean {
  return wanted.every((tag) => object.some(({ key, value }) => key === tag.key && value === tag.value));
}

export function isSameDestination(left: ReplicationDestination, right: ReplicationDestination): boolean {
  return left.bucket === right.bucket && left.remote === right.remote;
}

/**
 * A bucket of this deployment, `arn:aws:s3:::<bucket>`, or one behind an endpoint that an administrator registered,
 * `arn:workers-s3:remote:::<remote>/<bucket>`: a partition of its own, so that the two cannot be confused.
 */
export function formatDestinationArn({ remote, bucket }: ReplicationDestination): string {
  return remote === undefined ? `arn:aws:s3:::${bucket}` : `arn:workers-s3:remote:::${remote}/${bucket}`;
}

const ARN = /^(?:arn:aws:s3:::(?<own>[^/:]+)|arn:workers-s3:remote:::(?<remote>[a-z0-9-]{1,63})\/(?<bucket>[^/:]+))$/;

/** Undefined for any other text. Whether such a bucket can exist is not checked. */
export function parseDestinationArn(text: string): Pick<ReplicationDestination, "remote" | "bucket"> | undefined {
  const groups = ARN.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const { own, remote, bucket } = groups;
  if (own !== undefined) return { bucket: own };
  return remote === undefined || bucket === undefined ? undefined : { remote, bucket };
}

/** An S3 endpoint outside this deployment that an administrator registered as a destination of replication. */
export interface Remote {
  /** Lower-case letters, digits and hyphens; part of the ARNs of its buckets. */
  readonly name: string;
  /** `https://host` or `https://host:port`, buckets being the first part of the path. */
  readonly endpoint: string;
  /** Region its signatures are made for. */
  readonly region: string;
  /** `peer`: another workers-s3, which keeps Last-Modified and decides by it. `s3`: anything else that speaks S3. */
  readonly kind: "peer" | "s3";
  readonly accessKeyId: string;
  /** Accounts whose buckets may be replicated there. */
  readonly accountIds: readonly string[];
  /** Names of its buckets that may be replicated to; absent: all. */
  readonly buckets?: readonly string[];
}

export interface RemoteDescription extends Remote {
  readonly createdAt: Date;
}

export interface RemoteCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}
