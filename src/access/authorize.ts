/**
 * The one decision: may this caller do this? Deny by default.
 *
 * Nothing that reads or writes storage compiles without a value that only this file can make: operations receive a
 * `Grant`, the object store takes `GrantedBucket`, the admin API's repositories take `RootGrant`. How the sources of
 * permission come together stands in `decision.ts`.
 */
import { S3Error } from "../errors.ts";
import type { Bucket } from "../model/bucket.ts";
import type { Caller } from "../model/caller.ts";
import { isSameDestination, type ReplicationDestination } from "../model/replication.ts";
import { existingBucketOf, type Permission, type S3Action } from "./actions.ts";
import {
  decisionContext,
  type FindObject,
  isAllowed,
  isAllowedBelow,
  type ObjectAclAndTags,
  type SharedFacts,
} from "./decision.ts";

// Never exported: without the symbol no other file can write the types below.
declare const granted: unique symbol;

/** Proof that every permission an operation asked for was given. */
export interface Grant {
  readonly [granted]: "s3";
  readonly caller: Caller;
  /**
   * A bucket the permissions named.
   * @throws Error for any other: a programming mistake, answered as InternalError.
   */
  bucket(name: string): GrantedBucket;
  /** Asks for one more permission on the same buckets: each key of DeleteObjects, tags that would travel with a copy. */
  allows(permission: Permission): Promise<boolean>;
  /** Asks about a bucket that only the request's body names. A yes gives no access to it. */
  wouldAllow(bucket: Bucket, permission: Permission): Promise<boolean>;
  /** Asks the caller's own policies about all that begins with an ARN that is no bucket's of this deployment. */
  wouldAllowBelow(action: S3Action, arn: string): boolean;
}

export interface GrantedBucket extends Bucket {
  readonly [granted]: "bucket";
}

/** Proof that the caller is the deployment's root account. */
export interface RootGrant {
  readonly [granted]: "root";
}

export interface Question {
  readonly caller: Caller;
  readonly permissions: readonly Permission[];
  /** The existing buckets among those the permissions name. */
  readonly buckets: ReadonlyMap<string, Bucket>;
  readonly facts: SharedFacts;
  /** Looks at an object's owner, ACL and tags; asked only where the decision hangs on them. */
  findObject(bucket: GrantedBucket, key: string): Promise<ObjectAclAndTags | undefined>;
}

/** @throws S3Error `NoSuchBucket` for a bucket that does not exist, `AccessDenied` for a permission that is not given. */
export async function authorize(question: Question): Promise<Grant> {
  const { caller, permissions, buckets } = question;
  // An operation that forgot to ask is refused rather than waved through.
  if (permissions.length === 0) throw new S3Error("AccessDenied");
  const context = decisionContext({ caller, buckets, facts: question.facts, findObject: remembered(question) });
  for (const permission of permissions) {
    const name = existingBucketOf(permission);
    if (name !== undefined && !buckets.has(name)) {
      throw new S3Error("NoSuchBucket", { details: { BucketName: name } });
    }
    if (!(await isAllowed(context, permission))) throw new S3Error("AccessDenied");
  }
  const named = new Set(permissions.map(existingBucketOf));
  return {
    caller,
    bucket(name: string): GrantedBucket {
      const bucket = named.has(name) ? buckets.get(name) : undefined;
      if (bucket === undefined) throw new Error("The operation reached for a bucket it asked no permission for.");
      return bucket as GrantedBucket;
    },
    allows: (permission: Permission) => isAllowed(context, permission),
    wouldAllow: (bucket: Bucket, permission: Permission) =>
      isAllowed({ ...context, buckets: new Map([[bucket.name, bucket]]) }, permission),
    wouldAllowBelow: (action: S3Action, arn: string) => isAllowedBelow(context, action, arn),
  } as Grant;
}

/** @throws S3Error `AccessDenied` unless the caller signed with a long-term root key of the root account. */
export function authorizeRoot(caller: Caller): RootGrant {
  const isRoot =
    caller.kind === "account" && caller.account.isRoot && caller.user === undefined && caller.session === undefined;
  if (!isRoot) throw new S3Error("AccessDenied");
  return {} as RootGrant;
}

/** Proof that a bucket's own configuration sends its objects to another place. */
export interface ReplicationGrant {
  readonly [granted]: "replication";
  readonly source: GrantedBucket;
  /** Absent where the destination is not of this deployment. */
  readonly target?: GrantedBucket;
}

/**
 * The one way for what no caller asked for: a bucket's enabled rules, written by whoever was allowed to, may read the
 * bucket and write to their destinations. A bucket of this deployment must be of the same account.
 * @param target the bucket that stands under the destination's name; undefined for a remote one
 * Whether policies allow it for an object is asked by `authorize-replication.ts`.
 * @throws S3Error `AccessDenied`
 */
export function authorizeReplication(
  source: Bucket,
  destination: ReplicationDestination,
  target: Bucket | undefined,
): ReplicationGrant {
  const rules = source.documents.replication?.rules ?? [];
  if (!rules.some((rule) => rule.isEnabled && isSameDestination(rule.destination, destination))) {
    throw notNamed();
  }
  if (destination.remote !== undefined) return { source: source as GrantedBucket } as ReplicationGrant;
  const isOwn = target?.name === destination.bucket && target.accountId === source.accountId;
  if (!isOwn || target.id === source.id) throw notNamed();
  return { source: source as GrantedBucket, target: target as GrantedBucket } as ReplicationGrant;
}

function notNamed(): S3Error {
  return new S3Error("AccessDenied", {
    message:
      "The bucket's configuration no longer names this destination, or the destination is not of the same account.",
  });
}

/** The same for reading alone: to find what the rules take. @throws S3Error `AccessDenied` where no rule is enabled */
export function authorizeReplicationSource(source: Bucket): GrantedBucket {
  if (!source.documents.replication?.rules.some(({ isEnabled }) => isEnabled)) throw new S3Error("AccessDenied");
  return source as GrantedBucket;
}

/** One look at an object is enough for all that is asked about it. */
function remembered({ findObject }: Question): FindObject {
  const seen = new Map<string, Promise<ObjectAclAndTags | undefined>>();
  return (bucket, key) => {
    const name = `${bucket.id}/${key}`;
    const found = seen.get(name) ?? findObject(bucket as GrantedBucket, key);
    seen.set(name, found);
    return found;
  };
}
