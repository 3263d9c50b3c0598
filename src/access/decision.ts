/**
 * How identity, bucket policy and ACLs decide together (S3 "How Amazon S3 authorizes a request", IAM "Policy evaluation
 * logic").
 *
 * 1. A Deny of any policy that applies wins: the bucket's, the user's, the session's. The one exception is AWS's: the
 *    root of the bucket's account can always read, replace and remove the bucket policy.
 * 2. In the bucket's own account, the account's root may do everything; a user needs an Allow of its own policies, or of
 *    the bucket policy by name or as one of everyone.
 * 3. Another account needs an Allow of the bucket policy or the ACL, and its user one of its own policies as well.
 * 4. Anonymous callers need an Allow of the bucket policy or the ACL.
 * 5. Otherwise no.
 *
 * A session never has more than its session policy allows.
 *
 * Deviation: the root of a bucket's account may read every object in it. On AWS the owner of an object that was written
 * by another account under ObjectWriter may keep the bucket's owner out.
 */
import type { Acl } from "../model/acl.ts";
import type { Bucket } from "../model/bucket.ts";
import type { Caller } from "../model/caller.ts";
import type { Tag } from "../model/object.ts";
import { type AclCaller, aclAllows, aclPermissionFor, isOwnedBy } from "./acl/grants.ts";
import { effectiveAcl } from "./acl/ownership.ts";
import { actionOf, existingBucketOf, type Permission, type S3Action } from "./actions.ts";
import { identityEffect, sessionEffect, toPrincipal } from "./identity.ts";
import { appliesToAction } from "./policy/condition-keys.ts";
import type { PolicyDocument } from "./policy/document.ts";
import { Effort } from "./policy/effort.ts";
import { evaluatePolicy, type PolicyDecision } from "./policy/evaluate.ts";
import { isPublicPolicy, needsExistingTags } from "./policy/inspect.ts";
import { bucketPolicyOf, userPolicy } from "./policy/parsed.ts";
import type { ConditionKeys, PolicyRequest } from "./policy/policy-request.ts";
import { keysOfObject, type RequestFacts, requestKeys } from "./policy/request-keys.ts";
import { restrictsPublicBucket } from "./public-access-block.ts";

/** What the request as a whole tells conditions. */
export type SharedFacts = Omit<RequestFacts, "principal" | "existingTags" | "requestTags" | "resourceAccountId">;

/** Of a request, the keys for resources of an account. What has been worked out for one of its decisions holds for all. */
type KeysByAccount = (resourceAccountId: string | undefined) => ConditionKeys;

/** What of an object a decision may hang on. */
export interface ObjectAclAndTags {
  /** Canonical user id. */
  readonly ownerId: string;
  readonly acl?: Acl;
  readonly tags: readonly Tag[];
}

export type FindObject = (bucket: Bucket, key: string) => Promise<ObjectAclAndTags | undefined>;

export interface DecisionContext extends Asked {
  readonly keys: KeysByAccount;
}

interface Asked {
  readonly caller: Caller;
  readonly buckets: ReadonlyMap<string, Bucket>;
  readonly facts: SharedFacts;
  readonly findObject: FindObject;
}

/** Everything one request's decisions go by. */
export function decisionContext(asked: Asked): DecisionContext {
  const { caller, facts } = asked;
  const effort = new Effort();
  const known = new Map<string | undefined, ConditionKeys>();
  const keys: KeysByAccount = (resourceAccountId) => {
    const keysOfAccount =
      known.get(resourceAccountId) ??
      requestKeys({ ...facts, requestTags: NO_TAGS, principal: toPrincipal(caller), resourceAccountId }, effort);
    known.set(resourceAccountId, keysOfAccount);
    return keysOfAccount;
  };
  return { ...asked, keys };
}

const POLICY_CALLS: ReadonlySet<S3Action> = new Set([
  "s3:GetBucketPolicy",
  "s3:PutBucketPolicy",
  "s3:DeleteBucketPolicy",
]);

export async function isAllowed(context: DecisionContext, permission: Permission): Promise<boolean> {
  const { caller, buckets } = context;
  const name = existingBucketOf(permission);
  if (name === undefined) {
    return caller.kind === "account" && identityEffect(caller, toRequest(context, permission)) === "allow";
  }
  const bucket = buckets.get(name);
  if (bucket === undefined) return false;

  const policy = bucketPolicyOf(bucket);
  const isOwn = caller.kind === "account" && caller.account.id === bucket.accountId;
  // Each key is decided by itself. An account's own callers get the answer for each of them, as on AWS.
  if (permission.on === "objects-below" && permission.extent === "something-below" && isOwn) return true;
  // The ordinary case, without building what conditions would look at.
  if (policy === undefined && isOwn && isAccountRoot(caller)) return true;
  const request = toRequest(context, permission, bucket, await existingTags(context, permission, bucket, policy));
  const identity = identityEffect(caller, request);
  if (identity === "deny") return false;
  if (policy === undefined && isOwn && identity === "allow") return true;

  const resource = policy === undefined ? NONE : bucketPolicyDecision(permission, request, policy);
  if (resource.effect === "deny") {
    return isOwn && isAccountRoot(caller) && POLICY_CALLS.has(actionOf(permission));
  }
  if (isOwn) return identity === "allow" || (await allowsOwnUser(context, { permission, bucket, request, resource }));
  if (caller.kind === "account" && identity !== "allow") return false;
  if (resource.effect === "allow" && !isRestricted(caller, bucket, policy)) return true;
  return aclGives(context, permission, bucket, toAclCaller(caller));
}

/** Whether the caller's own policies allow something for all that begins with an ARN that is no bucket's of this deployment. */
export function isAllowedBelow({ caller, keys }: DecisionContext, action: S3Action, arn: string): boolean {
  if (caller.kind !== "account") return false;
  const asked = { action, resource: arn, extent: "everything-below", keys: keys(undefined) } as const;
  return identityEffect(caller, { principal: toPrincipal(caller), ...asked }) === "allow";
}

const NO_TAGS: readonly Tag[] = [];

/** Stands for all of its family. */
const ANY_EXISTING_TAG = "s3:ExistingObjectTag/*";

const NONE: PolicyDecision = { effect: "none" };

/** A user of the bucket's account whose own policies say nothing. */
async function allowsOwnUser(
  context: DecisionContext,
  asked: { permission: Permission; bucket: Bucket; request: PolicyRequest; resource: PolicyDecision },
): Promise<boolean> {
  const { permission, bucket, request, resource } = asked;
  if (sessionEffect(context.caller, request) !== "allow") return false;
  // Naming the account delegates to the user's own policies, which were silent.
  if (resource.effect === "allow" && resource.via !== "account") return true;
  return aclGives(context, permission, bucket, { kind: "anonymous" });
}

function bucketPolicyDecision(permission: Permission, request: PolicyRequest, policy: PolicyDocument): PolicyDecision {
  const decision = evaluatePolicy(policy, request);
  if (decision.effect !== "none" || !isOnNewObject(permission) || actionOf(permission) !== "s3:PutObjectAcl") {
    return decision;
  }
  // AWS's "Policy examples for ACLs": whom a policy lets put an object it also lets say with which ACL, within the
  // conditions it sets on that; only a Deny of s3:PutObjectAcl itself takes it away.
  return evaluatePolicy(policy, { ...request, action: "s3:PutObject" });
}

/** The tags of the object as it stands, if any policy that has a say asks for them; undefined: nobody has looked. */
async function existingTags(
  context: DecisionContext,
  permission: Permission,
  bucket: Bucket,
  policy: PolicyDocument | undefined,
): Promise<readonly Tag[] | undefined> {
  const { caller, findObject } = context;
  if (permission.on !== "object" || permission.isNew) return undefined;
  if (!appliesToAction(ANY_EXISTING_TAG, permission.action)) return undefined;
  const own = caller.kind === "anonymous" ? [] : [...(caller.user?.policies ?? []), caller.session?.policy];
  const policies = [policy, ...own.map((text) => (text === undefined ? undefined : userPolicy(text)))];
  if (!policies.some((document) => document !== undefined && needsExistingTags(document))) return undefined;
  return (await findObject(bucket, permission.key))?.tags ?? [];
}

function toRequest(
  { caller, facts, keys: keysByAccount }: DecisionContext,
  permission: Permission,
  bucket?: Bucket,
  existingTags?: readonly Tag[],
): PolicyRequest {
  const requestTags = (permission.on === "object" ? permission.requestTags : undefined) ?? NO_TAGS;
  const listedKey = permission.on === "key-existence" ? permission.key : undefined;
  const shared = keysByAccount(bucket?.accountId);
  const isOrdinary = existingTags === undefined && requestTags === NO_TAGS && listedKey === undefined;
  return {
    principal: toPrincipal(caller),
    action: actionOf(permission),
    resource: `arn:aws:s3:::${pathOf(permission)}`,
    extent: permission.on === "objects-below" ? permission.extent : undefined,
    keys: isOrdinary ? shared : keysOfObject(shared, { query: facts.query, existingTags, requestTags, listedKey }),
  };
}

/** What follows `arn:aws:s3:::`. */
function pathOf(permission: Permission): string {
  switch (permission.on) {
    case "account":
      return "*";
    case "new-bucket":
    case "bucket":
    case "key-existence":
      return permission.bucket;
    case "object":
      return `${permission.bucket}/${permission.key}`;
    case "objects-below":
      return `${permission.bucket}/${permission.prefix}`;
    default:
      return permission satisfies never;
  }
}

function isOnNewObject(permission: Permission): boolean {
  return (permission.on === "object" || permission.on === "objects-below") && permission.isNew === true;
}

/** The bucket's ACL, or the object's: what is written or deleted goes by the bucket's. */
async function aclGives(
  context: DecisionContext,
  permission: Permission,
  bucket: Bucket,
  caller: AclCaller,
): Promise<boolean> {
  const need = aclPermissionFor(actionOf(permission), isOnNewObject(permission) ? "new" : "existing");
  if (need === undefined) return false;
  if (need.on === "bucket") {
    const { acl, ownerId } = effectiveAcl(bucket);
    if (!aclAllows(acl, ownerId, caller, need.permission)) return false;
    return need.ofOwn !== true || mayBeOwn(context, permission, bucket, caller);
  }
  // What objects below a prefix give, no ACL of one of them says.
  if (permission.on !== "object" || !canObjectAclsGive(bucket, caller)) return false;
  const object = await context.findObject(bucket, permission.key);
  // Who may list learns that there is no such key (404); all others must not.
  if (object === undefined)
    return isAllowed(context, { on: "key-existence", bucket: bucket.name, key: permission.key });
  const { acl, ownerId } = effectiveAcl(bucket, object);
  return aclAllows(acl, ownerId, caller, need.permission);
}

/** Whether the object is the caller's own, or there is none. */
async function mayBeOwn(
  { findObject }: DecisionContext,
  permission: Permission,
  bucket: Bucket,
  caller: AclCaller,
): Promise<boolean> {
  // Each key is decided by itself later.
  if (permission.on === "objects-below") return permission.extent === "something-below";
  if (permission.on !== "object") return false;
  const object = await findObject(bucket, permission.key);
  return object === undefined || isOwnedBy(caller, object.ownerId);
}

/** Spares the look at the object where its ACL could not change the answer. */
function canObjectAclsGive({ documents }: Bucket, caller: AclCaller): boolean {
  if (documents.ownership === "BucketOwnerEnforced") return false;
  return !(caller.kind === "anonymous" && documents.publicAccessBlock?.ignorePublicAcls === true);
}

function isRestricted(caller: Caller, bucket: Bucket, policy: PolicyDocument | undefined): boolean {
  return restrictsPublicBucket(bucket, {
    isPolicyPublic: policy !== undefined && isPublicPolicy(policy),
    callerAccountId: caller.kind === "account" ? caller.account.id : undefined,
  });
}

function isAccountRoot(caller: Caller): boolean {
  return caller.kind === "account" && caller.user === undefined && caller.session === undefined;
}

function toAclCaller(caller: Caller): AclCaller {
  return caller.kind === "anonymous" ? caller : { kind: "account", canonicalId: caller.account.canonicalId };
}
