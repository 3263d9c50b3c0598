/**
 * The small facts every request starts from: the access key it names and the buckets it is about.
 *
 * One D1 batch when cold, none when warm. Entries live `configTtlMs`; a write in this isolate drops them at once, so a
 * revoked key or a changed bucket holds everywhere within that time. Buckets that do not exist are not remembered:
 * a bucket made through another isolate must be usable at once.
 */
import type { Bucket } from "../../model/bucket.ts";
import type { Credential } from "../../model/caller.ts";
import type { Sealer } from "../sealing.ts";
import { TtlCache } from "../ttl-cache.ts";
import { type AccountRow, type BucketRow, SELECT_BUCKETS, toAccount, toBucket } from "./rows.ts";

const MAX_KEYS = 2_000;
const MAX_BUCKETS = 5_000;

export interface RootKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface DirectoryEntries {
  readonly credential: Credential | undefined;
  /** By name; names without a bucket are absent. */
  readonly buckets: ReadonlyMap<string, Bucket>;
}

interface CredentialRow extends AccountRow {
  readonly key_id: string;
  readonly secret_sealed: string | null;
  readonly status: string;
}

const SELECT_CREDENTIAL = `
  SELECT k.id AS key_id, k.secret_sealed, k.status, a.id, a.canonical_id, a.display_name, a.is_root, a.created_at
  FROM access_keys k JOIN accounts a ON a.id = k.account_id WHERE k.id = ?1`;

const SELECT_ROOT = `
  SELECT ?1 AS key_id, NULL AS secret_sealed, 'Active' AS status, id, canonical_id, display_name, is_root, created_at
  FROM accounts WHERE is_root = 1`;

export class Directory {
  readonly #db: D1Database;
  readonly #sealer: Sealer;
  readonly #root: RootKey;
  readonly #credentials: TtlCache<Credential | undefined>;
  readonly #buckets: TtlCache<Bucket>;

  constructor(options: { db: D1Database; sealer: Sealer; root: RootKey; ttlMs: number }) {
    this.#db = options.db;
    this.#sealer = options.sealer;
    this.#root = options.root;
    this.#credentials = new TtlCache({ ttlMs: options.ttlMs, maxEntries: MAX_KEYS });
    this.#buckets = new TtlCache({ ttlMs: options.ttlMs, maxEntries: MAX_BUCKETS });
  }

  /** Loads what is not remembered in one batch. */
  async load(wanted: { accessKeyId: string | undefined; bucketNames: readonly string[] }): Promise<DirectoryEntries> {
    const now = Date.now();
    const { accessKeyId } = wanted;
    const knownKey = accessKeyId === undefined ? undefined : this.#credentials.get(accessKeyId, now);
    const buckets = new Map<string, Bucket>();
    const missingBuckets: string[] = [];
    for (const name of new Set(wanted.bucketNames)) {
      const known = this.#buckets.get(name, now);
      if (known === undefined) missingBuckets.push(name);
      else buckets.set(name, known.value);
    }
    const statements: D1PreparedStatement[] = missingBuckets.map((name) =>
      this.#db.prepare(`${SELECT_BUCKETS} WHERE b.name = ?1`).bind(name),
    );
    const mustLoadKey = accessKeyId !== undefined && knownKey === undefined;
    if (mustLoadKey) statements.push(this.#selectCredential(accessKeyId));
    if (statements.length === 0) return { credential: knownKey?.value, buckets };

    const results = await this.#db.batch(statements);
    for (const [index, name] of missingBuckets.entries()) {
      const row = results[index]?.results[0] as BucketRow | undefined;
      if (row === undefined) continue;
      const bucket = toBucket(row);
      buckets.set(name, bucket);
      this.#buckets.set(name, bucket, now);
    }
    if (!mustLoadKey) return { credential: knownKey?.value, buckets };
    const row = results[missingBuckets.length]?.results[0] as CredentialRow | undefined;
    const credential = row === undefined ? undefined : await this.#toCredential(row);
    this.#credentials.set(accessKeyId, credential, now);
    return { credential, buckets };
  }

  /** Whether the database answers and has the tables a request reads. @throws whatever D1 throws */
  async probe(): Promise<void> {
    await this.#db.prepare("SELECT id FROM accounts WHERE is_root = 1").first();
    await this.#db.prepare("SELECT name FROM buckets LIMIT 1").first();
  }

  forgetBucket(name: string): void {
    this.#buckets.delete(name);
  }

  forgetCredential(accessKeyId: string): void {
    this.#credentials.delete(accessKeyId);
  }

  #selectCredential(accessKeyId: string): D1PreparedStatement {
    const query = accessKeyId === this.#root.accessKeyId ? SELECT_ROOT : SELECT_CREDENTIAL;
    return this.#db.prepare(query).bind(accessKeyId);
  }

  async #toCredential(row: CredentialRow): Promise<Credential> {
    const secretAccessKey =
      row.secret_sealed === null
        ? this.#root.secretAccessKey
        : await this.#sealer.unseal(row.secret_sealed, row.key_id);
    return { accessKeyId: row.key_id, secretAccessKey, account: toAccount(row), active: row.status === "Active" };
  }
}
