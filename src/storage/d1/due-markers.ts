/** Which markers of buckets in R2 are to be compared with the rows of D1, and what they should say. */
import type { BucketLocation } from "../../model/bucket.ts";
import type { BucketMarker } from "../../model/bucket-marker.ts";
import type { Versioning } from "../../model/version.ts";
import { DELETION_MARK_MS } from "./rows.ts";

/** Names of bindings, which are the regions of adopted buckets: those have no markers, although a restored row is due. */
const IS_ADOPTED = "(b.region >= 'ADOPT_' AND b.region < 'ADOPT`')";

export interface DueMarker {
  readonly marker: BucketMarker;
  /** As the row has it; 0: the bucket never had a marker, as far as the row says. */
  readonly due: number;
}

interface DueRow {
  readonly name: string;
  readonly id: string;
  readonly region: string;
  readonly created_at: number;
  readonly marker_due: number;
  readonly account_id: string;
  readonly canonical_id: string;
  readonly display_name: string;
  readonly is_root: number;
  readonly versioning: string | null;
  readonly has_lock: number;
  readonly location: string | null;
}

const document = (kind: string) =>
  `(SELECT d.body FROM bucket_documents d WHERE d.bucket_id = b.id AND d.kind = '${kind}')`;

/**
 * The statement that makes a bucket's marker due, for the batch that changes what the marker says. A row that is due already gets a
 * later time, so that a sweep which has read the earlier state does not take it for done.
 */
export function makeMarkerDue(db: D1Database, bucketId: string, now: Date): D1PreparedStatement {
  return db
    .prepare("UPDATE buckets SET marker_due = max(coalesce(marker_due, 0) + 1, ?2) WHERE id = ?1")
    .bind(bucketId, now.getTime());
}

export class DueMarkers {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Those that have been due longest; none of a bucket that is being deleted, or adopted. Reads only rows that are due. */
  async next(now: Date, limit: number): Promise<DueMarker[]> {
    const { results } = await this.#db
      .prepare(
        `SELECT b.name, b.id, b.region, b.created_at, b.marker_due, b.account_id, a.canonical_id, a.display_name, a.is_root,
           ${document("versioning")} AS versioning, ${document("objectLock")} IS NOT NULL AS has_lock,
           ${document("location")} AS location
         FROM buckets b JOIN accounts a ON a.id = b.account_id
         WHERE b.marker_due IS NOT NULL AND NOT ${IS_ADOPTED} AND (b.deleting_since IS NULL OR b.deleting_since < ?1)
         ORDER BY b.marker_due LIMIT ?2`,
      )
      .bind(now.getTime() - DELETION_MARK_MS, limit)
      .all<DueRow>();
    return results.map((row) => ({ marker: toMarker(row), due: row.marker_due }));
  }

  /** Markers that are as their rows say, unless a row has changed meanwhile; and those that have to wait for another run. */
  async settle(outcome: { readonly right: readonly DueMarker[]; readonly later: readonly DueMarker[] }, now: Date) {
    const update = (markers: readonly DueMarker[], value: number | null) =>
      this.#db
        .prepare(
          `UPDATE buckets SET marker_due = ?2 FROM json_each(?1) j
           WHERE buckets.id = j.value ->> 'id' AND buckets.marker_due = j.value ->> 'due'`,
        )
        .bind(JSON.stringify(markers.map(({ marker: { id }, due }) => ({ id, due }))), value);
    const statements = [
      ...(outcome.right.length > 0 ? [update(outcome.right, null)] : []),
      ...(outcome.later.length > 0 ? [update(outcome.later, now.getTime())] : []),
    ];
    if (statements.length > 0) await this.#db.batch(statements);
  }
}

function toMarker(row: DueRow): BucketMarker {
  return {
    name: row.name,
    id: row.id,
    region: row.region,
    createdAt: new Date(row.created_at),
    owner: {
      accountId: row.account_id,
      canonicalId: row.canonical_id,
      displayName: row.display_name,
      isRoot: row.is_root === 1,
    },
    hasObjectLock: row.has_lock === 1,
    ...(row.versioning !== null && { versioning: JSON.parse(row.versioning) as Versioning }),
    ...(row.location !== null && { location: JSON.parse(row.location) as BucketLocation }),
  };
}
