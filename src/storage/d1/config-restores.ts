/**
 * Restores of the configuration into an empty database. Pages are received into a table of their own, in any number of attempts.
 * When all have been received, one transaction makes the configuration of them, or changes nothing.
 */
import type { RootGrant } from "../../access/authorize.ts";
import { newWriteId } from "../../model/random-ids.ts";
import { removeAbandoned } from "./config-exports.ts";
import { type ConfigRow, type ConfigSealers, openPage, type PagePlace } from "./config-pages.ts";
import { CONFIG_TABLES, IS_APPLIED, insertStatement } from "./config-tables.ts";
import type { Directory } from "./directory.ts";

/** Length of the JSON of the rows that one statement gets. */
const STATEMENT_LENGTH = 300_000;

/** Tables without which a database is empty, besides its root account. */
const SIGNS_OF_USE = ["accounts", "access_keys", "users", "buckets", "topics", "remotes", "kms_keys"] as const;
const isUsed = (table: (typeof SIGNS_OF_USE)[number]) =>
  `EXISTS (SELECT 1 FROM ${table}${table === "accounts" ? " WHERE is_root = 0" : ""})`;

export type ReceiveOutcome =
  | { readonly outcome: "received" | "restored-before" | "wrong-key" }
  | { readonly outcome: "not-empty"; readonly tables: readonly string[] }
  | { readonly outcome: "other-schema"; readonly schema: string };

export type ApplyOutcome =
  | { readonly outcome: "restored"; readonly rows: Readonly<Record<string, number>> }
  | { readonly outcome: "restored-before" | "incomplete" }
  | { readonly outcome: "not-empty"; readonly tables: readonly string[] };

export class ConfigRestores {
  readonly #db: D1Database;
  readonly #sealers: ConfigSealers;
  readonly #directory: Directory;

  constructor(db: D1Database, sealers: ConfigSealers, directory: Directory) {
    this.#db = db;
    this.#sealers = sealers;
    this.#directory = directory;
  }

  /** Takes a page. One that was received before is replaced. */
  async receive(
    _by: RootGrant,
    { wrappingKey, ...page }: PagePlace & { readonly sealed: string; readonly wrappingKey: Uint8Array<ArrayBuffer> },
    now: Date,
  ): Promise<ReceiveOutcome> {
    const id = transferOf(page.exportId);
    const state = await this.#state(id);
    if (state.isApplied) return { outcome: "restored-before" };
    if (state.tables.length > 0) return { outcome: "not-empty", tables: state.tables };
    const opened = await openPage(this.#sealers, wrappingKey, page);
    if (opened.outcome !== "opened") return opened;
    await this.#db.batch([
      removeAbandoned(this.#db, now),
      this.#db
        .prepare("INSERT INTO config_transfers (id, created_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING")
        .bind(id, now.getTime()),
      ...grouped(opened.rows).map((rows) =>
        this.#db
          .prepare(
            `INSERT INTO config_rows (transfer, source, number, piece, fields, text)
             SELECT ?1, j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4 FROM json_each(?2) j
             WHERE true ON CONFLICT DO UPDATE SET fields = excluded.fields, text = excluded.text`,
          )
          .bind(id, rows),
      ),
      this.#db
        .prepare("INSERT INTO config_pages (transfer, page, is_last) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")
        .bind(id, page.page, opened.isLast ? 1 : 0),
    ]);
    return { outcome: "received" };
  }

  /** Makes the configuration of the pages that were received, if all of them were and the database is still empty. */
  async apply(_by: RootGrant, exportId: string): Promise<ApplyOutcome> {
    const id = transferOf(exportId);
    const call = newWriteId();
    const sealKeyName = await this.#sealers.sealKeyName();
    const results = await this.#db.batch([
      this.#db
        .prepare(
          `UPDATE config_transfers SET applied_by = ?2 WHERE id = ?1 AND applied_by IS NULL
             AND (SELECT count(*) = max(page) + 1 AND max(page) = max(iif(is_last, page, -1))
                  FROM config_pages WHERE transfer = ?1)
             AND NOT (${SIGNS_OF_USE.map(isUsed).join(" OR ")})`,
        )
        .bind(id, call),
      this.#db
        .prepare(
          `UPDATE accounts SET (id, canonical_id, display_name, created_at) =
             (SELECT fields ->> 'id', fields ->> 'canonical_id', fields ->> 'display_name', fields ->> 'created_at'
              FROM config_rows WHERE transfer = ?1 AND source = 'accounts' AND fields ->> 'is_root' = 1)
           WHERE is_root = 1 AND ${IS_APPLIED}`,
        )
        .bind(id, call),
      // Certificates stay: something may have been signed with them.
      this.#db
        .prepare(
          `UPDATE signing_keys SET id = 'earlier/' || fingerprint WHERE id = ?3 AND ${IS_APPLIED} AND EXISTS
             (SELECT 1 FROM config_rows WHERE transfer = ?1 AND source = 'signing_keys' AND fields ->> 'id' = ?3
                AND fields ->> 'fingerprint' <> signing_keys.fingerprint)`,
        )
        .bind(id, call, sealKeyName),
      ...CONFIG_TABLES.map((table) => this.#db.prepare(insertStatement(table)).bind(id, call)),
      ...["config_rows", "config_pages"].map((table) =>
        this.#db.prepare(`DELETE FROM ${table} WHERE transfer = ?1 AND ${IS_APPLIED}`).bind(id, call),
      ),
    ]);
    this.#directory.forgetAll();
    if (results[0]?.meta.changes === 1) {
      const inserted = CONFIG_TABLES.map(({ name }, index) => [name, results[index + 3]?.meta.changes ?? 0] as const);
      return { outcome: "restored", rows: Object.fromEntries(inserted.filter(([, count]) => count > 0)) };
    }
    const state = await this.#state(id);
    if (state.isApplied) return { outcome: "restored-before" };
    return state.tables.length > 0 ? { outcome: "not-empty", tables: state.tables } : { outcome: "incomplete" };
  }

  async #state(id: string): Promise<{ readonly isApplied: boolean; readonly tables: readonly string[] }> {
    const row = await this.#db
      .prepare(
        `SELECT EXISTS (SELECT 1 FROM config_transfers WHERE id = ?1 AND applied_by IS NOT NULL) AS applied,
           ${SIGNS_OF_USE.map((table) => `${isUsed(table)} AS ${table}`).join(", ")}`,
      )
      .bind(id)
      .first<Record<string, number>>();
    return { isApplied: row?.applied === 1, tables: SIGNS_OF_USE.filter((table) => row?.[table] === 1) };
  }
}

/** An export of this database may still be under way. */
function transferOf(exportId: string): string {
  return `restore/${exportId}`;
}

/** JSON arrays of rows, each short enough to be bound. */
function grouped(rows: readonly ConfigRow[]): string[] {
  const groups: string[][] = [];
  let length = STATEMENT_LENGTH;
  for (const { source, number, piece, fields, text } of rows) {
    const row = JSON.stringify([source, number, piece, fields, text]);
    if (length + row.length > STATEMENT_LENGTH) {
      groups.push([]);
      length = 0;
    }
    groups.at(-1)?.push(row);
    length += row.length;
  }
  return groups.map((group) => `[${group.join(",")}]`);
}
