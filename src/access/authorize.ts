/**
 * The one decision: may this caller do this? Deny by default.
 *
 * Nothing that reads or writes storage compiles without a value that only this file can make: operations receive a
 * `Grant`, the object store takes `GrantedBucket`, the admin API's repositories take `RootGrant`.
 */
import { S3Error } from "../errors.ts";
import type { Bucket } from "../model/bucket.ts";
import type { Caller } from "../model/caller.ts";
import type { Permission, S3Action } from "./actions.ts";

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
  /** Asks for one more permission on the same buckets (each key of DeleteObjects). */
  allows(permission: Permission): boolean;
}

export interface GrantedBucket extends Bucket {
  readonly [granted]: "bucket";
}

/** Proof that the caller is the deployment's root account. */
export interface RootGrant {
  readonly [granted]: "root";
}

/**
 * @param buckets the existing buckets among those the permissions name.
 * @throws S3Error `NoSuchBucket` for a bucket that does not exist, `AccessDenied` for a permission that is not given.
 */
export function authorize(
  caller: Caller,
  permissions: readonly Permission[],
  buckets: ReadonlyMap<string, Bucket>,
): Grant {
  // An operation that forgot to ask is refused rather than waved through.
  if (permissions.length === 0) throw new S3Error("AccessDenied");
  for (const permission of permissions) {
    const { bucket: name } = permission;
    if (name !== undefined && !buckets.has(name)) {
      throw new S3Error("NoSuchBucket", { details: { BucketName: name } });
    }
    if (!isAllowed(caller, permission, buckets)) throw new S3Error("AccessDenied");
  }
  const named = new Set(permissions.map((permission) => permission.bucket));
  return {
    caller,
    bucket(name: string): GrantedBucket {
      const bucket = named.has(name) ? buckets.get(name) : undefined;
      if (bucket === undefined) throw new Error("The operation reached for a bucket it asked no permission for.");
      return bucket as GrantedBucket;
    },
    allows: (permission: Permission) => isAllowed(caller, permission, buckets),
  } as Grant;
}

/** @throws S3Error `AccessDenied` unless the caller signed with a key of the root account. */
export function authorizeRoot(caller: Caller): RootGrant {
  if (caller.kind !== "account" || !caller.account.isRoot) throw new S3Error("AccessDenied");
  return {} as RootGrant;
}

/** What is asked for without naming a bucket: the last two come with s3:CreateBucket. */
const OF_NEW_BUCKETS: ReadonlySet<S3Action> = new Set<S3Action>([
  "s3:ListAllMyBuckets",
  "s3:CreateBucket",
  "s3:PutBucketAcl",
  "s3:PutBucketOwnershipControls",
]);

/** An account may do everything with its own buckets, and list and make buckets. Nobody may do anything else. */
function isAllowed(caller: Caller, permission: Permission, buckets: ReadonlyMap<string, Bucket>): boolean {
  if (caller.kind !== "account") return false;
  if (permission.bucket === undefined) {
    return OF_NEW_BUCKETS.has(permission.action);
  }
  return buckets.get(permission.bucket)?.accountId === caller.account.id;
}
