/**
 * The messages that SNS posts ("HTTP/HTTPS notification JSON format" and the formats of confirmations), the text that
 * is signed ("Verifying the signatures of Amazon SNS messages"), and the links they contain.
 */
import { S3Error } from "../errors.ts";
import type { MacKey } from "../model/mac-key.ts";
import type { SignatureVersion } from "../model/topic.ts";
import { formatContinuationToken, parseContinuationToken } from "../protocol/continuation-token.ts";

interface Common {
  /** UUID, the same in every attempt. */
  readonly MessageId: string;
  readonly TopicArn: string;
  readonly Message: string;
  /** ISO 8601 with milliseconds. */
  readonly Timestamp: string;
}

export interface Notification extends Common {
  readonly Type: "Notification";
  readonly Subject?: string;
}

export interface Confirmation extends Common {
  readonly Type: "SubscriptionConfirmation" | "UnsubscribeConfirmation";
  readonly Token: string;
  readonly SubscribeURL: string;
}

export interface SignatureFields {
  readonly SignatureVersion: SignatureVersion;
  /** Base64. */
  readonly Signature: string;
  readonly SigningCertURL: string;
}

/** In byte order. Each name and each value takes a line; absent fields are left out. */
const SIGNED = ["Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type"] as const;

export function stringToSign(message: Notification | Confirmation): string {
  const fields: Partial<Record<(typeof SIGNED)[number], string>> = message;
  return SIGNED.flatMap((name) => {
    const value = fields[name];
    return value === undefined ? [] : [`${name}\n${value}\n`];
  }).join("");
}

/** The body of a request, with its fields in the order of AWS's examples. */
export function formatEnvelope(
  message: Notification | Confirmation,
  signature: SignatureFields,
  unsubscribeUrl: string | undefined,
): string {
  const { Type, MessageId, TopicArn, Message, Timestamp } = message;
  const { SignatureVersion, Signature, SigningCertURL } = signature;
  const isNotification = message.Type === "Notification";
  const envelope = {
    Type,
    MessageId,
    ...(!isNotification && { Token: message.Token }),
    TopicArn,
    ...(isNotification && message.Subject !== undefined && { Subject: message.Subject }),
    Message,
    ...(!isNotification && { SubscribeURL: message.SubscribeURL }),
    Timestamp,
    SignatureVersion: String(SignatureVersion),
    Signature,
    SigningCertURL,
    ...(unsubscribeUrl !== undefined && { UnsubscribeURL: unsubscribeUrl }),
  };
  return JSON.stringify(envelope, null, 2);
}

export function confirmationText(type: Confirmation["Type"], topicArn: string, subscriptionArn: string): string {
  return type === "SubscriptionConfirmation"
    ? `You have chosen to subscribe to the topic ${topicArn}.\nTo confirm the subscription, visit the SubscribeURL included in this message.`
    : `You have chosen to deactivate subscription ${subscriptionArn}.\nTo cancel this operation and restore the subscription, visit the SubscribeURL included in this message.`;
}

const UNSUBSCRIBE = "sns/unsubscribe";

/** ARNs and tokens need no escaping in a query. */
export function subscribeUrl(endpoint: string, topicArn: string, token: string): string {
  return `${endpoint}/?Action=ConfirmSubscription&TopicArn=${topicArn}&Token=${token}`;
}

export async function unsubscribeUrl(tokenKey: MacKey, endpoint: string, subscriptionArn: string): Promise<string> {
  const token = await formatContinuationToken(tokenKey, UNSUBSCRIBE, subscriptionArn);
  return `${endpoint}/?Action=Unsubscribe&SubscriptionArn=${subscriptionArn}&Token=${token}`;
}

/** Whether this deployment created the token for a link of this subscription. */
export async function isUnsubscribeToken(tokenKey: MacKey, subscriptionArn: string, token: string): Promise<boolean> {
  try {
    return (await parseContinuationToken(tokenKey, UNSUBSCRIBE, token)) === subscriptionArn;
  } catch (error) {
    if (error instanceof S3Error) return false;
    throw error;
  }
}
