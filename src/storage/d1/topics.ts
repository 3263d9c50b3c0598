/**
 * SNS topics, and the subscriptions that get their messages. Those are read with every event, together with the policy that
 * says whose events may be published, so an isolate caches both for `ttlMs`; its own writes remove them at once.
 */
import type { TopicGrant, TopicsGrant } from "../../access/authorize-sns.ts";
import {
  parseTopicArn,
  type SignatureVersion,
  type Topic,
  type TopicAccess,
  type TopicPolicy,
  topicOfSubscription,
} from "../../model/topic.ts";
import { TtlCache } from "../ttl-cache.ts";
import {
  type AccessRow,
  type ConfirmedRow,
  type ConfirmedSubscription,
  type TopicRow,
  toAccess,
  toConfirmed,
  toTopic,
} from "./rows.ts";

export const MAX_TOPICS_PER_ACCOUNT = 1_000;

const MAX_REMEMBERED = 1_000;

export interface TopicState extends Topic {
  readonly confirmed: number;
  readonly pending: number;
  readonly deleted: number;
}

export interface Audiences {
  /** For decisions about events. The owner of a topic that does not exist is taken from its ARN. */
  readonly access: readonly TopicAccess[];
  /** The confirmed subscriptions of one of them. */
  confirmedOf(grant: TopicGrant): readonly ConfirmedSubscription[];
}

interface Audience {
  readonly access: TopicAccess;
  readonly confirmed: readonly ConfirmedSubscription[];
}

export type CreateTopicResult =
  | { readonly outcome: "created" | "exists"; readonly topic: Topic }
  | { readonly outcome: "too-many" };

export class Topics {
  readonly #db: D1Database;
  readonly #audiences: TtlCache<Audience>;

  constructor(db: D1Database, ttlMs: number) {
    this.#db = db;
    this.#audiences = new TtlCache({ ttlMs, maxEntries: MAX_REMEMBERED });
  }

  /** Creates the topic, or returns the existing one. */
  async create(by: TopicGrant, topic: Omit<Topic, "arn"> & { readonly now: Date }): Promise<CreateTopicResult> {
    const [inserted, found] = await this.#db.batch([
      this.#db
        .prepare(
          `INSERT INTO topics (arn, account_id, display_name, signature_version, created_at, policy, policy_users)
           SELECT ?1, ?2, ?3, ?4, ?5, ?7, ?8 WHERE (SELECT count(*) FROM topics WHERE account_id = ?2) < ?6
           ON CONFLICT DO NOTHING RETURNING arn`,
        )
        .bind(
          by.topicArn,
          by.accountId,
          topic.displayName,
          topic.signatureVersion,
          topic.now.getTime(),
          MAX_TOPICS_PER_ACCOUNT,
          ...columnsOf(topic.policy),
        ),
      this.#db.prepare("SELECT * FROM topics WHERE arn = ?1").bind(by.topicArn),
    ]);
    const row = found?.results[0] as TopicRow | undefined;
    this.forget(by.topicArn);
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

  /**
   * Replaces the policy `from` by `to`; undefined means no policy.
   * @returns false if the topic does not exist, or its policy is not `from` any more
   */
  async replacePolicy(by: TopicGrant, from: TopicPolicy | undefined, to: TopicPolicy | undefined): Promise<boolean> {
    const { meta } = await this.#db
      .prepare("UPDATE topics SET policy = ?3, policy_users = ?4 WHERE arn = ?1 AND policy IS ?2")
      .bind(by.topicArn, from?.text ?? null, ...columnsOf(to))
      .run();
    this.forget(by.topicArn);
    return meta.changes > 0;
  }

  /** Undefined values stay as they are; a policy of null is removed. False if there is no such topic. */
  async update(
    by: TopicGrant,
    changed: {
      readonly displayName?: string;
      readonly signatureVersion?: SignatureVersion;
      readonly policy?: TopicPolicy | null;
    },
  ): Promise<boolean> {
    const { meta } = await this.#db
      .prepare(
        `UPDATE topics SET display_name = coalesce(?2, display_name),
           signature_version = coalesce(?3, signature_version), policy = iif(?4, ?5, policy),
           policy_users = iif(?4, ?6, policy_users)
         WHERE arn = ?1`,
      )
      .bind(
        by.topicArn,
        changed.displayName ?? null,
        changed.signatureVersion ?? null,
        Number(changed.policy !== undefined),
        ...columnsOf(changed.policy ?? undefined),
      )
      .run();
    this.forget(by.topicArn);
    return meta.changes > 0;
  }

  /** Deletes the topic and its subscriptions. */
  async delete(by: TopicGrant): Promise<void> {
    await this.#db.prepare("DELETE FROM topics WHERE arn = ?1").bind(by.topicArn).run();
    this.forget(by.topicArn);
  }

  /** As it is in D1 now, for a decision about it. Undefined if there is no such topic. */
  async findAccess(arn: string): Promise<TopicAccess | undefined> {
    const row = await this.#db
      .prepare("SELECT arn, account_id, policy, policy_users FROM topics WHERE arn = ?1")
      .bind(arn)
      .first<AccessRow>();
    return row === null ? undefined : toAccess(row);
  }

  /** For all that are ARNs of topics. At most one D1 call, none while they are cached. */
  async audiences(arns: Iterable<string>): Promise<Audiences> {
    const found = await this.#findAudiences(arns);
    return {
      access: [...found.values()].map(({ access }) => access),
      confirmedOf: ({ topicArn }) => found.get(topicArn)?.confirmed ?? [],
    };
  }

  /**
   * A confirmed subscription. Another isolate may have confirmed it, so D1 is queried if it is not cached.
   * @returns undefined if it does not exist or was never confirmed
   */
  async findConfirmed(arn: string): Promise<ConfirmedSubscription | undefined> {
    const topic = topicOfSubscription(arn);
    if (topic === undefined) return undefined;
    const find = async () =>
      (await this.#findAudiences([topic.arn])).get(topic.arn)?.confirmed.find((one) => one.arn === arn);
    const known = await find();
    if (known !== undefined) return known;
    this.forget(topic.arn);
    return find();
  }

  async #findAudiences(arns: Iterable<string>): Promise<ReadonlyMap<string, Audience>> {
    const now = Date.now();
    const found = new Map<string, Audience>();
    const missing = new Map<string, TopicAccess>();
    for (const arn of new Set(arns)) {
      const accountId = parseTopicArn(arn)?.accountId;
      if (accountId === undefined) continue;
      const known = this.#audiences.get(arn, now);
      if (known === undefined) missing.set(arn, { arn, accountId, policy: undefined });
      else found.set(arn, known.value);
    }
    if (missing.size === 0) return found;
    const list = JSON.stringify([...missing.keys()]);
    const [topics, subscriptions] = await this.#db.batch([
      this.#db
        .prepare(
          "SELECT arn, account_id, policy, policy_users FROM topics WHERE arn IN (SELECT value FROM json_each(?1))",
        )
        .bind(list),
      this.#db
        .prepare(
          `SELECT s.*, t.signature_version FROM subscriptions s JOIN topics t ON t.arn = s.topic_arn
           WHERE s.status = 'confirmed' AND s.topic_arn IN (SELECT value FROM json_each(?1)) ORDER BY s.arn`,
        )
        .bind(list),
    ]);
    for (const row of (topics?.results ?? []) as AccessRow[]) missing.set(row.arn, toAccess(row));
    const confirmed = Map.groupBy((subscriptions?.results ?? []) as ConfirmedRow[], ({ topic_arn }) => topic_arn);
    for (const [arn, access] of missing) {
      const audience = { access, confirmed: (confirmed.get(arn) ?? []).map(toConfirmed) };
      this.#audiences.set(arn, { value: audience }, now);
      found.set(arn, audience);
    }
    return found;
  }

  /** Removes the topic's subscriptions and policy from the cache. */
  forget(topicArn: string): void {
    this.#audiences.delete(topicArn);
  }
}

function columnsOf(policy: TopicPolicy | undefined): [policy: string | null, users: string | null] {
  return policy === undefined ? [null, null] : [policy.text, JSON.stringify(policy.users)];
}
