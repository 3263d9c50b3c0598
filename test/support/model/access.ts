/**
 * Who may do what in the model: a Deny of the bucket policy, then the bucket's owner, an Allow of the policy, and ACLs ("How Amazon
 * S3 authorizes a request", "Access control list (ACL) overview").
 *
 * Differences that docs/compatibility.md states: the bucket's owner may do everything with objects of other accounts, and the
 * common owner of anonymous objects has only what their ACLs give.
 */
import type { CallerName, CannedAcl } from "./commands.ts";
import { policyEffect } from "./policies.ts";
import { type Bucket, currentOf, findVersion, type ObjectVersion } from "./state.ts";

export interface Target {
  readonly key: string;
  readonly versionId?: string | undefined;
}

type AclPermission = "READ" | "WRITE" | "READ_ACP" | "WRITE_ACP";

/** "Mapping of ACL permissions and access policy permissions". */
const ACL_NEEDS: Readonly<Record<string, readonly [on: "bucket" | "object", permission: AclPermission]>> = {
  "s3:ListBucket": ["bucket", "READ"],
  "s3:ListBucketVersions": ["bucket", "READ"],
  "s3:ListBucketMultipartUploads": ["bucket", "READ"],
  "s3:PutObject": ["bucket", "WRITE"],
  "s3:DeleteObject": ["bucket", "WRITE"],
  "s3:AbortMultipartUpload": ["bucket", "WRITE"],
  "s3:ListMultipartUploadParts": ["bucket", "WRITE"],
  "s3:GetBucketAcl": ["bucket", "READ_ACP"],
  "s3:PutBucketAcl": ["bucket", "WRITE_ACP"],
  "s3:GetObject": ["object", "READ"],
  "s3:GetObjectVersion": ["object", "READ"],
  "s3:GetObjectAcl": ["object", "READ_ACP"],
  "s3:GetObjectVersionAcl": ["object", "READ_ACP"],
  "s3:PutObjectAcl": ["object", "WRITE_ACP"],
  "s3:PutObjectVersionAcl": ["object", "WRITE_ACP"],
};

/** Requests that name a version need the action of this name. */
const OF_VERSIONS: Readonly<Record<string, string>> = {
  "s3:GetObject": "s3:GetObjectVersion",
  "s3:DeleteObject": "s3:DeleteObjectVersion",
  "s3:GetObjectTagging": "s3:GetObjectVersionTagging",
  "s3:PutObjectTagging": "s3:PutObjectVersionTagging",
  "s3:DeleteObjectTagging": "s3:DeleteObjectVersionTagging",
  "s3:GetObjectAcl": "s3:GetObjectVersionAcl",
  "s3:PutObjectAcl": "s3:PutObjectVersionAcl",
  "s3:GetObjectAttributes": "s3:GetObjectVersionAttributes",
};

/** "s3:GetBucketPolicy, PutBucketPolicy, DeleteBucketPolicy: the root of the account may, even if the policy denies it". */
const POLICY_CALLS = ["s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"];

export interface Question {
  readonly caller: CallerName;
  readonly action: string;
  readonly target?: Target | undefined;
  /** The ACL or the tags that a new object has: the permission to write it suffices, and the object at the key does not matter. */
  readonly isNew?: boolean;
}

export function isAllowed(bucket: Bucket, question: Question): boolean {
  const { caller, target, isNew = false } = question;
  const action = actionOf(question);
  const effect = policyEffect(bucket.policy, { caller, action, key: target?.key });
  if (effect === "deny") return caller === bucket.owner && POLICY_CALLS.includes(action);
  if (caller === bucket.owner || effect === "allow") return true;
  if (isNew && action === "s3:PutObjectAcl") {
    const write = policyEffect(bucket.policy, { caller, action: "s3:PutObject", key: target?.key });
    if (write === "allow") return true;
  }
  const comesWithObject = isNew && (action === "s3:PutObjectAcl" || action === "s3:PutObjectTagging");
  return isGivenByAcl(bucket, { caller, action: comesWithObject ? "s3:PutObject" : action, target });
}

function actionOf({ action, target }: Question): string {
  return (target?.versionId !== undefined ? OF_VERSIONS[action] : undefined) ?? action;
}

function isGivenByAcl(bucket: Bucket, { caller, action, target }: Question): boolean {
  const need = ACL_NEEDS[action];
  if (need === undefined) return false;
  const [on, permission] = need;
  if (on === "bucket") {
    if (!aclGives({ acl: bucket.acl, owner: bucket.owner, bucketOwner: bucket.owner }, caller, permission))
      return false;
    // "For the bucket and object owners of existing objects, also allows deletions and overwrites of those objects".
    return !["s3:PutObject", "s3:DeleteObject"].includes(action) || isOwnOrAbsent(bucket, caller, target);
  }
  const object = target === undefined ? undefined : named(bucket, target);
  // Callers that may list learn that the object does not exist.
  if (object === undefined) return isAllowed(bucket, { caller, action: "s3:ListBucket" });
  return aclGives({ ...object, bucketOwner: bucket.owner }, caller, permission);
}

function isOwnOrAbsent(bucket: Bucket, caller: CallerName, target: Target | undefined): boolean {
  const object = target === undefined ? undefined : named(bucket, target);
  return object === undefined || object.owner === caller;
}

/** The object that the decision is about; a delete marker has no ACL. */
function named(bucket: Bucket, { key, versionId }: Target): ObjectVersion | undefined {
  if (versionId === undefined) return currentOf(bucket, key);
  const version = findVersion(bucket, key, versionId);
  return version?.isMarker === false ? version : undefined;
}

interface Owned {
  readonly acl: CannedAcl;
  readonly owner: CallerName;
  readonly bucketOwner: CallerName;
}

function aclGives({ acl, owner, bucketOwner }: Owned, caller: CallerName, permission: AclPermission): boolean {
  if (caller === owner && caller !== "anonymous") return true;
  switch (acl) {
    case "private":
      return false;
    case "public-read":
      return permission === "READ";
    case "public-read-write":
      return permission === "READ" || permission === "WRITE";
    case "authenticated-read":
      return permission === "READ" && caller !== "anonymous";
    case "bucket-owner-read":
      return permission === "READ" && caller === bucketOwner;
    case "bucket-owner-full-control":
      return caller === bucketOwner;
    default:
      return acl satisfies never;
  }
}

/** Whether the caller learns that a key or version does not exist (NoSuchKey), or only that it may not read it. */
export function mayLearn(bucket: Bucket, caller: CallerName): boolean {
  return isAllowed(bucket, { caller, action: "s3:ListBucket" });
}

/** Whether any key could be deleted by the caller; if not, DeleteObjects does not read its document (docs/compatibility.md). */
export function mayDeleteSomething(bucket: Bucket, caller: CallerName): boolean {
  if (caller === bucket.owner) return true;
  return ["s3:DeleteObject", "s3:DeleteObjectVersion"].some((action) => {
    const effect = policyEffect(bucket.policy, { caller, action, key: "*" });
    if (effect !== "none") return effect === "allow";
    const isWritable = aclGives({ acl: bucket.acl, owner: bucket.owner, bucketOwner: bucket.owner }, caller, "WRITE");
    return action === "s3:DeleteObject" && isWritable;
  });
}

/** Grants as GetObjectAcl and GetBucketAcl show them: the grantee and the permission. */
export function grantsOf({ acl, owner, bucketOwner }: Owned): [grantee: string, permission: string][] {
  const everyone = "http://acs.amazonaws.com/groups/global/AllUsers";
  const own: [string, string] = [owner, "FULL_CONTROL"];
  switch (acl) {
    case "private":
      return [own];
    case "public-read":
      return [own, [everyone, "READ"]];
    case "public-read-write":
      return [own, [everyone, "READ"], [everyone, "WRITE"]];
    case "authenticated-read":
      return [own, ["http://acs.amazonaws.com/groups/global/AuthenticatedUsers", "READ"]];
    case "bucket-owner-read":
      return owner === bucketOwner ? [own] : [own, [bucketOwner, "READ"]];
    case "bucket-owner-full-control":
      return owner === bucketOwner ? [own] : [own, [bucketOwner, "FULL_CONTROL"]];
    default:
      return acl satisfies never;
  }
}
