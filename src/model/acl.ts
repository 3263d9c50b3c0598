/** Access control lists (S3 "Access control list (ACL) overview"). */

export const ACL_PERMISSIONS = ["FULL_CONTROL", "READ", "WRITE", "READ_ACP", "WRITE_ACP"] as const;
export type AclPermission = (typeof ACL_PERMISSIONS)[number];

export type Grantee =
  | { readonly kind: "canonical-user"; readonly id: string }
  /** Everyone, signed or not. */
  | { readonly kind: "all-users" }
  /** Everyone who signed with a key of any account. */
  | { readonly kind: "authenticated-users" }
  | { readonly kind: "log-delivery" };

export interface AclGrant {
  readonly grantee: Grantee;
  readonly permission: AclPermission;
}

/** At most 100 grants. The owner is that of the bucket or object. */
export type Acl = readonly AclGrant[];

/** Names of predefined ACLs ("Canned ACL"). `aws-exec-read` is not supported, since there is no EC2. */
export const CANNED_ACLS = [
  "private",
  "public-read",
  "public-read-write",
  "authenticated-read",
  "bucket-owner-read",
  "bucket-owner-full-control",
  "log-delivery-write",
] as const;
export type CannedAcl = (typeof CANNED_ACLS)[number];

/** The ACL that a request asks for. */
export type AclRequest =
  | { readonly kind: "canned"; readonly name: CannedAcl }
  | { readonly kind: "grants"; readonly grants: Acl };

export const OBJECT_OWNERSHIPS = ["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"] as const;
export type ObjectOwnership = (typeof OBJECT_OWNERSHIPS)[number];

/** PublicAccessBlockConfiguration (API_PutPublicAccessBlock). */
export interface PublicAccessBlock {
  readonly blockPublicAcls: boolean;
  readonly ignorePublicAcls: boolean;
  readonly blockPublicPolicy: boolean;
  readonly restrictPublicBuckets: boolean;
}
