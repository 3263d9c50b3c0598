/**
 * Whether a caller may do what it requests. Denied by default.
 *
 * Code that reads or writes storage compiles only with a value that only this file can create: operations receive a
 * `Grant`, the object store takes `GrantedBucket`, the admin API's repositories take `RootGrant`. `decision.ts`
 * combines the sources of permission.
 */
import { S3Error } from "../errors.ts";
import type { AuditSetting } from "../model/audit.ts";
import type { Bucket } from "../model/bucket.ts";
import type { Caller } from "../model/caller.ts";
import type { LoggedBucket } from "../model/logged-bucket.ts";
import { isSameDestination, type ReplicationDestination } from "../model/replication.ts";
import { existingBucketOf, type Permission, type S3Action } from "./actions.ts";
import { requireAuditable } from "./audit-delivery.ts";
import { authorizeKey, type KeyGrant, type KeyUse } from "./authorize-kms.ts";
import {
  type DecidedObject,
  decisionContext,
  type FindObject,
  isAllowed,
  isAllowedBelow,
  type ObjectAclAndTags,
  type SharedFacts,
} from "./decision.ts";
import { type InventoryDelivery, requireDeliverable } from "./inventory-delivery.ts";
import { requireLogDelivery } from "./log-delivery.ts";
import { isSameForEveryRequest } from "./policy/inspect.ts";
import { bucketPolicyOf } from "./policy/parsed.ts";

// Not exported: without the symbol other files could create the types below only by a cast, which a test refuses.
declare const granted: unique symbol;

/** Proof that every permission an operation requires was granted. */
export interface Grant {
  readonly [granted]: "s3";
  readonly caller: Caller;
  /** Whether every anonymous request for the same would be granted, whatever else it contains. */
  readonly isForEveryone: boolean;
  /** Whether an ACL gave a permission that no policy gave. */
  readonly isByAcl: boolean;
  /**
   * A bucket that the permissions named.
   * @throws Error for any other bucket: a programming error, answered with InternalError
   */
  bucket(name: string): GrantedBucket;
  /**
   * Decides one more permission on the same buckets: each key of DeleteObjects, tags that a copy would take with it.
   */
  allows(permission: Permission): Promise<boolean>;
  /** Decides about a bucket that only the request's body names, without giving access to it. */
  wouldAllow(bucket: Bucket, permission: Permission): Promise<boolean>;
  /** Decides by the caller's own policies about everything below an ARN that is not a bucket of this deployment. */
  wouldAllowBelow(action: S3Action, arn: string): boolean;
  /** Decides about a key of SSE-KMS. @throws S3Error `AccessDenied`, `InvalidArgument` */
  key(use: KeyUse): KeyGrant;
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
  /** Of the buckets that the permissions name, those that exist. */
  readonly buckets: ReadonlyMap<string, Bucket>;
  /** Called at most once, and only if a decision depends on conditions. */
  facts(): SharedFacts;
  /** Looks up owner, ACL and tags of an object or version; called only if the decision depends on them. */
  findObject(bucket: GrantedBucket, object: DecidedObject): Promise<ObjectAclAndTags | undefined>;
}

/**
 * @throws S3Error `NoSuchBucket` for a bucket that does not exist, `AccessDenied` for a permission that is not granted
 */
export async function authorize(question: Question): Promise<Grant> {
  const { caller, permissions, buckets } = question;
  // An operation that requires no permission is a mistake, and is refused.
  if (permissions.length === 0) throw new S3Error("AccessDenied");
  let isByAcl = false;
  const context = decisionContext({
    caller,
    buckets,
    noteAcl: () => {
      isByAcl = true;
    },
    facts: () => question.facts(),
    findObject: lookedUpOnce(question),
  });
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
    get isByAcl() {
      return isByAcl;
    },
    get isForEveryone() {
      return caller.kind === "anonymous" && [...buckets.values()].every(ignoresRequest);
    },
    bucket(name: string): GrantedBucket {
      const bucket = named.has(name) ? buckets.get(name) : undefined;
      if (bucket === undefined) throw new Error("The operation reached for a bucket it asked no permission for.");
      return bucket as GrantedBucket;
    },
    allows: (permission: Permission) => isAllowed(context, permission),
    wouldAllow: (bucket: Bucket, permission: Permission) =>
      isAllowed({ ...context, buckets: new Map([[bucket.name, bucket]]) }, permission),
    wouldAllowBelow: (action: S3Action, arn: string) => isAllowedBelow(context, action, arn),
    key: (use: KeyUse) => authorizeKey(context, use),
  } as Grant;
}

/** ACLs depend on the caller only; policies may have conditions and variables. */
function ignoresRequest(bucket: Bucket): boolean {
  const policy = bucketPolicyOf(bucket);
  return policy === undefined || isSameForEveryRequest(policy);
}

/** @throws S3Error `AccessDenied` unless the caller signed with a long-term root key of the root account. */
export function authorizeRoot(caller: Caller): RootGrant {
  const isRoot =
    caller.kind === "account" && caller.account.isRoot && caller.user === undefined && caller.session === undefined;
  if (!isRoot) throw new S3Error("AccessDenied");
  return {} as RootGrant;
}

/** Proof that a bucket's own configuration replicates its objects to the destination. */
export interface ReplicationGrant {
  readonly [granted]: "replication";
  readonly source: GrantedBucket;
  /** Absent if the destination is not a bucket of this deployment. */
  readonly target?: GrantedBucket;
}

/**
 * Authorizes what no caller requests: a bucket's enabled rules may read the bucket and write to their destinations. A
 * destination in this deployment must belong to the same account. `authorize-replication.ts` decides whether policies
 * allow it for an object.
 * @param target the bucket with the destination's name; undefined for a remote destination
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

/**
 * The same for only reading the source, to find the objects that the rules cover.
 * @throws S3Error `AccessDenied` if no rule is enabled
 */
export function authorizeReplicationSource(source: Bucket): GrantedBucket {
  if (!source.documents.replication?.rules.some(({ isEnabled }) => isEnabled)) throw new S3Error("AccessDenied");
  return source as GrantedBucket;
}

/**
 * Authorizes what no caller requests: a bucket's own enabled lifecycle rules may remove and change its objects, whatever its
 * policy says ("Lifecycle and other bucket configurations").
 * @throws S3Error `AccessDenied` if no rule is enabled
 */
export function authorizeLifecycle(bucket: Bucket): GrantedBucket {
  if (!bucket.documents.lifecycle?.rules.some(({ isEnabled }) => isEnabled)) throw new S3Error("AccessDenied");
  return bucket as GrantedBucket;
}

/** Authorizes what no caller requests: what each bucket holds is counted, for the operator of the deployment. */
export function authorizeUsage(bucket: Bucket): GrantedBucket {
  return bucket as GrantedBucket;
}

/**
 * Authorizes what no caller requests: one object with access logs of a bucket may be written to the target that the bucket's
 * configuration names.
 * @throws S3Error `AccessDenied`, as `requireLogDelivery`
 */
export function authorizeLogDelivery(
  source: LoggedBucket,
  target: Bucket | undefined,
  object: { readonly key: string; readonly now: Date },
): GrantedBucket {
  requireLogDelivery(source, target, object);
  return target as GrantedBucket;
}

/**
 * Authorizes what no caller requests: the operator has chosen the bucket, as its account's, for the audit. Nothing that a tenant
 * can set has a say in it.
 * @throws S3Error `AccessDenied`, as `requireAuditable`
 */
export function authorizeAuditDelivery(setting: AuditSetting, bucket: Bucket | undefined): GrantedBucket {
  requireAuditable(setting, bucket);
  return bucket as GrantedBucket;
}

/** Proof that an inventory configuration writes reports about a bucket into another one. */
export interface InventoryGrant {
  readonly [granted]: "inventory";
  readonly source: GrantedBucket;
  readonly destination: GrantedBucket;
}

/**
 * Authorizes what no caller requests: an enabled inventory configuration of a bucket may list it and write one object of a report
 * to its destination, if the destination's policy allows that.
 * @param buckets those of both names that exist
 * @throws S3Error `AccessDenied`, as `requireDeliverable`
 */
export function authorizeInventory(
  delivery: InventoryDelivery,
  buckets: { readonly source: Bucket; readonly destination: Bucket | undefined },
  now: Date,
): InventoryGrant {
  requireDeliverable(delivery, buckets, now);
  const { source, destination } = buckets;
  return { source: source as GrantedBucket, destination: destination as GrantedBucket } as InventoryGrant;
}

/** Looks up each object once, for all decisions about it. */
function lookedUpOnce({ findObject }: Question): FindObject {
  const seen = new Map<string, Promise<ObjectAclAndTags | undefined>>();
  return (bucket, { key, versionId }) => {
    const name = `${bucket.id}/${versionId ?? ""}/${key}`;
    const object = { key, ...(versionId !== undefined && { versionId }) };
    const found = seen.get(name) ?? findObject(bucket as GrantedBucket, object);
    seen.set(name, found);
    return found;
  };
}
