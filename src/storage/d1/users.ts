/**
 * IAM users and their inline policies. Limits are enforced by the statements that write, so that no race exceeds them.
 * Requests read a key's permissions through `Directory`, whose cached keys of a user every write here removes.
 */
import type { IamAccountGrant, IamOwnAccountGrant, IamUserGrant } from "../../access/authorize-iam.ts";
import { userArn } from "../../model/caller.ts";
import { newUserId } from "../../model/random-ids.ts";
import type { UserRecord } from "../../model/user.ts";
import type { Directory } from "./directory.ts";

// "IAM and STS quotas".
export const MAX_USERS_PER_ACCOUNT = 5_000;
/** For all inline policies of a user together, white space not counted. */
export const MAX_POLICY_CHARACTERS_PER_USER = 2_048;

interface UserRow {
  readonly id: string;
  readonly account_id: string;
  readonly name: string;
  readonly path: string;
  readonly created_at: number;
}

export type CreateUserResult =
  | { readonly outcome: "created"; readonly user: UserRecord }
  | { readonly outcome: "exists" | "too-many" };

export class Users {
  readonly #db: D1Database;
  readonly #directory: Directory;

  constructor(db: D1Database, directory: Directory) {
    this.#db = db;
    this.#directory = directory;
  }

  /**
   * For the authorizer, which needs the ARN with path and case: the answer must not reach a client without its grant.
   * "Names are not distinguished by case" (API_CreateUser), and only a comparison without case uses the index.
   */
  find(accountId: string, name: string): Promise<UserRecord | undefined> {
    return this.#first("SELECT * FROM users WHERE account_id = ?1 AND name = ?2 COLLATE NOCASE", accountId, name);
  }

  /** As `find`. */
  findById(accountId: string, id: string): Promise<UserRecord | undefined> {
    return this.#first("SELECT * FROM users WHERE account_id = ?1 AND id = ?2", accountId, id);
  }

  /** When the account itself was made. */
  async accountCreatedAt(by: IamOwnAccountGrant): Promise<Date> {
    const createdAt = await this.#db
      .prepare("SELECT created_at FROM accounts WHERE id = ?1")
      .bind(by.accountId)
      .first<number>("created_at");
    return new Date(createdAt ?? 0);
  }

  async create(
    by: IamAccountGrant,
    { name, path, now }: { name: string; path: string; now: Date },
  ): Promise<CreateUserResult> {
    const id = newUserId();
    const createdAt = now.getTime();
    const [inserted, existing] = await this.#db.batch([
      this.#db
        .prepare(
          `INSERT INTO users (id, account_id, name, path, created_at)
           SELECT ?1, ?2, ?3, ?4, ?5 WHERE (SELECT count(*) FROM users WHERE account_id = ?2) < ?6
           ON CONFLICT DO NOTHING RETURNING id`,
        )
        .bind(id, by.accountId, name, path, createdAt, MAX_USERS_PER_ACCOUNT),
      this.#db
        .prepare("SELECT 1 FROM users WHERE account_id = ?1 AND name = ?2 COLLATE NOCASE")
        .bind(by.accountId, name),
    ]);
    if (inserted?.results.length === 1) {
      return { outcome: "created", user: toUser({ id, account_id: by.accountId, name, path, created_at: createdAt }) };
    }
    return { outcome: existing?.results.length === 1 ? "exists" : "too-many" };
  }

  /** In order of their names. */
  async list(
    by: IamAccountGrant,
    { pathPrefix, after, limit }: { pathPrefix: string; after: string; limit: number },
  ): Promise<UserRecord[]> {
    const { results } = await this.#db
      .prepare(
        `SELECT * FROM users WHERE account_id = ?1 AND substr(path, 1, length(?2)) = ?2 AND name > ?3 COLLATE NOCASE
         ORDER BY name COLLATE NOCASE LIMIT ?4`,
      )
      .bind(by.accountId, pathPrefix, after, limit)
      .all<UserRow>();
    return results.map(toUser);
  }

  async update(
    { user }: IamUserGrant,
    changed: { readonly name: string; readonly path: string },
  ): Promise<"updated" | "exists" | "gone"> {
    const results = await this.#changing(user, [
      this.#db
        .prepare("UPDATE OR IGNORE users SET name = ?2, path = ?3 WHERE id = ?1 RETURNING id")
        .bind(user.id, changed.name, changed.path),
      this.#db.prepare("SELECT 1 FROM users WHERE id = ?1").bind(user.id),
    ]);
    if (results[0]?.results.length === 1) return "updated";
    return results[1]?.results.length === 1 ? "exists" : "gone";
  }

  /** Does not delete a user with keys or policies. */
  async delete({ user }: IamUserGrant): Promise<"deleted" | "has-keys" | "has-policies" | "gone"> {
    const [deleted, found] = await this.#changing(user, [
      this.#db
        .prepare(
          `DELETE FROM users WHERE id = ?1
             AND NOT EXISTS (SELECT 1 FROM access_keys WHERE user_id = ?1)
             AND NOT EXISTS (SELECT 1 FROM user_policies WHERE user_id = ?1) RETURNING id`,
        )
        .bind(user.id),
      this.#db
        .prepare("SELECT (SELECT count(*) FROM access_keys WHERE user_id = ?1) AS keys FROM users WHERE id = ?1")
        .bind(user.id),
    ]);
    if (deleted?.results.length === 1) return "deleted";
    const left = found?.results[0] as { readonly keys: number } | undefined;
    if (left === undefined) return "gone";
    return left.keys > 0 ? "has-keys" : "has-policies";
  }

  /** Adds or replaces. `size`: characters that count against the quota. */
  async putPolicy(
    { user }: IamUserGrant,
    policy: { readonly name: string; readonly document: string; readonly size: number; readonly now: Date },
  ): Promise<"put" | "too-long" | "gone"> {
    const [put, found] = await this.#changing(user, [
      this.#db
        .prepare(
          `INSERT INTO user_policies (user_id, name, document, size, updated_at)
           SELECT u.id, ?2, ?3, ?4, ?5 FROM users u WHERE u.id = ?1
             AND ?4 + (SELECT coalesce(sum(size), 0) FROM user_policies WHERE user_id = ?1 AND name <> ?2) <= ?6
           ON CONFLICT (user_id, name) DO UPDATE
             SET document = excluded.document, size = excluded.size, updated_at = excluded.updated_at
           RETURNING 1`,
        )
        .bind(user.id, policy.name, policy.document, policy.size, policy.now.getTime(), MAX_POLICY_CHARACTERS_PER_USER),
      this.#db.prepare("SELECT 1 FROM users WHERE id = ?1").bind(user.id),
    ]);
    if (put?.results.length === 1) return "put";
    return found?.results.length === 1 ? "too-long" : "gone";
  }

  /** Name and document as they were put. */
  async findPolicy({ user }: IamUserGrant, name: string): Promise<{ name: string; document: string } | undefined> {
    const row = await this.#db
      .prepare("SELECT name, document FROM user_policies WHERE user_id = ?1 AND name = ?2")
      .bind(user.id, name)
      .first<{ name: string; document: string }>();
    return row ?? undefined;
  }

  /** Names, in order. */
  async listPolicies({ user }: IamUserGrant, { after, limit }: { after: string; limit: number }): Promise<string[]> {
    const { results } = await this.#db
      .prepare("SELECT name FROM user_policies WHERE user_id = ?1 AND name > ?2 ORDER BY name LIMIT ?3")
      .bind(user.id, after, limit)
      .all<{ name: string }>();
    return results.map(({ name }) => name);
  }

  /** False if there is no such policy. */
  async deletePolicy({ user }: IamUserGrant, name: string): Promise<boolean> {
    const [deleted] = await this.#changing(user, [
      this.#db.prepare("DELETE FROM user_policies WHERE user_id = ?1 AND name = ?2 RETURNING 1").bind(user.id, name),
    ]);
    return deleted?.results.length === 1;
  }

  async #first(query: string, accountId: string, nameOrId: string): Promise<UserRecord | undefined> {
    const row = await this.#db.prepare(query).bind(accountId, nameOrId).first<UserRow>();
    return row === null ? undefined : toUser(row);
  }

  /** Runs the statements as one transaction and removes the user's keys from the cache. */
  async #changing(user: UserRecord, statements: readonly D1PreparedStatement[]): Promise<D1Result[]> {
    const keys = this.#db.prepare("SELECT id FROM access_keys WHERE user_id = ?1").bind(user.id);
    const results = await this.#db.batch([keys, ...statements]);
    const [affected, ...rest] = results;
    for (const { id } of (affected?.results ?? []) as { id: string }[]) this.#directory.forgetCredential(id);
    return rest;
  }
}

function toUser(row: UserRow): UserRecord {
  const { id, account_id: accountId, name, path } = row;
  return { id, accountId, name, path, arn: userArn(accountId, path, name), createdAt: new Date(row.created_at) };
}
