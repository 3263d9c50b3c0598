/**
 * The rows that every request needs first: of the access key it names and of the buckets it is about.
 *
 * One D1 batch if they are not cached, none if they are. An isolate caches them for `ttlMs`, rows of buckets for at most
 * `MAX_BUCKET_TTL_MS`; its own writes remove them at once, so a revoked key or a changed bucket is in effect everywhere within that time.
 * Absent buckets are not cached: a bucket created through another isolate must be usable at once.
 *
 * Rows in use are read again shortly before they expire, after the answer of the request that finds them old. So a busy
 * isolate does not wait for D1, and a slow D1 gets one call where it would get one from each request until the first is
 * answered. Nothing is kept longer for that.
 *
 * A read of an object whose rows are not cached may use those of D1's nearest replica (`mayReadReplicas`), which can be
 * outdated: `replica-reads.ts` limits by how much. They are used for that one request and never cached; what is cached is read
 * from the primary, after the answer. Before the request is refused, the primary is asked (`confirm`): what has just been
 * created or allowed must not be refused because a replica does not know it yet.
 */
import type { SessionGrant } from "../../access/authorize-iam.ts";
import type { Bucket } from "../../model/bucket.ts";
import { type Credential, type User, userArn } from "../../model/caller.ts";
import type { Sealer } from "../sealing.ts";
import type { SessionClaims, SessionTokens, TemporaryCredentials } from "../session-tokens.ts";
import { TtlCache } from "../ttl-cache.ts";
import type { AuditSwitch } from "./audit-switch.ts";
import { ReplicaReads, type Statements } from "./replica-reads.ts";
import { type AccountRow, type BucketRow, SELECT_BUCKETS, toAccount, toBucket } from "./rows.ts";

/** File name of the newest migration; a test keeps it true. */
export const NEWEST_MIGRATION = "0025_quotas.sql";

const MAX_KEYS = 2_000;
const MAX_BUCKETS = 5_000;
/** Rows of buckets are dropped this much before they are too old, so that most writes need no query when they end. */
const DROPPED_EARLY_MS = 1_000;
/** Requests of an isolate in a second for which the primary confirms that they are to be refused. */
const MAX_CONFIRMATIONS = 20;
/** How long an isolate takes a read of the primary after an answer to be under way; it may have died with its request. */
const WARMING_MS = 2_000;
/** Rows in use are read again at this part of their lifetime. */
const RENEWED_AT = 0.8;
/** Length of the documents of all cached buckets, as JSON; parsed, they take several times as much of 128 MB. */
const MAX_DOCUMENTS_LENGTH = 8 * 1024 * 1024;

/** The longest time for which an isolate acts on a bucket's row. DeleteBucket waits for it, and clients for DeleteBucket. */
export const MAX_BUCKET_TTL_MS = 10_000;

/** How long isolates may act on the row of a bucket, if other rows may be cached for `ttlMs`. */
export function limitBucketTtlMs(ttlMs: number): number {
  return Math.min(ttlMs, MAX_BUCKET_TTL_MS);
}

export interface RootKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** The rows that a request names. */
export interface WantedRows {
  readonly accessKeyId?: string | undefined;
  readonly sessionToken?: string | undefined;
  readonly bucketName?: string | undefined;
  /** The bucket of a copy's source. */
  readonly sourceName?: string | undefined;
  /** Whether rows of a replica will do: for requests that change nothing and that `confirm` can repeat. */
  readonly mayBeOutdated?: boolean;
}

export interface DirectoryEntries {
  /** Complete with its user, the user's policies and its session. */
  readonly credential: Credential | undefined;
  /** By name; names without a bucket are absent. */
  readonly buckets: ReadonlyMap<string, Bucket>;
  /** True: the rows may be outdated. */
  readonly isFromReplica?: boolean;
}

interface CredentialRow extends AccountRow {
  readonly key_id: string;
  readonly secret_sealed: string | null;
  readonly status: string;
  readonly key_user_id: string | null;
  readonly user_name: string | null;
  readonly user_path: string | null;
  /** JSON array of policy documents. */
  readonly user_policies: string;
}

const SELECT_CREDENTIAL = `
  SELECT k.id AS key_id, k.secret_sealed, k.status, k.user_id AS key_user_id, u.name AS user_name, u.path AS user_path,
    (SELECT json_group_array(p.document) FROM user_policies p WHERE p.user_id = u.id) AS user_policies,
    a.id, a.canonical_id, a.display_name, a.is_root, a.created_at
  FROM access_keys k JOIN accounts a ON a.id = k.account_id
    LEFT JOIN users u ON u.id = k.user_id AND u.account_id = k.account_id
  WHERE k.id = ?1`;

const SELECT_ROOT = `
  SELECT ?1 AS key_id, NULL AS secret_sealed, 'Active' AS status,
    NULL AS key_user_id, NULL AS user_name, NULL AS user_path, '[]' AS user_policies,
    id, canonical_id, display_name, is_root, created_at
  FROM accounts WHERE is_root = 1`;

interface Cached<Value> {
  readonly value: Value;
  readonly renewAt: number;
}

/** What a request finds cached, of the key and the buckets it names. */
interface PartlyCached {
  readonly accessKeyId: string | undefined;
  readonly key: Cached<Credential | undefined> | undefined;
  readonly names: readonly (string | undefined)[];
  readonly mayBeOutdated: boolean;
  /** In the order of `names`. */
  readonly buckets: readonly (Cached<ReadonlyMap<string, Bucket>> | undefined)[];
}

const NO_BUCKETS: ReadonlyMap<string, Bucket> = new Map();
/** Stand for what a request does not name, as if it were cached. */
const NO_KEY: Cached<undefined> = { value: undefined, renewAt: Number.POSITIVE_INFINITY };
const NO_BUCKET: Cached<ReadonlyMap<string, Bucket>> = { value: NO_BUCKETS, renewAt: Number.POSITIVE_INFINITY };

function merge(...parts: readonly (ReadonlyMap<string, Bucket> | undefined)[]): ReadonlyMap<string, Bucket> {
  return new Map(parts.flatMap((part) => [...(part ?? [])]));
}

export class Directory {
  readonly #db: D1Database;
  readonly #sealer: Sealer;
  readonly #sessionTokens: SessionTokens;
  readonly #root: RootKey;
  readonly #waitUntil: (work: Promise<unknown>) => void;
  /** Long-term keys only: a session is made from its token and its maker's entry. */
  readonly #credentials: TtlCache<Credential | undefined>;
  /** Each as the map that `load` returns to a request that names only this bucket. */
  readonly #buckets: TtlCache<ReadonlyMap<string, Bucket>>;
  /** Changes made by this isolate: rows that were read meanwhile may be those before the change, and are not cached. */
  #ownChanges = 0;
  readonly #reads: ReplicaReads;
  readonly #mayReadReplicas: boolean;
  readonly #audit: AuditSwitch | undefined;
  /** What is being read from the primary after an answer. */
  readonly #warming = new TtlCache<true>({ ttlMs: WARMING_MS, maxEntries: MAX_KEYS });
  #confirmed = { second: 0, count: 0 };

  constructor(options: {
    db: D1Database;
    sealer: Sealer;
    sessionTokens: SessionTokens;
    root: RootKey;
    ttlMs: number;
    /** Lets work go on after the answer. */
    waitUntil: (work: Promise<unknown>) => void;
    /** Absent: every read is the primary's. */
    mayReadReplicas?: boolean;
    /** Is read with every batch. */
    audit?: AuditSwitch;
  }) {
    this.#db = options.db;
    this.#audit = options.audit;
    this.#mayReadReplicas = options.mayReadReplicas ?? false;
    this.#reads = new ReplicaReads(options.db, this.#mayReadReplicas);
    this.#sealer = options.sealer;
    this.#sessionTokens = options.sessionTokens;
    this.#root = options.root;
    this.#waitUntil = options.waitUntil;
    const { ttlMs } = options;
    this.#credentials = new TtlCache({ ttlMs, renewMs: ttlMs * RENEWED_AT, maxEntries: MAX_KEYS });
    const limitMs = limitBucketTtlMs(ttlMs);
    // A request that begins just before its row is dropped usually ends before the row is too old.
    const bucketMs = limitMs - Math.min(DROPPED_EARLY_MS, limitMs / 5);
    this.#buckets = new TtlCache({
      ttlMs: bucketMs,
      renewMs: bucketMs * RENEWED_AT,
      maxEntries: MAX_BUCKETS,
      maxWeight: MAX_DOCUMENTS_LENGTH,
    });
  }

  /**
   * Loads what is not cached in one batch. For temporary credentials that is their maker's key: without a token that
   * belongs to `accessKeyId` there is no credential. Not a promise if everything is cached.
   */
  load(wanted: WantedRows): DirectoryEntries | Promise<DirectoryEntries> {
    const { accessKeyId, sessionToken } = wanted;
    if (accessKeyId === undefined || sessionToken === undefined) return this.#load(accessKeyId, wanted);
    return this.#loadSession({ accessKeyId, token: sessionToken }, wanted);
  }

  async #loadSession(
    { accessKeyId, token }: { readonly accessKeyId: string; readonly token: string },
    wanted: WantedRows,
  ): Promise<DirectoryEntries> {
    const claims = await this.#sessionTokens.open(accessKeyId, token);
    const { credential: maker, ...rows } = await this.#load(claims?.makerAccessKeyId, wanted);
    if (claims === undefined || maker === undefined) return { credential: undefined, ...rows };
    return { credential: await this.#sessionTokens.credentialOf({ accessKeyId, token }, claims, maker), ...rows };
  }

  /**
   * Loads the rows again, from the primary, for a request that would be refused by those of a replica. Undefined if `rows`
   * are the primary's, or if so many requests are refused that the replica's word has to do.
   */
  confirm(wanted: WantedRows, { isFromReplica }: DirectoryEntries): undefined | Promise<DirectoryEntries> {
    if (isFromReplica !== true) return undefined;
    const second = Math.floor(Date.now() / 1000);
    if (this.#confirmed.second !== second) this.#confirmed = { second, count: 0 };
    if (this.#confirmed.count >= MAX_CONFIRMATIONS) return undefined;
    this.#confirmed.count++;
    return Promise.resolve(this.load({ ...wanted, mayBeOutdated: false }));
  }

  /**
   * Buckets as they are in D1, by name, for decisions that are not made again: cached rows may be older than what is to be
   * decided. One D1 call.
   */
  async loadFresh(bucketNames: readonly string[]): Promise<ReadonlyMap<string, Bucket>> {
    for (const name of bucketNames) this.#buckets.delete(name);
    return (await this.#read(undefined, bucketNames)).buckets;
  }

  /** Makes temporary credentials of the caller's key. @throws Error if that key was deleted meanwhile */
  async issueSession(
    { caller }: SessionGrant,
    wanted: { readonly expiresAt: Date; readonly policy?: string; readonly name?: string },
  ): Promise<TemporaryCredentials> {
    const { credential: maker } = await this.#load(caller.accessKeyId, {});
    if (maker === undefined) throw new Error("The key that signed this request does not exist any more.");
    const claims: SessionClaims = {
      accountId: maker.account.id,
      userId: maker.user?.id,
      makerAccessKeyId: maker.accessKeyId,
      issuedAt: new Date(),
      expiresAt: wanted.expiresAt,
      policy: wanted.policy,
      name: wanted.name,
    };
    return this.#sessionTokens.mint(claims, maker.secretAccessKey);
  }

  /** Every request comes here, so that with everything cached nothing is made but the result. */
  #load(
    accessKeyId: string | undefined,
    { bucketName, sourceName, mayBeOutdated = false }: WantedRows,
  ): DirectoryEntries | Promise<DirectoryEntries> {
    const now = Date.now();
    const key = accessKeyId === undefined ? NO_KEY : this.#credentials.get(accessKeyId, now);
    const bucket = bucketName === undefined ? NO_BUCKET : this.#buckets.get(bucketName, now);
    const source =
      sourceName === undefined || sourceName === bucketName ? NO_BUCKET : this.#buckets.get(sourceName, now);
    if (key === undefined || bucket === undefined || source === undefined) {
      return this.#loadMissing({
        accessKeyId,
        key,
        buckets: [bucket, source],
        names: [bucketName, sourceName],
        mayBeOutdated,
      });
    }
    if (Math.min(key.renewAt, bucket.renewAt, source.renewAt) <= now)
      this.#renew(accessKeyId, [bucketName, sourceName]);
    const buckets = source === NO_BUCKET ? bucket.value : merge(bucket.value, source.value);
    return { credential: key.value, buckets };
  }

  async #loadMissing({ accessKeyId, key, buckets, names, mayBeOutdated }: PartlyCached): Promise<DirectoryEntries> {
    const missing = names.filter((_name, index) => buckets[index] === undefined);
    const from = mayBeOutdated && this.#mayReadReplicas ? "nearest" : "primary";
    const read = await this.#read(key === undefined ? accessKeyId : undefined, missing, from);
    return {
      ...read,
      credential: key === undefined ? read.credential : key.value,
      buckets: merge(...buckets.map((cached) => cached?.value), read.buckets),
    };
  }

  /** Reads the rows again after the answer. If that fails, they expire. */
  #renew(accessKeyId: string | undefined, names: readonly (string | undefined)[]): void {
    if (accessKeyId !== undefined) this.#credentials.beginRenewal(accessKeyId);
    for (const name of names) if (name !== undefined) this.#buckets.beginRenewal(name);
    this.#waitUntil(this.#read(accessKeyId, names).catch(() => {}));
  }

  /** After rows of a replica were used: reads the primary's after the answer, once for all requests that need them. */
  #warm(accessKeyId: string | undefined, names: readonly string[]): void {
    const now = Date.now();
    const what = JSON.stringify([accessKeyId, names]);
    if (this.#warming.get(what, now) !== undefined) return;
    this.#warming.set(what, { value: true }, now);
    const reading = this.#read(accessKeyId, names).catch(() => {});
    this.#waitUntil(reading.then(() => this.#warming.delete(what)));
  }

  /** One D1 call for all the rows, which are cached then if they are the primary's. */
  async #read(
    accessKeyId: string | undefined,
    bucketNames: readonly (string | undefined)[],
    from: "nearest" | "primary" = "primary",
  ): Promise<DirectoryEntries> {
    const ownChanges = this.#ownChanges;
    const names = [...new Set(bucketNames)].filter((name) => name !== undefined);
    if (accessKeyId === undefined && names.length === 0) return { credential: undefined, buckets: NO_BUCKETS };

    const statements: Statements = (db) => [
      ...names.map((name) => db.prepare(`${SELECT_BUCKETS} WHERE b.name = ?1`).bind(name)),
      ...(accessKeyId === undefined ? [] : [this.#selectCredential(db, accessKeyId)]),
      ...(this.#audit === undefined ? [] : [this.#audit.select(db)]),
    ];
    const { results, asOf, isFromReplica } =
      from === "nearest" ? await this.#reads.nearest(statements) : await this.#reads.current(statements);
    const keyRow =
      accessKeyId === undefined ? undefined : (results[names.length]?.results[0] as CredentialRow | undefined);
    const credential = keyRow === undefined ? undefined : await this.#toCredential(keyRow);
    if (!isFromReplica) this.#audit?.note(results.at(-1)?.results[0], asOf);
    const rows = names.map((_name, index) => results[index]?.results[0] as BucketRow | undefined);
    const found = rows
      .filter((row) => row !== undefined)
      .map((row) => ({ row, bucket: toBucket(row, new Date(asOf)) }));
    if (isFromReplica) {
      // What is absent is for `confirm` to ask, which is limited.
      if (found.length > 0 || credential !== undefined) this.#warm(accessKeyId, names);
    } else if (ownChanges === this.#ownChanges) {
      for (const name of names) this.#buckets.delete(name);
      for (const { row, bucket } of found) this.#cacheBucket(bucket, { weight: row.documents.length, now: asOf });
      if (accessKeyId !== undefined) this.#credentials.set(accessKeyId, { value: credential }, asOf);
    }
    return { credential, buckets: new Map(found.map(({ bucket }) => [bucket.name, bucket])), isFromReplica };
  }

  /** No isolate may act on the row of a bucket that is being deleted after it is gone. */
  #cacheBucket(bucket: Bucket, { weight, now }: { readonly weight: number; readonly now: number }): void {
    if (bucket.isBeingDeleted) return;
    this.#buckets.set(bucket.name, { value: new Map([[bucket.name, bucket]]), weight }, now);
  }

  /** Whether the database has the schema that this code needs. @throws any error of D1 */
  async hasCurrentSchema(): Promise<boolean> {
    await this.#db.prepare("SELECT id FROM accounts WHERE is_root = 1").first();
    // wrangler notes each migration it applies in `d1_migrations`.
    const applied = this.#db.prepare("SELECT 1 AS applied FROM d1_migrations WHERE name = ?").bind(NEWEST_MIGRATION);
    return (await applied.first()) !== null;
  }

  forgetBucket(name: string): void {
    this.#noteOwnChange();
    this.#buckets.delete(name);
  }

  /** After the rows of all keys and buckets have been replaced. */
  forgetAll(): void {
    this.#noteOwnChange();
    this.#credentials.clear();
    this.#buckets.clear();
  }

  forgetCredential(accessKeyId: string): void {
    this.#noteOwnChange();
    this.#credentials.delete(accessKeyId);
  }

  #noteOwnChange(): void {
    this.#ownChanges++;
    this.#reads.noteOwnChange();
  }

  #selectCredential(db: Parameters<Statements>[0], accessKeyId: string): D1PreparedStatement {
    const query = accessKeyId === this.#root.accessKeyId ? SELECT_ROOT : SELECT_CREDENTIAL;
    return db.prepare(query).bind(accessKeyId);
  }

  async #toCredential(row: CredentialRow): Promise<Credential | undefined> {
    const account = toAccount(row);
    const user = toUser(row);
    // A key of a user who does not exist must never pass for a key of the account itself.
    if (row.key_user_id !== null && user === undefined) return undefined;
    const secretAccessKey =
      row.secret_sealed === null
        ? this.#root.secretAccessKey
        : await this.#sealer.unseal(row.secret_sealed, row.key_id);
    const active = row.status === "Active";
    return { accessKeyId: row.key_id, secretAccessKey, account, active, ...(user !== undefined && { user }) };
  }
}

function toUser(row: CredentialRow): User | undefined {
  const { id: accountId, key_user_id: id, user_name: name, user_path: path } = row;
  if (id === null || name === null || path === null) return undefined;
  const policies = JSON.parse(row.user_policies) as string[];
  return { id, name, path, arn: userArn(accountId, path, name), policies };
}
