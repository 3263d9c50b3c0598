/** Rows of `subscriptions`, as both repositories that read them understand them. */
import type { Subscription } from "../../model/topic.ts";

export interface SubscriptionRow {
  readonly arn: string;
  readonly topic_arn: string;
  readonly account_id: string;
  readonly endpoint: string;
  readonly raw_delivery: number;
  readonly status: string;
  readonly authenticate_on_unsubscribe: number;
}

export function toSubscription(row: SubscriptionRow): Subscription {
  return {
    arn: row.arn,
    topicArn: row.topic_arn,
    accountId: row.account_id,
    endpoint: row.endpoint,
    isRaw: row.raw_delivery === 1,
    status: row.status === "confirmed" || row.status === "unsubscribed" ? row.status : "pending",
    authenticateOnUnsubscribe: row.authenticate_on_unsubscribe === 1,
  };
}
