/**
 * Who owns an object and which ACL it gets ("Controlling ownership of objects and disabling ACLs for your bucket").
 *
 * The default differs from AWS's of today, which is BucketOwnerEnforced: a bucket without the setting is ObjectWriter,
 * as buckets of AWS were until 2023, because ACLs would otherwise be refused everywhere.
 */
import { S3Error } from "../../errors.ts";
import type { Acl, AclGrant, AclRequest, ObjectOwnership } from "../../model/acl.ts";
import type { Bucket } from "../../model/bucket.ts";
import { refusePublicAcl, withoutIgnoredGrants } from "../public-access-block.ts";
import { type AclState, cannedGrants, fullControl, isPublicGrantee } from "./grants.ts";

/** The setting in force. */
export function ownershipOf({ documents }: Pick<Bucket, "documents">): ObjectOwnership {
  return documents.ownership ?? "ObjectWriter";
}

/** What authorization goes by: the bucket's ACL or, if one is given, an object's, after all settings of the bucket. */
export function effectiveAcl(bucket: Bucket, object?: AclState): AclState {
  const { publicAccessBlock, acl: bucketAcl } = bucket.documents;
  if (ownershipOf(bucket) === "BucketOwnerEnforced") return { ownerId: bucket.ownerId };
  const acl = withoutIgnoredGrants(publicAccessBlock, object === undefined ? bucketAcl : object.acl);
  return { ownerId: object?.ownerId ?? bucket.ownerId, ...(acl !== undefined && { acl }) };
}

/** What is shown of an ACL: public grants stand there even while they are ignored. */
export function shownAcl(ownership: ObjectOwnership | undefined, bucketOwnerId: string, { ownerId, acl }: AclState) {
  const isEnforced = ownership === "BucketOwnerEnforced";
  const shownOwner = isEnforced ? bucketOwnerId : ownerId;
  return { ownerId: shownOwner, grants: (isEnforced ? undefined : acl) ?? [fullControl(shownOwner)] };
}

/**
 * Owner and ACL of an object about to be written.
 *
 * @param writerId canonical user id; of what anonymous callers write, the one that stands for all of them, as on AWS
 * @throws S3Error `AccessControlListNotSupported`, `AccessDenied` (public access block)
 */
export function aclOfNewObject(request: AclRequest | undefined, bucket: Bucket, writerId: string): AclState {
  switch (ownershipOf(bucket)) {
    case "BucketOwnerEnforced":
      if (request !== undefined) requireBucketOwnerFullControl(request, bucket.ownerId);
      return { ownerId: bucket.ownerId };
    case "BucketOwnerPreferred":
      if (isCanned(request, "bucket-owner-full-control")) return { ownerId: bucket.ownerId };
      break;
    case "ObjectWriter":
      break;
  }
  const acl = request && grantsOf(request, bucket, { target: "object", ownerId: writerId });
  return { ownerId: writerId, ...(acl !== undefined && { acl }) };
}

/**
 * Owner and ACL of a replica. It belongs to the destination's owner: whoever may write to a source gets no say in another
 * bucket by that. Of the source object's ACL it has what is in force there, the owner's own grants becoming the new
 * owner's, within what the destination allows: public grants that it blocks or ignores are left out, since it is the data
 * that matters most.
 *
 * Deviation: on AWS a replica keeps its source's owner unless AccessControlTranslation says otherwise, which here leaves
 * all grants behind.
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
  // The destination's owner may have had a grant already.
  const distinct = [...new Map(kept.map((grant) => [JSON.stringify(grant), grant])).values()];
  return isFullControlOf(distinct, ownerId) ? { ownerId } : { ownerId, acl: distinct };
}

/**
 * The ACL an existing object is to have.
 * @throws S3Error `AccessControlListNotSupported`, `AccessDenied` (public access block)
 */
export function aclOfObject(request: AclRequest, bucket: Bucket, { ownerId, acl }: AclState): Acl | undefined {
  if (ownershipOf(bucket) !== "BucketOwnerEnforced") return grantsOf(request, bucket, { target: "object", ownerId });
  requireBucketOwnerFullControl(request, bucket.ownerId);
  // That is so anyway. What was set before ACLs were disabled comes back when they are enabled again.
  return acl;
}

/**
 * The ACL a bucket is to have.
 * @throws S3Error `AccessControlListNotSupported`, `AccessDenied` (public access block)
 */
export function aclOfBucket(request: AclRequest, bucket: Bucket): Acl | undefined {
  if (ownershipOf(bucket) === "BucketOwnerEnforced") throw new S3Error("AccessControlListNotSupported");
  return grantsOf(request, bucket, { target: "bucket", ownerId: bucket.ownerId });
}

/**
 * The ACL a bucket is to be made with.
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

/** Undefined for what is so by default. */
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
