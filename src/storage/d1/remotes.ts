/** S3 endpoints that an administrator registered for replication. Their secrets are sealed before they reach a row. */
import type { RootGrant } from "../../access/authorize.ts";
import type { Remote, RemoteCredentials, RemoteDescription } from "../../model/replication.ts";
import type { Sealer } from "../sealing.ts";

interface RemoteRow {
  readonly name: string;
  readonly endpoint: string;
  readonly region: string;
  readonly kind: Remote["kind"];
  readonly access_key_id: string;
  readonly secret_sealed: string;
  readonly created_at: number;
  /** JSON array. */
  readonly accounts: string;
  /** JSON array. */
  readonly buckets: string | null;
}

const SELECT = `
  SELECT r.*, (SELECT json_group_array(a.account_id) FROM remote_accounts a WHERE a.remote = r.name) AS accounts
  FROM remotes r`;

export interface NewRemote extends Remote {
  readonly secretAccessKey: string;
}

export type AddRemoteResult =
  | { readonly outcome: "added" }
  | { readonly outcome: "exists" }
  | { readonly outcome: "no-such-account"; readonly accountId: string };

export class Remotes {
  readonly #db: D1Database;
  readonly #sealer: Sealer;

  constructor(db: D1Database, sealer: Sealer) {
    this.#db = db;
    this.#sealer = sealer;
  }

  async add(_by: RootGrant, remote: NewRemote, now: Date): Promise<AddRemoteResult> {
    const { name, endpoint, region, kind, accessKeyId, secretAccessKey, accountIds, buckets } = remote;
    const { results } = await this.#db
      .prepare("SELECT j.value AS id FROM json_each(?1) j WHERE j.value NOT IN (SELECT id FROM accounts) LIMIT 1")
      .bind(JSON.stringify(accountIds))
      .all<{ id: string }>();
    if (results[0] !== undefined) return { outcome: "no-such-account", accountId: results[0].id };
    const sealed = await this.#sealer.seal(secretAccessKey, name);
    const [inserted] = await this.#db.batch([
      this.#db
        .prepare(
          `INSERT INTO remotes (name, endpoint, region, kind, access_key_id, secret_sealed, created_at, buckets)
           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (name) DO NOTHING RETURNING name`,
        )
        .bind(
          name,
          endpoint,
          region,
          kind,
          accessKeyId,
          sealed,
          now.getTime(),
          buckets === undefined ? null : JSON.stringify(buckets),
        ),
      // Only for the row just inserted: no other row has this sealed value.
      this.#db
        .prepare(
          `INSERT INTO remote_accounts (remote, account_id)
           SELECT r.name, j.value FROM remotes r, json_each(?2) j WHERE r.name = ?1 AND r.secret_sealed = ?3`,
        )
        .bind(name, JSON.stringify(accountIds), sealed),
    ]);
    return { outcome: inserted?.results.length === 1 ? "added" : "exists" };
  }

  /** By name; without secrets. */
  async list(_by: RootGrant): Promise<RemoteDescription[]> {
    const { results } = await this.#db.prepare(`${SELECT} ORDER BY r.name`).all<RemoteRow>();
    return results.map(describe);
  }

  /** Undefined if there is no such remote; otherwise names of buckets whose configurations still name it, 100 at most. */
  async remove(_by: RootGrant, name: string): Promise<readonly string[] | undefined> {
    const [removed, named] = await this.#db.batch([
      this.#db.prepare("DELETE FROM remotes WHERE name = ?1 RETURNING name").bind(name),
      this.#db
        .prepare(
          `SELECT DISTINCT b.name
           FROM bucket_documents d JOIN buckets b ON b.id = d.bucket_id, json_each(d.body, '$.rules') rule
           WHERE d.kind = 'replication' AND rule.value ->> '$.destination.remote' = ?1 ORDER BY b.name LIMIT 100`,
        )
        .bind(name),
    ]);
    if (removed?.results.length !== 1) return undefined;
    return ((named?.results ?? []) as { name: string }[]).map((row) => row.name);
  }

  /** Whether an account may name a bucket of the remote. Only listed accounts may. */
  async isOpenTo(name: string, accountId: string, bucket: string): Promise<boolean> {
    const row = await this.#db
      .prepare(
        `SELECT 1 FROM remote_accounts a JOIN remotes r ON r.name = a.remote
         WHERE a.remote = ?1 AND a.account_id = ?2
           AND (r.buckets IS NULL OR EXISTS (SELECT 1 FROM json_each(r.buckets) j WHERE j.value = ?3))`,
      )
      .bind(name, accountId, bucket)
      .first();
    return row !== null;
  }

  /** With its secret, for the client of the remote only. Undefined if there is no such remote. */
  async open(name: string): Promise<{ remote: RemoteDescription; credentials: RemoteCredentials } | undefined> {
    const row = await this.#db.prepare(`${SELECT} WHERE r.name = ?1`).bind(name).first<RemoteRow>();
    if (row === null) return undefined;
    const secretAccessKey = await this.#sealer.unseal(row.secret_sealed, row.name);
    return { remote: describe(row), credentials: { accessKeyId: row.access_key_id, secretAccessKey } };
  }
}

function describe(row: RemoteRow): RemoteDescription {
  return {
    name: row.name,
    endpoint: row.endpoint,
    region: row.region,
    kind: row.kind,
    accessKeyId: row.access_key_id,
    accountIds: JSON.parse(row.accounts) as string[],
    ...(row.buckets !== null && { buckets: JSON.parse(row.buckets) as string[] }),
    createdAt: new Date(row.created_at),
  };
}
