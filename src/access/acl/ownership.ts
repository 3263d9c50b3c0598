/**
 * The owner and the ACL of an object ("Controlling ownership of objects and disabling ACLs for your bucket").
 *
 * The default differs from AWS's current default, BucketOwnerEnforced: a bucket without the setting is ObjectWriter, as
 * buckets on AWS were until 2023, because ACLs would otherwise be refused everywhere.
 */
import { S3Error } from "../../errors.ts";
import type { Acl, AclGrant, AclRequest, ObjectOwnership } from "../../model/acl.ts";
import type { Bucket } from "../../model/bucket.ts";
import { refusePublicAcl, withoutIgnoredGrants } from "../public-access-block.ts";
import { type AclState, cannedGrants, fullControl, isPublicGrantee } from "./grants.ts";

/** The bucket's setting, or the default. */
export function ownershipOf({ documents }: Pick<Bucket, "documents">): ObjectOwnership {
  return documents.ownership ?? "ObjectWriter";
}

/**
 * The ACL that is in force under all settings of the bucket: the object's if an object is given, otherwise the
 * bucket's.
 */
export function effectiveAcl(bucket: Bucket, object?: AclState): AclState {
  const { publicAccessBlock, acl: bucketAcl } = bucket.documents;
  if (ownershipOf(bucket) === "BucketOwnerEnforced") return { ownerId: bucket.ownerId };
  const acl = withoutIgnoredGrants(publicAccessBlock, object === undefined ? bucketAcl : object.acl);
  return { ownerId: object?.ownerId ?? bucket.ownerId, ...(acl !== undefined && { acl }) };
}

/** The ACL that responses show, including public grants that are ignored. */
export function shownAcl(ownership: ObjectOwnership | undefined, bucketOwnerId: string, { ownerId, acl }: AclState) {
  const isEnforced = ownership === "BucketOwnerEnforced";
  const shownOwner = isEnforced ? bucketOwnerId : ownerId;
  return { ownerId: shownOwner, grants: (isEnforced ? undefined : acl) ?? [fullControl(shownOwner)] };
}

/**
 * Owner and ACL of an object that is about to be written.
 *
 * @param writerId canonical user id; for anonymous callers the id that AWS uses for all of them
 * @throws S3Error `AccessControlListNotSupported`, `AccessDenied` (public access block)
 */
export function aclOfNewObject(request: AclRequest | undefined, bucket: Bucket, writerId: string): AclState {
  const ownership = ownershipOf(bucket);
  switch (ownership) {
    case "BucketOwnerEnforced":
      if (request !== undefined) requireBucketOwnerFullControl(request, bucket.ownerId);
      return { ownerId: bucket.ownerId };
    case "BucketOwnerPreferred":
      if (isCanned(request, "bucket-owner-full-control")) return { ownerId: bucket.ownerId };
      return aclOfWriter(request, bucket, writerId);
    case "ObjectWriter":
      return aclOfWriter(request, bucket, writerId);
    default:
      return ownership satisfies never;
  }
}

function aclOfWriter(request: AclRequest | undefined, bucket: Bucket, writerId: string): AclState {
  const acl = request && grantsOf(request, bucket, { target: "object", ownerId: writerId });
  return { ownerId: writerId, ...(acl !== undefined && { acl }) };
}

/**
 * Owner and ACL of a replica. The owner of the destination bucket owns it, so that a caller that may write to a source
 * gets no rights in another bucket. It has the grants that are in force on the source object; those of the source's
 * owner become grants of the new owner. If the destination blocks or ignores public grants they are left out and the
 * object is replicated without them.
 *
 * Deviation: on AWS a replica keeps its source's owner unless AccessControlTranslation is set. Here
 * AccessControlTranslation drops all grants.
 */
export function aclOfReplica(
  source: AclState & { readonly bucket: Bucket },
  to: Bucket,
  translated: boolean,
): AclState {
  const { ownerId } = to;
  if (translated || ownershipOf(to) === "BucketOwnerEnforced") return { ownerId };
  const { acl, ownerId: formerId } = effectiveAcl(source.bucket, source);
  const { blockPublicAcls = false, ignorePublicAcls = false } = to.documents.publicAccessBlock ?? {};
  const isClosed = blockPublicAcls || ignorePublicAcls;
  const kept = acl
    ?.filter(({ grantee }) => !(isClosed && isPublicGrantee(grantee)))
    .map((grant) =>
      isUser(grant, formerId) ? { ...grant, grantee: { kind: "canonical-user", id: ownerId } as const } : grant,
    );
  if (kept === undefined) return { ownerId };
  // The destination's owner may already have a grant.
  const distinct = [...new Map(kept.map((grant) => [JSON.stringify(grant), grant])).values()];
  return isFullControlOf(distinct, ownerId) ? { ownerId } : { ownerId, acl: distinct };
}

/**
 * The new ACL of an existing object.
 * @throws S3Error `AccessControlListNotSupported`, `AccessDenied` (public access block)
 */
export function aclOfObject(request: AclRequest, bucket: Bucket, { ownerId, acl }: AclState): Acl | undefined {
  if (ownershipOf(bucket) !== "BucketOwnerEnforced") return grantsOf(request, bucket, { target: "object", ownerId });
  requireBucketOwnerFullControl(request, bucket.ownerId);
  // This is the state anyway. The ACL from before ACLs were disabled returns when they are enabled again.
  return acl;
}

/**
 * The new ACL of an existing bucket.
 * @throws S3Error `AccessControlListNotSupported`, `AccessDenied` (public access block)
 */
export function aclOfBucket(request: AclRequest, bucket: Bucket): Acl | undefined {
  if (ownershipOf(bucket) === "BucketOwnerEnforced") throw new S3Error("AccessControlListNotSupported");
  return grantsOf(request, bucket, { target: "bucket", ownerId: bucket.ownerId });
}

/**
 * The ACL of a new bucket.
 * @throws S3Error `InvalidBucketAclWithObjectOwnership`, `InvalidBucketAclWithBlockPublicAccessError`
 */
export function aclOfNewBucket(
  request: AclRequest | undefined,
  { ownership, publicAccessBlock }: Pick<Bucket["documents"], "ownership" | "publicAccessBlock">,
  ownerId: string,
): Acl | undefined {
  if (request === undefined) return undefined;
  const acl = toGrants(request, { target: "bucket", ownerId, bucketOwnerId: ownerId });
  if (ownership === "BucketOwnerEnforced") requireOwnerOnly(acl, ownerId);
  if (publicAccessBlock?.blockPublicAcls && acl?.some(({ grantee }) => isPublicGrantee(grantee))) {
    throw new S3Error("InvalidBucketAclWithBlockPublicAccessError");
  }
  return acl;
}

/**
 * "Before you disable ACLs, the bucket ACL must give full control only to the bucket owner."
 * @throws S3Error `InvalidBucketAclWithObjectOwnership`
 */
export function requireOwnerOnly(acl: Acl | undefined, ownerId: string): void {
  const isOthers = (acl ?? []).some(({ grantee }) => grantee.kind !== "canonical-user" || grantee.id !== ownerId);
  if (isOthers) throw new S3Error("InvalidBucketAclWithObjectOwnership");
}

function grantsOf(
  request: AclRequest,
  bucket: Bucket,
  subject: { readonly target: "bucket" | "object"; readonly ownerId: string },
): Acl | undefined {
  const acl = toGrants(request, { ...subject, bucketOwnerId: bucket.ownerId });
  refusePublicAcl(bucket.documents.publicAccessBlock, acl);
  return acl;
}

/** Undefined if the grants are the default. */
function toGrants(request: AclRequest, context: Parameters<typeof cannedGrants>[1]): Acl | undefined {
  const grants = request.kind === "grants" ? request.grants : cannedGrants(request.name, context);
  return isFullControlOf(grants, context.ownerId) ? undefined : grants;
}

/** "The bucket only accepts PUT requests that don't specify an ACL or … specify bucket owner full control ACLs". */
function requireBucketOwnerFullControl(request: AclRequest, bucketOwnerId: string): void {
  if (isCanned(request, "bucket-owner-full-control")) return;
  if (request.kind === "grants" && isFullControlOf(request.grants, bucketOwnerId)) return;
  throw new S3Error("AccessControlListNotSupported");
}

function isUser({ grantee }: AclGrant, id: string): boolean {
  return grantee.kind === "canonical-user" && grantee.id === id;
}

function isFullControlOf(grants: Acl, ownerId: string): boolean {
  const [first, ...others] = grants;
  if (first === undefined || others.length > 0 || first.permission !== "FULL_CONTROL") return false;
  return first.grantee.kind === "canonical-user" && first.grantee.id === ownerId;
}

function isCanned(request: AclRequest | undefined, name: Extract<AclRequest, { kind: "canned" }>["name"]): boolean {
  return request?.kind === "canned" && request.name === name;
}
