/** Accounts and access keys, as the admin API manages them. Secrets are sealed before they reach a row. */

import type { RootGrant } from "../../access/authorize.ts";
import type { Account } from "../../model/caller.ts";
import { newAccessKeyId, newAccountId, newCanonicalId, newSecretAccessKey } from "../../model/random-ids.ts";
import type { Sealer } from "../sealing.ts";
import type { Directory } from "./directory.ts";
import { type AccessKeyRow, type AccountRow, toAccount } from "./rows.ts";

export interface AccessKey {
  readonly accessKeyId: string;
  readonly accountId: string;
  readonly status: "Active" | "Inactive";
  readonly createdAt: Date;
  /** The user of the account that owns it; absent for a root key. */
  readonly userName?: string;
}

/** A secret leaves `auth` only once, with its new key. */
export interface NewAccessKey extends AccessKey {
  readonly secretAccessKey: string;
}

export class Accounts {
  readonly #db: D1Database;
  readonly #sealer: Sealer;
  readonly #directory: Directory;
  #rootId: string | undefined;

  constructor(db: D1Database, sealer: Sealer, directory: Directory) {
    this.#db = db;
    this.#sealer = sealer;
    this.#directory = directory;
  }

  /** Id of the root account, which owns what belongs to the operator; read once. */
  async rootId(): Promise<string> {
    this.#rootId ??= await this.#readRootId();
    return this.#rootId;
  }

  async create(_by: RootGrant, displayName: string, now: Date): Promise<{ account: Account; key: NewAccessKey }> {
    const account: Account = { id: newAccountId(), canonicalId: newCanonicalId(), displayName, isRoot: false };
    const { key, insert } = await this.#newKey(account.id, now);
    await this.#db.batch([
      this.#db
        .prepare("INSERT INTO accounts (id, canonical_id, display_name, created_at) VALUES (?1, ?2, ?3, ?4)")
        .bind(account.id, account.canonicalId, account.displayName, now.getTime()),
      insert,
    ]);
    return { account, key };
  }

  async list(_by: RootGrant): Promise<(Account & { createdAt: Date })[]> {
    const { results } = await this.#db.prepare("SELECT * FROM accounts ORDER BY created_at, id").all<AccountRow>();
    return results.map((row) => ({ ...toAccount(row), createdAt: new Date(row.created_at) }));
  }

  /** Undefined if there is no such account. */
  async createKey(_by: RootGrant, accountId: string, now: Date): Promise<NewAccessKey | undefined> {
    const found = await this.#db.prepare("SELECT 1 FROM accounts WHERE id = ?1").bind(accountId).first();
    if (found === null) return undefined;
    const { key, insert } = await this.#newKey(accountId, now);
    await insert.run();
    this.#directory.forgetCredential(key.accessKeyId);
    return key;
  }

  async listKeys(_by: RootGrant, accountId: string | undefined): Promise<AccessKey[]> {
    const { results } = await this.#db
      .prepare(
        `SELECT k.id, k.account_id, k.status, k.created_at, u.name AS user_name
         FROM access_keys k LEFT JOIN users u ON u.id = k.user_id
         WHERE ?1 IS NULL OR k.account_id = ?1 ORDER BY k.created_at, k.id`,
      )
      .bind(accountId ?? null)
      .all<AccessKeyRow & { readonly user_name: string | null }>();
    return results.map((row) => ({
      accessKeyId: row.id,
      accountId: row.account_id,
      status: row.status === "Active" ? "Active" : "Inactive",
      createdAt: new Date(row.created_at),
      ...(row.user_name !== null && { userName: row.user_name }),
    }));
  }

  /** False if there is no such key. */
  async setKeyStatus(_by: RootGrant, accessKeyId: string, status: AccessKey["status"]): Promise<boolean> {
    const { meta } = await this.#db
      .prepare("UPDATE access_keys SET status = ?2 WHERE id = ?1")
      .bind(accessKeyId, status)
      .run();
    this.#directory.forgetCredential(accessKeyId);
    return meta.changes > 0;
  }

  async deleteKey(_by: RootGrant, accessKeyId: string): Promise<boolean> {
    const { meta } = await this.#db.prepare("DELETE FROM access_keys WHERE id = ?1").bind(accessKeyId).run();
    this.#directory.forgetCredential(accessKeyId);
    return meta.changes > 0;
  }

  async #readRootId(): Promise<string> {
    const row = await this.#db.prepare("SELECT id FROM accounts WHERE is_root = 1").first<{ id: string }>();
    if (row === null) throw new Error("There is no root account.");
    return row.id;
  }

  async #newKey(accountId: string, now: Date): Promise<{ key: NewAccessKey; insert: D1PreparedStatement }> {
    const accessKeyId = newAccessKeyId();
    const secretAccessKey = newSecretAccessKey();
    const insert = this.#db
      .prepare("INSERT INTO access_keys (id, account_id, secret_sealed, created_at) VALUES (?1, ?2, ?3, ?4)")
      .bind(accessKeyId, accountId, await this.#sealer.seal(secretAccessKey, accessKeyId), now.getTime());
    return { key: { accessKeyId, accountId, status: "Active", createdAt: now, secretAccessKey }, insert };
  }
}
