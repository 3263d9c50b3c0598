/**
 * Reads that the nearest replica of the database may answer instead of its primary, which can be a continent away.
 *
 * D1 sets no limit to how far a replica is behind. Two things limit it here:
 *
 * - A clock. Each minute a schedule writes the time into a row of the primary. A replica that shows a time has every change
 *   that was made before it. The row is read with the others, from the same state of the database; if its time is more than
 *   `MAX_REPLICA_AGE_MS` ago, the primary is asked, and replicas are left alone for a while.
 * - A bookmark: the newest state that this isolate has seen. A replica that is behind it waits until it is not. So an isolate
 *   sees its own changes, and what it knows to be revoked stays revoked.
 */

/** How old what a replica shows may be: a minute between two writes of the clock, and half of that for their way. */
export const MAX_REPLICA_AGE_MS = 90_000;
/** How long the primary is asked at once after a replica was found too old. */
const AVOIDED_MS = 30_000;

/** What a read is made of, on the session that will run it. */
export type Statements = (db: Pick<D1Database, "prepare">) => D1PreparedStatement[];

export interface ReadRows {
  /** In the order of the statements. */
  readonly results: readonly D1Result[];
  /** The rows have every change that was made before this time, in milliseconds since 1970. */
  readonly asOf: number;
  readonly isFromReplica: boolean;
}

export class ReplicaReads {
  readonly #db: D1Database;
  readonly #mayUseReplicas: boolean;
  /** What the next session begins with: a bookmark or one of D1's constraints. */
  #anchor: string = UNCONSTRAINED;
  #ownChanges = 0;
  #avoidedUntil = 0;

  /** @param mayUseReplicas false: every read is the primary's */
  constructor(db: D1Database, mayUseReplicas: boolean) {
    this.#db = db;
    this.#mayUseReplicas = mayUseReplicas;
  }

  /** To be called after a change by this isolate: the next read is the primary's, and gives a bookmark that includes it. */
  noteOwnChange(): void {
    this.#ownChanges++;
    this.#anchor = PRIMARY;
  }

  /** The rows as they are. One D1 call. */
  async current(statements: Statements): Promise<ReadRows> {
    const asOf = Date.now();
    if (!this.#mayUseReplicas)
      return { results: await this.#db.batch(statements(this.#db)), asOf, isFromReplica: false };
    const results = await this.#inSession(PRIMARY, statements);
    return { results, asOf, isFromReplica: false };
  }

  /** The rows as the nearest database shows them, at most `MAX_REPLICA_AGE_MS` old. One D1 call, or two if it is too old. */
  async nearest(statements: Statements): Promise<ReadRows> {
    const now = Date.now();
    if (!this.#mayUseReplicas || now < this.#avoidedUntil) return this.current(statements);
    const [clock, ...results] = await this.#inSession(this.#anchor, (db) => [
      db.prepare("SELECT at FROM replica_clock"),
      ...statements(db),
    ]);
    if (clock?.meta.served_by_primary === true) return { results, asOf: now, isFromReplica: false };
    const shown = (clock?.results[0] as { readonly at: number } | undefined)?.at ?? 0;
    if (now - shown <= MAX_REPLICA_AGE_MS) return { results, asOf: Math.min(shown, now), isFromReplica: true };
    this.#avoidedUntil = now + AVOIDED_MS;
    return this.current(statements);
  }

  async #inSession(anchor: string, statements: Statements): Promise<D1Result[]> {
    const ownChanges = this.#ownChanges;
    const session = this.#db.withSession(anchor);
    const results = await session.batch(statements(session));
    const bookmark = session.getBookmark();
    // A bookmark from before a change of this isolate would not include it.
    if (bookmark !== null && ownChanges === this.#ownChanges) this.#advance(bookmark);
    return results;
  }

  /** Bookmarks sort from the oldest to the newest state. */
  #advance(bookmark: string): void {
    const isFirst = this.#anchor === UNCONSTRAINED || this.#anchor === PRIMARY;
    if (isFirst || bookmark > this.#anchor) this.#anchor = bookmark;
  }
}

const UNCONSTRAINED = "first-unconstrained";
const PRIMARY = "first-primary";

/** The clock that replicas show. */
export class ReplicaClock {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /**
   * Writes the present time into the primary. To be called each minute. An earlier time than the one that is stored counts,
   * too: after a machine whose clock is ahead, replicas would otherwise look fresh for too long.
   */
  async tick(): Promise<void> {
    await this.#db
      .prepare(
        `INSERT INTO replica_clock (id, at) VALUES (1, ?1)
         ON CONFLICT (id) DO UPDATE SET at = excluded.at`,
      )
      .bind(Date.now())
      .run();
  }
}
