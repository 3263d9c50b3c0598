/** Rows of adopted buckets. Their `region` is the name of the binding, which a unique index makes one bucket's. */
import type { RootGrant } from "../../access/authorize.ts";
import type { BucketLocation, NewBucketSettings } from "../../model/bucket.ts";
import { newBucketId } from "../../model/random-ids.ts";
import { MAX_BUCKETS_PER_ACCOUNT } from "./buckets.ts";
import type { Directory } from "./directory.ts";

export interface NewAdoption {
  readonly name: string;
  readonly binding: string;
  /** Absent: the root account. */
  readonly accountId: string | undefined;
  /** As clients see it. */
  readonly location: BucketLocation;
  readonly settings: NewBucketSettings;
  readonly now: Date;
}

interface AdoptedRow {
  readonly name: string;
  readonly region: string;
  readonly account_id: string;
  readonly created_at: number;
}

const isAdopted = (region: string) => `(${region} >= 'ADOPT_' AND ${region} < 'ADOPT\`')`;

export class AdoptedBuckets {
  readonly #db: D1Database;
  readonly #directory: Directory;
  readonly #bucketTtlMs: number;

  /** @param bucketTtlMs how long other isolates may act on a bucket's row they have read */
  constructor(db: D1Database, directory: Directory, bucketTtlMs: number) {
    this.#db = db;
    this.#directory = directory;
    this.#bucketTtlMs = bucketTtlMs;
  }

  /** Atomic: of two callers one has the name, and one the binding. */
  async insert(_by: RootGrant, adoption: NewAdoption) {
    const { name, binding, accountId, location, settings, now } = adoption;
    const id = newBucketId();
    const documents = Object.entries({ location, ...settings });
    const [inserted, found, deleted] = await this.#db.batch([
      this.#db
        .prepare(
          // It has no marker: nothing of this deployment is written to the R2 bucket.
          `INSERT INTO buckets (name, id, account_id, region, created_at, marker_due)
           SELECT ?1, ?2, a.id, ?3, ?4, NULL FROM accounts a
           WHERE a.id = coalesce(?5, (SELECT id FROM accounts WHERE is_root = 1))
             AND (SELECT count(*) FROM buckets WHERE account_id = a.id) < ?6
           ON CONFLICT DO NOTHING RETURNING id`,
        )
        .bind(name, id, binding, now.getTime(), accountId ?? null, MAX_BUCKETS_PER_ACCOUNT),
      this.#db
        .prepare(
          `SELECT (SELECT name FROM buckets WHERE region = ?1) AS same_binding,
             EXISTS (SELECT 1 FROM buckets WHERE name = ?2) AS has_name,
             ?3 IS NULL OR EXISTS (SELECT 1 FROM accounts WHERE id = ?3) AS has_account`,
        )
        .bind(binding, name, accountId ?? null),
      this.#db.prepare("SELECT max(deleted_at) AS at FROM deleted_buckets WHERE name = ?1").bind(name),
      ...documents.map(([kind, document]) =>
        this.#db
          .prepare(
            `INSERT INTO bucket_documents (bucket_id, kind, body, updated_at)
             SELECT id, ?2, ?3, ?4 FROM buckets WHERE id = ?1`,
          )
          .bind(id, kind, JSON.stringify(document), now.getTime()),
      ),
    ]);
    this.#directory.forgetBucket(name);
    if (inserted?.results.length === 1) {
      const last = deleted?.results[0] as { at: number | null } | undefined;
      await this.#waitForCaches(last?.at ?? 0);
      return { outcome: "adopted", id } as const;
    }
    const state = found?.results[0] as { same_binding: string | null; has_name: number; has_account: number };
    if (state.has_account === 0) return { outcome: "no-such-account" } as const;
    if (state.same_binding !== null) return { outcome: "adopted-before", bucket: state.same_binding } as const;
    return { outcome: state.has_name === 1 ? "name-taken" : "too-many" } as const;
  }

  /** By name. There are as many as the deployment has bindings. */
  async list(_by: RootGrant) {
    const { results } = await this.#db
      .prepare(`SELECT name, region, account_id, created_at FROM buckets WHERE ${isAdopted("region")} ORDER BY name`)
      .all<AdoptedRow>();
    return results.map((row) => ({
      name: row.name,
      binding: row.region,
      accountId: row.account_id,
      createdAt: new Date(row.created_at),
    }));
  }

  /**
   * Removes the row with all that is configured, and waits until no isolate acts on the row it has cached. A request that ends
   * meanwhile has its effect in R2. A new bucket of the name waits as after any deletion.
   */
  async release(_by: RootGrant, name: string): Promise<boolean> {
    const [, removed] = await this.#db.batch([
      this.#db
        .prepare(
          // The sweep of deleted buckets finds nothing under the id in that region, and forgets the row.
          `INSERT OR IGNORE INTO deleted_buckets (id, name, region, deleted_at)
           SELECT b.id, b.name, d.body ->> '$.region', ?2 FROM buckets b
             JOIN bucket_documents d ON d.bucket_id = b.id AND d.kind = 'location'
           WHERE b.name = ?1 AND ${isAdopted("b.region")}`,
        )
        .bind(name, Date.now()),
      this.#db.prepare(`DELETE FROM buckets WHERE name = ?1 AND ${isAdopted("region")} RETURNING id`).bind(name),
    ]);
    this.#directory.forgetBucket(name);
    if (removed?.results.length !== 1) return false;
    await this.#waitForCaches(Date.now());
    return true;
  }

  async #waitForCaches(deletedAt: number): Promise<void> {
    const remaining = deletedAt + this.#bucketTtlMs - Date.now();
    if (remaining > 0) await scheduler.wait(remaining);
  }
}
