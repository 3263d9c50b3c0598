/**
 * May this caller do this to a topic, and may this bucket notify it? Deny by default ("How Amazon SNS works with IAM",
 * IAM "Policy evaluation logic"):
 *
 * 1. A Deny of any policy that applies wins: the topic's, the user's, the session's. Deviation: the root of the topic's
 *    account can always read and replace the policy, as with buckets; no support desk could unlock the topic.
 * 2. In the topic's own account, the account's root may do everything; a user needs an Allow of its own policies, or of
 *    the topic's policy by name or as one of everyone.
 * 3. Another account needs an Allow of the topic's policy, and its user one of its own policies as well.
 * 4. A bucket needs an Allow of the topic's policy for S3 (`s3.amazonaws.com`), whosever the bucket is. Deviation: a topic
 *    that has been given no policy is open to the buckets of its account; AWS lets none in.
 *
 * The repositories take the grants that only this file can make.
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

// Never exported: without the symbol no other file can write the types below.
declare const granted: unique symbol;

/** Proof of a permission on the account's topics as a whole. */
export interface TopicsGrant {
  readonly [granted]: "topics";
  readonly accountId: string;
}

/** Proof of a permission on one topic, whether or not it exists. */
export interface TopicGrant {
  readonly [granted]: "topic";
  /** The owner's. */
  readonly accountId: string;
  readonly topicArn: string;
  /** Of the caller, or of the bucket. */
  readonly callerAccountId: string;
}

/** Proof of a link that the deployment itself has sent to the subscription's endpoint. */
export interface UnsubscribeGrant {
  readonly [granted]: "unsubscribe";
  readonly subscriptionArn: string;
}

export interface SnsQuestion extends IdentityQuestion {
  readonly action: `SNS:${string}`;
}

/** What lets the root of a topic's account out of a policy that denies it everything. */
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
 * For a topic that the caller is about to make, or has: its policy has no say ("Valid Amazon SNS policy actions" has no
 * CreateTopic).
 * @throws S3Error `AccessDenied`
 */
export function authorizeNewTopic(question: SnsQuestion, topicArn: string): TopicGrant {
  const { id: accountId } = question.caller.account;
  requireIdentityAllows(question, toPolicyRequest(question, topicArn));
  return grantOf({ arn: topicArn, accountId }, accountId);
}

/**
 * For what is there of a subscription: its account and the topic's may. Policies of topics have no say (those actions are
 * none of theirs).
 * @param ownerId account that subscribed; undefined where there is no such subscription
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

/** The one way for what no caller asked for: S3 telling a topic of a bucket's events. Undefined: it may not. */
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

/** @throws S3Error `AccessDenied` for a link that the deployment has not made */
export function authorizeUnsubscribe(link: { subscriptionArn: string; isGenuine: boolean }): UnsubscribeGrant {
  if (!link.isGenuine) throw new S3Error("AccessDenied");
  return { subscriptionArn: link.subscriptionArn } as UnsubscribeGrant;
}

/** The default policy allows nobody anything by itself. */
function decisionOf(topic: TopicAccess, request: PolicyRequest): PolicyDecision {
  const policy = topicPolicyOf(topic);
  return policy === undefined ? { effect: "none" } : evaluatePolicy(policy, request);
}

/** Naming the account delegates to the user's own policies. */
function givesByName(decision: PolicyDecision): boolean {
  return decision.effect === "allow" && decision.via !== "account";
}

/** Whether they leave what the topic's policy gives: no Deny, and an Allow of the session's. */
function ownPoliciesPermit({ caller }: SnsQuestion, request: PolicyRequest): boolean {
  const { user, session } = callerEffects(policiesOf(caller), request);
  return user !== "deny" && session === "allow";
}

function grantOf({ arn, accountId }: Omit<TopicAccess, "policy">, callerAccountId: string): TopicGrant {
  return { accountId, topicArn: arn, callerAccountId } as TopicGrant;
}
