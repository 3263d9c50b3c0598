/** The four settings of "Blocking public access to your Amazon S3 storage", one function each. */
import { S3Error } from "../errors.ts";
import type { Acl, PublicAccessBlock } from "../model/acl.ts";
import type { Bucket } from "../model/bucket.ts";
import { isPublicAcl, isPublicGrantee } from "./acl/grants.ts";

type Settings = PublicAccessBlock | undefined;

/**
 * BlockPublicAcls: requests cannot set a public ACL; existing public ACLs stay.
 * @throws S3Error `AccessDenied`
 */
export function refusePublicAcl(settings: Settings, acl: Acl | undefined): void {
  if (settings?.blockPublicAcls && isPublicAcl(acl)) throw new S3Error("AccessDenied");
}

/** IgnorePublicAcls: the grants of an ACL that remain in force. */
export function withoutIgnoredGrants(settings: Settings, acl: Acl | undefined): Acl | undefined {
  if (!settings?.ignorePublicAcls) return acl;
  return acl?.filter(({ grantee }) => !isPublicGrantee(grantee));
}

/**
 * BlockPublicPolicy: requests cannot set a public bucket policy.
 * @throws S3Error `AccessDenied`
 */
export function refusePublicPolicy(settings: Settings, isPublic: boolean): void {
  if (settings?.blockPublicPolicy && isPublic) throw new S3Error("AccessDenied");
}

/**
 * RestrictPublicBuckets: only the owner's account can use a bucket with a public policy. Its policy allows nothing to
 * other callers, not even to those it names. True if the caller is one of these others.
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
