/** What is put into the queue of deliveries for a subscription, apart from the events of buckets. */
import { newUuid } from "../model/random-ids.ts";
import type { Subscription } from "../model/topic.ts";
import type { UnconfirmedSubscription } from "../storage/d1/subscriptions.ts";
import type { DeliveryMessage, TopicMessage } from "../storage/journal/messages.ts";

interface Occasion {
  readonly now: Date;
  /** Scheme and host by which the deployment was reached: links in the message lead there. */
  readonly endpoint: string;
}

/** @param messageId "unique for each message published", the same for all who get it */
export function topicMessage(
  { arn: subscriptionArn, topicArn }: Subscription,
  messageId: string,
  content: TopicMessage["topic"]["content"],
  { now, endpoint }: Occasion,
): DeliveryMessage {
  return {
    kind: "delivery",
    id: `${messageId}-${subscriptionArn}`,
    receiver: { kind: "subscription", topicArn, subscriptionArn },
    event: { topic: { messageId, time: now.getTime(), endpoint, content } },
    attempt: 0,
  };
}

export function confirmationMessage(
  type: "SubscriptionConfirmation" | "UnsubscribeConfirmation",
  { subscription, token }: UnconfirmedSubscription,
  occasion: Occasion,
): DeliveryMessage {
  return topicMessage(subscription, newUuid(), { type, token }, occasion);
}
