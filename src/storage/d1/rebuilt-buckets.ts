/**
 * Rows of buckets, made of their markers in R2 after D1 was lost. Settings that a marker does not have are those that AWS gives new
 * buckets: ACLs off and public access blocked, so nothing is open to others until its owner says so again.
 */
import type { RootGrant } from "../../access/authorize.ts";
import type { BucketDocumentTypes } from "../../model/bucket.ts";
import type { BucketMarker } from "../../model/bucket-marker.ts";
import type { Directory } from "./directory.ts";

export type RebuildOutcome =
  /** The row was made. */
  | "restored"
  /** There is a row of this bucket already. */
  | "exists"
  /** Another bucket has the name. */
  | "name-taken"
  /** It was deleted; its marker is removed with what else is left of it. */
  | "deleted"
  /** Another account has the owner's canonical id. */
  | "owner-unknown";

export interface RebuiltBucket {
  readonly marker: BucketMarker;
  readonly outcome: RebuildOutcome;
  /** The account that owns it now; undefined if it has no row. */
  readonly accountId: string | undefined;
}

interface StateRow {
  readonly id: string;
  /** Of the bucket with this id. */
  readonly account_id: string | null;
  readonly name_taken: number;
  readonly deleted: number;
}

/** Tables with rows that belong to an account. */
const OF_ACCOUNTS = ["buckets", "access_keys", "users", "topics", "subscriptions", "remote_accounts", "kms_keys"];

export class RebuiltBuckets {
  readonly #db: D1Database;
  readonly #directory: Directory;

  constructor(db: D1Database, directory: Directory) {
    this.#db = db;
    this.#directory = directory;
  }

  /**
   * Makes the rows that are missing. An owner that has no account gets one with the same ids and without keys; the root account
   * gets the ids that it had, if nothing belongs to it yet. Can be repeated.
   * @param markers of different names
   * @param options.toRoot whether buckets of owners without an account go to the root account
   */
  async restore(
    _by: RootGrant,
    markers: readonly BucketMarker[],
    { toRoot, now }: { readonly toRoot: boolean; readonly now: Date },
  ): Promise<RebuiltBucket[]> {
    const before = await this.#states(markers);
    const missing = markers.filter((marker) => outcomeBefore(before.get(marker.id)) === undefined);
    if (missing.length > 0) await this.#insert(missing, { toRoot, now });
    const after = missing.length > 0 ? await this.#states(markers) : before;
    this.#directory.forgetAll();
    return markers.map((marker) => {
      const accountId = after.get(marker.id)?.account_id ?? undefined;
      const made = accountId === undefined ? "owner-unknown" : "restored";
      return { marker, outcome: outcomeBefore(before.get(marker.id)) ?? made, accountId };
    });
  }

  async #states(markers: readonly BucketMarker[]): Promise<Map<string, StateRow>> {
    const { results } = await this.#db
      .prepare(
        `SELECT m.value ->> 'id' AS id, (SELECT account_id FROM buckets WHERE id = m.value ->> 'id') AS account_id,
           EXISTS (SELECT 1 FROM buckets WHERE name = m.value ->> 'name' AND id <> m.value ->> 'id') AS name_taken,
           EXISTS (SELECT 1 FROM deleted_buckets WHERE id = m.value ->> 'id') AS deleted
         FROM json_each(?1) m`,
      )
      .bind(JSON.stringify(markers.map(({ id, name }) => ({ id, name }))))
      .all<StateRow>();
    return new Map(results.map((row) => [row.id, row]));
  }

  async #insert(
    markers: readonly BucketMarker[],
    { toRoot, now }: { readonly toRoot: boolean; readonly now: Date },
  ): Promise<void> {
    const rows = JSON.stringify(markers.map(toRow));
    const root = markers.find(({ owner }) => owner.isRoot)?.owner;
    await this.#db.batch([
      ...(root === undefined ? [] : [this.#adoptRoot(root.accountId, root.canonicalId)]),
      this.#db
        .prepare(
          `INSERT INTO accounts (id, canonical_id, display_name, created_at)
           SELECT m.value ->> 'account', m.value ->> 'canonical', m.value ->> 'display', min(m.value ->> 'created')
           FROM json_each(?1) m WHERE NOT (m.value ->> 'isRoot' OR ?2) GROUP BY m.value ->> 'account'
           ON CONFLICT DO NOTHING`,
        )
        .bind(rows, toRoot ? 1 : 0),
      // The sweep compares the marker: the owner may be another one now.
      this.#db
        .prepare(
          `INSERT INTO buckets (name, id, account_id, region, created_at, marker_due)
           SELECT name, id, owner, region, created, ?3 FROM (
             SELECT m.value ->> 'name' AS name, m.value ->> 'id' AS id, m.value ->> 'region' AS region,
               m.value ->> 'created' AS created, coalesce(
                 (SELECT id FROM accounts WHERE id = m.value ->> 'account'),
                 (SELECT id FROM accounts WHERE is_root = 1 AND (m.value ->> 'isRoot' OR ?2))) AS owner
             FROM json_each(?1) m
           ) WHERE owner IS NOT NULL ON CONFLICT DO NOTHING`,
        )
        .bind(rows, toRoot ? 1 : 0, now.getTime()),
      // Every bucket that is rebuilt has documents, so one that has none was made by this call.
      this.#db
        .prepare(
          `INSERT INTO bucket_documents (bucket_id, kind, body, updated_at)
           SELECT b.id, d.key, d.value, ?2 FROM json_each(?1) m JOIN buckets b ON b.id = m.value ->> 'id',
             json_each(m.value, '$.documents') d
           WHERE NOT EXISTS (SELECT 1 FROM bucket_documents o WHERE o.bucket_id = b.id)`,
        )
        .bind(rows, now.getTime()),
    ]);
  }

  /** Gives the root account the ids that it had, so that what names them is right again. */
  #adoptRoot(accountId: string, canonicalId: string): D1PreparedStatement {
    const unused = OF_ACCOUNTS.map((table) => `NOT EXISTS (SELECT 1 FROM ${table} o WHERE o.account_id = accounts.id)`);
    return this.#db
      .prepare(
        `UPDATE accounts SET id = ?1, canonical_id = ?2 WHERE is_root = 1 AND ${unused.join(" AND ")}
           AND NOT EXISTS (SELECT 1 FROM accounts o WHERE o.is_root = 0 AND (o.id = ?1 OR o.canonical_id = ?2))`,
      )
      .bind(accountId, canonicalId);
  }
}

/** Undefined: the row is missing, and may be made. */
function outcomeBefore(state: StateRow | undefined): Exclude<RebuildOutcome, "restored"> | undefined {
  if (state === undefined) return undefined;
  if (state.account_id !== null) return "exists";
  if (state.deleted === 1) return "deleted";
  return state.name_taken === 1 ? "name-taken" : undefined;
}

function toRow(marker: BucketMarker) {
  const { name, id, region, createdAt, owner } = marker;
  return {
    name,
    id,
    region,
    created: createdAt.getTime(),
    account: owner.accountId,
    canonical: owner.canonicalId,
    display: owner.displayName,
    isRoot: owner.isRoot,
    documents: Object.fromEntries(
      Object.entries(documentsOf(marker)).map(([kind, document]) => [kind, JSON.stringify(document)]),
    ),
  };
}

function documentsOf({ versioning, hasObjectLock, location }: BucketMarker): Partial<BucketDocumentTypes> {
  return {
    ownership: "BucketOwnerEnforced",
    publicAccessBlock: {
      blockPublicAcls: true,
      ignorePublicAcls: true,
      blockPublicPolicy: true,
      restrictPublicBuckets: true,
    },
    ...(versioning !== undefined && { versioning }),
    ...(hasObjectLock && { objectLock: {} }),
    ...(location !== undefined && { location }),
  };
}
