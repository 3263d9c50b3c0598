/** Access keys as the IAM API manages them, those of a user or the root keys of an account, and when each was last used. */
import type { IamOwnAccountGrant, IamUserGrant } from "../../access/authorize-iam.ts";
import type { AccountCaller } from "../../model/caller.ts";
import { newAccessKeyId, newSecretAccessKey } from "../../model/random-ids.ts";
import type { KeyUse, UserKey } from "../../model/user.ts";
import type { Sealer } from "../sealing.ts";
import { TtlCache } from "../ttl-cache.ts";
import type { Directory } from "./directory.ts";

/** "IAM and STS quotas": for a user, and for an account's root user. */
export const MAX_KEYS_PER_OWNER = 2;

/** The owner of the keys: the grant's user or, without one, the account itself. */
export type KeyOwnerGrant = IamUserGrant | IamOwnAccountGrant;

/** A secret leaves `auth` only once, with its new key. */
export interface NewUserKey extends UserKey {
  readonly secretAccessKey: string;
}

interface KeyRow {
  readonly id: string;
  readonly status: string;
  readonly created_at: number;
}

interface OwnedKeyRow {
  readonly user_name: string | null;
  readonly last_used_at: number | null;
  readonly last_used_region: string | null;
  readonly last_used_service: string | null;
}

export interface OwnedKey {
  /** Undefined: a root key of the account. */
  readonly userName: string | undefined;
  readonly lastUse: KeyUse | undefined;
}

/** `IS` compares NULL with NULL as equal: a root key has no user. */
const OWNED = "account_id = ?1 AND user_id IS ?2";

export class UserKeys {
  readonly #db: D1Database;
  readonly #sealer: Sealer;
  readonly #directory: Directory;

  constructor(db: D1Database, sealer: Sealer, directory: Directory) {
    this.#db = db;
    this.#sealer = sealer;
    this.#directory = directory;
  }

  async create(by: KeyOwnerGrant, now: Date): Promise<NewUserKey | "too-many" | "gone"> {
    const accessKeyId = newAccessKeyId();
    const secretAccessKey = newSecretAccessKey();
    const sealed = await this.#sealer.seal(secretAccessKey, accessKeyId);
    const [accountId, userId] = ownerOf(by);
    const [inserted, user] = await this.#db.batch([
      this.#db
        .prepare(
          `INSERT INTO access_keys (id, account_id, user_id, secret_sealed, created_at)
           SELECT ?3, ?1, ?2, ?4, ?5
           WHERE (SELECT count(*) FROM access_keys WHERE ${OWNED}) < ?6
             AND (?2 IS NULL OR EXISTS (SELECT 1 FROM users WHERE id = ?2 AND account_id = ?1))
           RETURNING id`,
        )
        .bind(accountId, userId, accessKeyId, sealed, now.getTime(), MAX_KEYS_PER_OWNER),
      this.#db.prepare("SELECT 1 WHERE ?1 IS NULL OR EXISTS (SELECT 1 FROM users WHERE id = ?1)").bind(userId),
    ]);
    if (inserted?.results.length !== 1) return user?.results.length === 1 ? "too-many" : "gone";
    this.#directory.forgetCredential(accessKeyId);
    return { accessKeyId, secretAccessKey, status: "Active", createdAt: now };
  }

  /** In order of their ids. */
  async list(by: KeyOwnerGrant, { after, limit }: { after: string; limit: number }): Promise<UserKey[]> {
    const { results } = await this.#db
      .prepare(
        `SELECT id, status, created_at FROM access_keys WHERE ${OWNED} AND id > ?3
         ORDER BY id LIMIT ?4`,
      )
      .bind(...ownerOf(by), after, limit)
      .all<KeyRow>();
    return results.map((row) => ({
      accessKeyId: row.id,
      status: row.status === "Active" ? "Active" : "Inactive",
      createdAt: new Date(row.created_at),
    }));
  }

  /** False if the owner has no such key. */
  async setStatus(by: KeyOwnerGrant, accessKeyId: string, status: UserKey["status"]): Promise<boolean> {
    const { meta } = await this.#db
      .prepare(`UPDATE access_keys SET status = ?4 WHERE ${OWNED} AND id = ?3`)
      .bind(...ownerOf(by), accessKeyId, status)
      .run();
    this.#directory.forgetCredential(accessKeyId);
    return meta.changes > 0;
  }

  /** False if the owner has no such key. */
  async delete(by: KeyOwnerGrant, accessKeyId: string): Promise<boolean> {
    const { meta } = await this.#db
      .prepare(`DELETE FROM access_keys WHERE ${OWNED} AND id = ?3`)
      .bind(...ownerOf(by), accessKeyId)
      .run();
    this.#directory.forgetCredential(accessKeyId);
    return meta.changes > 0;
  }

  /** For the authorizer, which needs the owner of the key. A client gets the answer only with a grant for that user. */
  async find(accountId: string, accessKeyId: string): Promise<OwnedKey | undefined> {
    const row = await this.#db
      .prepare(
        `SELECT u.name AS user_name, k.last_used_at, k.last_used_region, k.last_used_service
         FROM access_keys k LEFT JOIN users u ON u.id = k.user_id WHERE k.account_id = ?1 AND k.id = ?2`,
      )
      .bind(accountId, accessKeyId)
      .first<OwnedKeyRow>();
    return row === null ? undefined : { userName: row.user_name ?? undefined, lastUse: toUse(row) };
  }
}

function ownerOf(by: KeyOwnerGrant): [accountId: string, userId: string | null] {
  return [by.accountId, by.user?.id ?? null];
}

function toUse(row: OwnedKeyRow): KeyUse | undefined {
  if (row.last_used_at === null) return undefined;
  return {
    usedAt: new Date(row.last_used_at),
    region: row.last_used_region ?? "N/A",
    service: row.last_used_service ?? "N/A",
  };
}

/** At most one write per key and isolate in this time. */
const ACCURACY_MS = 15 * 60 * 1000;
const MAX_KEYS = 2_000;

interface KeyUseNote {
  readonly service: string;
  readonly region: string;
  readonly now: Date;
}

/**
 * When a key was last used (GetAccessKeyLastUsed). It is written after the answer, so that requests do not wait for it; the
 * next use makes up for a lost write.
 */
export class KeyUsage {
  readonly #db: D1Database;
  readonly #rootAccessKeyId: string;
  readonly #noted = new TtlCache<true>({ ttlMs: ACCURACY_MS, maxEntries: MAX_KEYS });

  /** @param rootAccessKeyId the deployment's own key, which has no row */
  constructor(db: D1Database, rootAccessKeyId: string) {
    this.#db = db;
    this.#rootAccessKeyId = rootAccessKeyId;
  }

  /**
   * To be called for authenticated callers only. The use of temporary credentials is their maker's.
   * @returns the write to be awaited after the answer; undefined if there is nothing to write
   */
  note(caller: AccountCaller, use: KeyUseNote): Promise<void> | undefined {
    const accessKeyId = caller.session?.makerAccessKeyId ?? caller.accessKeyId;
    const now = use.now.getTime();
    if (accessKeyId === this.#rootAccessKeyId || this.#noted.get(accessKeyId, now) !== undefined) return undefined;
    this.#noted.set(accessKeyId, { value: true }, now);
    return this.#write(accessKeyId, use);
  }

  async #write(accessKeyId: string, { service, region, now }: KeyUseNote): Promise<void> {
    try {
      await this.#db
        .prepare(
          `UPDATE access_keys SET last_used_at = ?2, last_used_service = ?3, last_used_region = ?4
           WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at <= ?2 - ?5)`,
        )
        .bind(accessKeyId, now.getTime(), service, region, ACCURACY_MS)
        .run();
    } catch {
      // No request may fail because of this; the next use of the key tries again.
      this.#noted.delete(accessKeyId);
    }
  }
}
