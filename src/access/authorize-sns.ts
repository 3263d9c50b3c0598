/**
 * May this caller do this to a topic? Deny by default.
 *
 * Topics have no policies of their own: the root of their account may do everything, its users and sessions what their
 * policies allow, other accounts nothing. The repositories take the grants that only this file can make.
 */
import { S3Error } from "../errors.ts";
import { denied, type IdentityQuestion, requireIdentityAllows } from "./identity.ts";

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
  readonly accountId: string;
  readonly topicArn: string;
}

/** Proof of a link that the deployment itself has sent to the subscription's endpoint. */
export interface UnsubscribeGrant {
  readonly [granted]: "unsubscribe";
  readonly subscriptionArn: string;
}

export interface SnsQuestion extends IdentityQuestion {
  readonly action: `SNS:${string}`;
}

/**
 * @param resource "User: … is not authorized to perform: SNS:ListTopics on resource: arn:aws:sns:<region>:<account>:*"
 * @throws S3Error `AccessDenied`
 */
export function authorizeTopics(question: SnsQuestion, region: string): TopicsGrant {
  const { id: accountId } = question.caller.account;
  requireIdentityAllows(question, `arn:aws:sns:${region}:${accountId}:*`);
  return { accountId } as TopicsGrant;
}

/** @throws S3Error `AccessDenied` */
export function authorizeTopic(question: SnsQuestion, topic: { arn: string; accountId: string }): TopicGrant {
  const { caller, action } = question;
  if (topic.accountId !== caller.account.id) {
    throw denied(question, topic.arn, ` because no resource-based policy allows the ${action} action`);
  }
  requireIdentityAllows(question, topic.arn);
  return { accountId: topic.accountId, topicArn: topic.arn } as TopicGrant;
}

/** @throws S3Error `AccessDenied` for a link that the deployment has not made */
export function authorizeUnsubscribe(link: { subscriptionArn: string; isGenuine: boolean }): UnsubscribeGrant {
  if (!link.isGenuine) throw new S3Error("AccessDenied");
  return { subscriptionArn: link.subscriptionArn } as UnsubscribeGrant;
}
