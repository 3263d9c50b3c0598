/** Results of deliveries to each receiver, and the receivers that are avoided so that others are not delayed. */
import type { RootGrant } from "../../access/authorize.ts";
import { TtlCache } from "../ttl-cache.ts";

/** The results of one batch of deliveries for one receiver. */
export interface ReceiverTally {
  readonly id: string;
  readonly kind: string;
  /** Without secrets. */
  readonly name: string;
  /** The account for which it is called. */
  readonly accountId: string;
  /** Its host, which may have other receivers. */
  readonly host: string;
  /** Numbers of events. */
  readonly delivered: number;
  readonly givenUp: number;
  /** Numbers of attempts. */
  readonly failed: number;
  readonly retried: number;
  readonly lastFailure?: string;
  /** Whether the last attempt failed. */
  readonly isFailing: boolean;
  /** Absent: it is not avoided. */
  readonly avoidUntil?: Date;
}

type ReceiverAddress = Pick<ReceiverTally, "id" | "accountId" | "host">;

/**
 * Why a receiver is avoided: because it is slow or does not answer, or because other receivers of the account do not, at its
 * host or at many hosts.
 */
export type AvoidanceReason = "own" | "shared";

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

/** How long an isolate caches whether a receiver is avoided. */
const TTL_MS = 5_000;
const MAX_CACHED = 2_000;
/** If so many hosts of an account are avoided, all its receivers are: new host names cost no more than new URLs. */
const MIN_AVOIDED_HOSTS = 10;
const MAX_LISTED = 1_000;

const UPSERT = `
  INSERT INTO receivers (id, kind, name, delivered, given_up, failed, retried, last_success_at, last_failure_at,
    last_failure, failing_since, avoid_until, updated_at, account_id, host)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
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
    updated_at = excluded.updated_at,
    account_id = excluded.account_id,
    host = excluded.host`;

/** The times until which receivers, hosts of accounts and accounts are avoided, by the keys below. */
const AVOIDED_UNTIL = `
  SELECT id AS key, avoid_until AS until FROM receivers
  WHERE id IN (SELECT value FROM json_each(?1)) AND avoid_until > ?2
  UNION ALL
  SELECT key, until FROM (
    SELECT value ->> 'key' AS key, (
      SELECT max(avoid_until) FROM receivers
      WHERE account_id = value ->> 'accountId' AND host = value ->> 'host' AND avoid_until > ?2
    ) AS until FROM json_each(?3)
  ) WHERE until IS NOT NULL
  UNION ALL
  SELECT account_id, min(until) FROM (
    SELECT account_id, max(avoid_until) AS until FROM receivers
    WHERE account_id IN (SELECT value FROM json_each(?4)) AND avoid_until > ?2 GROUP BY account_id, host
  ) GROUP BY account_id HAVING count(*) >= ?5`;

export class Receivers {
  readonly #db: D1Database;
  /** By id, by `hostKey` and by account id; 0: not avoided. */
  readonly #avoided = new TtlCache<number>({ ttlMs: TTL_MS, maxEntries: MAX_CACHED });

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Removes receivers without an attempt since then. @returns how many */
  async removeIdle(since: Date): Promise<number> {
    const { meta } = await this.#db.prepare("DELETE FROM receivers WHERE updated_at < ?1").bind(since.getTime()).run();
    return meta.changes;
  }

  /** The receivers that are avoided now, by their ids. One query for those that are not cached. */
  async findAvoided(receivers: readonly ReceiverAddress[], now: Date): Promise<ReadonlyMap<string, AvoidanceReason>> {
    const nowMs = now.getTime();
    const until = await this.#untils(receivers, nowMs);
    const found = new Map<string, AvoidanceReason>();
    for (const receiver of receivers) {
      const [own = 0, ...shared] = keysOf(receiver).map((key) => until.get(key) ?? 0);
      if (own > nowMs) found.set(receiver.id, "own");
      else if (Math.max(...shared) > nowMs) found.set(receiver.id, "shared");
    }
    return found;
  }

  async #untils(receivers: readonly ReceiverAddress[], now: number): Promise<ReadonlyMap<string, number>> {
    const untils = new Map<string, number>();
    const unknown = new Set<string>();
    for (const key of new Set(receivers.flatMap(keysOf))) {
      const known = this.#avoided.get(key, now);
      if (known === undefined) unknown.add(key);
      else untils.set(key, known.value);
    }
    if (unknown.size === 0) return untils;
    const isUnknown = (key: string) => unknown.has(key);
    const hosts = new Map(receivers.map(({ accountId, host }) => [hostKey({ accountId, host }), { accountId, host }]));
    const unknownHosts = [...hosts].flatMap(([key, host]) => (unknown.has(key) ? [{ key, ...host }] : []));
    const { results } = await this.#db
      .prepare(AVOIDED_UNTIL)
      .bind(
        JSON.stringify(receivers.map(({ id }) => id).filter(isUnknown)),
        now,
        JSON.stringify(unknownHosts),
        JSON.stringify(receivers.map(({ accountId }) => accountId).filter(isUnknown)),
        MIN_AVOIDED_HOSTS,
      )
      .all<{ key: string; until: number }>();
    for (const { key, until } of results) untils.set(key, until);
    for (const key of unknown) this.#avoided.set(key, { value: untils.get(key) ?? 0 }, now);
    return untils;
  }

  /** Takes effect at once in this isolate, and in all with the batch's tally. */
  avoid(receiver: ReceiverAddress, until: Date, now: Date): void {
    for (const key of [receiver.id, hostKey(receiver)])
      this.#avoided.set(key, { value: until.getTime() }, now.getTime());
  }

  async record(tallies: readonly ReceiverTally[], now: Date): Promise<void> {
    if (tallies.length === 0) return;
    const nowMs = now.getTime();
    for (const { id, avoidUntil } of tallies) this.#avoided.set(id, { value: avoidUntil?.getTime() ?? 0 }, nowMs);
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
            tally.delivered > 0 ? nowMs : null,
            tally.failed > 0 ? nowMs : null,
            tally.lastFailure ?? null,
            tally.isFailing ? nowMs : null,
            tally.avoidUntil?.getTime() ?? null,
            nowMs,
            tally.accountId,
            tally.host,
          ),
      ),
    );
    // A delivery to one receiver says nothing about others at its host.
    for (const tally of tallies) for (const key of keysOf(tally).slice(1)) this.#avoided.delete(key);
  }

  /** Failing receivers first, then by the time of the last attempt; at most 1,000. */
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

function hostKey({ accountId, host }: Pick<ReceiverAddress, "accountId" | "host">): string {
  return `${accountId} ${host}`;
}

/** The receiver's own key is the first. */
function keysOf(receiver: ReceiverAddress): readonly string[] {
  return [receiver.id, hostKey(receiver), receiver.accountId];
}

function toDate(ms: number | null): Date | undefined {
  return ms === null ? undefined : new Date(ms);
}
