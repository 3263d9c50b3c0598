/** Rows as D1 returns them, and their translation into the model. snake_case stops here. */
import type { Bucket, BucketDocumentTypes, BucketQuotas } from "../../model/bucket.ts";
import type { Account } from "../../model/caller.ts";
import type { SignatureVersion, Subscription, Topic, TopicAccess, TopicPolicy } from "../../model/topic.ts";
import type { PolicyUsers } from "../../model/user.ts";
import { QUOTA_COLUMNS, QUOTA_JOINS, toQuota } from "./quotas.ts";

export interface AccountRow {
  readonly id: string;
  readonly canonical_id: string;
  readonly display_name: string;
  readonly is_root: number;
  readonly created_at: number;
}

export interface AccessKeyRow {
  readonly id: string;
  readonly account_id: string;
  readonly status: string;
  readonly created_at: number;
}

export interface BucketRow {
  readonly name: string;
  readonly id: string;
  readonly account_id: string;
  readonly region: string;
  readonly created_at: number;
  /** When the bucket was marked for deletion, by a request that may have died. */
  readonly deleting_since: number | null;
  readonly canonical_id: string;
  readonly display_name: string;
  /** JSON object of JSON texts by kind. */
  readonly documents: string;
  readonly bucket_quota: string | null;
  readonly account_quota: string | null;
}

/** Every read of a bucket includes its owner and its documents, so that a request needs no second query. */
export const SELECT_BUCKETS = selectBuckets("d.bucket_id = b.id");

/** With no other document than that, where many buckets are read at a time. */
export const SELECT_BUCKETS_VERSIONING = selectBuckets("d.bucket_id = b.id AND d.kind = 'versioning'");

function selectBuckets(documents: string): string {
  return `
  SELECT b.name, b.id, b.account_id, b.region, b.created_at, b.deleting_since, a.canonical_id, a.display_name,
    (SELECT json_group_object(d.kind, d.body) FROM bucket_documents d WHERE ${documents}) AS documents,${QUOTA_COLUMNS}
  FROM buckets b JOIN accounts a ON a.id = b.account_id${QUOTA_JOINS}`;
}

export function toAccount(row: AccountRow): Account {
  return { id: row.id, canonicalId: row.canonical_id, displayName: row.display_name, isRoot: row.is_root === 1 };
}

/** How long the mark of a deletion is valid. */
export const DELETION_MARK_MS = 60_000;

/** @param readAt the time before the query was sent */
export function toBucket(row: BucketRow, readAt: Date): Bucket {
  return {
    name: row.name,
    id: row.id,
    accountId: row.account_id,
    ownerId: row.canonical_id,
    ownerDisplayName: row.display_name,
    region: row.region,
    createdAt: new Date(row.created_at),
    readAt,
    isBeingDeleted: row.deleting_since !== null && readAt.getTime() - row.deleting_since < DELETION_MARK_MS,
    documents: toDocuments(row.documents),
    ...((row.bucket_quota !== null || row.account_quota !== null) && { quotas: toQuotas(row) }),
  };
}

function toQuotas({ bucket_quota: own, account_quota: account }: BucketRow): BucketQuotas {
  return {
    ...(own !== null && { bucket: toQuota(own) }),
    ...(account !== null && { account: toQuota(account) }),
  };
}

/** Each body was written by `BucketDocuments` in the form its kind has. */
function toDocuments(json: string): Partial<BucketDocumentTypes> {
  const bodies = JSON.parse(json) as Record<string, string>;
  return Object.fromEntries(Object.entries(bodies).map(([kind, body]) => [kind, JSON.parse(body) as unknown]));
}

/** A row of `topics`. */
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

export type ConfirmedRow = SubscriptionRow & { readonly signature_version: number };

/** A confirmed subscription with the attributes of its topic that its messages depend on. */
export interface ConfirmedSubscription extends Subscription {
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

export function toConfirmed(row: ConfirmedRow): ConfirmedSubscription {
  return { ...toSubscription(row), signatureVersion: toSignatureVersion(row.signature_version) };
}

function toSignatureVersion(stored: number): SignatureVersion {
  return stored === 2 ? 2 : 1;
}

/** A row of `subscriptions`. */
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
