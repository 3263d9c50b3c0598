/**
 * The secrets of a deployment that has been set up on its own page. They are sealed under a key derived from the Worker's secret
 * SETUP_CODE, so a reader of D1 learns nothing, and without the code nothing can be put in their place.
 */
import type { Secrets } from "../../secret-shapes.ts";
import { type SealedSecrets, sealSecrets, unsealSecrets } from "../setup-sealing.ts";

const SELECT = "SELECT salt, iterations, sealed FROM setup_secrets";

export const ATTEMPTS_WINDOW_MS = 10 * 60 * 1000;
/** Attempts in a window: of one client, and of all. */
export const MAX_ATTEMPTS_OF_CLIENT = 5;
export const MAX_ATTEMPTS = 100;

/** Tables that are empty until a deployment is used. What is sealed in them needs the key with which it was sealed. */
const USED_TABLES = ["access_keys", "buckets", "remotes", "kms_keys", "open_uploads", "signing_keys"];
const IS_UNUSED = [
  "NOT EXISTS (SELECT 1 FROM accounts WHERE is_root = 0)",
  ...USED_TABLES.map((table) => `NOT EXISTS (SELECT 1 FROM ${table})`),
].join(" AND ");

declare const proven: unique symbol;

/** Evidence that the caller knows SETUP_CODE. Only `verify` creates it. */
export interface CodeProof {
  readonly [proven]: true;
}

export type Made = "made" | "made-before" | "in-use";

export class SetupSecrets {
  readonly #db: D1Database;
  readonly #code: string;

  /** @param code the Worker's SETUP_CODE */
  constructor(db: D1Database, code: string) {
    this.#db = db;
    this.#code = code;
  }

  /** Undefined before the set-up. @throws SealedOtherwise */
  async find(): Promise<Secrets | undefined> {
    const row = await this.#row();
    if (row === undefined) return undefined;
    return unsealSecrets(row, this.#code).catch((cause: unknown) => {
      throw new SealedOtherwise("The secrets are sealed under another SETUP_CODE.", { cause });
    });
  }

  /**
   * Counts an attempt before its code is looked at, so that guesses at the same moment are counted too.
   * @returns false if the client, or all together, have made too many
   */
  async admit(client: string, now: Date): Promise<boolean> {
    const at = now.getTime();
    const count = "SELECT count(*) FROM setup_attempts";
    const [, counted] = await this.#db.batch([
      this.#db.prepare("DELETE FROM setup_attempts WHERE at <= ?1").bind(at - ATTEMPTS_WINDOW_MS),
      this.#db
        .prepare(
          `INSERT INTO setup_attempts (client, at) SELECT ?1, ?2
           WHERE (${count} WHERE client = ?1) < ${MAX_ATTEMPTS_OF_CLIENT} AND (${count}) < ${MAX_ATTEMPTS}`,
        )
        .bind(client, at),
    ]);
    return counted?.meta.changes === 1;
  }

  /** Digests are compared, and all of them, so the duration reveals nothing about the code. */
  async verify(code: string): Promise<CodeProof | undefined> {
    const [claimed, expected] = await Promise.all([digest(code.trim()), digest(this.#code.trim())]);
    return crypto.subtle.timingSafeEqual(claimed, expected) ? ({} as CodeProof) : undefined;
  }

  /** Keeps the secrets, unless there are some, or the database was used with others. */
  async make(_by: CodeProof, secrets: Secrets, now: Date): Promise<Made> {
    const row = await sealSecrets(secrets, this.#code);
    const kept = await this.#insert(row, now).catch(async (error: unknown) => {
      // Only the answer may have been lost, and then no one would ever see the keys.
      const found = await this.#row();
      if (found?.sealed !== row.sealed) throw error;
      return found;
    });
    if (kept === undefined) return "in-use";
    return kept.sealed === row.sealed ? "made" : "made-before";
  }

  /** @returns the row that exists then: this one, or an earlier one */
  async #insert({ salt, iterations, sealed }: SealedSecrets, now: Date): Promise<SealedSecrets | undefined> {
    const [, , kept] = await this.#db.batch<SealedSecrets>([
      this.#db
        .prepare(
          `INSERT INTO setup_secrets (id, salt, iterations, sealed, created_at) SELECT 1, ?1, ?2, ?3, ?4
           WHERE ${IS_UNUSED} ON CONFLICT DO NOTHING`,
        )
        .bind(salt, iterations, sealed, now.getTime()),
      this.#db.prepare("DELETE FROM setup_attempts WHERE EXISTS (SELECT 1 FROM setup_secrets)"),
      this.#db.prepare(SELECT),
    ]);
    return kept?.results[0];
  }

  async #row(): Promise<SealedSecrets | undefined> {
    const row = await this.#db.prepare(SELECT).first<SealedSecrets>();
    return row ?? undefined;
  }
}

export class SealedOtherwise extends Error {
  override readonly name = "SealedOtherwise";
}

function digest(text: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
}
