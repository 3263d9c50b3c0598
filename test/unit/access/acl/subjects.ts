import type { Acl, AclGrant, AclPermission, Grantee } from "../../../../src/model/acl.ts";
import type { Bucket, BucketDocumentTypes } from "../../../../src/model/bucket.ts";

export const OWNER = "a".repeat(64);
export const WRITER = "b".repeat(64);
export const OTHER = "c".repeat(64);

export const user = (id: string): Grantee => ({ kind: "canonical-user", id });
export const EVERYONE: Grantee = { kind: "all-users" };
export const SIGNED: Grantee = { kind: "authenticated-users" };
export const LOGS: Grantee = { kind: "log-delivery" };

export const give = (grantee: Grantee, permission: AclPermission): AclGrant => ({ grantee, permission });
export const full = (id: string): AclGrant => give(user(id), "FULL_CONTROL");
export const PUBLIC_READ: Acl = [full(OWNER), give(EVERYONE, "READ")];

/** A bucket of OWNER's. */
export function bucketWith(documents: Partial<BucketDocumentTypes> = {}): Bucket {
  return {
    name: "bucket",
    id: "abcdefghijkl",
    accountId: "000000000001",
    ownerId: OWNER,
    ownerDisplayName: "owner",
    region: "us-east-1",
    createdAt: new Date(0),
    readAt: new Date(8.64e15),
    isBeingDeleted: false,
    documents,
  };
}

export const OPEN_BLOCK = {
  blockPublicAcls: false,
  ignorePublicAcls: false,
  blockPublicPolicy: false,
  restrictPublicBuckets: false,
};
