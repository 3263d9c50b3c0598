/**
 * The rows of a report ("Amazon S3 Inventory list"): every value in quotes, an empty one where it does not apply. Keys are
 * URL-encoded, so no value contains a quote or the end of a line. Pure.
 */
import { effectiveAcl } from "../access/acl/ownership.ts";
import type { AclGrant } from "../model/acl.ts";
import type { Bucket } from "../model/bucket.ts";
import type { InventoriedVersion } from "../model/inventory-report.ts";
import { expirationOf } from "../model/lifecycle.ts";
import { NULL_VERSION_ID } from "../model/version.ts";
import { groupUri } from "../protocol/acl-headers.ts";
import { encodeListed } from "../protocol/percent-encoding.ts";

export interface RowContext {
  readonly source: Bucket;
  /** Of the writes that were to be replicated, by their ids. */
  readonly replication: ReadonlyMap<string, string>;
}

type Column = (version: InventoriedVersion, context: RowContext) => string;

/** A column of which delete markers have no value. */
const ofObjects =
  (column: Column): Column =>
  (version, context) =>
    version.isDeleteMarker ? "" : column(version, context);

const COLUMNS: Readonly<Record<string, Column>> = {
  Bucket: (_version, { source }) => source.name,
  Key: ({ key }) => encodeListed(key, "url"),
  // "Converting empty version ID strings in Inventory reports to null strings": a null version has none.
  VersionId: ({ versionId }) => (versionId === NULL_VERSION_ID ? "" : versionId),
  IsLatest: ({ isLatest }) => String(isLatest),
  IsDeleteMarker: ({ isDeleteMarker }) => String(isDeleteMarker),
  Size: ofObjects(({ sizeBytes }) => String(sizeBytes)),
  LastModifiedDate: ({ lastModified }) => lastModified.toISOString(),
  ETag: ofObjects(({ etag }) => etag),
  StorageClass: ofObjects(({ storageClass }) => storageClass),
  IsMultipartUploaded: ofObjects(({ partCount }) => String(partCount !== undefined)),
  ReplicationStatus: ofObjects(({ replication: mark }, { replication }) => {
    if (mark === undefined) return "";
    return mark.state === "replica" ? "REPLICA" : (replication.get(mark.writeId) ?? "");
  }),
  EncryptionStatus: ofObjects(({ encryption }) => {
    if (encryption === undefined) return "SSE-S3";
    return encryption.kind === "customer-key" ? "SSE-C" : "SSE-KMS";
  }),
  ObjectLockRetainUntilDate: ofObjects(({ lock }) =>
    lock?.retention === undefined ? "" : new Date(lock.retention.until).toISOString(),
  ),
  ObjectLockMode: ofObjects(({ lock }) => lock?.retention?.mode ?? ""),
  ObjectLockLegalHoldStatus: ofObjects(({ lock }) =>
    lock?.hasLegalHold === undefined ? "" : lock.hasLegalHold ? "ON" : "OFF",
  ),
  // No object is in INTELLIGENT_TIERING.
  IntelligentTieringAccessTier: () => "",
  BucketKeyStatus: ofObjects(({ encryption }) =>
    encryption?.kind === "data-key" && encryption.usesBucketKey === true ? "ENABLED" : "DISABLED",
  ),
  ChecksumAlgorithm: ofObjects(({ checksum }) => checksum?.algorithm ?? ""),
  ObjectAccessControlList: ofObjects((version, { source }) => formatAcl(version, source)),
  ObjectOwner: ofObjects((version, { source }) => effectiveAcl(source, version).ownerId),
  LifecycleExpirationDate: ofObjects((version, { source: { documents } }) => {
    const expiration = version.isLatest && documents.lifecycle && expirationOf(documents.lifecycle, version);
    return expiration ? expiration.at.toISOString() : "";
  }),
};

/** @param columns of `inventoryColumns`. @returns a line with its end */
export function formatRow(columns: readonly string[], version: InventoriedVersion, context: RowContext): string {
  let line = "";
  for (const name of columns) line += `${line === "" ? "" : ","}"${COLUMNS[name]?.(version, context) ?? ""}"`;
  return `${line}\n`;
}

/** "Working with the Object ACL field": Base64 of a JSON document. */
function formatAcl(version: InventoriedVersion, source: Bucket): string {
  const { ownerId, acl } = effectiveAcl(source, version);
  const grants = acl ?? [{ grantee: { kind: "canonical-user", id: ownerId }, permission: "FULL_CONTROL" } as const];
  // ASCII only: ids, URIs and permissions.
  return btoa(JSON.stringify({ version: "2022-11-10", status: "AVAILABLE", grants: grants.map(formatGrant) }));
}

function formatGrant({ grantee, permission }: AclGrant) {
  return grantee.kind === "canonical-user"
    ? { canonicalId: grantee.id, type: "CanonicalUser", permission }
    : { uri: groupUri(grantee.kind), permission, type: "Group" };
}
