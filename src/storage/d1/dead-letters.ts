/** Messages that were given up, for an administrator to look at, send again or throw away. */
import type { RootGrant } from "../../access/authorize.ts";
import type { OwnMessage } from "../journal/messages.ts";

/** The newest so many stay, and none for longer. */
export const MAX_DEAD_LETTERS = 10_000;
const MAX_AGE_MS = 14 * 24 * 60 * 60 * 1000;
const MAX_LISTED = 1_000;

export interface KeptLetter {
  readonly id: string;
  readonly reason: string;
  readonly givenUpAt: Date;
  readonly message: OwnMessage;
}

interface Row {
  readonly id: string;
  readonly reason: string;
  readonly given_up_at: number;
  readonly message: string;
}

export class DeadLetters {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Keeps them, and lets go of what is too old or too much. A letter of the same id is replaced. */
  async keep(letters: readonly Omit<KeptLetter, "givenUpAt">[], now: Date): Promise<void> {
    if (letters.length === 0) return;
    await this.#db.batch([
      ...letters.map(({ id, reason, message }) =>
        this.#db
          .prepare("INSERT OR REPLACE INTO dead_letters (id, reason, given_up_at, message) VALUES (?1, ?2, ?3, ?4)")
          .bind(id, reason, now.getTime(), JSON.stringify(message)),
      ),
      this.#db
        .prepare("DELETE FROM dead_letters WHERE seq <= (SELECT max(seq) FROM dead_letters) - ?1 OR given_up_at < ?2")
        .bind(MAX_DEAD_LETTERS, now.getTime() - MAX_AGE_MS),
    ]);
  }

  /** The newest first, at most 1,000. */
  async list(_by: RootGrant): Promise<KeptLetter[]> {
    const { results } = await this.#db
      .prepare("SELECT id, reason, given_up_at, message FROM dead_letters ORDER BY seq DESC LIMIT ?1")
      .bind(MAX_LISTED)
      .all<Row>();
    return results.map(toLetter);
  }

  /** Undefined if there is none. */
  async get(_by: RootGrant, id: string): Promise<KeptLetter | undefined> {
    const row = await this.#db
      .prepare("SELECT id, reason, given_up_at, message FROM dead_letters WHERE id = ?1")
      .bind(id)
      .first<Row>();
    return row === null ? undefined : toLetter(row);
  }

  /** False if there is none. */
  async delete(_by: RootGrant, id: string): Promise<boolean> {
    const { meta } = await this.#db.prepare("DELETE FROM dead_letters WHERE id = ?1").bind(id).run();
    return meta.changes > 0;
  }
}

/** Each message was written by `keep`. */
function toLetter(row: Row): KeptLetter {
  return {
    id: row.id,
    reason: row.reason,
    givenUpAt: new Date(row.given_up_at),
    message: JSON.parse(row.message) as OwnMessage,
  };
}
