/**
 * What buckets hold, as it was last counted, and how far the count under way has come. A count is made in steps; every write of
 * a row gives it another revision and depends on the one that was read, so that a step counts once.
 */
import type { RootGrant } from "../../access/authorize.ts";
import type { Bucket } from "../../model/bucket.ts";
import type { QuotaAmount, QuotaLimits } from "../../model/quota.ts";
import { newWriteId } from "../../model/random-ids.ts";
import {
  DAY_MS,
  fillHistory,
  HISTORY_DAYS,
  USAGE_FIGURES,
  type UsageFigures,
  type UsageOfDay,
  type UsagePass,
} from "../../model/usage.ts";
import { sumAccounts, toLimits } from "./quotas.ts";
import { type BucketRow, SELECT_BUCKETS_VERSIONING, toBucket } from "./rows.ts";

/** A bucket whose count has a step to do. */
export interface DueUsage {
  /** Without other documents than that of versioning. */
  readonly bucket: Bucket;
  /** As the step before wrote it; undefined: the count begins. */
  readonly pass: UsagePass | undefined;
  /** Of the last complete count. */
  readonly last: CountedUsage | undefined;
  readonly revision: string;
  /** What has been written since the last count began, of a bucket under a quota. */
  readonly added: QuotaAmount;
}

export interface CountedUsage {
  readonly figures: UsageFigures;
  /** When the count began, milliseconds since 1970. */
  readonly countedAt: number;
}

/** What a step has done. */
export interface UsageStep {
  readonly due: DueUsage;
  /** Undefined: no count is under way. */
  readonly pass: UsagePass | undefined;
  /** Of a count that the step has completed. */
  readonly counted?: CountedUsage & Pick<UsagePass, "calls" | "added">;
  /** When the bucket has its next turn, milliseconds since 1970. */
  readonly dueAt: number;
}

export interface BucketUsage {
  readonly name: string;
  readonly accountId: string;
  readonly usage: CountedUsage | undefined;
  readonly quota: QuotaLimits;
}

export interface AccountUsage {
  readonly accountId: string;
  readonly displayName: string;
  readonly buckets: number;
  /** Buckets that were never counted. */
  readonly uncounted: number;
  /** Sums of those that were; the time is that of the oldest count. */
  readonly usage: CountedUsage | undefined;
  readonly quota: QuotaLimits;
}

export interface UsageQuery {
  /** Absent: all buckets. */
  readonly only?: { readonly bucketName: string } | { readonly accountId: string } | undefined;
  /** Only buckets with later names. */
  readonly after: string;
  readonly limit: number;
}

type FigureColumns = Readonly<Record<string, number | null>>;

const columnOf = (figure: keyof UsageFigures) => figure.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const COLUMNS = USAGE_FIGURES.map(columnOf);
const U_COLUMNS = COLUMNS.map((column) => `u.${column}`).join(", ");
const U_SUMS = COLUMNS.map((column) => `sum(u.${column}) AS ${column}`).join(", ");

/**
 * Of a list of steps as JSON, ?1: those whose row is as it was read, with the new revision ?2. A figure of a count that is not
 * complete leaves the last one. What had been added when a complete count began is part of it.
 */
const SAVE = `
  INSERT INTO bucket_usage (bucket_id, counted_at, ${COLUMNS.join(", ")}, calls, added_bytes, added_objects, pass, revision)
  SELECT b.id, e.value ->> 'countedAt', ${USAGE_FIGURES.map((figure) => `coalesce(e.value ->> '$.figures.${figure}', 0)`).join(", ")},
    coalesce(e.value ->> 'calls', 0), coalesce(e.value ->> '$.added.bytes', 0), coalesce(e.value ->> '$.added.objects', 0),
    e.value ->> 'pass', ?2
  FROM json_each(?1) e CROSS JOIN buckets b ON b.id = e.value ->> 'id' LEFT JOIN bucket_usage u ON u.bucket_id = b.id
  WHERE coalesce(u.revision, '') = e.value ->> 'revision'
  ON CONFLICT (bucket_id) DO UPDATE SET pass = excluded.pass, revision = excluded.revision,
    counted_at = coalesce(excluded.counted_at, counted_at),
    added_bytes = max(0, added_bytes - excluded.added_bytes), added_objects = max(0, added_objects - excluded.added_objects),
    ${[...COLUMNS, "calls"].map((column) => `${column} = iif(excluded.counted_at IS NULL, ${column}, excluded.${column})`).join(", ")}`;
const SAVED = "json_each(?1) e CROSS JOIN bucket_usage u ON u.bucket_id = e.value ->> 'id' AND u.revision = ?2";
const SET_DUE = `UPDATE buckets SET usage_due = e.value ->> 'dueAt' FROM ${SAVED} WHERE buckets.id = e.value ->> 'id'`;
const BEFORE = (column: string) =>
  `(SELECT h.${column} FROM usage_history h WHERE h.bucket_id = u.bucket_id AND h.day <= ?3 ORDER BY h.day DESC LIMIT 1)`;
const ADD_HISTORY = `
  INSERT INTO usage_history (bucket_id, day, objects, bytes, noncurrent_bytes)
  SELECT u.bucket_id, ?3, u.objects, u.bytes, u.noncurrent_bytes FROM ${SAVED}
  WHERE e.value ->> 'countedAt' IS NOT NULL AND (${BEFORE("objects")} IS NOT u.objects OR ${BEFORE("bytes")} IS NOT u.bytes
    OR ${BEFORE("noncurrent_bytes")} IS NOT u.noncurrent_bytes)
  ON CONFLICT (bucket_id, day) DO UPDATE SET
    objects = excluded.objects, bytes = excluded.bytes, noncurrent_bytes = excluded.noncurrent_bytes`;
/** The last row of the days that are too old stays: it has the figures with which the kept days begin. */
const REMOVE_HISTORY = `
  DELETE FROM usage_history WHERE (bucket_id, day) IN (
    SELECT h.bucket_id, h.day FROM json_each(?1) e CROSS JOIN usage_history h ON h.bucket_id = e.value ->> 'id'
    WHERE h.day < ?2 AND h.day < (SELECT max(n.day) FROM usage_history n WHERE n.bucket_id = h.bucket_id AND n.day <= ?2))`;

export class Usage {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Buckets that are to be counted; those that have waited longest come first. Reads only buckets that are due. One D1 call. */
  async due(now: number, limit: number): Promise<DueUsage[]> {
    const readAt = new Date();
    const { results } = await this.#db
      .prepare(
        `SELECT t.*, u.counted_at, ${U_COLUMNS}, u.added_bytes, u.added_objects, u.pass, u.revision
         FROM (${SELECT_BUCKETS_VERSIONING}
           WHERE b.id IN (SELECT id FROM buckets WHERE usage_due <= ?1 ORDER BY usage_due, id LIMIT ?2)) t
           LEFT JOIN bucket_usage u ON u.bucket_id = t.id`,
      )
      .bind(now, limit)
      .all<BucketRow & FigureColumns & { readonly pass: string | null; readonly revision: string | null }>();
    return results.map((row) => ({
      bucket: toBucket(row, readAt),
      pass: row.pass === null ? undefined : (JSON.parse(row.pass) as UsagePass),
      last: toCounted(row),
      revision: row.revision ?? "",
      added: { bytes: row.added_bytes ?? 0, objects: row.added_objects ?? 0 },
    }));
  }

  /** Writes what steps have done. A row that another run has written since it was read stays as it is. One D1 call. */
  async save(steps: readonly UsageStep[], now: number): Promise<void> {
    const list = JSON.stringify(
      steps.map(({ due, pass, counted, dueAt }) => ({
        id: due.bucket.id,
        revision: due.revision,
        dueAt,
        ...(pass !== undefined && { pass: JSON.stringify(pass) }),
        ...counted,
      })),
    );
    const revision = newWriteId();
    const today = Math.floor(now / DAY_MS);
    await this.#db.batch([
      this.#db.prepare(SAVE).bind(list, revision),
      this.#db.prepare(SET_DUE).bind(list, revision),
      this.#db.prepare(ADD_HISTORY).bind(list, revision, today),
      this.#db.prepare(REMOVE_HISTORY).bind(list, today - HISTORY_DAYS + 1),
      sumAccounts(this.#db, [...new Set(steps.map(({ due }) => due.bucket.accountId))], now),
    ]);
  }

  /** Buckets in the order of their names. */
  async list(_by: RootGrant, { only, after, limit }: UsageQuery): Promise<BucketUsage[]> {
    const [condition, value] =
      only === undefined
        ? ["?3 IS NULL", null]
        : "bucketName" in only
          ? ["b.name = ?3", only.bucketName]
          : ["b.account_id = ?3", only.accountId];
    const { results } = await this.#db
      .prepare(
        `SELECT b.name, b.account_id, u.counted_at, ${U_COLUMNS}, q.max_bytes, q.max_objects
         FROM buckets b LEFT JOIN bucket_usage u ON u.bucket_id = b.id LEFT JOIN bucket_quotas q ON q.bucket_id = b.id
         WHERE b.name > ?1 AND ${condition} ORDER BY b.name LIMIT ?2`,
      )
      .bind(after, limit, value)
      .all<FigureColumns & { readonly name: string; readonly account_id: string }>();
    return results.map((row) => ({
      name: row.name,
      accountId: row.account_id,
      usage: toCounted(row),
      quota: toLimits(row.max_bytes, row.max_objects),
    }));
  }

  /** Sums of accounts, in the order of their ids. */
  async accounts(_by: RootGrant, accountId: string | undefined, limit: number): Promise<AccountUsage[]> {
    const { results } = await this.#db
      .prepare(
        `SELECT a.id, a.display_name, count(b.id) AS buckets, count(b.id) - count(u.counted_at) AS uncounted,
           min(u.counted_at) AS counted_at, ${U_SUMS}, q.max_bytes, q.max_objects
         FROM accounts a LEFT JOIN account_quotas q ON q.account_id = a.id LEFT JOIN buckets b ON b.account_id = a.id LEFT JOIN bucket_usage u ON u.bucket_id = b.id
         WHERE ${accountId === undefined ? "?1 IS NULL" : "a.id = ?1"} GROUP BY a.id ORDER BY a.id LIMIT ?2`,
      )
      .bind(accountId ?? null, limit)
      .all<AccountRow>();
    return results.map((row) => ({
      accountId: row.id,
      displayName: row.display_name,
      buckets: row.buckets,
      uncounted: row.uncounted,
      usage: toCounted(row),
      quota: toLimits(row.max_bytes, row.max_objects),
    }));
  }

  /** One entry for each day since the first count, 400 at most; undefined if there is no such bucket. */
  async history(_by: RootGrant, bucketName: string, now: Date): Promise<UsageOfDay[] | undefined> {
    const [bucket, history] = await this.#db.batch([
      this.#db.prepare("SELECT id FROM buckets WHERE name = ?1").bind(bucketName),
      this.#db
        .prepare(
          `SELECT h.day, h.objects, h.bytes, h.noncurrent_bytes AS noncurrentBytes
           FROM buckets b JOIN usage_history h ON h.bucket_id = b.id WHERE b.name = ?1 ORDER BY h.day`,
        )
        .bind(bucketName),
    ]);
    if (bucket?.results.length !== 1) return undefined;
    return fillHistory((history?.results ?? []) as UsageOfDay[], Math.floor(now.getTime() / DAY_MS));
  }
}

type AccountRow = FigureColumns & {
  readonly id: string;
  readonly display_name: string;
  readonly buckets: number;
  readonly uncounted: number;
};

function toCounted(row: FigureColumns): CountedUsage | undefined {
  const countedAt = row.counted_at;
  if (countedAt === null || countedAt === undefined) return undefined;
  const figures = Object.fromEntries(USAGE_FIGURES.map((figure) => [figure, row[columnOf(figure)] ?? 0]));
  return { figures: figures as Record<keyof UsageFigures, number>, countedAt };
}
