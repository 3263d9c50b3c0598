/**
 * What an export of the configuration holds: the tables of D1 that can be rebuilt from nothing else. A test compares the lists
 * with the schema, so that every table and every column is either here or left out on purpose.
 */

/** A column of an exported table, other than its long one. */
export interface ConfigColumn {
  readonly name: string;
  /** Whether its bytes may be ones that SQLite's JSON does not keep, such as U+0000. */
  readonly isRaw?: boolean;
}

/** Which of its columns is sealed under SEAL_KEY, and by what it is bound. */
export interface SealedColumn {
  readonly column: string;
  readonly by: "accessKeys" | "remotes" | "kmsKeys" | "signingKeys";
}

export interface ConfigTable {
  readonly name: string;
  /** Columns by which its rows are ordered. */
  readonly key: string;
  readonly columns: readonly ConfigColumn[];
  /** A column that may hold more than one call can carry; it is cut into pieces. */
  readonly long?: string;
  readonly sealed?: SealedColumn;
  /** Rows to export, if they are not those of the table. */
  readonly rows?: string;
  /** Which of the exported rows are inserted; absent: all. */
  readonly inserted?: string;
  /** Columns that are not exported, with the SQL of what a restored row has there; null: the column's default. */
  readonly omitted?: Readonly<Record<string, string | null>>;
}

const columns = (names: string): readonly ConfigColumn[] => names.split(" ").map((name) => ({ name }));

/** In the order in which they are restored: a row comes after those it refers to. */
export const CONFIG_TABLES: readonly ConfigTable[] = [
  {
    name: "accounts",
    key: "id",
    columns: columns("id canonical_id display_name is_root created_at"),
    // The root account of the database gets the ids of the exported one.
    inserted: "fields ->> 'is_root' = 0",
  },
  {
    name: "account_quotas",
    key: "account_id",
    columns: columns("account_id max_bytes max_objects"),
    // They are summed again.
    omitted: { used_bytes: null, used_objects: null, summed_at: null, buckets: null },
  },
  { name: "users", key: "id", columns: columns("id account_id name path created_at") },
  {
    name: "user_policies",
    key: "user_id, name",
    columns: columns("user_id name size updated_at"),
    long: "document",
  },
  {
    name: "access_keys",
    key: "id",
    columns: columns(
      "id account_id user_id secret_sealed status created_at last_used_at last_used_region last_used_service",
    ),
    sealed: { column: "secret_sealed", by: "accessKeys" },
  },
  {
    name: "buckets",
    key: "name",
    columns: columns("name id account_id region created_at"),
    // The marker of a restored bucket is compared by the sweep.
    omitted: { deleting_since: null, deletion: null, marker_due: null, usage_due: null },
  },
  { name: "bucket_quotas", key: "bucket_id", columns: columns("bucket_id max_bytes max_objects") },
  {
    name: "bucket_documents",
    key: "bucket_id, kind",
    columns: columns("bucket_id kind updated_at"),
    long: "body",
  },
  {
    name: "inventories",
    key: "bucket_id, id",
    columns: columns("bucket_id id is_enabled due_at"),
    long: "body",
    // A report that was being written is begun again.
    omitted: { revision: "lower(hex(randomblob(10)))", report: null, worked_at: "0" },
  },
  { name: "replication_destinations", key: "source_id, destination", columns: columns("destination source_id") },
  {
    name: "replication_failures",
    key: "write_id",
    columns: columns("write_id bucket_id"),
    // Tasks are not exported, so what they were to replicate has failed.
    rows: `(SELECT write_id, bucket_id FROM replication_failures
            UNION SELECT write_id, bucket_id FROM replication_tasks WHERE write_id <> '')`,
  },
  {
    name: "topics",
    key: "arn",
    columns: columns("arn account_id display_name signature_version policy_users created_at"),
    long: "policy",
  },
  {
    name: "subscriptions",
    key: "arn",
    columns: columns(
      "arn topic_arn account_id endpoint raw_delivery status authenticate_on_unsubscribe token_hash token_expires_at created_at",
    ),
  },
  {
    name: "kms_keys",
    key: "id",
    columns: columns("id account_id region alias material_sealed status created_at"),
    sealed: { column: "material_sealed", by: "kmsKeys" },
  },
  {
    name: "remotes",
    key: "name",
    columns: columns("name endpoint region kind access_key_id secret_sealed created_at"),
    long: "buckets",
    sealed: { column: "secret_sealed", by: "remotes" },
  },
  { name: "remote_accounts", key: "remote, account_id", columns: columns("remote account_id") },
  {
    name: "signing_keys",
    key: "id",
    columns: columns("id fingerprint private_key created_at"),
    long: "certificate",
    sealed: { column: "private_key", by: "signingKeys" },
  },
  {
    name: "open_uploads",
    key: "bucket_id, key, upload_id",
    columns: [
      ...columns("bucket_id upload_id initiated_at owner_id storage_class checksum_algorithm checksum_type"),
      { name: "key", isRaw: true },
    ],
  },
  {
    name: "deleted_buckets",
    key: "id",
    columns: columns("id name region deleted_at"),
    omitted: { swept_at: null },
  },
  { name: "audit_setting", key: "id", columns: columns("id account_id bucket prefix set_at") },
];

/** Tables that an export leaves out, with the reason. docs/operations.md states what that means. */
export const OMITTED_TABLES: Readonly<Record<string, string>> = {
  event_intents: "events under way",
  dead_letters: "messages that were given up, with events of their time",
  receivers: "statistics, and receivers that are avoided for minutes",
  replication_tasks: "work under way; its objects are exported as failed",
  replication_jobs: "work under way, which the command begins again",
  lifecycle_passes: "positions of passes that are begun again",
  bucket_usage: "it is counted again",
  usage_history: "figures of the past",
  sweep_cursors: "positions of sweeps that are begun again",
  adopted_uploads: "unfinished uploads of adopted buckets, which R2 ends after some days",
  adopted_parts: "parts of those uploads",
  replica_clock: "the present time",
  heartbeats: "when background work was last seen to run",
  config_transfers: "exports and restores themselves",
  config_rows: "exports and restores themselves",
  config_pages: "exports and restores themselves",
  setup_secrets: "the keys of this deployment, sealed under its SETUP_CODE",
  setup_attempts: "counters of minutes",
};

/** Characters of a piece of a long value: at most four bytes each, and D1 takes strings of two million bytes. */
export const PIECE_LENGTH = 200_000;
/** JSON array with the numbers of the pieces that two million characters have. */
const PIECES = JSON.stringify(Array.from({ length: 11 }, (_, index) => index));

/** Copies the rows of a table to `config_rows`, for the transfer ?1. */
export function copyStatement({ name, key, columns: all, long, rows = name }: ConfigTable): string {
  const fields = all.map(
    (column) => `'${column.name}', ${column.isRaw ? `hex(t.${column.name})` : `t.${column.name}`}`,
  );
  const numbered = `(SELECT row_number() OVER (ORDER BY ${key}) AS number, * FROM ${rows}) t`;
  const [piece, text, from] =
    long === undefined
      ? ["0", "NULL", numbered]
      : [
          "p.value",
          `substr(t.${long}, p.value * ${PIECE_LENGTH} + 1, ${PIECE_LENGTH})`,
          `${numbered} JOIN json_each('${PIECES}') p ON p.value = 0 OR p.value * ${PIECE_LENGTH} < length(t.${long})`,
        ];
  return `INSERT INTO config_rows (transfer, source, number, piece, fields, text)
    SELECT ?1, '${name}', t.number, ${piece}, json_object(${fields.join(", ")}), ${text} FROM ${from}`;
}

/** True in the batch of the call ?2 that applies the restore ?1. */
export const IS_APPLIED = "EXISTS (SELECT 1 FROM config_transfers WHERE id = ?1 AND applied_by = ?2)";

/** Inserts the rows of `config_rows` of the transfer ?1 into their table. */
export function insertStatement({ name, columns: all, long, inserted = "true", omitted = {} }: ConfigTable): string {
  const given = Object.entries(omitted).filter((entry): entry is [string, string] => entry[1] !== null);
  const targets = [
    ...all.map((column) => column.name),
    ...(long === undefined ? [] : [long]),
    ...given.map(([column]) => column),
  ];
  const values = [
    ...all.map((column) => {
      const value = `fields ->> '${column.name}'`;
      return column.isRaw ? `CAST(unhex(${value}) AS TEXT)` : value;
    }),
    ...(long === undefined ? [] : ["group_concat(text, '' ORDER BY piece)"]),
    ...given.map(([, sql]) => sql),
  ];
  return `INSERT INTO ${name} (${targets.join(", ")})
    SELECT ${values.join(", ")} FROM config_rows
    WHERE transfer = ?1 AND source = '${name}' AND ${inserted} AND ${IS_APPLIED}
    GROUP BY number ON CONFLICT DO NOTHING`;
}
