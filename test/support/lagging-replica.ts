/**
 * D1 with a read replica that is far nearer than its primary and shows an older state until `catchUp` is called. The
 * primary is the database of the tests, the replica one of its own. Time is what the test's clock shows: each call advances
 * it by its way there and back.
 */
import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";

export const PRIMARY_MS = 150;
export const REPLICA_MS = 10;

/** What directories read, with what it refers to, parents first. */
const TABLES = ["accounts", "users", "user_policies", "access_keys", "buckets", "bucket_documents", "replica_clock"];

interface Statement {
  readonly query: string;
  readonly values: readonly unknown[];
}

export interface Trips {
  primary: number;
  replica: number;
}

export class LaggingD1 {
  readonly trips: Trips = { primary: 0, replica: 0 };
  readonly #replica: D1Database;
  /** Bookmarks are the numbers of calls to the primary: one sees all that was written before the call. */
  #calls = 0;
  #replicated = 0;

  static async open(): Promise<LaggingD1> {
    const replica = Reflect.get(env, "REPLICA") as D1Database;
    await applyD1Migrations(replica, env.TEST_MIGRATIONS);
    const lagging = new LaggingD1(replica);
    await lagging.catchUp();
    return lagging;
  }

  private constructor(replica: D1Database) {
    this.#replica = replica;
  }

  /** The binding that a Worker sees. */
  get binding(): D1Database {
    const onPrimary = (statements: Statement[]) => this.#onPrimary(statements);
    const database = {
      prepare: (query: string) => recorded({ query, values: [] }, onPrimary),
      batch: (statements: Statement[]) => onPrimary(statements),
      withSession: (anchor: string) => this.#session(anchor),
    };
    return database as unknown as D1Database;
  }

  /** The replica shows what the primary has now. */
  async catchUp(): Promise<void> {
    this.#replicated = this.#calls;
    const rows = await env.DB.batch<Record<string, unknown>>(
      TABLES.map((table) => env.DB.prepare(`SELECT * FROM ${table}`)),
    );
    await this.#replica.batch([
      ...[...TABLES].reverse().map((table) => this.#replica.prepare(`DELETE FROM ${table}`)),
      ...TABLES.flatMap((table, index) =>
        (rows[index]?.results ?? []).map((row) => {
          const columns = Object.keys(row);
          const insert = `INSERT INTO ${table} (${columns.join()}) VALUES (${columns.map(() => "?").join()})`;
          return this.#replica.prepare(insert).bind(...Object.values(row));
        }),
      ),
    ]);
  }

  reset(): void {
    Object.assign(this.trips, { primary: 0, replica: 0 });
  }

  #session(anchor: string) {
    let bookmark: number | undefined = /^\d+$/.test(anchor) ? Number(anchor) : undefined;
    let mustAskPrimary = anchor === "first-primary";
    const run = async (statements: Statement[]) => {
      if (mustAskPrimary) {
        const results = await this.#onPrimary(statements);
        mustAskPrimary = false;
        bookmark = this.#calls;
        return results;
      }
      // A replica that is behind the bookmark waits.
      if (bookmark !== undefined && bookmark > this.#replicated) await this.catchUp();
      bookmark = this.#replicated;
      return this.#onReplica(statements);
    };
    return {
      prepare: (query: string) => recorded({ query, values: [] }, run),
      batch: run,
      getBookmark: () => (bookmark === undefined ? null : String(bookmark).padStart(12, "0")),
    };
  }

  async #onPrimary(statements: Statement[]): Promise<D1Result[]> {
    this.trips.primary++;
    const results = await env.DB.batch(statements.map((each) => env.DB.prepare(each.query).bind(...each.values)));
    this.#calls++;
    vi.setSystemTime(Date.now() + PRIMARY_MS);
    return results.map((result) => ({ ...result, meta: { ...result.meta, served_by_primary: true } }));
  }

  async #onReplica(statements: Statement[]): Promise<D1Result[]> {
    this.trips.replica++;
    const replica = this.#replica;
    const results = await replica.batch(statements.map((each) => replica.prepare(each.query).bind(...each.values)));
    vi.setSystemTime(Date.now() + REPLICA_MS);
    return results.map((result) => ({ ...result, meta: { ...result.meta, served_by_primary: false } }));
  }
}

function recorded(statement: Statement, run: (statements: Statement[]) => Promise<D1Result[]>): object {
  return {
    ...statement,
    bind: (...values: unknown[]) => recorded({ ...statement, values }, run),
    first: async () => (await run([statement]))[0]?.results[0] ?? null,
    all: async () => (await run([statement]))[0],
    run: async () => (await run([statement]))[0],
  };
}
