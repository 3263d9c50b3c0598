/** Rows of changes that are about to be made, so that a crash between a write and its message loses no event. */
import type { ChangesMessage } from "./messages.ts";

export interface Intent {
  readonly message: ChangesMessage;
  readonly createdAt: Date;
  /** The write succeeded: the message is complete and only has to be sent. */
  readonly isMade: boolean;
}

interface IntentRow {
  readonly created_at: number;
  readonly message: string;
  readonly has_landed: number;
}

export class Intents {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** One D1 call for all. */
  async add(messages: readonly ChangesMessage[], now: Date): Promise<void> {
    const statements = messages.map((message) =>
      this.#db
        .prepare("INSERT INTO event_intents (id, region, write_id, created_at, message) VALUES (?1, ?2, ?3, ?4, ?5)")
        .bind(
          message.id,
          message.origin.bucket.region,
          message.changes[0]?.writeId ?? "",
          now.getTime(),
          JSON.stringify(message),
        ),
    );
    const [only, ...others] = statements;
    if (only !== undefined && others.length === 0) await only.run();
    else await this.#db.batch(statements);
  }

  /** The writes succeeded, and a sweep will send their messages. */
  async markMade(messages: readonly ChangesMessage[]): Promise<void> {
    await this.#db.batch(
      messages.map((message) =>
        this.#db
          .prepare("UPDATE event_intents SET message = ?2, has_landed = 1 WHERE id = ?1")
          .bind(message.id, JSON.stringify(message)),
      ),
    );
  }

  /** Of these intents only the given changes are still to be found out about. */
  async narrow(messages: readonly ChangesMessage[]): Promise<void> {
    await this.#db.batch(
      messages.map((message) =>
        this.#db
          .prepare("UPDATE event_intents SET message = ?2 WHERE id = ?1")
          .bind(message.id, JSON.stringify(message)),
      ),
    );
  }

  async remove(ids: readonly string[]): Promise<void> {
    await this.#db
      .prepare("DELETE FROM event_intents WHERE id IN (SELECT value FROM json_each(?1))")
      .bind(JSON.stringify(ids))
      .run();
  }

  /** Intents made before one time and not seen by a sweep since another; those that have waited longest come first. */
  async outstanding(limits: { madeBefore: Date; notSeenSince: Date; limit: number }): Promise<Intent[]> {
    const { results } = await this.#db
      .prepare(
        `SELECT created_at, message, has_landed FROM event_intents
         WHERE created_at < ?1 AND looked_at < ?2 ORDER BY looked_at, created_at LIMIT ?3`,
      )
      .bind(limits.madeBefore.getTime(), limits.notSeenSince.getTime(), limits.limit)
      .all<IntentRow>();
    return results.map((row) => ({
      message: JSON.parse(row.message) as ChangesMessage,
      createdAt: new Date(row.created_at),
      isMade: row.has_landed === 1,
    }));
  }

  async markSeen(ids: readonly string[], now: Date): Promise<void> {
    await this.#db
      .prepare("UPDATE event_intents SET looked_at = ?2 WHERE id IN (SELECT value FROM json_each(?1))")
      .bind(JSON.stringify(ids), now.getTime())
      .run();
  }
}
