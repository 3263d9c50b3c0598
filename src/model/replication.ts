/** What a bucket's replication configuration says, and which of its rules a change of an object meets. */
import { S3Error } from "../errors.ts";
import type { ObjectEvent } from "./event.ts";
import { compareStates, type ObjectState, type StorageClass, type Tag } from "./object.ts";

export interface ReplicationConfiguration {
  /** IAM role as it was sent; kept for GET, of no effect. */
  readonly role?: string;
  readonly rules: readonly ReplicationRule[];
}

export interface ReplicationRule {
  readonly id: string;
  /** V1 has a prefix and nothing else to choose by; all rules of a configuration have one schema. */
  readonly schema: "V1" | "V2";
  readonly isEnabled: boolean;
  /** Of rules for one destination the greatest wins. */
  readonly priority: number;
  /** Empty: any key. */
  readonly prefix: string;
  /** All must be on the object. */
  readonly tags: readonly Tag[];
  readonly destination: ReplicationDestination;
  /** Whether removals are carried over. */
  readonly replicatesDeletes: boolean;
  /** Whether the command for existing objects may take this rule's; absent: nothing was said, and it may. */
  readonly replicatesExisting?: boolean;
}

export interface ReplicationDestination {
  /** Name under which an administrator registered the endpoint; absent: this deployment. */
  readonly remote?: string;
  readonly bucket: string;
  /** Absent: the source object's. */
  readonly storageClass?: StorageClass;
  /** Account id of the bucket's owner, where it was stated. */
  readonly account?: string;
  /** Replicas belong to the destination bucket's owner instead of the source object's. */
  readonly overridesOwner?: true;
}

/** A state that is brought to another bucket, or the removal of one. */
export interface ReplicaState extends ObjectState {
  /** Id of the bucket it comes from: a removal takes away what came from the same one and nothing else. */
  readonly source?: string;
}

/** Of removals alone: later than every change of tags or ACL of what was there. */
export const REMOVAL_REVISION = Number.MAX_SAFE_INTEGER;

/** The state of not being there any more: later than everything written up to then. */
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

/** Whether a state is said to be of a time still to come: it would stand against every write until then. */
export function liesAhead({ lastModified, revision }: ObjectState, now: Date): boolean {
  return Math.max(lastModified, revision) > now.getTime() + MAX_AHEAD_MS;
}

/** `x-amz-replication-status`. */
export type ReplicationStatus = "PENDING" | "COMPLETED" | "FAILED" | "REPLICA";

/**
 * Enabled rules whose prefix fits and that carry such a change over, the greatest priority first. Whether an object has
 * the tags a rule asks for is seen only on the object.
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
  if (event.startsWith("Replication:")) return false;
  // "Filter with tags and delete marker replication": a removal has no tags to go by.
  return event !== "ObjectRemoved:Delete" || (rule.replicatesDeletes && rule.tags.length === 0);
}

export function hasTags(object: readonly Tag[], wanted: readonly Tag[]): boolean {
  return wanted.every((tag) => object.some(({ key, value }) => key === tag.key && value === tag.value));
}

export function isSameDestination(left: ReplicationDestination, right: ReplicationDestination): boolean {
  return left.bucket === right.bucket && left.remote === right.remote;
}

/**
 * A bucket of this deployment, `arn:aws:s3:::<bucket>`, or one behind an endpoint that an administrator registered,
 * `arn:workers-s3:remote:::<remote>/<bucket>`: a partition of its own, so that neither is ever taken for the other.
 */
export function formatDestinationArn({ remote, bucket }: ReplicationDestination): string {
  return remote === undefined ? `arn:aws:s3:::${bucket}` : `arn:workers-s3:remote:::${remote}/${bucket}`;
}

const ARN = /^(?:arn:aws:s3:::(?<own>[^/:]+)|arn:workers-s3:remote:::(?<remote>[a-z0-9-]{1,63})\/(?<bucket>[^/:]+))$/;

/** Undefined for anything else. Whether such a bucket can exist is not looked at. */
export function parseDestinationArn(text: string): Pick<ReplicationDestination, "remote" | "bucket"> | undefined {
  const groups = ARN.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const { own, remote, bucket } = groups;
  if (own !== undefined) return { bucket: own };
  return remote === undefined || bucket === undefined ? undefined : { remote, bucket };
}

/** An S3 endpoint outside this deployment, registered by an administrator as a place to replicate to. */
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
