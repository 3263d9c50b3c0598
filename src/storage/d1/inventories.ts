/**
 * Inventory configurations, and how far their reports have come. They are not among the bucket's documents: a bucket can have a
 * thousand, and no request but their own needs them.
 *
 * A report is written in steps, and the row has the position of the next one. Every write of a row gives it another revision and
 * depends on the one that was read, so a step counts once, and only for the configuration that it was made for.
 */
import type { GrantedBucket } from "../../access/authorize.ts";
import { S3Error } from "../../errors.ts";
import { type InventoryConfiguration, nextReportAt } from "../../model/inventory.ts";
import type { InventoryReport } from "../../model/inventory-report.ts";
import { newWriteId } from "../../model/random-ids.ts";

/** "You can have up to 1,000 inventory configurations per bucket." */
export const MAX_INVENTORIES = 1000;

/** A configuration whose report has a step to do. */
export interface DueInventory {
  readonly bucketName: string;
  readonly bucketId: string;
  readonly configuration: InventoryConfiguration;
  /** As the step before wrote it; undefined: the report begins. */
  readonly report: InventoryReport | undefined;
  readonly revision: string;
}

interface DueRow {
  readonly name: string;
  readonly bucket_id: string;
  readonly body: string;
  readonly report: string | null;
  readonly revision: string;
}

export class Inventories {
  readonly #db: D1Database;
  readonly #dayMs: number;

  /** @param dayMs shorter than a day only in development */
  constructor(db: D1Database, dayMs: number) {
    this.#db = db;
    this.#dayMs = dayMs;
  }

  /**
   * Adds a configuration, or replaces the one with its id. The first report of a new one is due at once; a report that is being
   * written is begun again.
   * @throws S3Error `TooManyConfigurations`, `NoSuchBucket`
   */
  async put(bucket: GrantedBucket, configuration: InventoryConfiguration, now: Date): Promise<void> {
    const { id, isEnabled, frequency } = configuration;
    const [put, found] = await this.#db.batch([
      this.#db
        .prepare(
          `INSERT INTO inventories (bucket_id, id, body, is_enabled, revision, due_at, report, worked_at)
           SELECT id, ?2, ?3, ?4, ?5, ?6, NULL, 0 FROM buckets
           WHERE id = ?1 AND (EXISTS (SELECT 1 FROM inventories WHERE bucket_id = ?1 AND id = ?2)
             OR (SELECT count(*) FROM inventories WHERE bucket_id = ?1) < ?8)
           ON CONFLICT (bucket_id, id) DO UPDATE SET body = excluded.body, is_enabled = excluded.is_enabled,
             revision = excluded.revision, due_at = min(due_at, ?7), report = NULL`,
        )
        .bind(
          bucket.id,
          id,
          JSON.stringify(configuration),
          isEnabled ? 1 : 0,
          newWriteId(),
          now.getTime(),
          this.#nextAt(frequency, now),
          MAX_INVENTORIES,
        ),
      this.#db.prepare("SELECT id FROM buckets WHERE id = ?1").bind(bucket.id),
    ]);
    if (found?.results.length === 0) throw noSuchBucket(bucket);
    if (put?.meta.changes === 0) throw new S3Error("TooManyConfigurations");
  }

  async get(bucket: GrantedBucket, id: string): Promise<InventoryConfiguration | undefined> {
    const body = await this.#db
      .prepare("SELECT body FROM inventories WHERE bucket_id = ?1 AND id = ?2")
      .bind(bucket.id, id)
      .first<string>("body");
    return body === null ? undefined : (JSON.parse(body) as InventoryConfiguration);
  }

  /** By id, in the order of its bytes: those after `after`. */
  async list(
    bucket: GrantedBucket,
    { after, limit }: { readonly after: string; readonly limit: number },
  ): Promise<InventoryConfiguration[]> {
    const { results } = await this.#db
      .prepare("SELECT body FROM inventories WHERE bucket_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3")
      .bind(bucket.id, after, limit)
      .all<{ body: string }>();
    return results.map(({ body }) => JSON.parse(body) as InventoryConfiguration);
  }

  /** False if there is none with the id. */
  async delete(bucket: GrantedBucket, id: string): Promise<boolean> {
    const { meta } = await this.#db
      .prepare("DELETE FROM inventories WHERE bucket_id = ?1 AND id = ?2")
      .bind(bucket.id, id)
      .run();
    return meta.changes > 0;
  }

  /** Reports that are to be begun or continued: one of each account in turn, and first those that have waited longest. */
  async due(now: Date, limit: number): Promise<DueInventory[]> {
    const { results } = await this.#db
      .prepare(
        // The documents are read only for the rows that are chosen: a bucket can have a thousand.
        `SELECT t.name, i.bucket_id, i.body, i.report, i.revision
         FROM (
           SELECT b.name, i.bucket_id, i.id, i.worked_at,
             row_number() OVER (PARTITION BY b.account_id ORDER BY i.worked_at, i.bucket_id, i.id) AS turn
           FROM inventories i JOIN buckets b ON b.id = i.bucket_id
           WHERE i.is_enabled = 1 AND i.due_at <= ?1
           ORDER BY turn, i.worked_at, i.bucket_id, i.id LIMIT ?2
         ) t JOIN inventories i ON i.bucket_id = t.bucket_id AND i.id = t.id
         ORDER BY t.turn, t.worked_at, i.bucket_id, i.id`,
      )
      .bind(now.getTime(), limit)
      .all<DueRow>();
    return results.map((row) => ({
      bucketName: row.name,
      bucketId: row.bucket_id,
      configuration: JSON.parse(row.body) as InventoryConfiguration,
      report: row.report === null ? undefined : (JSON.parse(row.report) as InventoryReport),
      revision: row.revision,
    }));
  }

  /**
   * Writes what a step has done. Undefined if the row is not the one that was read any more: then the step counts for nothing.
   * @param step.dueAt when the report is continued. Absent: with the next run
   */
  async advance(
    due: DueInventory,
    step: { readonly report: InventoryReport | undefined; readonly dueAt?: Date; readonly now: Date },
  ): Promise<DueInventory | undefined> {
    const { bucketId, configuration, revision } = due;
    const next = newWriteId();
    const { meta } = await this.#db
      .prepare(
        `UPDATE inventories SET report = ?4, due_at = coalesce(?5, due_at), worked_at = ?6, revision = ?7
         WHERE bucket_id = ?1 AND id = ?2 AND revision = ?3`,
      )
      .bind(
        bucketId,
        configuration.id,
        revision,
        step.report === undefined ? null : JSON.stringify(step.report),
        step.dueAt?.getTime() ?? null,
        step.now.getTime(),
        next,
      )
      .run();
    return meta.changes > 0 ? { ...due, report: step.report, revision: next } : undefined;
  }

  #nextAt(frequency: InventoryConfiguration["frequency"], now: Date): number {
    return nextReportAt(frequency, { now, dayMs: this.#dayMs }).getTime();
  }
}

function noSuchBucket({ name }: GrantedBucket): S3Error {
  return new S3Error("NoSuchBucket", { details: { BucketName: name } });
}
