/** Messages that were given up, for an administrator to read, send again or delete. */
import type { RootGrant } from "../../access/authorize.ts";
import type { MessageOwner, OwnMessage } from "../journal/messages.ts";

/** Limits for one account, whose dead letters must not displace another's, and for all accounts. The newest are kept. */
export const MAX_DEAD_LETTERS_PER_ACCOUNT = 1_000;
export const MAX_DEAD_LETTERS = 10_000;
export const DEAD_LETTER_LIFETIME_MS = 14 * 24 * 60 * 60 * 1000;
const MAX_LISTED = 1_000;

export interface StoredDeadLetter {
  readonly id: string;
  readonly reason: string;
  readonly givenUpAt: Date;
  readonly message: OwnMessage;
}

export type NewDeadLetter = Omit<StoredDeadLetter, "givenUpAt"> & { readonly owner: MessageOwner };

interface Row {
  readonly id: string;
  readonly reason: string;
  readonly given_up_at: number;
  readonly message: string;
}

/** If the owner's bucket does not exist any more, the account is the empty text. */
const INSERT = `
  INSERT OR REPLACE INTO dead_letters (id, reason, given_up_at, message, account_id)
  VALUES (?1, ?2, ?3, ?4, coalesce(?5, (SELECT account_id FROM buckets WHERE id = ?6),
    (SELECT b.account_id FROM replication_tasks t JOIN buckets b ON b.id = t.bucket_id WHERE t.id = ?7), ''))`;

/** For the accounts that have dead letters among these. */
const KEEP_NEWEST_OF_ACCOUNT = `
  DELETE FROM dead_letters WHERE seq IN (
    SELECT old.seq FROM (SELECT DISTINCT account_id FROM dead_letters WHERE id IN (SELECT value FROM json_each(?1))) one
    JOIN dead_letters old ON old.account_id = one.account_id AND old.seq <= (
      SELECT seq FROM dead_letters WHERE account_id = one.account_id ORDER BY seq DESC LIMIT 1 OFFSET ?2))`;

const LIST = `
  SELECT id, reason, given_up_at, message FROM dead_letters WHERE seq IN (
    SELECT seq FROM (SELECT seq, row_number() OVER (PARTITION BY account_id ORDER BY seq DESC) AS place FROM dead_letters)
    ORDER BY place, seq DESC LIMIT ?1)
  ORDER BY seq DESC`;

/** Deletes the oldest ones of the accounts that have most. */
const KEEP_NEWEST_OF_ALL = `
  DELETE FROM dead_letters WHERE seq IN (
    SELECT seq FROM (SELECT seq, row_number() OVER (PARTITION BY account_id ORDER BY seq DESC) AS place FROM dead_letters)
    ORDER BY place DESC, seq LIMIT max((SELECT count(*) FROM dead_letters) - ?1, 0))`;

export class DeadLetters {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Stores them and deletes those beyond the limits. A dead letter with the same id is replaced. */
  async keep(letters: readonly NewDeadLetter[], now: Date): Promise<void> {
    if (letters.length === 0) return;
    const ids = JSON.stringify(letters.map(({ id }) => id));
    await this.#db.batch([
      ...letters.map(({ id, reason, message, owner }) =>
        this.#db
          .prepare(INSERT)
          .bind(
            id,
            reason,
            now.getTime(),
            JSON.stringify(message),
            "accountId" in owner ? owner.accountId : null,
            "bucketId" in owner ? owner.bucketId : null,
            "taskId" in owner ? owner.taskId : null,
          ),
      ),
      this.#db.prepare("DELETE FROM dead_letters WHERE given_up_at < ?1").bind(now.getTime() - DEAD_LETTER_LIFETIME_MS),
      this.#db.prepare(KEEP_NEWEST_OF_ACCOUNT).bind(ids, MAX_DEAD_LETTERS_PER_ACCOUNT),
      this.#db.prepare(KEEP_NEWEST_OF_ALL).bind(MAX_DEAD_LETTERS),
    ]);
  }

  /** The newest first; if there are more than 1,000, the newest of each account, so that no account is hidden. */
  async list(_by: RootGrant): Promise<StoredDeadLetter[]> {
    const { results } = await this.#db.prepare(LIST).bind(MAX_LISTED).all<Row>();
    return results.map(toDeadLetter);
  }

  /** Undefined if there is no such dead letter. */
  async get(_by: RootGrant, id: string): Promise<StoredDeadLetter | undefined> {
    const row = await this.#db
      .prepare("SELECT id, reason, given_up_at, message FROM dead_letters WHERE id = ?1")
      .bind(id)
      .first<Row>();
    return row === null ? undefined : toDeadLetter(row);
  }

  /** False if there is no such dead letter. */
  async delete(_by: RootGrant, id: string): Promise<boolean> {
    const { meta } = await this.#db.prepare("DELETE FROM dead_letters WHERE id = ?1").bind(id).run();
    return meta.changes > 0;
  }
}

/** Each message was written by `keep`. */
function toDeadLetter(row: Row): StoredDeadLetter {
  return {
    id: row.id,
    reason: row.reason,
    givenUpAt: new Date(row.given_up_at),
    message: JSON.parse(row.message) as OwnMessage,
  };
}
