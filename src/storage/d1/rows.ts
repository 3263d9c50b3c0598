/** Rows as D1 returns them, and their translation into the model. snake_case stops here. */

import type { Bucket, BucketDocumentTypes } from "../../model/bucket.ts";
import type { Account } from "../../model/caller.ts";

export interface AccountRow {
  readonly id: string;
  readonly canonical_id: string;
  readonly display_name: string;
  readonly is_root: number;
  readonly created_at: number;
}

export interface AccessKeyRow {
  readonly id: string;
  readonly account_id: string;
  readonly status: string;
  readonly created_at: number;
}

export interface BucketRow {
  readonly name: string;
  readonly id: string;
  readonly account_id: string;
  readonly region: string;
  readonly created_at: number;
  /** Of the mark of a deletion, which may have been abandoned long ago. */
  readonly deleting_since: number | null;
  readonly canonical_id: string;
  readonly display_name: string;
  /** JSON object of JSON texts by kind. */
  readonly documents: string;
}

/** Every bucket read brings its owner and its documents, so that a request needs no second query. */
export const SELECT_BUCKETS = `
  SELECT b.name, b.id, b.account_id, b.region, b.created_at, b.deleting_since, a.canonical_id, a.display_name,
    (SELECT json_group_object(d.kind, d.body) FROM bucket_documents d WHERE d.bucket_id = b.id) AS documents
  FROM buckets b JOIN accounts a ON a.id = b.account_id`;

export function toAccount(row: AccountRow): Account {
  return { id: row.id, canonicalId: row.canonical_id, displayName: row.display_name, isRoot: row.is_root === 1 };
}

/** How long the mark of a deletion counts. */
const DELETION_MARK_MS = 60_000;

/** @param readAt the time before the query was sent, in milliseconds since 1970 */
export function toBucket(row: BucketRow, readAt: number): Bucket {
  return {
    name: row.name,
    id: row.id,
    accountId: row.account_id,
    ownerId: row.canonical_id,
    ownerDisplayName: row.display_name,
    region: row.region,
    createdAt: new Date(row.created_at),
    readAt,
    isBeingDeleted: row.deleting_since !== null && readAt - row.deleting_since < DELETION_MARK_MS,
    documents: toDocuments(row.documents),
  };
}

/** Each body was written by `BucketDocuments` in the form its kind has. */
function toDocuments(json: string): Partial<BucketDocumentTypes> {
  const bodies = JSON.parse(json) as Record<string, string>;
  return Object.fromEntries(Object.entries(bodies).map(([kind, body]) => [kind, JSON.parse(body) as unknown]));
}
