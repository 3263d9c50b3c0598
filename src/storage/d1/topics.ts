/**
 * SNS topics, and which subscriptions get their messages. The latter is read with every event, so an isolate remembers it
 * for `ttlMs`; a write drops it in its own isolate at once.
 */
import type { TopicGrant, TopicsGrant } from "../../access/authorize-sns.ts";
import {
  parseTopicArn,
  type SignatureVersion,
  type Subscription,
  type Topic,
  topicOfSubscription,
} from "../../model/topic.ts";
import { TtlCache } from "../ttl-cache.ts";
import { type SubscriptionRow, toSubscription } from "./subscription-rows.ts";

export const MAX_TOPICS_PER_ACCOUNT = 1_000;

const MAX_REMEMBERED = 1_000;

interface TopicRow {
  readonly arn: string;
  readonly display_name: string;
  readonly signature_version: number;
}

export interface TopicState extends Topic {
  readonly confirmed: number;
  readonly pending: number;
  readonly deleted: number;
}

/** A confirmed subscription with what of its topic shapes its messages. */
export interface Receiver extends Subscription {
  readonly signatureVersion: SignatureVersion;
}

export type CreateTopicResult =
  | { readonly outcome: "created" | "exists"; readonly topic: Topic }
  | { readonly outcome: "too-many" };

export class Topics {
  readonly #db: D1Database;
  readonly #receivers: TtlCache<readonly Receiver[]>;

  constructor(db: D1Database, ttlMs: number) {
    this.#db = db;
    this.#receivers = new TtlCache({ ttlMs, maxEntries: MAX_REMEMBERED });
  }

  /** Makes the topic unless it is there, as which it is then returned. */
  async create(
    by: TopicGrant,
    topic: { readonly displayName: string; readonly signatureVersion: SignatureVersion; readonly now: Date },
  ): Promise<CreateTopicResult> {
    const [inserted, found] = await this.#db.batch([
      this.#db
        .prepare(
          `INSERT INTO topics (arn, account_id, display_name, signature_version, created_at)
           SELECT ?1, ?2, ?3, ?4, ?5 WHERE (SELECT count(*) FROM topics WHERE account_id = ?2) < ?6
           ON CONFLICT DO NOTHING RETURNING arn`,
        )
        .bind(
          by.topicArn,
          by.accountId,
          topic.displayName,
          topic.signatureVersion,
          topic.now.getTime(),
          MAX_TOPICS_PER_ACCOUNT,
        ),
      this.#db.prepare("SELECT * FROM topics WHERE arn = ?1").bind(by.topicArn),
    ]);
    const row = found?.results[0] as TopicRow | undefined;
    if (row === undefined) return { outcome: "too-many" };
    return { outcome: inserted?.results.length === 1 ? "created" : "exists", topic: toTopic(row) };
  }

  async find(by: TopicGrant): Promise<TopicState | undefined> {
    const row = await this.#db
      .prepare(
        `SELECT t.*,
           (SELECT count(*) FROM subscriptions WHERE topic_arn = t.arn AND status = 'confirmed') AS confirmed,
           (SELECT count(*) FROM subscriptions WHERE topic_arn = t.arn AND status = 'pending') AS pending,
           (SELECT count(*) FROM subscriptions WHERE topic_arn = t.arn AND status = 'unsubscribed') AS deleted
         FROM topics t WHERE t.arn = ?1`,
      )
      .bind(by.topicArn)
      .first<TopicRow & { confirmed: number; pending: number; deleted: number }>();
    if (row === null) return undefined;
    const { confirmed, pending, deleted } = row;
    return { ...toTopic(row), confirmed, pending, deleted };
  }

  /** ARNs, in order. */
  async list(by: TopicsGrant, { after, limit }: { after: string; limit: number }): Promise<string[]> {
    const { results } = await this.#db
      .prepare("SELECT arn FROM topics WHERE account_id = ?1 AND arn > ?2 ORDER BY arn LIMIT ?3")
      .bind(by.accountId, after, limit)
      .all<{ arn: string }>();
    return results.map(({ arn }) => arn);
  }

  /** False if there is no such topic. */
  async update(
    by: TopicGrant,
    changed: { readonly displayName?: string; readonly signatureVersion?: SignatureVersion },
  ): Promise<boolean> {
    const { meta } = await this.#db
      .prepare(
        `UPDATE topics SET display_name = coalesce(?2, display_name), signature_version = coalesce(?3, signature_version)
         WHERE arn = ?1`,
      )
      .bind(by.topicArn, changed.displayName ?? null, changed.signatureVersion ?? null)
      .run();
    this.forget(by.topicArn);
    return meta.changes > 0;
  }

  /** With its subscriptions. */
  async delete(by: TopicGrant): Promise<void> {
    await this.#db.prepare("DELETE FROM topics WHERE arn = ?1").bind(by.topicArn).run();
    this.forget(by.topicArn);
  }

  /** Whether the account has this topic: only then may its buckets notify it. */
  async exists(arn: string, accountId: string): Promise<boolean> {
    const found = await this.#db
      .prepare("SELECT 1 FROM topics WHERE arn = ?1 AND account_id = ?2")
      .bind(arn, accountId)
      .first();
    return found !== null;
  }

  /**
   * The confirmed subscriptions of each topic, for messages in the account's name: topics of others have none. At most one
   * D1 call, none while remembered.
   */
  async receiversOf(
    arns: readonly string[],
    { accountId }: { readonly accountId: string },
  ): Promise<ReadonlyMap<string, readonly Receiver[]>> {
    const now = Date.now();
    const found = new Map<string, readonly Receiver[]>();
    const missing: string[] = [];
    for (const arn of new Set(arns)) {
      if (parseTopicArn(arn)?.accountId !== accountId) continue;
      const known = this.#receivers.get(arn, now);
      if (known === undefined) missing.push(arn);
      else found.set(arn, known.value);
    }
    if (missing.length === 0) return found;
    const { results } = await this.#db
      .prepare(
        `SELECT s.*, t.signature_version FROM subscriptions s JOIN topics t ON t.arn = s.topic_arn
         WHERE s.status = 'confirmed' AND s.topic_arn IN (SELECT value FROM json_each(?1)) ORDER BY s.arn`,
      )
      .bind(JSON.stringify(missing))
      .all<SubscriptionRow & { signature_version: number }>();
    for (const arn of missing) {
      const receivers = results.filter(({ topic_arn }) => topic_arn === arn).map(toReceiver);
      this.#receivers.set(arn, receivers, now);
      found.set(arn, receivers);
    }
    return found;
  }

  /**
   * One of them. Another isolate may know of it before this one does, so what is not remembered is looked up.
   * @returns undefined for one that is gone, or was never confirmed
   */
  async findReceiver(arn: string): Promise<Receiver | undefined> {
    const topic = topicOfSubscription(arn);
    if (topic === undefined) return undefined;
    const find = async () =>
      (await this.receiversOf([topic.arn], topic)).get(topic.arn)?.find((one) => one.arn === arn);
    const known = await find();
    if (known !== undefined) return known;
    this.forget(topic.arn);
    return find();
  }

  /** What is remembered of who gets the topic's messages. */
  forget(topicArn: string): void {
    this.#receivers.delete(topicArn);
  }
}

function toTopic(row: TopicRow): Topic {
  return { arn: row.arn, displayName: row.display_name, signatureVersion: toSignatureVersion(row.signature_version) };
}

function toReceiver(row: SubscriptionRow & { signature_version: number }): Receiver {
  return { ...toSubscription(row), signatureVersion: toSignatureVersion(row.signature_version) };
}

function toSignatureVersion(stored: number): SignatureVersion {
  return stored === 2 ? 2 : 1;
}
