/**
 * The grants of ACLs: those of canned ACLs, whether a grant applies to a caller, and the ACL permission that each
 * action needs ("Access control list (ACL) overview").
 */
import type { Acl, AclGrant, AclPermission, CannedAcl, Grantee } from "../../model/acl.ts";
import { ANONYMOUS_ID } from "../../model/caller.ts";
import type { S3Action } from "../actions.ts";

export interface AclContext {
  readonly target: "bucket" | "object";
  /** Canonical user id of the owner of the bucket or object. */
  readonly ownerId: string;
  /** Canonical user id. */
  readonly bucketOwnerId: string;
}

/** Full control for the owner, and the grants that the name adds. */
export function cannedGrants(name: CannedAcl, context: AclContext): Acl {
  return [fullControl(context.ownerId), ...addedGrants(name, context)];
}

/** The grant that an owner has by default. */
export function fullControl(ownerId: string): AclGrant {
  return give({ kind: "canonical-user", id: ownerId }, "FULL_CONTROL");
}

function addedGrants(name: CannedAcl, context: AclContext): Acl {
  const everyone: Grantee = { kind: "all-users" };
  switch (name) {
    case "private":
      return [];
    case "public-read":
      return [give(everyone, "READ")];
    case "public-read-write":
      return [give(everyone, "READ"), give(everyone, "WRITE")];
    case "authenticated-read":
      return [give({ kind: "authenticated-users" }, "READ")];
    case "log-delivery-write":
      return [give({ kind: "log-delivery" }, "WRITE"), give({ kind: "log-delivery" }, "READ_ACP")];
    case "bucket-owner-read":
      return toBucketOwner("READ", context);
    case "bucket-owner-full-control":
      return toBucketOwner("FULL_CONTROL", context);
    default:
      return name satisfies never;
  }
}

/** "If you specify this canned ACL when creating a bucket, Amazon S3 ignores it." */
function toBucketOwner(permission: AclPermission, { target, ownerId, bucketOwnerId }: AclContext): Acl {
  if (target === "bucket" || ownerId === bucketOwnerId) return [];
  return [give({ kind: "canonical-user", id: bucketOwnerId }, permission)];
}

function give(grantee: Grantee, permission: AclPermission): AclGrant {
  return { grantee, permission };
}

/** An owner's canonical user id, and grants. Without `acl` the owner has full control and no one else has a grant. */
export interface AclState {
  readonly ownerId: string;
  readonly acl?: Acl;
}

/** A caller as ACLs see it: all users of an account are the account. */
export type AclCaller =
  | { readonly kind: "anonymous" }
  | {
      readonly kind: "account";
      /** Canonical user id. */
      readonly canonicalId: string;
    };

export interface AclNeed {
  readonly on: "bucket" | "object";
  readonly permission: AclPermission;
  /** The permission applies only to objects that the caller owns, to all for the owner of the bucket, and to keys that do not exist. */
  readonly ofOwn?: true;
}

/**
 * Whether the caller owns an object. Deviation: anonymous callers own what any of them wrote, but on AWS this lets them
 * read it, and here only the object's ACL does.
 */
export function isOwnedBy(caller: AclCaller, ownerId: string): boolean {
  return ownerId === (caller.kind === "account" ? caller.canonicalId : ANONYMOUS_ID);
}

/**
 * Whether a grant of the ACL gives the caller the permission. An owner without a grant can still read and write the ACL
 * itself.
 */
export function aclAllows({ acl, ownerId }: AclState, caller: AclCaller, permission: AclPermission): boolean {
  const isOwner = caller.kind === "account" && caller.canonicalId === ownerId;
  if (isOwner && (acl === undefined || permission === "READ_ACP" || permission === "WRITE_ACP")) return true;
  return (acl ?? []).some(
    (grant) =>
      (grant.permission === permission || grant.permission === "FULL_CONTROL") && includes(grant.grantee, caller),
  );
}

function includes(grantee: Grantee, caller: AclCaller): boolean {
  switch (grantee.kind) {
    case "all-users":
      return true;
    case "authenticated-users":
      return caller.kind === "account";
    case "canonical-user":
      return caller.kind === "account" && caller.canonicalId === grantee.id;
    case "log-delivery":
      // The log service sends no requests here.
      return false;
    default:
      return grantee satisfies never;
  }
}

/** "Mapping of ACL permissions and access policy permissions". */
const NEEDS: Partial<Readonly<Record<S3Action, AclNeed>>> = {
  "s3:ListBucket": { on: "bucket", permission: "READ" },
  "s3:ListBucketVersions": { on: "bucket", permission: "READ" },
  "s3:ListBucketMultipartUploads": { on: "bucket", permission: "READ" },
  // "For the bucket and object owners of existing objects, also allows deletions and overwrites of those objects"; WRITE does
  // "not allow non-owners to overwrite or delete existing objects". Another caller that deletes an object of the bucket's
  // owner is refused (seen on AWS, LocalStack's recordings), and so is one that overwrites it (seen on AWS, ksantest).
  "s3:PutObject": { on: "bucket", permission: "WRITE", ofOwn: true },
  "s3:DeleteObject": { on: "bucket", permission: "WRITE", ofOwn: true },
  // AWS allows these to the initiator, who needed WRITE to create the upload. Upload ids cannot be guessed.
  "s3:AbortMultipartUpload": { on: "bucket", permission: "WRITE" },
  "s3:ListMultipartUploadParts": { on: "bucket", permission: "WRITE" },
  "s3:GetBucketAcl": { on: "bucket", permission: "READ_ACP" },
  "s3:PutBucketAcl": { on: "bucket", permission: "WRITE_ACP" },
  "s3:GetObject": { on: "object", permission: "READ" },
  "s3:GetObjectVersion": { on: "object", permission: "READ" },
  "s3:GetObjectAcl": { on: "object", permission: "READ_ACP" },
  "s3:GetObjectVersionAcl": { on: "object", permission: "READ_ACP" },
  "s3:PutObjectAcl": { on: "object", permission: "WRITE_ACP" },
  "s3:PutObjectVersionAcl": { on: "object", permission: "WRITE_ACP" },
};

/**
 * The ACL permission that allows an action; undefined if ACLs cannot allow it.
 *
 * @param object `new` for the ACL and the tags of an object that is being written: its writer will own it, so the ACL
 *   of the replaced object does not count.
 */
export function aclPermissionFor(action: S3Action, object: "existing" | "new" = "existing"): AclNeed | undefined {
  const comesWithObject = object === "new" && (action === "s3:PutObjectAcl" || action === "s3:PutObjectTagging");
  return NEEDS[comesWithObject ? "s3:PutObject" : action];
}

/** "Amazon S3 considers a bucket or object ACL public if it grants any permissions to members of" either group. */
export function isPublicAcl(acl: Acl | undefined): boolean {
  return (acl ?? []).some(({ grantee }) => isPublicGrantee(grantee));
}

export function isPublicGrantee({ kind }: Grantee): boolean {
  return kind === "all-users" || kind === "authenticated-users";
}
