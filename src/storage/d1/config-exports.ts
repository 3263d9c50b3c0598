/**
 * Exports of the configuration. All rows are copied in one transaction, so an export is what the database was at one moment, whatever
 * changes while its pages are read; and a page is bounded, however many buckets there are.
 */
import type { RootGrant } from "../../access/authorize.ts";
import { newExportId } from "../../model/random-ids.ts";
import { type ConfigRow, type ConfigSealers, type RowPlace, type SealedPage, sealPage } from "./config-pages.ts";
import { CONFIG_TABLES, copyStatement } from "./config-tables.ts";

/** Rows of one page, each with a secret that may have to be unsealed. */
const ROWS_PER_PAGE = 500;
/** Characters after which a page takes no more rows. */
const PAGE_LENGTH = 200_000;
/** A transfer that is not finished after this time never is. */
const ABANDONED_MS = 24 * 60 * 60 * 1000;

export interface ExportPageQuery {
  readonly exportId: string;
  readonly page: number;
  /** The last row of the page before; absent: the first page. */
  readonly after: RowPlace | undefined;
  readonly wrappingKey: Uint8Array<ArrayBuffer>;
}

export interface ExportPage extends SealedPage {
  readonly rows: number;
  /** Undefined after the last page. */
  readonly after: RowPlace | undefined;
}

export class ConfigExports {
  readonly #db: D1Database;
  readonly #sealers: ConfigSealers;

  constructor(db: D1Database, sealers: ConfigSealers) {
    this.#db = db;
    this.#sealers = sealers;
  }

  /** Copies the configuration. Returns the id of the export. */
  async begin(_by: RootGrant, now: Date): Promise<string> {
    const id = newExportId();
    await this.#db.batch([
      removeAbandoned(this.#db, now),
      this.#db.prepare("INSERT INTO config_transfers (id, created_at) VALUES (?1, ?2)").bind(id, now.getTime()),
      ...CONFIG_TABLES.map((table) => this.#db.prepare(copyStatement(table)).bind(id)),
    ]);
    return id;
  }

  /** Undefined if there is no such export any more. */
  async page(_by: RootGrant, query: ExportPageQuery): Promise<ExportPage | undefined> {
    const { exportId, page, after } = query;
    const { results } = await this.#db
      .prepare(
        `SELECT source, number, piece, fields, text, counted FROM (
           SELECT *, count(*) OVER () AS counted,
             sum(length(fields) + coalesce(length(text), 0)) OVER (ORDER BY source, number, piece)
               - length(fields) - coalesce(length(text), 0) AS before
           FROM (SELECT * FROM config_rows WHERE transfer = ?1 AND (source, number, piece) > (?2, ?3, ?4)
             ORDER BY source, number, piece LIMIT ?5)
         ) WHERE before < ?6 ORDER BY source, number, piece`,
      )
      .bind(exportId, after?.source ?? "", after?.number ?? 0, after?.piece ?? 0, ROWS_PER_PAGE, PAGE_LENGTH)
      .all<ConfigRow & { readonly counted: number }>();
    const last = results.at(-1);
    // There is a root account, so only an export that is gone has no first row.
    if (last === undefined && after === undefined) return undefined;
    const isLast = last === undefined || (results.length === last.counted && last.counted < ROWS_PER_PAGE);
    const rows = results.map(({ counted: _, ...row }) => row);
    const sealed = await sealPage(this.#sealers, query.wrappingKey, { exportId, page, rows, isLast });
    const { source, number, piece } = last ?? { source: "", number: 0, piece: 0 };
    return { ...sealed, rows: rows.length, after: isLast ? undefined : { source, number, piece } };
  }

  /** For a sweep: an export that is left is a copy of rows that may have been changed since. */
  async removeAbandoned(now: Date): Promise<number> {
    return (await removeAbandoned(this.#db, now).run()).meta.changes;
  }

  async end(_by: RootGrant, exportId: string): Promise<void> {
    await this.#db.prepare("DELETE FROM config_transfers WHERE id = ?1 AND applied_by IS NULL").bind(exportId).run();
  }
}

/** The statement that removes exports and restores that were begun and not finished. */
export function removeAbandoned(db: D1Database, now: Date): D1PreparedStatement {
  return db
    .prepare("DELETE FROM config_transfers WHERE applied_by IS NULL AND created_at < ?1")
    .bind(now.getTime() - ABANDONED_MS);
}
