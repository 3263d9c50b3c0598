/**
 * ACLs as policies: "Amazon S3 converts all the relevant access policies (user policy, bucket policy, ACLs) at run time into a set of
 * policies for evaluation" ("How Amazon S3 authorizes a request"; "Access control list (ACL) overview").
 */
import type { Acl, AclPermission, CannedAcl, Grantee } from "../../../src/model/acl.ts";
import { ANONYMOUS_ID } from "../../../src/model/caller.ts";
import { type Effects, type Identity, NO_EFFECTS, together } from "./policy.ts";

/** The ACL of a bucket or an object, and who owns it. */
export interface Owned {
  /** Canonical user id. */
  readonly ownerId: string;
  /** Undefined: "A default ACL that grants the resource owner full control". */
  readonly acl?: Acl | undefined;
}

/** "Mapping of ACL permissions and access policy permissions". */
const ON_BUCKET: Readonly<Record<Exclude<AclPermission, "FULL_CONTROL">, readonly string[]>> = {
  READ: ["s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"],
  WRITE: [],
  READ_ACP: ["s3:GetBucketAcl"],
  WRITE_ACP: ["s3:PutBucketAcl"],
};
const ON_OBJECT: typeof ON_BUCKET = {
  READ: ["s3:GetObject", "s3:GetObjectVersion"],
  WRITE: [],
  READ_ACP: ["s3:GetObjectAcl", "s3:GetObjectVersionAcl"],
  WRITE_ACP: ["s3:PutObjectAcl", "s3:PutObjectVersionAcl"],
};

/**
 * WRITE "allows grantee to create new objects in the bucket. For the bucket and object owners of existing objects, also allows
 * deletions and overwrites of those objects"; it does "not allow non-owners to overwrite or delete existing objects".
 */
const ON_OWN_OBJECTS = ["s3:PutObject", "s3:DeleteObject"];

export interface AclQuestion {
  readonly identity: Identity;
  readonly action: string;
  readonly bucket: Owned;
  /** Absent for an operation on the bucket, for a key without an object, and where the object is to be replaced. */
  readonly object?: Owned | undefined;
  /** Canonical id of the owner of the object that exists under the key. */
  readonly objectOwnerId?: string | undefined;
  /** Further actions that WRITE on the bucket gives, and that it gives on the caller's own objects and new ones. */
  readonly alsoByWrite: readonly string[];
  readonly alsoOnOwn: readonly string[];
}

export function aclEffects(question: AclQuestion): Effects {
  const { identity, action, bucket, object, objectOwnerId, alsoByWrite, alsoOnOwn } = question;
  const owners = [bucket.ownerId, objectOwnerId];
  const isOwn = objectOwnerId === undefined || owners.includes(identity.canonicalId ?? ANONYMOUS_ID);
  const onBucket = { ...ON_BUCKET, WRITE: [...(isOwn ? [...ON_OWN_OBJECTS, ...alsoOnOwn] : []), ...alsoByWrite] };
  return together([
    granted(bucket, onBucket, { identity, action }),
    ...(object === undefined ? [] : [granted(object, ON_OBJECT, { identity, action })]),
  ]);
}

function granted(
  owned: Owned,
  actions: typeof ON_BUCKET,
  { identity, action }: Pick<AclQuestion, "identity" | "action">,
) {
  const gives = (permission: AclPermission) =>
    (["READ", "WRITE", "READ_ACP", "WRITE_ACP"] as const)
      .filter((one) => permission === "FULL_CONTROL" || permission === one)
      .some((one) => actions[one].includes(action));
  const grants = owned.acl ?? [{ grantee: { kind: "canonical-user", id: owned.ownerId }, permission: "FULL_CONTROL" }];
  const effects = grants
    .filter(({ permission }) => gives(permission))
    .map(({ grantee }) => effectOn(grantee, identity));
  // The owner can always read and write the ACL.
  const isOfAcl = gives("READ_ACP") || gives("WRITE_ACP");
  const byOwning = isOwner(owned, identity) && ["READ_ACP", "WRITE_ACP"].some((one) => gives(one as AclPermission));
  return together([...effects, isOfAcl && byOwning ? { ...NO_EFFECTS, toAccount: true } : NO_EFFECTS]);
}

function isOwner({ ownerId }: Owned, { canonicalId, service }: Identity): boolean {
  if (service !== undefined) return false;
  // "Amazon S3 adds a special canonical user ID as the object owner" of what an anonymous user uploads.
  return (canonicalId ?? ANONYMOUS_ID) === ownerId;
}

function effectOn(grantee: Grantee, { accountId, canonicalId }: Identity): Effects {
  switch (grantee.kind) {
    case "all-users":
      return { ...NO_EFFECTS, toEveryone: true };
    // "This group represents all AWS accounts."
    case "authenticated-users":
      return { ...NO_EFFECTS, toAccount: accountId !== undefined };
    case "canonical-user":
      return { ...NO_EFFECTS, toAccount: canonicalId === grantee.id };
    case "log-delivery":
      return NO_EFFECTS;
    default:
      return grantee satisfies never;
  }
}

export function isPublicGrantee({ kind }: Grantee): boolean {
  return kind === "all-users" || kind === "authenticated-users";
}

/** "Canned ACL". */
export function cannedAcl(
  name: CannedAcl,
  { ownerId, bucketOwnerId }: { ownerId: string; bucketOwnerId: string },
): Acl {
  const owner = { grantee: { kind: "canonical-user", id: ownerId }, permission: "FULL_CONTROL" } as const;
  const bucketOwner = { kind: "canonical-user", id: bucketOwnerId } as const;
  const added: Readonly<Record<CannedAcl, Acl>> = {
    private: [],
    "public-read": [{ grantee: { kind: "all-users" }, permission: "READ" }],
    "public-read-write": [
      { grantee: { kind: "all-users" }, permission: "READ" },
      { grantee: { kind: "all-users" }, permission: "WRITE" },
    ],
    "authenticated-read": [{ grantee: { kind: "authenticated-users" }, permission: "READ" }],
    "bucket-owner-read": [{ grantee: bucketOwner, permission: "READ" }],
    "bucket-owner-full-control": [{ grantee: bucketOwner, permission: "FULL_CONTROL" }],
    "log-delivery-write": [
      { grantee: { kind: "log-delivery" }, permission: "WRITE" },
      { grantee: { kind: "log-delivery" }, permission: "READ_ACP" },
    ],
  };
  return [owner, ...added[name]];
}
