/** How deliveries to each receiver went, and which receivers must be kept out of the way of the others. */
import type { RootGrant } from "../../access/authorize.ts";
import { TtlCache } from "../ttl-cache.ts";

/** What one batch of deliveries has come to for one receiver. */
export interface ReceiverTally {
  readonly id: string;
  readonly kind: string;
  /** Without secrets. */
  readonly name: string;
  /** Events. */
  readonly delivered: number;
  readonly givenUp: number;
  /** Attempts. */
  readonly failed: number;
  readonly retried: number;
  readonly lastFailure?: string;
  /** Whether the last attempt failed. */
  readonly isFailing: boolean;
  /** Milliseconds since 1970; absent: like any other. */
  readonly avoidUntil?: number;
}

export interface ReceiverStatistics extends Pick<ReceiverTally, "kind" | "name" | "delivered" | "givenUp" | "failed"> {
  readonly retried: number;
  readonly lastSuccessAt: Date | undefined;
  readonly lastFailureAt: Date | undefined;
  readonly lastFailure: string | undefined;
  readonly failingSince: Date | undefined;
}

interface Row {
  readonly kind: string;
  readonly name: string;
  readonly delivered: number;
  readonly given_up: number;
  readonly failed: number;
  readonly retried: number;
  readonly last_success_at: number | null;
  readonly last_failure_at: number | null;
  readonly last_failure: string | null;
  readonly failing_since: number | null;
}

/** A receiver is known to be well or not for as long. */
const TTL_MS = 5_000;
const MAX_CACHED = 2_000;
const MAX_LISTED = 1_000;

const UPSERT = `
  INSERT INTO receivers (id, kind, name, delivered, given_up, failed, retried, last_success_at, last_failure_at,
    last_failure, failing_since, avoid_until, updated_at)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
  ON CONFLICT (id) DO UPDATE SET
    delivered = delivered + excluded.delivered,
    given_up = given_up + excluded.given_up,
    failed = failed + excluded.failed,
    retried = retried + excluded.retried,
    last_success_at = coalesce(excluded.last_success_at, last_success_at),
    last_failure_at = coalesce(excluded.last_failure_at, last_failure_at),
    last_failure = coalesce(excluded.last_failure, last_failure),
    failing_since = CASE
      WHEN excluded.failing_since IS NULL OR excluded.last_success_at IS NOT NULL THEN excluded.failing_since
      ELSE coalesce(failing_since, excluded.failing_since) END,
    avoid_until = excluded.avoid_until,
    updated_at = excluded.updated_at`;

export class Receivers {
  readonly #db: D1Database;
  readonly #avoided = new TtlCache<number>({ ttlMs: TTL_MS, maxEntries: MAX_CACHED });

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Those of them that are to be avoided now. One query for what this isolate has not asked of late. */
  async avoided(ids: readonly string[], now: number): Promise<ReadonlySet<string>> {
    const unknown = ids.filter((id) => this.#avoided.get(id, now) === undefined);
    if (unknown.length > 0) {
      const { results } = await this.#db
        .prepare("SELECT id, avoid_until FROM receivers WHERE id IN (SELECT value FROM json_each(?1))")
        .bind(JSON.stringify(unknown))
        .all<{ id: string; avoid_until: number | null }>();
      const found = new Map(results.map((row) => [row.id, row.avoid_until ?? 0]));
      for (const id of unknown) this.#avoided.set(id, found.get(id) ?? 0, now);
    }
    return new Set(ids.filter((id) => (this.#avoided.get(id, now)?.value ?? 0) > now));
  }

  /** At once for this isolate, with the batch's tally for all. */
  avoid(id: string, until: number, now: number): void {
    this.#avoided.set(id, until, now);
  }

  async record(tallies: readonly ReceiverTally[], now: number): Promise<void> {
    if (tallies.length === 0) return;
    for (const { id, avoidUntil } of tallies) this.#avoided.set(id, avoidUntil ?? 0, now);
    await this.#db.batch(
      tallies.map((tally) =>
        this.#db
          .prepare(UPSERT)
          .bind(
            tally.id,
            tally.kind,
            tally.name,
            tally.delivered,
            tally.givenUp,
            tally.failed,
            tally.retried,
            tally.delivered > 0 ? now : null,
            tally.failed > 0 ? now : null,
            tally.lastFailure ?? null,
            tally.isFailing ? now : null,
            tally.avoidUntil ?? null,
            now,
          ),
      ),
    );
  }

  /** Those that are failing first, then by the time of the last attempt; at most 1,000. */
  async list(_by: RootGrant): Promise<ReceiverStatistics[]> {
    const { results } = await this.#db
      .prepare("SELECT * FROM receivers ORDER BY failing_since IS NULL, updated_at DESC, id LIMIT ?1")
      .bind(MAX_LISTED)
      .all<Row>();
    return results.map((row) => ({
      kind: row.kind,
      name: row.name,
      delivered: row.delivered,
      givenUp: row.given_up,
      failed: row.failed,
      retried: row.retried,
      lastSuccessAt: toDate(row.last_success_at),
      lastFailureAt: toDate(row.last_failure_at),
      lastFailure: row.last_failure ?? undefined,
      failingSince: toDate(row.failing_since),
    }));
  }
}

/** Forgets receivers that nothing has been sent to since then. @returns how many */
export async function removeIdleReceivers(db: D1Database, since: Date): Promise<number> {
  const { meta } = await db.prepare("DELETE FROM receivers WHERE updated_at < ?1").bind(since.getTime()).run();
  return meta.changes;
}

function toDate(milliseconds: number | null): Date | undefined {
  return milliseconds === null ? undefined : new Date(milliseconds);
}
