/**
 * Subscriptions to topics and their confirmation. Tokens are stored as their SHA-256, so that a reader of the table cannot
 * confirm a subscription.
 */
import type { TopicGrant, TopicsGrant, UnsubscribeGrant } from "../../access/authorize-sns.ts";
import { sha256Hex } from "../../checksum/hasher.ts";
import { newConfirmationToken, newUuid } from "../../model/random-ids.ts";
import { type SignatureVersion, type Subscription, topicOfSubscription } from "../../model/topic.ts";
import { type SubscriptionRow, toSubscription } from "./rows.ts";
import type { Topics } from "./topics.ts";

/** Each event becomes a message for each subscription. */
export const MAX_SUBSCRIPTIONS_PER_TOPIC = 100;

/** "Confirmation tokens are valid for … 3 days" (API_Subscribe: "You must confirm … within three days"). */
const TOKEN_LIFETIME_MS = 3 * 24 * 60 * 60 * 1000;

/** The form of a token; any other text needs no query. */
const TOKEN = /^[0-9a-f]{64}$/;

const encoder = new TextEncoder();
const hashOf = (token: string) => sha256Hex(encoder.encode(token));

/** With the token that is to be sent to its endpoint. */
export interface UnconfirmedSubscription {
  readonly subscription: Subscription;
  readonly token: string;
}

/** The endpoint that the deployment calls for a subscription, and the account that subscribed it. */
export type SubscriptionEndpoint = Pick<Subscription, "accountId" | "endpoint">;

export type SubscribeResult =
  /** `token`: undefined if it was confirmed before. */
  | { readonly outcome: "subscribed"; readonly subscription: Subscription; readonly token: string | undefined }
  | { readonly outcome: "other-attributes" | "too-many" | "no-topic" };

interface Page {
  readonly after: string;
  readonly limit: number;
}

export class Subscriptions {
  readonly #db: D1Database;
  readonly #topics: Topics;

  constructor(db: D1Database, topics: Topics) {
    this.#db = db;
    this.#topics = topics;
  }

  /**
   * A topic has one subscription for each endpoint: a confirmed one stays, an unconfirmed one gets a new token and belongs
   * to the account that asked last.
   */
  async subscribe(
    by: TopicGrant,
    wanted: { readonly endpoint: string; readonly isRaw: boolean | undefined; readonly now: Date },
  ): Promise<SubscribeResult> {
    const token = newConfirmationToken();
    const { endpoint, isRaw, now } = wanted;
    const expiresAt = now.getTime() + TOKEN_LIFETIME_MS;
    const unconfirmed = [hashOf(token), expiresAt, Number(isRaw ?? false), by.callerAccountId];
    const [, , found, topic] = await this.#db.batch([
      this.#db
        .prepare(
          `INSERT INTO subscriptions
             (arn, topic_arn, endpoint, token_hash, token_expires_at, raw_delivery, account_id, status, created_at)
           SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, 'pending', ?8 WHERE EXISTS (SELECT 1 FROM topics WHERE arn = ?2)
             AND (SELECT count(*) FROM subscriptions WHERE topic_arn = ?2) < ?9
           ON CONFLICT DO NOTHING`,
        )
        .bind(
          `${by.topicArn}:${newUuid()}`,
          by.topicArn,
          endpoint,
          ...unconfirmed,
          now.getTime(),
          MAX_SUBSCRIPTIONS_PER_TOPIC,
        ),
      this.#db
        .prepare(
          `UPDATE subscriptions
           SET token_hash = ?3, token_expires_at = ?4, raw_delivery = ?5, account_id = ?6, status = 'pending'
           WHERE topic_arn = ?1 AND endpoint = ?2 AND status <> 'confirmed'`,
        )
        .bind(by.topicArn, endpoint, ...unconfirmed),
      this.#db
        .prepare("SELECT * FROM subscriptions WHERE topic_arn = ?1 AND endpoint = ?2")
        .bind(by.topicArn, endpoint),
      this.#db.prepare("SELECT 1 FROM topics WHERE arn = ?1").bind(by.topicArn),
    ]);
    const row = found?.results[0] as SubscriptionRow | undefined;
    if (row === undefined) return { outcome: topic?.results.length === 1 ? "too-many" : "no-topic" };
    const subscription = toSubscription(row);
    if (subscription.status !== "confirmed") return { outcome: "subscribed", subscription, token };
    if (isRaw !== undefined && isRaw !== subscription.isRaw) return { outcome: "other-attributes" };
    return { outcome: "subscribed", subscription, token: undefined };
  }

  /**
   * The token proves that the caller has access to the endpoint. It may be used more than once while it is valid.
   * @param authenticateOnUnsubscribe true: from now on its link does not unsubscribe
   * @returns undefined for a token that is not of this topic, or has expired
   */
  async confirm(
    topicArn: string,
    token: string,
    { authenticateOnUnsubscribe, now }: { readonly authenticateOnUnsubscribe: boolean; readonly now: Date },
  ): Promise<Subscription | undefined> {
    if (!TOKEN.test(token)) return undefined;
    const row = await this.#db
      .prepare(
        `UPDATE subscriptions
         SET status = 'confirmed', authenticate_on_unsubscribe = max(authenticate_on_unsubscribe, ?4)
         WHERE topic_arn = ?1 AND token_hash = ?2 AND token_expires_at > ?3 RETURNING *`,
      )
      .bind(topicArn, hashOf(token), now.getTime(), Number(authenticateOnUnsubscribe))
      .first<SubscriptionRow>();
    this.#topics.forget(topicArn);
    return row === null ? undefined : toSubscription(row);
  }

  /**
   * The account that owns the subscription, for a decision about it.
   * @param by its ARN, or the token that was sent to it last
   */
  async findOwner(
    topicArn: string,
    by: { readonly arn: string } | { readonly token: string },
  ): Promise<string | undefined> {
    const [column, value] = "arn" in by ? ["arn", by.arn] : ["token_hash", hashOf(by.token)];
    const row = await this.#db
      .prepare(`SELECT account_id FROM subscriptions WHERE topic_arn = ?1 AND ${column} = ?2`)
      .bind(topicArn, value)
      .first<Pick<SubscriptionRow, "account_id">>();
    return row?.account_id;
  }

  async find(by: TopicGrant, arn: string): Promise<Subscription | undefined> {
    const row = await this.#db
      .prepare("SELECT * FROM subscriptions WHERE arn = ?1 AND topic_arn = ?2")
      .bind(arn, by.topicArn)
      .first<SubscriptionRow>();
    return row === null ? undefined : toSubscription(row);
  }

  /** Subscriptions of the account, in order of their ARNs. */
  async list(by: TopicsGrant, { after, limit }: Page): Promise<Subscription[]> {
    const { results } = await this.#db
      .prepare("SELECT * FROM subscriptions WHERE account_id = ?1 AND arn > ?2 ORDER BY arn LIMIT ?3")
      .bind(by.accountId, after, limit)
      .all<SubscriptionRow>();
    return results.map(toSubscription);
  }

  /** Subscriptions of one topic, in order of their ARNs; undefined if there is no such topic. */
  async listOfTopic(by: TopicGrant, { after, limit }: Page): Promise<Subscription[] | undefined> {
    const [topic, found] = await this.#db.batch([
      this.#db.prepare("SELECT 1 FROM topics WHERE arn = ?1").bind(by.topicArn),
      this.#db
        .prepare("SELECT * FROM subscriptions WHERE topic_arn = ?1 AND arn > ?2 ORDER BY arn LIMIT ?3")
        .bind(by.topicArn, after, limit),
    ]);
    if (topic?.results.length !== 1) return undefined;
    return ((found?.results ?? []) as SubscriptionRow[]).map(toSubscription);
  }

  /** False if there is no such subscription. */
  async setRaw(by: TopicGrant, arn: string, isRaw: boolean): Promise<boolean> {
    const { meta } = await this.#db
      .prepare("UPDATE subscriptions SET raw_delivery = ?3 WHERE arn = ?1 AND topic_arn = ?2")
      .bind(arn, by.topicArn, Number(isRaw))
      .run();
    this.#topics.forget(by.topicArn);
    return meta.changes > 0;
  }

  /** Succeeds also if the subscription does not exist. */
  async unsubscribe(by: TopicGrant, arn: string): Promise<void> {
    await this.#db.prepare("DELETE FROM subscriptions WHERE arn = ?1 AND topic_arn = ?2").bind(arn, by.topicArn).run();
    this.#topics.forget(by.topicArn);
  }

  /**
   * By the link in a message. "A final cancellation message is delivered to the endpoint, so that the endpoint owner can
   * easily resubscribe" (API_Unsubscribe), which needs a token.
   * @returns undefined if there is no confirmed subscription
   */
  async unsubscribeByLink(
    { subscriptionArn }: UnsubscribeGrant,
    now: Date,
  ): Promise<UnconfirmedSubscription | "needs-authentication" | undefined> {
    const token = newConfirmationToken();
    const [ended, left] = await this.#db.batch([
      this.#db
        .prepare(
          `UPDATE subscriptions SET status = 'unsubscribed', token_hash = ?2, token_expires_at = ?3
           WHERE arn = ?1 AND status = 'confirmed' AND authenticate_on_unsubscribe = 0 RETURNING *`,
        )
        .bind(subscriptionArn, hashOf(token), now.getTime() + TOKEN_LIFETIME_MS),
      this.#db.prepare("SELECT 1 FROM subscriptions WHERE arn = ?1 AND status = 'confirmed'").bind(subscriptionArn),
    ]);
    this.#topics.forget(topicOfSubscription(subscriptionArn)?.arn ?? "");
    const row = ended?.results[0] as SubscriptionRow | undefined;
    if (row !== undefined) return { subscription: toSubscription(row), token };
    return left?.results.length === 1 ? "needs-authentication" : undefined;
  }

  /** By ARN, without those that do not exist. One query at most. */
  async findEndpoints(arns: readonly string[]): Promise<ReadonlyMap<string, SubscriptionEndpoint>> {
    if (arns.length === 0) return new Map();
    const { results } = await this.#db
      .prepare("SELECT arn, account_id, endpoint FROM subscriptions WHERE arn IN (SELECT value FROM json_each(?1))")
      .bind(JSON.stringify(arns))
      .all<Pick<SubscriptionRow, "arn" | "account_id" | "endpoint">>();
    return new Map(results.map(({ arn, account_id: accountId, endpoint }) => [arn, { accountId, endpoint }]));
  }

  /**
   * For its sender: the subscription that still waits for this token, and how its topic signs.
   * @returns undefined if it is confirmed, does not exist, or was sent a newer token
   */
  async findAwaiting(
    arn: string,
    token: string,
    now: Date,
  ): Promise<(Subscription & { readonly signatureVersion: SignatureVersion }) | undefined> {
    const row = await this.#db
      .prepare(
        `SELECT s.*, t.signature_version FROM subscriptions s JOIN topics t ON t.arn = s.topic_arn
         WHERE s.arn = ?1 AND s.token_hash = ?2 AND s.token_expires_at > ?3 AND s.status <> 'confirmed'`,
      )
      .bind(arn, hashOf(token), now.getTime())
      .first<SubscriptionRow & { signature_version: number }>();
    return row === null ? undefined : { ...toSubscription(row), signatureVersion: row.signature_version === 2 ? 2 : 1 };
  }

  /** Removes subscriptions that were never confirmed, or ended by their link, once their token has expired. */
  async removeExpired(now: Date): Promise<number> {
    const { meta } = await this.#db
      .prepare("DELETE FROM subscriptions WHERE status <> 'confirmed' AND token_expires_at <= ?1")
      .bind(now.getTime())
      .run();
    return meta.changes;
  }
}
