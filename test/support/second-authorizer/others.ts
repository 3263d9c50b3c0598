/** Whether a caller may call IAM, STS and SNS, and use keys of KMS: the same rules for services other than S3. */
import type { AccountCaller } from "../../../src/model/caller.ts";
import { contextOf, type Sent } from "./context.ts";
import { AS_HERE, type Deviations } from "./deviations.ts";
import { type Effects, effectsOf, NO_EFFECTS, type PolicyQuery } from "./policy.ts";
import { callerEffects, givesWithoutOwn, identityOf } from "./s3.ts";
import type { Values } from "./text.ts";

export interface ServiceQuestion {
  readonly caller: AccountCaller;
  readonly action: string;
  readonly resource: string;
  /** Of the resource's owner. */
  readonly accountId: string;
  readonly sent: Sent;
  /** Condition keys of the service. */
  readonly keys?: Readonly<Record<string, readonly string[]>>;
}

/** "IAM: Allows IAM users to …": by the policies of the caller, in its own account. */
export function iamAllows(question: ServiceQuestion): boolean {
  const { caller, accountId } = question;
  // "You cannot call any IAM API operations using temporary credentials unless MFA …" (API_GetSessionToken): no one has MFA here.
  if (caller.session !== undefined || caller.account.id !== accountId) return false;
  return own(question).isAllowed;
}

/** "No permissions are required" for GetCallerIdentity and GetSessionToken; sessions cannot create further sessions. */
export function stsAllows(question: ServiceQuestion): boolean {
  const { caller, action } = question;
  if (action === "sts:GetCallerIdentity") return true;
  if (caller.session !== undefined) return false;
  return action === "sts:GetSessionToken" || own(question).isAllowed;
}

/** The policy of a topic, as it was put. */
export interface TopicPolicyText {
  readonly text: string;
  readonly users: Readonly<Record<string, string>>;
}

/** "How Amazon SNS works with IAM": the policies of the caller and of the topic. */
export function snsAllows(
  question: ServiceQuestion,
  policy: TopicPolicyText | undefined,
  deviations = AS_HERE,
): boolean {
  const { caller, accountId, action } = question;
  const isOwn = caller.account.id === accountId;
  const isRoot = isOwn && caller.user === undefined && caller.session === undefined;
  // The root can always read and replace a policy that has locked the topic.
  const isNeverLocked = isRoot && ["SNS:GetTopicAttributes", "SNS:SetTopicAttributes"].includes(action);
  const given =
    policy === undefined ? NO_EFFECTS : effectsOf(policy.text, { ...queryOf(question), userIds: policy.users });
  return weigh(question, { given, isNeverLocked, deviations });
}

/**
 * "Permissions required for SSE-KMS": the account's default key is open to everyone of the account who may use S3; another key
 * delegates to the policies of the account's users. Keys have no policies that could admit other accounts.
 */
export function kmsAllows(question: ServiceQuestion, isDefaultKey: boolean): boolean {
  const { caller, accountId } = question;
  if (caller.account.id !== accountId) return false;
  const effects = own(question);
  return !effects.isDenied && (isDefaultKey || effects.isAllowed);
}

interface Weighed {
  readonly given: Effects;
  readonly isNeverLocked: boolean;
  readonly deviations: Deviations;
}

function weigh(question: ServiceQuestion, { given, isNeverLocked, deviations }: Weighed): boolean {
  const { caller, accountId } = question;
  const effects = own(question);
  if (effects.isDenied || (given.denies && !isNeverLocked)) return false;
  if (caller.account.id !== accountId) return effects.isAllowed && isGiven(given);
  return effects.isAllowed || givesWithoutOwn(given, effects, deviations);
}

const isGiven = ({ toUser, toEveryone, toAccount }: Effects) => toUser || toEveryone || toAccount;

function own(question: ServiceQuestion) {
  const effects = callerEffects(question.caller, queryOf(question));
  return { ...effects, isAllowed: effects.isAllowed && !effects.isDenied };
}

function queryOf({ caller, action, resource, accountId, sent, keys = {} }: ServiceQuestion): PolicyQuery {
  const general = contextOf(caller, sent, { action, resourceAccountId: accountId });
  const special = new Map(Object.entries(keys).map(([key, values]) => [key.toLowerCase(), values]));
  const values: Values = (key) => special.get(key.toLowerCase()) ?? general(key);
  return {
    identity: identityOf(caller),
    userIds: {},
    action,
    resource,
    values,
    valuesFor: () => values,
    deviations: AS_HERE,
  };
}
