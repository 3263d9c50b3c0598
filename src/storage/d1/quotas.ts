/**
 * Quotas of buckets and accounts, and what has been written under them since the last count. What is used of a quota is read with
 * the bucket's row.
 */
import type { RootGrant } from "../../access/authorize.ts";
import type { QuotaAmount, QuotaLimits, QuotaState } from "../../model/quota.ts";

/** A bucket by its name, or an account by its id. */
export type QuotaSubject = { readonly bucketName: string } | { readonly accountId: string };

/** What an isolate has written. */
export interface AddedAmounts {
  readonly buckets: readonly (QuotaAmount & { readonly id: string })[];
  readonly accounts: readonly (QuotaAmount & { readonly id: string })[];
}

/** Rows of buckets that the isolate has cached. */
interface CachedRows {
  forgetAll(): void;
}

/** A bucket that refuses writes is counted again after this time for each call that its last count took. */
const MS_FOR_A_CALL = 10_000;
const LEAST_PAUSE_MS = 60_000;
/** The buckets of an account are summed again after this time for each of them. */
const MS_FOR_A_BUCKET = 36;

const USED_BYTES = "u.bytes + u.noncurrent_bytes + u.upload_bytes + u.added_bytes";
const USED_OBJECTS = "u.objects + u.versions + u.delete_markers + u.added_objects";
const SUM = `SELECT coalesce(sum(${USED_BYTES}), 0) AS bytes, coalesce(sum(${USED_OBJECTS}), 0) AS objects, count(*) AS n
  FROM buckets b LEFT JOIN bucket_usage u ON u.bucket_id = b.id WHERE b.account_id = account_quotas.account_id`;
const SET_SUM = `UPDATE account_quotas SET summed_at = ?1,
  (used_bytes, used_objects, buckets) = (${SUM})`;

/** For the row of a bucket: JSON of its own quota and of that of its account, null if there is none. */
export const QUOTA_COLUMNS = `
  iif(q.bucket_id IS NULL, NULL, json_array(q.max_bytes, q.max_objects,
    coalesce(${USED_BYTES}, 0), coalesce(${USED_OBJECTS}, 0))) AS bucket_quota,
  iif(aq.account_id IS NULL, NULL,
    json_array(aq.max_bytes, aq.max_objects, aq.used_bytes, aq.used_objects)) AS account_quota`;
export const QUOTA_JOINS = `
  LEFT JOIN bucket_quotas q ON q.bucket_id = b.id LEFT JOIN account_quotas aq ON aq.account_id = b.account_id
  LEFT JOIN bucket_usage u ON u.bucket_id = q.bucket_id`;

export function toQuota(json: string): QuotaState {
  const [bytes, objects, usedBytes, usedObjects] = JSON.parse(json) as [number | null, number | null, number, number];
  return { limits: toLimits(bytes, objects), used: { bytes: usedBytes, objects: usedObjects } };
}

export function toLimits(bytes: number | null | undefined, objects: number | null | undefined): QuotaLimits {
  return {
    ...(bytes !== null && bytes !== undefined && { bytes }),
    ...(objects !== null && objects !== undefined && { objects }),
  };
}

/** The statement that sums the buckets of accounts with a quota again, of those with the ids of the JSON array ?2. */
export function sumAccounts(db: D1Database, accountIds: readonly string[], now: number): D1PreparedStatement {
  return db
    .prepare(
      `${SET_SUM} WHERE account_id IN (SELECT value FROM json_each(?2)) AND summed_at + buckets * ${MS_FOR_A_BUCKET} <= ?1`,
    )
    .bind(now, JSON.stringify(accountIds));
}

export class Quotas {
  readonly #db: D1Database;
  readonly #directory: CachedRows;

  constructor(db: D1Database, directory: CachedRows) {
    this.#db = db;
    this.#directory = directory;
  }

  /** Sets or replaces a quota; what it is for is counted soon. False if there is no such bucket or account. */
  async set(_by: RootGrant, subject: QuotaSubject, quota: { limits: QuotaLimits; now: Date }): Promise<boolean> {
    const {
      limits: { bytes, objects },
      now,
    } = quota;
    const limits = [bytes ?? null, objects ?? null];
    const update = "DO UPDATE SET max_bytes = excluded.max_bytes, max_objects = excluded.max_objects";
    const [done] = await this.#db.batch(
      "bucketName" in subject
        ? [
            this.#db
              .prepare(
                `INSERT INTO bucket_quotas (bucket_id, max_bytes, max_objects) SELECT id, ?2, ?3 FROM buckets WHERE name = ?1
                 ON CONFLICT (bucket_id) ${update}`,
              )
              .bind(subject.bucketName, ...limits),
            this.#db.prepare("UPDATE buckets SET usage_due = 0 WHERE name = ?1").bind(subject.bucketName),
          ]
        : [
            this.#db
              .prepare(
                `INSERT INTO account_quotas (account_id, max_bytes, max_objects) SELECT id, ?2, ?3 FROM accounts WHERE id = ?1
                 ON CONFLICT (account_id) ${update}`,
              )
              .bind(subject.accountId, ...limits),
            this.#db.prepare(`${SET_SUM} WHERE account_id = ?2`).bind(now.getTime(), subject.accountId),
          ],
    );
    this.#directory.forgetAll();
    return (done?.meta.changes ?? 0) > 0;
  }

  /** Undefined if there is no such bucket or account; without limits if it has no quota. */
  async show(_by: RootGrant, subject: QuotaSubject): Promise<QuotaState | undefined> {
    const row = await this.#db
      .prepare(
        "bucketName" in subject
          ? `SELECT q.max_bytes, q.max_objects, coalesce(${USED_BYTES}, 0) AS bytes, coalesce(${USED_OBJECTS}, 0) AS objects
             FROM buckets b LEFT JOIN bucket_quotas q ON q.bucket_id = b.id LEFT JOIN bucket_usage u ON u.bucket_id = b.id
             WHERE b.name = ?1`
          : `SELECT q.max_bytes, q.max_objects, coalesce(q.used_bytes, 0) AS bytes, coalesce(q.used_objects, 0) AS objects
             FROM accounts a LEFT JOIN account_quotas q ON q.account_id = a.id WHERE a.id = ?1`,
      )
      .bind("bucketName" in subject ? subject.bucketName : subject.accountId)
      .first<{ max_bytes: number | null; max_objects: number | null; bytes: number; objects: number }>();
    if (row === null) return undefined;
    const { max_bytes, max_objects, ...used } = row;
    return { limits: toLimits(max_bytes, max_objects), used };
  }

  /** False if there is none. */
  async delete(_by: RootGrant, subject: QuotaSubject): Promise<boolean> {
    const statement =
      "bucketName" in subject
        ? this.#db
            .prepare("DELETE FROM bucket_quotas WHERE bucket_id = (SELECT id FROM buckets WHERE name = ?1)")
            .bind(subject.bucketName)
        : this.#db.prepare("DELETE FROM account_quotas WHERE account_id = ?1").bind(subject.accountId);
    const { meta } = await statement.run();
    this.#directory.forgetAll();
    return meta.changes > 0;
  }

  /** One D1 call. */
  async add({ buckets, accounts }: AddedAmounts): Promise<void> {
    await this.#db.batch([
      this.#db
        .prepare(
          `INSERT INTO bucket_usage (bucket_id, added_bytes, added_objects, revision)
           SELECT b.id, e.value ->> 'bytes', e.value ->> 'objects', ''
           FROM json_each(?1) e CROSS JOIN buckets b ON b.id = e.value ->> 'id' WHERE true
           ON CONFLICT (bucket_id) DO UPDATE SET added_bytes = added_bytes + excluded.added_bytes,
             added_objects = added_objects + excluded.added_objects`,
        )
        .bind(JSON.stringify(buckets)),
      this.#db
        .prepare(
          `UPDATE account_quotas SET used_bytes = used_bytes + (e.value ->> 'bytes'),
             used_objects = used_objects + (e.value ->> 'objects')
           FROM json_each(?1) e WHERE account_id = e.value ->> 'id'`,
        )
        .bind(JSON.stringify(accounts)),
    ]);
  }

  /** Asks for a count of a bucket that has refused a write: something may have been deleted or overwritten. */
  async requestCount(bucketId: string): Promise<void> {
    await this.#db
      .prepare(
        `UPDATE buckets SET usage_due = min(usage_due, coalesce((SELECT coalesce(u.counted_at, 0) +
             max(${LEAST_PAUSE_MS}, u.calls * ${MS_FOR_A_CALL}) FROM bucket_usage u WHERE u.bucket_id = buckets.id), 0))
         WHERE id = ?1`,
      )
      .bind(bucketId)
      .run();
  }
}
