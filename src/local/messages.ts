/** Messages of the local queues until a consumer has acknowledged them. The simulated queues keep theirs in memory. */
import { DurableObject } from "cloudflare:workers";

export interface StoredMessage {
  /** Later messages have greater ids, also after a restart. */
  readonly id: number;
  /** Name of the queue's binding. */
  readonly queue: string;
  readonly body: unknown;
  /** Not to be delivered before, milliseconds since 1970. */
  readonly dueAt: number;
}

/** Rows of one answer of `list`. */
const PAGE = 100;

interface Row extends Record<string, SqlStorageValue> {
  readonly id: number;
  readonly queue: string;
  readonly body: string;
  readonly due_at: number;
}

/** One object holds the messages of all queues. What a method stores is on disk when its caller gets the answer. */
export class LocalMessages extends DurableObject<object> {
  readonly #sql: SqlStorage;

  constructor(state: DurableObjectState, env: object) {
    super(state, env);
    this.#sql = state.storage.sql;
    this.#sql.exec(
      `CREATE TABLE IF NOT EXISTS messages (
         id INTEGER PRIMARY KEY, queue TEXT NOT NULL, body TEXT NOT NULL, due_at INTEGER NOT NULL
       )`,
    );
  }

  add(messages: readonly StoredMessage[]): void {
    for (const { id, queue, body, dueAt } of messages) {
      this.#sql.exec(
        "INSERT INTO messages (id, queue, body, due_at) VALUES (?1, ?2, ?3, ?4)",
        id,
        queue,
        JSON.stringify(body),
        dueAt,
      );
    }
  }

  remove(ids: readonly number[]): void {
    this.#sql.exec("DELETE FROM messages WHERE id IN (SELECT value FROM json_each(?1))", JSON.stringify(ids));
  }

  /** The greatest id so far; 0 if there is none. */
  last(): number {
    return this.#sql.exec<{ id: number }>("SELECT coalesce(max(id), 0) AS id FROM messages").one().id;
  }

  /** The first messages after `after`, at most up to `last`. */
  list(after: number, last: number): StoredMessage[] {
    return this.#sql
      .exec<Row>("SELECT * FROM messages WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3", after, last, PAGE)
      .toArray()
      .map(({ id, queue, body, due_at }) => ({ id, queue, body: JSON.parse(body), dueAt: due_at }));
  }
}
