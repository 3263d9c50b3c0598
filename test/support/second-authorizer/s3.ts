/**
 * Whether S3 allows an action ("How Amazon S3 authorizes a request"; IAM "Policy evaluation logic", "Cross-account policy evaluation
 * logic"). Written from AWS's documentation, independently of src/access, of which it imports nothing.
 */
import type { Acl } from "../../../src/model/acl.ts";
import type { Bucket } from "../../../src/model/bucket.ts";
import { ANONYMOUS_ID, type Caller } from "../../../src/model/caller.ts";
import type { Tag } from "../../../src/model/object.ts";
import { aclEffects, isPublicGrantee, type Owned } from "./acl.ts";
import { contextOf, type Sent } from "./context.ts";
import { AS_HERE, type Deviations } from "./deviations.ts";
import { type Effects, effectsOf, type Identity, NO_EFFECTS, type PolicyQuery, together } from "./policy.ts";
import { isPublicPolicy } from "./public-policy.ts";

export interface ObjectState extends Pick<Owned, "ownerId"> {
  readonly acl?: Acl;
  readonly tags: readonly Tag[];
}

export interface S3Question {
  readonly caller: Caller;
  readonly action: string;
  readonly bucket: Bucket;
  /** Absent for an action on the bucket. */
  readonly key?: string;
  /** The object or version that the action is on, if it exists. */
  readonly object?: ObjectState | undefined;
  /** The request is about to write this object: its caller will own it. */
  readonly isNew?: boolean;
  readonly versionId?: string;
  readonly requestTags?: readonly Tag[];
  readonly sent: Sent;
}

/** "The root user of the bucket owner's AWS account can perform these actions even if the policy explicitly denies it." */
const POLICY_ACTIONS = ["s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"];

/** Actions on keys that the owner of the bucket decides about, and not the owner of the object there. */
const OF_THE_BUCKET_OWNER = [
  "s3:PutObject",
  "s3:DeleteObject",
  "s3:DeleteObjectVersion",
  "s3:AbortMultipartUpload",
  "s3:ListMultipartUploadParts",
];

export function s3Allows(question: S3Question, deviations: Deviations = AS_HERE): boolean {
  const { caller, action, bucket } = question;
  const isOwnAccount = caller.kind === "account" && caller.account.id === bucket.accountId;
  const identity = identityOf(caller);
  const query = queryOf(question, identity, deviations);

  const own = callerEffects(caller, query);
  const policy = policyEffects(question, { ...query, userIds: bucket.documents.policyUsers ?? {} }, isOwnAccount);
  // A session by GetSessionToken is its maker's; the principal of one by GetFederationToken is the federated user.
  const isRootOfOwner = isOwnAccount && caller.user === undefined && caller.session?.name === undefined;
  const isNeverLocked = isRootOfOwner && POLICY_ACTIONS.includes(action);
  if (own.isDenied || (policy.denies && !isNeverLocked)) return false;

  const acl = aclEffectsOn(question, identity, deviations);
  const owner = ownerOfObject(question, deviations);
  // "If the owners are different, the object owners must use an object ACL to grant permissions."
  const given = owner === bucket.ownerId ? together([policy, acl]) : acl;
  return isAllowed(question, { own, given, owner, deviations });
}

interface Weighed {
  readonly own: CallerEffects;
  readonly given: Effects;
  /** Canonical id of the owner of the resource. */
  readonly owner: string;
  readonly deviations: Deviations;
}

/** An Allow on each side that needs one; there is no Deny. */
function isAllowed(question: S3Question, { own, given, owner, deviations }: Weighed): boolean {
  const { caller, bucket } = question;
  if (caller.kind === "anonymous") return given.toEveryone || isOwnOfAnonymous(question, deviations);
  const isOfBucketOwner = caller.account.canonicalId === bucket.ownerId;
  // In the account that owns the resource its root "has full access", and "the resulting permissions are the total" of both kinds.
  if (isOfBucketOwner && owner === bucket.ownerId) return own.isAllowed || givesWithoutOwn(given, own, deviations);
  return own.isAllowed && isGiven(given);
}

function isGiven({ toUser, toEveryone, toAccount }: Effects): boolean {
  return toUser || toEveryone || toAccount;
}

/**
 * Whether a policy of the resource is enough for a caller of the same account, without an Allow of the caller's own policies: it
 * names the user, or everyone. Those for the user "are limited by an implicit deny" of the session's policy.
 */
export function givesWithoutOwn(given: Effects, own: CallerEffects, deviations: Deviations): boolean {
  const isLimited = given.toUser || deviations.has("sessions and everyone");
  if (given.toUser || given.toEveryone) return own.isAllowedBySession || (!isLimited && given.toEveryone);
  return false;
}

/** Actions that the ACL of an object can allow, which a key without an object does not have. */
const BY_OBJECT_ACL = /^s3:(?:GetObject|GetObjectVersion|(?:Get|Put)Object(?:Version)?Acl)$/;

/**
 * Whether a refused caller may learn that the key does not exist: "If the object you request does not exist, the error … depends on
 * whether you also have the s3:ListBucket permission."
 */
export function mayLearnAbsence({ key, object, isNew, action, caller, bucket, sent }: S3Question): boolean {
  if (object !== undefined || isNew === true || !BY_OBJECT_ACL.test(action)) return false;
  const query = { get: (name: string) => (name === "prefix" ? key : sent.query.get(name)) };
  return s3Allows({ caller, bucket, action: "s3:ListBucket", sent: { ...sent, query } });
}

export function identityOf(caller: Caller): Identity {
  if (caller.kind === "anonymous") return {};
  const { account, user } = caller;
  return { accountId: account.id, canonicalId: account.canonicalId, ...(user && { userId: user.id }) };
}

export interface CallerEffects {
  readonly isDenied: boolean;
  /** By the policies of the user, or as root, within those of the session. */
  readonly isAllowed: boolean;
  /** No policy of the session limits it. */
  readonly isAllowedBySession: boolean;
}

export function callerEffects(caller: Caller, query: PolicyQuery): CallerEffects {
  if (caller.kind === "anonymous") return { isDenied: false, isAllowed: true, isAllowedBySession: true };
  const { user, session } = caller;
  const ofUser = user === undefined ? undefined : together(user.policies.map((text) => effectsOf(text, query)));
  const ofSession = session?.policy === undefined ? undefined : effectsOf(session.policy, query);
  const isAllowedBySession = ofSession?.toUser ?? true;
  return {
    isDenied: ofUser?.denies === true || ofSession?.denies === true,
    // "The session's permissions are the intersection of the identity-based policies and the session policies."
    isAllowed: (ofUser?.toUser ?? true) && isAllowedBySession,
    isAllowedBySession,
  };
}

function queryOf(question: S3Question, identity: Identity, deviations: Deviations): PolicyQuery {
  const { caller, action, bucket, key, sent, versionId, requestTags, object } = question;
  const concerned = {
    action,
    resourceAccountId: bucket.accountId,
    versionId,
    requestTags,
    existingTags: object?.tags,
  };
  return {
    identity,
    userIds: {},
    action,
    resource: `arn:aws:s3:::${bucket.name}${key === undefined ? "" : `/${key}`}`,
    values: contextOf(caller, sent, concerned),
    valuesFor: (action) => contextOf(caller, sent, { ...concerned, action }),
    deviations,
  };
}

function policyEffects({ bucket, action, isNew }: S3Question, query: PolicyQuery, isOwnAccount: boolean): Effects {
  const { policy, publicAccessBlock } = bucket.documents;
  if (policy === undefined) return NO_EFFECTS;
  const effects = isNew && action === "s3:PutObjectAcl" ? aclOfNewObject(policy, query) : effectsOf(policy, query);
  // RestrictPublicBuckets "blocks public and cross-account access derived from any public policy".
  const isRestricted = publicAccessBlock?.restrictPublicBuckets === true && !isOwnAccount && isPublicPolicy(policy);
  return isRestricted ? { ...NO_EFFECTS, denies: effects.denies } : effects;
}

/**
 * "Granting the s3:PutObject permission to Dave, with a condition that the request include ACL-specific headers" lets Dave send
 * them ("Amazon S3 condition key examples").
 */
function aclOfNewObject(policy: string, query: PolicyQuery): Effects {
  const effects = effectsOf(policy, query);
  if (effects.denies || isGiven(effects)) return effects;
  return effectsOf(policy, { ...query, action: "s3:PutObject", values: query.valuesFor("s3:PutObject") });
}

/** "ACLs are disabled and no longer affect permissions" under BucketOwnerEnforced. */
function aclEffectsOn(
  { bucket, action, object, isNew }: S3Question,
  identity: Identity,
  deviations: Deviations,
): Effects {
  const { ownership, publicAccessBlock, acl } = bucket.documents;
  if (ownership === "BucketOwnerEnforced") return NO_EFFECTS;
  const inForce = ({ ownerId, acl: grants }: Owned): Owned => ({
    ownerId,
    // "Causes Amazon S3 to ignore all public ACLs".
    acl: publicAccessBlock?.ignorePublicAcls ? grants?.filter(({ grantee }) => !isPublicGrantee(grantee)) : grants,
  });
  const uploads = deviations.has("uploads by WRITE") ? ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"] : [];
  // The ACL and the tags of an object come with its PUT.
  const withPut = isNew === true ? ["s3:PutObjectAcl", "s3:PutObjectTagging"] : [];
  const isOfPut = [...withPut, "s3:PutObject"].includes(action);
  return aclEffects({
    identity,
    action,
    bucket: inForce({ ownerId: bucket.ownerId, acl }),
    object: object === undefined || isOfPut ? undefined : inForce(object),
    objectOwnerId: object?.ownerId,
    alsoByWrite: uploads,
    alsoOnOwn: withPut,
  });
}

/** Canonical id of the account that owns what the action is on. */
function ownerOfObject({ bucket, action, object, isNew }: S3Question, deviations: Deviations): string {
  if (object === undefined || isNew || bucket.documents.ownership === "BucketOwnerEnforced") return bucket.ownerId;
  if (OF_THE_BUCKET_OWNER.includes(action) || deviations.has("objects of other accounts")) return bucket.ownerId;
  return object.ownerId;
}

function isOwnOfAnonymous({ object, action, bucket }: S3Question, deviations: Deviations): boolean {
  if (deviations.has("objects of anonymous callers") || bucket.documents.ownership === "BucketOwnerEnforced")
    return false;
  return object?.ownerId === ANONYMOUS_ID && ["s3:GetObject", "s3:GetObjectVersion"].includes(action);
}
