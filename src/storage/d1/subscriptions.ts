/**
 * Subscriptions to topics and their confirmation. Tokens are kept as their SHA-256: who reads the table can confirm
 * nothing.
 */
import type { TopicGrant, TopicsGrant, UnsubscribeGrant } from "../../access/authorize-sns.ts";
import { sha256Hex } from "../../checksum/hasher.ts";
import { newConfirmationToken, newUuid } from "../../model/random-ids.ts";
import { type SignatureVersion, type Subscription, topicOfSubscription } from "../../model/topic.ts";
import { type SubscriptionRow, toSubscription } from "./rows.ts";
import type { Topics } from "./topics.ts";

/** Each event is a message for each of them. */
export const MAX_SUBSCRIPTIONS_PER_TOPIC = 100;

/** "Confirmation tokens are valid for … 3 days" (API_Subscribe: "You must confirm … within three days"). */
export const TOKEN_LIFETIME_MS = 3 * 24 * 60 * 60 * 1000;

/** What else is sent as one needs no look. */
const TOKEN = /^[0-9a-f]{64}$/;

const encoder = new TextEncoder();
const hashOf = (token: string) => sha256Hex(encoder.encode(token));

/** With the token its endpoint is to be sent. */
export interface UnconfirmedSubscription {
  readonly subscription: Subscription;
  readonly token: string;
}

/** Whom a subscription makes the deployment call. */
export type SubscriptionEndpoint = Pick<Subscription, "accountId" | "endpoint">;

export type SubscribeResult =
  /** `token`: undefined where it has been confirmed before. */
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
   * One for each endpoint of a topic: what is there and confirmed stays, what is not gets a new token and is from then on
   * of the account that asked last.
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
   * Whoever has the token is the endpoint, or was given it there. It may be used more than once while it is valid.
   * @param authenticateOnUnsubscribe true: from now on its link does not unsubscribe
   * @returns undefined for a token that is not one of this topic, or has expired
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
   * The account whose subscription this is, for a decision about it.
   * @param by its ARN, or the token it was sent last
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

  /** Of the account, in order of their ARNs. */
  async list(by: TopicsGrant, { after, limit }: Page): Promise<Subscription[]> {
    const { results } = await this.#db
      .prepare("SELECT * FROM subscriptions WHERE account_id = ?1 AND arn > ?2 ORDER BY arn LIMIT ?3")
      .bind(by.accountId, after, limit)
      .all<SubscriptionRow>();
    return results.map(toSubscription);
  }

  /** Of one topic, in order of their ARNs; undefined if there is no such topic. */
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

  /** One that is not there is none, too. */
  async unsubscribe(by: TopicGrant, arn: string): Promise<void> {
    await this.#db.prepare("DELETE FROM subscriptions WHERE arn = ?1 AND topic_arn = ?2").bind(arn, by.topicArn).run();
    this.#topics.forget(by.topicArn);
  }

  /**
   * By the link in a message. "A final cancellation message is delivered to the endpoint, so that the endpoint owner can
   * easily resubscribe" (API_Unsubscribe): hence the token.
   * @returns undefined where there is nothing to end
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

  /** By ARN, without those that are gone. One query at most. */
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
   * @returns undefined once it is confirmed, gone, or was sent a newer token
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

  /** Removes what was never confirmed, and what was ended by its link, once the token can bring neither back. */
  async removeExpired(now: Date): Promise<number> {
    const { meta } = await this.#db
      .prepare("DELETE FROM subscriptions WHERE status <> 'confirmed' AND token_expires_at <= ?1")
      .bind(now.getTime())
      .run();
    return meta.changes;
  }
}
