/** Rows of `topics`, and of `subscriptions` with what of their topic shapes their messages. */
import type { PolicyUsers } from "../../model/policy-users.ts";
import type { SignatureVersion, Subscription, Topic, TopicAccess, TopicPolicy } from "../../model/topic.ts";
import { type SubscriptionRow, toSubscription } from "./subscription-rows.ts";

export interface TopicRow {
  readonly arn: string;
  readonly display_name: string;
  readonly signature_version: number;
  readonly policy: string | null;
  readonly policy_users: string | null;
}

export interface AccessRow {
  readonly arn: string;
  readonly account_id: string;
  readonly policy: string | null;
  readonly policy_users: string | null;
}

export type ReceiverRow = SubscriptionRow & { readonly signature_version: number };

/** A confirmed subscription with what of its topic shapes its messages. */
export interface Receiver extends Subscription {
  readonly signatureVersion: SignatureVersion;
}

export function toTopic(row: TopicRow): Topic {
  return {
    arn: row.arn,
    displayName: row.display_name,
    signatureVersion: toSignatureVersion(row.signature_version),
    policy: toPolicy(row),
  };
}

export function toAccess(row: AccessRow): TopicAccess {
  const { arn, account_id } = row;
  return { arn, accountId: account_id, policy: toPolicy(row) };
}

function toPolicy({
  policy,
  policy_users: users,
}: Pick<AccessRow, "policy" | "policy_users">): TopicPolicy | undefined {
  return policy === null
    ? undefined
    : { text: policy, users: users === null ? {} : (JSON.parse(users) as PolicyUsers) };
}

export function toReceiver(row: ReceiverRow): Receiver {
  return { ...toSubscription(row), signatureVersion: toSignatureVersion(row.signature_version) };
}

function toSignatureVersion(stored: number): SignatureVersion {
  return stored === 2 ? 2 : 1;
}
