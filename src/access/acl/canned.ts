/** What the names of predefined ACLs mean ("Access control list (ACL) overview", "Canned ACL"). */
import type { Acl, AclGrant, AclPermission, CannedAcl, Grantee } from "../../model/acl.ts";

export interface AclContext {
  readonly target: "bucket" | "object";
  /** Canonical user id of the owner of that bucket or object. */
  readonly ownerId: string;
  /** Canonical user id. */
  readonly bucketOwnerId: string;
}

/** The owner's full control, and what the name adds to it. */
export function cannedGrants(name: CannedAcl, context: AclContext): Acl {
  return [fullControl(context.ownerId), ...addedGrants(name, context)];
}

/** The grant an owner has by default. */
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
