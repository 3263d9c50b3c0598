/** The four settings of "Blocking public access to your Amazon S3 storage", each as the question it answers. */
import { S3Error } from "../errors.ts";
import type { Acl, PublicAccessBlock } from "../model/acl.ts";
import type { Bucket } from "../model/bucket.ts";
import { isPublicAcl, isPublicGrantee } from "./acl/grants.ts";

type Settings = PublicAccessBlock | undefined;

/**
 * BlockPublicAcls: no request may set a public ACL; those that are set already stay.
 * @throws S3Error `AccessDenied`
 */
export function refusePublicAcl(settings: Settings, acl: Acl | undefined): void {
  if (settings?.blockPublicAcls && isPublicAcl(acl)) throw new S3Error("AccessDenied");
}

/** IgnorePublicAcls: what is left of an ACL. */
export function withoutIgnoredGrants(settings: Settings, acl: Acl | undefined): Acl | undefined {
  if (!settings?.ignorePublicAcls) return acl;
  return acl?.filter(({ grantee }) => !isPublicGrantee(grantee));
}

/**
 * BlockPublicPolicy: no request may set a public bucket policy.
 * @throws S3Error `AccessDenied`
 */
export function refusePublicPolicy(settings: Settings, isPublic: boolean): void {
  if (settings?.blockPublicPolicy && isPublic) throw new S3Error("AccessDenied");
}

/**
 * RestrictPublicBuckets: a bucket with a public policy is for its owner's account alone, whatever that policy gives to
 * others, those it names included. True if the caller is such an outsider; then no statement of it allows anything.
 */
export function restrictsPublicBucket(
  bucket: Bucket,
  facts: {
    readonly isPolicyPublic: boolean;
    /** Undefined for anonymous callers. */
    readonly callerAccountId: string | undefined;
  },
): boolean {
  const restricts = bucket.documents.publicAccessBlock?.restrictPublicBuckets === true;
  return restricts && facts.isPolicyPublic && facts.callerAccountId !== bucket.accountId;
}
