/**
 * Whether the audit is on, and where it goes. The directory reads the row together with the rows of keys and buckets, so it costs
 * no call of its own, and what an isolate knows of it is as old as what it knows of the request's key.
 */
import type { RootGrant } from "../../access/authorize.ts";
import type { AuditSetting } from "../../model/audit.ts";

interface Row {
  readonly account_id: string;
  readonly bucket: string;
  readonly prefix: string;
  readonly set_at: number;
}

interface Known {
  readonly setting: AuditSetting | "off";
  /** When it was read, milliseconds since 1970. */
  readonly asOf: number;
}

/** How long what was read counts at least: a request may last longer than the rows that it was decided by are cached. */
const MIN_KNOWN_MS = 10_000;

const SELECT = "SELECT account_id, bucket, prefix, set_at FROM audit_setting WHERE id = 1";

export class AuditSwitch {
  readonly #db: D1Database;
  readonly #knownMs: number;
  #known: Known | undefined;
  #ownChangeAt = 0;

  /** @param ttlMs for how long rows are cached */
  constructor(db: D1Database, ttlMs: number) {
    this.#db = db;
    this.#knownMs = Math.max(ttlMs, MIN_KNOWN_MS);
  }

  /** For the batches of the directory, which pass the result to `note`. */
  select(db: Pick<D1Database, "prepare">): D1PreparedStatement {
    return db.prepare(SELECT);
  }

  /** @param asOf the time before the query was sent */
  note(row: unknown, asOf: number): void {
    // What was read before a change of this isolate may not show it.
    if (asOf <= this.#ownChangeAt || asOf < (this.#known?.asOf ?? 0)) return;
    this.#known = { setting: row === undefined || row === null ? "off" : toSetting(row as Row), asOf };
  }

  /** Undefined if it was not read lately. */
  known(now: number): AuditSetting | "off" | undefined {
    return this.#known === undefined || now - this.#known.asOf > this.#knownMs ? undefined : this.#known.setting;
  }

  /** As known, else read from D1. */
  async find(): Promise<AuditSetting | "off"> {
    const known = this.known(Date.now());
    if (known !== undefined) return known;
    const asOf = Date.now();
    const row = await this.select(this.#db).first<Row>();
    this.note(row, asOf);
    return row === null ? "off" : toSetting(row);
  }

  /** The setting as it is in D1, with the time since when. */
  async show(_by: RootGrant): Promise<(AuditSetting & { readonly since: Date }) | undefined> {
    const row = await this.select(this.#db).first<Row>();
    return row === null ? undefined : { ...toSetting(row), since: new Date(row.set_at) };
  }

  /** @returns what was set before */
  async set(by: RootGrant, setting: AuditSetting, now: Date): Promise<AuditSetting | undefined> {
    const before = await this.show(by);
    const { accountId, bucket, prefix } = setting;
    await this.#db
      .prepare(
        `INSERT INTO audit_setting (id, account_id, bucket, prefix, set_at) VALUES (1, ?1, ?2, ?3, ?4)
         ON CONFLICT (id) DO UPDATE SET account_id = ?1, bucket = ?2, prefix = ?3, set_at = ?4`,
      )
      .bind(accountId, bucket, prefix, now.getTime())
      .run();
    this.#noteOwnChange(setting);
    return before && withoutTime(before);
  }

  /** @returns what was set before */
  async clear(by: RootGrant): Promise<AuditSetting | undefined> {
    const before = await this.show(by);
    await this.#db.prepare("DELETE FROM audit_setting").run();
    this.#noteOwnChange("off");
    return before && withoutTime(before);
  }

  #noteOwnChange(setting: AuditSetting | "off"): void {
    this.#ownChangeAt = Date.now();
    this.#known = { setting, asOf: this.#ownChangeAt };
  }
}

function toSetting({ account_id: accountId, bucket, prefix }: Row): AuditSetting {
  return { accountId, bucket, prefix };
}

function withoutTime({ accountId, bucket, prefix }: AuditSetting): AuditSetting {
  return { accountId, bucket, prefix };
}
