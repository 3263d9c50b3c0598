/**
 * How the caller's own policies, the bucket policy and ACLs decide together (S3 "How Amazon S3 authorizes a request",
 * IAM "Policy evaluation logic").
 *
 * 1. A Deny of any policy that applies wins: the bucket's, the user's, the session's. The one exception is AWS's: the
 *    root of the bucket's account can always read, replace and remove the bucket policy.
 * 2. In the bucket's own account, the account's root may do everything; a user needs an Allow of its own policies, or
 *    of the bucket policy that names the user or everyone, or of an ACL that grants to all users.
 * 3. A caller of another account needs an Allow of the bucket policy or the ACL, and a user also one of its own
 *    policies.
 * 4. Anonymous callers need an Allow of the bucket policy or the ACL.
 * 5. Everything else is denied.
 *
 * A session never has more permissions than its session policy allows.
 *
 * Deviation: the root of a bucket's account may read every object in it. On AWS the owner of an object that was written
 * by another account under ObjectWriter can deny access to the bucket's owner.
 */
import type { Acl } from "../model/acl.ts";
import type { Bucket } from "../model/bucket.ts";
import type { Caller } from "../model/caller.ts";
import type { Tag } from "../model/object.ts";
import { type AclCaller, aclAllows, aclPermissionFor, isOwnedBy } from "./acl/grants.ts";
import { effectiveAcl } from "./acl/ownership.ts";
import { actionOf, existingBucketOf, type Permission, type S3Action } from "./actions.ts";
import { type CallerPolicies, callerEffects, identityEffect, policiesOf, toPrincipal } from "./identity.ts";
import { appliesToAction } from "./policy/condition-keys.ts";
import type { PolicyDocument } from "./policy/document.ts";
import { Effort } from "./policy/effort.ts";
import { evaluatePolicy, type PolicyDecision } from "./policy/evaluate.ts";
import { isPublicPolicy, needsExistingTags } from "./policy/inspect.ts";
import { bucketPolicyOf } from "./policy/parsed.ts";
import type { ConditionKeys, PolicyRequest } from "./policy/policy-request.ts";
import type { RequestPrincipal } from "./policy/principal.ts";
import { keysOfObject, type RequestFacts, requestKeys } from "./policy/request-keys.ts";
import { restrictsPublicBucket } from "./public-access-block.ts";

/** The facts about a request that are the same for all its decisions. */
export type SharedFacts = Omit<
  RequestFacts,
  "principal" | "existingTags" | "requestTags" | "requestLock" | "inventoryFields" | "resourceAccountId"
>;

/** The properties of an object that a decision may depend on. */
export interface ObjectAclAndTags {
  /** Canonical user id. */
  readonly ownerId: string;
  readonly acl?: Acl;
  readonly tags: readonly Tag[];
}

/** The object that a decision is about: the version that the request names, or the current one. */
export interface DecidedObject {
  readonly key: string;
  readonly versionId?: string;
}

/** Undefined if there is no such object or version, and for a delete marker, which has neither an ACL nor tags. */
export type FindObject = (bucket: Bucket, object: DecidedObject) => Promise<ObjectAclAndTags | undefined>;

interface Asked {
  readonly caller: Caller;
  readonly buckets: ReadonlyMap<string, Bucket>;
  /** Called at most once, and only if a decision depends on conditions. */
  facts(): SharedFacts;
  readonly findObject: FindObject;
  /** Called if an ACL gives a permission that no policy gives. */
  readonly noteAcl?: () => void;
}

/** What all decisions of one request have in common, built once. */
export interface DecisionContext extends Asked {
  readonly principal: RequestPrincipal;
  readonly policies: CallerPolicies;
  /**
   * The condition keys for resources of an account. They cache what has been evaluated, for all decisions of the
   * request.
   */
  readonly keys: (resourceAccountId: string | undefined) => ConditionKeys;
}

export function decisionContext(asked: Asked): DecisionContext {
  const { caller } = asked;
  const principal = toPrincipal(caller);
  let known: SharedFacts | undefined;
  const facts = () => (known ??= asked.facts());
  const effort = new Effort();
  const byAccount = new Map<string | undefined, ConditionKeys>();
  const keys = (resourceAccountId: string | undefined) => {
    const keysOfAccount =
      byAccount.get(resourceAccountId) ??
      requestKeys({ ...facts(), requestTags: NO_TAGS, principal, resourceAccountId }, effort);
    byAccount.set(resourceAccountId, keysOfAccount);
    return keysOfAccount;
  };
  return { ...asked, facts, principal, policies: policiesOf(caller), keys };
}

/** The calls that the root of a bucket's account may make even if the bucket policy denies them. */
const POLICY_CALLS: ReadonlySet<S3Action> = new Set([
  "s3:GetBucketPolicy",
  "s3:PutBucketPolicy",
  "s3:DeleteBucketPolicy",
]);

export async function isAllowed(context: DecisionContext, permission: Permission): Promise<boolean> {
  const { caller } = context;
  if (permission.on === "objects-below" && permission.orAction !== undefined) {
    const { orAction, ...others } = permission;
    return (await isAllowed(context, others)) || isAllowed(context, { ...others, action: orAction });
  }
  const name = existingBucketOf(permission);
  if (name === undefined) return isAllowedToAccount(context, permission);
  const bucket = context.buckets.get(name);
  if (bucket === undefined) return false;

  const question = { context, permission, bucket, policy: bucketPolicyOf(bucket) };
  const isOwn = caller.kind === "account" && caller.account.id === bucket.accountId;
  const isRoot = isOwn && isAccountRoot(caller);
  // The operation then decides each key separately. Callers of the bucket's own account receive a result for each key,
  // as on AWS.
  if (isOwn && permission.on === "objects-below" && permission.extent === "something-below") return true;
  // The common case needs no condition keys.
  if (isRoot && question.policy === undefined) return true;

  const request = toRequest(context, permission, {
    accountId: bucket.accountId,
    existingTags: await existingTags(question),
  });
  const own = callerEffects(context.policies, request);
  const identity = identityEffect(own);
  if (identity === "deny") return false;
  const resource = bucketPolicyDecision(question, request);
  if (resource.effect === "deny") return isRoot && POLICY_CALLS.has(actionOf(permission));
  if (isOwn) {
    if (identity === "allow") return true;
    if (own.session !== "allow") return false;
    // The user's own policies neither allow nor deny. An Allow for the account delegates to them; one for the user or
    // everyone allows.
    if (resource.effect === "allow" && resource.via !== "account") return true;
    return aclGives(question, { kind: "anonymous" });
  }
  if (caller.kind === "account" && identity !== "allow") return false;
  if (resource.effect === "allow" && !isRestricted(question)) return true;
  return aclGives(question, toAclCaller(caller));
}

/**
 * Whether the caller's own policies allow an action on everything below an ARN that is not a bucket of this deployment.
 */
export function isAllowedBelow(context: DecisionContext, action: S3Action, arn: string): boolean {
  const { caller, principal, policies, keys } = context;
  if (caller.kind !== "account") return false;
  const request = { principal, action, resource: arn, extent: "everything-below", keys: keys(undefined) } as const;
  return identityEffect(callerEffects(policies, request)) === "allow";
}

/** Permissions on the account and on new buckets are decided by the caller's own policies only. */
function isAllowedToAccount(context: DecisionContext, permission: Permission): boolean {
  if (context.caller.kind !== "account") return false;
  const request = toRequest(context, permission, { accountId: undefined, existingTags: undefined });
  return identityEffect(callerEffects(context.policies, request)) === "allow";
}

/** A permission on a bucket that exists. */
interface BucketQuestion {
  readonly context: DecisionContext;
  readonly permission: Permission;
  readonly bucket: Bucket;
  readonly policy: PolicyDocument | undefined;
}

const NO_TAGS: readonly Tag[] = [];

/** Represents all keys `s3:ExistingObjectTag/<key>`. */
const ANY_EXISTING_TAG = "s3:ExistingObjectTag/*";

function bucketPolicyDecision({ permission, policy }: BucketQuestion, request: PolicyRequest): PolicyDecision {
  if (policy === undefined) return { effect: "none" };
  const decision = evaluatePolicy(policy, request);
  if (decision.effect !== "none" || !isOnNewObject(permission) || request.action !== "s3:PutObjectAcl") {
    return decision;
  }
  // A policy that allows s3:PutObject also allows setting the ACL of the new object, within the conditions it has for
  // this (AWS's "Policy examples for ACLs"); only a Deny of s3:PutObjectAcl itself prevents it.
  return evaluatePolicy(policy, { ...request, action: "s3:PutObject" });
}

/**
 * The tags that the object has now, if any policy that applies refers to them; undefined if they have not been looked
 * up.
 */
async function existingTags(question: BucketQuestion): Promise<readonly Tag[] | undefined> {
  const { context, permission, bucket, policy } = question;
  if (permission.on !== "object" || permission.isNew) return undefined;
  if (!appliesToAction(ANY_EXISTING_TAG, permission.action)) return undefined;
  const policies = [policy, ...(context.policies.user ?? []), context.policies.session];
  if (!policies.some((document) => document !== undefined && needsExistingTags(document))) return undefined;
  return (await context.findObject(bucket, permission))?.tags ?? [];
}

/** @param resource account of the bucket, and the object's tags if they have been looked up */
function toRequest(
  { principal, facts, keys: keysByAccount }: DecisionContext,
  permission: Permission,
  resource: { readonly accountId: string | undefined; readonly existingTags: readonly Tag[] | undefined },
): PolicyRequest {
  const { accountId, existingTags } = resource;
  const requestTags = (permission.on === "object" ? permission.requestTags : undefined) ?? NO_TAGS;
  const listedKey = permission.on === "key-existence" ? permission.key : undefined;
  const versionId = permission.on === "object" ? permission.versionId : undefined;
  const versionsFollow = permission.on === "objects-below" && permission.extent === "something-below";
  const carried = permission.on === "object" ? permission.carried : undefined;
  const ofRequest = keysByAccount(accountId);
  const shared = typeof carried === "object" ? ofRequest.with(carried) : ofRequest;
  const requestLock = permission.on === "object" ? permission.requestLock : undefined;
  const inventoryFields = permission.on === "bucket" ? permission.inventoryFields : undefined;
  const isOrdinary =
    requestTags === NO_TAGS &&
    !versionsFollow &&
    carried !== "later" &&
    [existingTags, requestLock, inventoryFields, listedKey, versionId].every((fact) => fact === undefined);
  const fixed = { requestTags, requestLock, inventoryFields, listedKey, versionId, versionsFollow };
  const ofObject = { ...fixed, existingTags, carriedFollow: carried === "later" };
  return {
    principal,
    action: actionOf(permission),
    resource: `arn:aws:s3:::${pathOf(permission)}`,
    extent: permission.on === "objects-below" ? permission.extent : undefined,
    keys: isOrdinary ? shared : keysOfObject(shared, { ...facts(), ...ofObject }),
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

async function aclGives(question: BucketQuestion, caller: AclCaller): Promise<boolean> {
  const isGiven = await isGivenByAcl(question, caller);
  if (isGiven) question.context.noteAcl?.();
  return isGiven;
}

/** Whether the ACL allows it: the bucket's for writes and deletions, the object's for reads. */
async function isGivenByAcl(question: BucketQuestion, caller: AclCaller): Promise<boolean> {
  const { context, permission, bucket } = question;
  const need = aclPermissionFor(actionOf(permission), isOnNewObject(permission) ? "new" : "existing");
  if (need === undefined) return false;
  if (need.on === "bucket") {
    if (!aclAllows(effectiveAcl(bucket), caller, need.permission)) return false;
    return need.ofOwn !== true || mayBeOwn(question);
  }
  // The ACL of one object says nothing about all objects below a prefix.
  if (permission.on !== "object" || !canObjectAclsGive(bucket, caller)) return false;
  const object = await context.findObject(bucket, permission);
  // Callers that may list learn that the key does not exist (404); all others must not.
  if (object === undefined) {
    return isAllowed(context, { on: "key-existence", bucket: bucket.name, key: permission.key });
  }
  return aclAllows(effectiveAcl(bucket, object), caller, need.permission);
}

/** Whether the caller's account owns the object or the bucket, or the object does not exist. */
async function mayBeOwn({ context, permission, bucket }: BucketQuestion): Promise<boolean> {
  // The operation decides each key separately.
  if (permission.on === "objects-below") return permission.extent === "something-below";
  if (permission.on !== "object") return false;
  const caller = toAclCaller(context.caller);
  if (isOwnedBy(caller, bucket.ownerId)) return true;
  const object = await context.findObject(bucket, permission);
  return object === undefined || isOwnedBy(caller, object.ownerId);
}

/** False if the ACL of an object could not change the result, so that the object need not be looked up. */
function canObjectAclsGive({ documents }: Bucket, caller: AclCaller): boolean {
  if (documents.ownership === "BucketOwnerEnforced") return false;
  return !(caller.kind === "anonymous" && documents.publicAccessBlock?.ignorePublicAcls === true);
}

function isRestricted({ context: { caller }, bucket, policy }: BucketQuestion): boolean {
  return restrictsPublicBucket(bucket, {
    isPolicyPublic: policy !== undefined && isPublicPolicy(policy),
    callerAccountId: caller.kind === "account" ? caller.account.id : undefined,
  });
}

/** With its root key or a session of GetSessionToken: the principal of one of GetFederationToken is the federated user. */
function isAccountRoot(caller: Caller): boolean {
  if (caller.kind !== "account" || caller.user !== undefined) return false;
  return caller.session === undefined || (caller.session.name === undefined && caller.session.policy === undefined);
}

function toAclCaller(caller: Caller): AclCaller {
  return caller.kind === "anonymous" ? caller : { kind: "account", canonicalId: caller.account.canonicalId };
}
