/**
 * What is still to be replicated: a row for each change and destination, which is removed once the destination has what the
 * source has. The row is stored before any message is sent, so a lost message loses no task.
 */
import { createHash } from "node:crypto";
import type { ChangeOrigin, ObjectChange } from "../../model/event.ts";
import {
  formatDestinationArn,
  type ReplicationDestination,
  type ReplicationRule,
  type ReplicationStatus,
} from "../../model/replication.ts";
import { TtlCache } from "../ttl-cache.ts";

/** After this time a task without an outcome is sent again; it is longer than a consumer may run. */
const RESEND_AFTER_MS = 20 * 60 * 1000;
/** How long a task that was given up is kept, with the reason, and can be tried again. */
export const FAILED_TASK_LIFETIME_MS = 30 * 24 * 60 * 60 * 1000;
/** Length of the JSON bound to one statement, well below D1's limit on a value. */
const MAX_STATEMENT_LENGTH = 500_000;
const REMEMBERED_MS = 24 * 60 * 60 * 1000;
const MAX_REMEMBERED = 10_000;

export interface NewReplicationTask {
  readonly origin: ChangeOrigin;
  readonly change: ObjectChange;
  readonly rule: ReplicationRule;
}

/** Only the destination of the rule is used: which of its rules applies is decided by the object. */
export interface ReplicationTask extends Omit<NewReplicationTask, "rule"> {
  readonly id: string;
  readonly destination: ReplicationDestination;
  /** Number of attempts that were begun. */
  readonly attempts: number;
  /** How many of the latest attempts, including the present one, are not known to have ended. */
  readonly unfinished: number;
  /** How many of the latest attempts the destination refused. */
  readonly refusals: number;
}

export interface ReplicationFailure {
  readonly key: string;
  readonly destination: string;
  readonly attempts: number;
  readonly reason: string;
  readonly since: Date;
}

interface TaskRow {
  readonly id: string;
  readonly key: string;
  readonly body: string;
  readonly attempts: number;
  readonly unfinished: number;
  readonly refusals: number;
  readonly last_error: string | null;
  readonly created_at: number;
}

const PENDING_OF = "id IN (SELECT value FROM json_each(?1)) AND status = 'PENDING'";
const COUNT_ATTEMPT = "attempts = attempts + 1, unfinished = unfinished + 1, due_at = max(due_at, ?2)";

/** What is stored about the replication of a write. */
interface StatusRow {
  readonly intended: number;
  readonly failed: number;
  readonly status: "FAILED" | "PENDING" | null;
}

export class ReplicationTasks {
  readonly #db: D1Database;
  readonly #clock: () => number;
  /** Write ids that have reached every destination, which does not change any more. */
  readonly #completed = new TtlCache<true>({ ttlMs: REMEMBERED_MS, maxEntries: MAX_REMEMBERED });

  constructor(db: D1Database, clock: () => number = Date.now) {
    this.#db = db;
    this.#clock = clock;
  }

  /**
   * Stores tasks and returns their ids. An id is computed from the change and the destination, so a task that is added twice
   * is stored once.
   */
  async add(tasks: readonly NewReplicationTask[]): Promise<readonly string[]> {
    const now = this.#clock();
    const rows = tasks.map(({ origin, change, rule }) => ({
      id: taskId(origin, change, rule),
      bucket: origin.bucket.id,
      key: change.key,
      write: change.writeId ?? "",
      // Callback variables of a client are long, and a task makes no callback.
      body: JSON.stringify({ origin: { ...origin, callbackVariables: {} }, change, rule }),
    }));
    const statements = inPieces(rows).map((piece) =>
      this.#db
        .prepare(
          `INSERT INTO replication_tasks (id, bucket_id, key, write_id, body, created_at, due_at)
           SELECT value ->> '$.id', value ->> '$.bucket', value ->> '$.key', value ->> '$.write', value ->> '$.body', ?2, ?3
           FROM json_each(?1) WHERE true ON CONFLICT (id) DO NOTHING`,
        )
        .bind(piece, now, now + RESEND_AFTER_MS),
    );
    if (statements.length > 0) await this.#db.batch(statements);
    return [...new Set(rows.map(({ id }) => id))];
  }

  /**
   * The tasks that are still to be done, by id. An attempt is counted for each task in `begun`, but not for those whose last
   * attempt has no recorded end (`unfinished`).
   */
  async begin(
    ids: readonly string[],
  ): Promise<{ begun: Map<string, ReplicationTask>; unfinished: Map<string, ReplicationTask> }> {
    const wanted = JSON.stringify(ids);
    const [unfinished, begun] = await this.#db.batch<TaskRow>([
      this.#db.prepare(`SELECT * FROM replication_tasks WHERE ${PENDING_OF} AND unfinished > 0`).bind(wanted),
      this.#db
        .prepare(`UPDATE replication_tasks SET ${COUNT_ATTEMPT} WHERE ${PENDING_OF} AND unfinished = 0 RETURNING *`)
        .bind(wanted, this.#clock() + RESEND_AFTER_MS),
    ]);
    return { begun: byId(begun?.results), unfinished: byId(unfinished?.results) };
  }

  /** Counts an attempt, however the last one ended; undefined if the task is no longer to be done. */
  async beginAgain(id: string): Promise<ReplicationTask | undefined> {
    const { results } = await this.#db
      .prepare(`UPDATE replication_tasks SET ${COUNT_ATTEMPT} WHERE ${PENDING_OF} RETURNING *`)
      .bind(JSON.stringify([id]), this.#clock() + RESEND_AFTER_MS)
      .all<TaskRow>();
    return byId(results).get(id);
  }

  /** Takes back the attempts that were counted last, since they were not made. */
  async release(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.#db
      .prepare(
        `UPDATE replication_tasks SET attempts = max(attempts - 1, 0), unfinished = max(unfinished - 1, 0)
         WHERE ${PENDING_OF}`,
      )
      .bind(JSON.stringify(ids))
      .run();
  }

  /** Records that a state later than the change is being replicated. If the object is then removed, so is that state. */
  async reach(id: string, at: number): Promise<void> {
    await this.#db
      .prepare("UPDATE replication_tasks SET body = json_set(body, '$.change.at', ?2) WHERE id = ?1")
      .bind(id, at)
      .run();
  }

  /** The destinations have what the source has. */
  async complete(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.#db
      .prepare("DELETE FROM replication_tasks WHERE id IN (SELECT value FROM json_each(?1))")
      .bind(JSON.stringify(ids))
      .run();
  }

  /** The attempt failed, and the next one is sent for `nextAt`. */
  async postpone(
    id: string,
    { reason, refusals }: { readonly reason: string; readonly refusals: number },
    nextAt: Date,
  ): Promise<void> {
    await this.#db
      .prepare("UPDATE replication_tasks SET unfinished = 0, refusals = ?2, last_error = ?3, due_at = ?4 WHERE id = ?1")
      .bind(id, refusals, reason, nextAt.getTime() + RESEND_AFTER_MS)
      .run();
  }

  /** No attempt was made, and the next one of each task is sent for its `nextAt`. */
  async postponeAll(tasks: readonly { readonly id: string; readonly nextAt: Date }[], reason: string): Promise<void> {
    const rows = tasks.map(({ id, nextAt }) => ({ id, due: nextAt.getTime() + RESEND_AFTER_MS }));
    await this.#db
      .prepare(
        `UPDATE replication_tasks SET unfinished = 0, refusals = 0, last_error = ?2, due_at = given.value ->> '$.due'
         FROM json_each(?1) AS given WHERE replication_tasks.id = given.value ->> '$.id'`,
      )
      .bind(JSON.stringify(rows), reason)
      .run();
  }

  /** Gives the task up. No further attempt is made unless an administrator asks for it within 30 days. */
  async fail(id: string, reason: string): Promise<void> {
    await this.#db
      .prepare("UPDATE replication_tasks SET last_error = ?2, status = 'FAILED', due_at = ?3 WHERE id = ?1")
      .bind(id, reason, this.#clock() + FAILED_TASK_LIFETIME_MS)
      .run();
  }

  /** The status of a write that was to be replicated. One D1 call, none once it has reached every destination. */
  async statusOf(writeId: string): Promise<Exclude<ReplicationStatus, "REPLICA">> {
    const now = this.#clock();
    if (this.#completed.get(writeId, now) !== undefined) return "COMPLETED";
    const row = await this.#db
      .prepare(
        `SELECT EXISTS (SELECT 1 FROM event_intents WHERE write_id = ?1) AS intended,
           EXISTS (SELECT 1 FROM replication_failures WHERE write_id = ?1) AS failed,
           (SELECT min(status) FROM replication_tasks WHERE write_id = ?1) AS status`,
      )
      .bind(writeId)
      .first<StatusRow>();
    const status = row === null ? "COMPLETED" : toStatus(row);
    if (status === "COMPLETED") this.#completed.set(writeId, { value: true }, now);
    return status;
  }

  /** The same for many writes, by their ids. One D1 call. */
  async statusesOf(writeIds: readonly string[]): Promise<ReadonlyMap<string, Exclude<ReplicationStatus, "REPLICA">>> {
    const { results } = await this.#db
      .prepare(
        `SELECT w.value AS id, EXISTS (SELECT 1 FROM event_intents WHERE write_id = w.value) AS intended,
           EXISTS (SELECT 1 FROM replication_failures WHERE write_id = w.value) AS failed,
           (SELECT min(status) FROM replication_tasks WHERE write_id = w.value) AS status FROM json_each(?1) w`,
      )
      .bind(JSON.stringify(writeIds))
      .all<StatusRow & { id: string }>();
    return new Map(results.map((row) => [row.id, toStatus(row)]));
  }

  /** Ids of tasks without an outcome in time; they are taken again only after the same time. */
  async takeDue(now: Date, limit: number): Promise<readonly string[]> {
    const { results } = await this.#db
      .prepare(
        `UPDATE replication_tasks SET due_at = ?3 WHERE id IN (
           SELECT id FROM replication_tasks WHERE status = 'PENDING' AND due_at <= ?1 ORDER BY due_at LIMIT ?2
         ) RETURNING id`,
      )
      .bind(now.getTime(), limit, now.getTime() + RESEND_AFTER_MS)
      .all<{ id: string }>();
    return results.map(({ id }) => id);
  }

  /**
   * Removes tasks that were given up 30 days ago. The status of their objects stays FAILED; otherwise it would be COMPLETED.
   * Returns how many.
   */
  async removeExpired(now: Date, limit: number): Promise<number> {
    const expired = `FROM replication_tasks WHERE id IN (
      SELECT id FROM replication_tasks WHERE status = 'FAILED' AND due_at <= ?1 ORDER BY due_at, id LIMIT ?2)`;
    const [, removed] = await this.#db.batch([
      this.#db
        .prepare(
          `INSERT INTO replication_failures (write_id, bucket_id)
           SELECT write_id, bucket_id ${expired} AND write_id <> '' ON CONFLICT (write_id) DO NOTHING`,
        )
        .bind(now.getTime(), limit),
      this.#db.prepare(`DELETE ${expired}`).bind(now.getTime(), limit),
    ]);
    return removed?.meta.changes ?? 0;
  }

  /** Removes all rows of buckets that do not exist any more; returns how many tasks. */
  async removeOrphans(): Promise<number> {
    const [tasks] = await this.#db.batch(
      ["replication_tasks", "replication_failures", "replication_jobs"].map((table) =>
        this.#db.prepare(`DELETE FROM ${table} WHERE bucket_id NOT IN (SELECT id FROM buckets)`),
      ),
    );
    return tasks?.meta.changes ?? 0;
  }

  async count(bucketId: string): Promise<{ pending: number; failed: number }> {
    const row = await this.#db
      .prepare(
        `SELECT count(*) FILTER (WHERE status = 'PENDING') AS pending, count(*) FILTER (WHERE status = 'FAILED') AS failed
         FROM replication_tasks WHERE bucket_id = ?1`,
      )
      .bind(bucketId)
      .first<{ pending: number; failed: number }>();
    return row ?? { pending: 0, failed: 0 };
  }

  /** Tasks that were given up, and tasks that have failed and will be tried again; the oldest first. */
  async failures(bucketId: string, limit: number): Promise<ReplicationFailure[]> {
    const { results } = await this.#db
      .prepare(
        `SELECT id, key, body, attempts, last_error, created_at FROM replication_tasks
         WHERE bucket_id = ?1 AND last_error IS NOT NULL ORDER BY status, created_at LIMIT ?2`,
      )
      .bind(bucketId, limit)
      .all<TaskRow>();
    return results.map((row) => ({
      key: row.key,
      destination: formatDestinationArn(parse(row).destination),
      attempts: row.attempts,
      reason: row.last_error ?? "",
      since: new Date(row.created_at),
    }));
  }

  /** Makes tasks that were given up due again; returns their ids. */
  async retry(bucketId: string, now: Date, limit: number): Promise<readonly string[]> {
    const { results } = await this.#db
      .prepare(
        `UPDATE replication_tasks SET status = 'PENDING', attempts = 0, unfinished = 0, refusals = 0, due_at = ?3
         WHERE id IN (
           SELECT id FROM replication_tasks WHERE bucket_id = ?1 AND status = 'FAILED' LIMIT ?2
         ) RETURNING id`,
      )
      .bind(bucketId, limit, now.getTime() + RESEND_AFTER_MS)
      .all<{ id: string }>();
    return results.map(({ id }) => id);
  }
}

function taskId(origin: ChangeOrigin, change: ObjectChange, { destination }: ReplicationRule): string {
  const parts = [
    origin.bucket.id,
    change.key,
    change.sequencer,
    change.writeId ?? "",
    formatDestinationArn(destination),
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

function byId(rows: readonly TaskRow[] = []): Map<string, ReplicationTask> {
  return new Map(
    rows.map((row) => {
      const { id, attempts, unfinished, refusals } = row;
      return [id, { ...parse(row), id, attempts, unfinished, refusals }];
    }),
  );
}

function parse(row: TaskRow): Pick<ReplicationTask, "origin" | "change" | "destination"> {
  const { origin, change, rule } = JSON.parse(row.body) as NewReplicationTask;
  return { origin, change, destination: rule.destination };
}

/** JSON arrays short enough for one statement each. */
function inPieces(rows: readonly { readonly body: string }[]): string[] {
  const pieces: string[][] = [];
  let length = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    const json = JSON.stringify(row);
    if (length + json.length > MAX_STATEMENT_LENGTH) {
      pieces.push([]);
      length = 0;
    }
    pieces.at(-1)?.push(json);
    length += json.length;
  }
  return pieces.map((piece) => `[${piece.join(",")}]`);
}

function toStatus({ intended, failed, status }: StatusRow): Exclude<ReplicationStatus, "REPLICA"> {
  if (failed === 1) return "FAILED";
  return status ?? (intended === 1 ? "PENDING" : "COMPLETED");
}
