/**
 * Whether a caller may act on a topic, and whether S3 may notify the topic about a bucket. Denied by default ("How
 * Amazon SNS works with IAM", IAM "Policy evaluation logic"):
 *
 * 1. A Deny of any policy that applies wins: the topic's, the user's, the session's. Deviation: the root of the topic's
 *    account can always read and replace the policy, as with buckets; there is no support team that could unlock the
 *    topic.
 * 2. In the topic's own account, the account's root may do everything; a user needs an Allow of its own policies, or of
 *    the topic's policy that names the user or everyone.
 * 3. A caller of another account needs an Allow of the topic's policy, and a user also one of its own policies.
 * 4. A bucket of any account needs an Allow of the topic's policy for S3 (`s3.amazonaws.com`). Deviation: a topic
 *    without a policy of its own is open to the buckets of its account; AWS admits no bucket.
 *
 * The repositories require the grants that only this file can create.
 */
import { S3Error } from "../errors.ts";
import type { TopicAccess } from "../model/topic.ts";
import {
  callerEffects,
  denied,
  type IdentityQuestion,
  policiesOf,
  requireIdentityAllows,
  toPolicyRequest,
} from "./identity.ts";
import { evaluatePolicy, type PolicyDecision } from "./policy/evaluate.ts";
import { topicPolicyOf } from "./policy/parsed.ts";
import type { PolicyRequest } from "./policy/policy-request.ts";
import { S3_SERVICE, type SourceBucket, serviceKeys } from "./policy/request-keys.ts";

// Not exported: without the symbol no other file can create the types below.
declare const granted: unique symbol;

/** Proof of a permission on the account's topics as a whole. */
export interface TopicsGrant {
  readonly [granted]: "topics";
  readonly accountId: string;
}

/** Proof of a permission on one topic, whether or not it exists. */
export interface TopicGrant {
  readonly [granted]: "topic";
  /** Account that owns the topic. */
  readonly accountId: string;
  readonly topicArn: string;
  /** Account of the caller, or of the bucket. */
  readonly callerAccountId: string;
}

/** Proof of a link that the deployment itself has sent to the endpoint of the subscription. */
export interface UnsubscribeGrant {
  readonly [granted]: "unsubscribe";
  readonly subscriptionArn: string;
}

export interface SnsQuestion extends IdentityQuestion {
  readonly action: `SNS:${string}`;
}

/** Calls by which the root of a topic's account can replace a policy that denies it everything. */
const POLICY_CALLS: ReadonlySet<string> = new Set(["SNS:GetTopicAttributes", "SNS:SetTopicAttributes"]);

/**
 * @param resource "User: … is not authorized to perform: SNS:ListTopics on resource: arn:aws:sns:<region>:<account>:*"
 * @throws S3Error `AccessDenied`
 */
export function authorizeTopics(question: SnsQuestion, region: string): TopicsGrant {
  const { id: accountId } = question.caller.account;
  requireIdentityAllows(question, toPolicyRequest(question, `arn:aws:sns:${region}:${accountId}:*`));
  return { accountId } as TopicsGrant;
}

/** @throws S3Error `AccessDenied` */
export function authorizeTopic(question: SnsQuestion, topic: TopicAccess): TopicGrant {
  const { caller, action } = question;
  const isOwn = topic.accountId === caller.account.id;
  const request = toPolicyRequest(question, topic.arn, topic.accountId);
  const decision = decisionOf(topic, request);
  const isRoot = caller.user === undefined && caller.session === undefined;
  if (decision.effect === "deny" && !(isOwn && isRoot && POLICY_CALLS.has(action))) {
    throw denied(question, topic.arn, " with an explicit deny in a resource-based policy");
  }
  if (!isOwn && decision.effect !== "allow") {
    throw denied(question, topic.arn, ` because no resource-based policy allows the ${action} action`);
  }
  if (!(isOwn && givesByName(decision) && ownPoliciesPermit(question, request))) {
    requireIdentityAllows(question, request);
  }
  return grantOf(topic, caller.account.id);
}

/**
 * For a topic that the caller creates or already has: its policy is not evaluated ("Valid Amazon SNS policy actions"
 * does not contain CreateTopic).
 * @throws S3Error `AccessDenied`
 */
export function authorizeNewTopic(question: SnsQuestion, topicArn: string): TopicGrant {
  const { id: accountId } = question.caller.account;
  requireIdentityAllows(question, toPolicyRequest(question, topicArn));
  return grantOf({ arn: topicArn, accountId }, accountId);
}

/**
 * For an existing subscription: its account and the topic's account are allowed. Topic policies are not evaluated,
 * since they cannot contain these actions.
 * @param ownerId account that subscribed; undefined if the subscription does not exist
 * @throws S3Error `AccessDenied`
 */
export function authorizeSubscription(
  question: SnsQuestion,
  topic: { readonly arn: string; readonly accountId: string },
  ownerId: string | undefined,
): TopicGrant {
  const { caller, action } = question;
  if (caller.account.id !== topic.accountId && caller.account.id !== ownerId) {
    throw denied(question, topic.arn, ` because no resource-based policy allows the ${action} action`);
  }
  requireIdentityAllows(question, toPolicyRequest(question, topic.arn, topic.accountId));
  return grantOf(topic, caller.account.id);
}

/**
 * Authorizes what no caller requests: S3 notifies a topic about events of a bucket. Undefined if this is not allowed.
 */
export function authorizeNotification(topic: TopicAccess, bucket: SourceBucket, now: Date): TopicGrant | undefined {
  const isAllowed =
    topic.policy === undefined
      ? topic.accountId === bucket.accountId
      : decisionOf(topic, {
          principal: S3_SERVICE,
          action: "SNS:Publish",
          resource: topic.arn,
          keys: serviceKeys(bucket, topic.accountId, now),
        }).effect === "allow";
  return isAllowed ? grantOf(topic, bucket.accountId) : undefined;
}

/** @throws S3Error `AccessDenied` for a link that the deployment has not created */
export function authorizeUnsubscribe(link: { subscriptionArn: string; isGenuine: boolean }): UnsubscribeGrant {
  if (!link.isGenuine) throw new S3Error("AccessDenied");
  return { subscriptionArn: link.subscriptionArn } as UnsubscribeGrant;
}

/** A topic without a policy has the default policy, which allows nothing by itself. */
function decisionOf(topic: TopicAccess, request: PolicyRequest): PolicyDecision {
  const policy = topicPolicyOf(topic);
  return policy === undefined ? { effect: "none" } : evaluatePolicy(policy, request);
}

/** Whether the policy allows the user, or everyone. An Allow for the account delegates to the user's own policies. */
function givesByName(decision: PolicyDecision): boolean {
  return decision.effect === "allow" && decision.via !== "account";
}

/**
 * Whether the caller's own policies do not restrict what the topic's policy allows: no Deny, and an Allow of the
 * session's.
 */
function ownPoliciesPermit({ caller }: SnsQuestion, request: PolicyRequest): boolean {
  const { user, session } = callerEffects(policiesOf(caller), request);
  return user !== "deny" && session === "allow";
}

function grantOf({ arn, accountId }: Omit<TopicAccess, "policy">, callerAccountId: string): TopicGrant {
  return { accountId, topicArn: arn, callerAccountId } as TopicGrant;
}
