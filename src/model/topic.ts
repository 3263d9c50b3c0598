/** SNS topics and their subscriptions. */
import type { PolicyUsers } from "./user.ts";

export interface Topic {
  /** `arn:aws:sns:<region>:<account id>:<name>` */
  readonly arn: string;
  /** Empty: it has no display name. */
  readonly displayName: string;
  readonly signatureVersion: SignatureVersion;
  /** Undefined: it has the default policy. */
  readonly policy: TopicPolicy | undefined;
}

/** A policy that was put on a topic. */
export interface TopicPolicy {
  /** JSON, as it was put. */
  readonly text: string;
  readonly users: PolicyUsers;
}

/** What decides who may use a topic. */
export interface TopicAccess {
  readonly arn: string;
  /** The owner's account. */
  readonly accountId: string;
  /** Undefined: the default policy, or the topic does not exist. */
  readonly policy: TopicPolicy | undefined;
}

/** 1: SHA1withRSA, 2: SHA256withRSA ("Verifying the signatures of Amazon SNS messages"). */
export type SignatureVersion = 1 | 2;

export interface Subscription {
  /** `<topic ARN>:<UUID>` */
  readonly arn: string;
  readonly topicArn: string;
  /** The account that subscribed it, which may differ from the topic's if the topic's policy allows that. */
  readonly accountId: string;
  /** An `http:` or `https:` URL. */
  readonly endpoint: string;
  /** Whether messages come without SNS's envelope. */
  readonly isRaw: boolean;
  /**
   * `pending` until the endpoint confirms; `unsubscribed` by its own link, until the token that was then sent expires.
   * Only confirmed ones receive messages.
   */
  readonly status: "pending" | "confirmed" | "unsubscribed";
  /** Whether the link in messages does not unsubscribe. */
  readonly authenticateOnUnsubscribe: boolean;
}

export interface TopicName {
  readonly region: string;
  readonly accountId: string;
  readonly name: string;
}

export function topicArn({ region, accountId, name }: TopicName): string {
  return `arn:aws:sns:${region}:${accountId}:${name}`;
}

const TOPIC_ARN = /^arn:aws:sns:([a-z0-9-]{1,64}):(\d{12}):([\w-]{1,256})$/;
const UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
const SUBSCRIPTION_ARN = new RegExp(`^(.+):${UUID}$`);

export function parseTopicArn(arn: string): TopicName | undefined {
  const [, region, accountId, name] = TOPIC_ARN.exec(arn) ?? [];
  if (region === undefined || accountId === undefined || name === undefined) return undefined;
  return { region, accountId, name };
}

/** The topic of a subscription's ARN; undefined for any other text. */
export function topicOfSubscription(arn: string): (TopicName & { readonly arn: string }) | undefined {
  const topic = SUBSCRIPTION_ARN.exec(arn)?.[1];
  const name = topic === undefined ? undefined : parseTopicArn(topic);
  return topic === undefined || name === undefined ? undefined : { arn: topic, ...name };
}
