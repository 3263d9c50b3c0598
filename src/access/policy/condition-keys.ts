/**
 * The condition keys that policies may use, and the actions that have them ("AWS global condition context keys";
 * Service Authorization Reference, "Condition keys for Amazon S3").
 *
 * A key exists only for the actions that AWS lists for it. Otherwise a caller could choose the result of a condition by
 * `GET /b/k?prefix=home/me/` or by an `x-amz-acl` header on a download, both of which the operation ignores.
 */

/** Prefixes of the keys whose values differ between the objects of one request, or between its decisions. */
const OF_ONE_OBJECT = [
  "s3:existingobjecttag/",
  "s3:requestobjecttag",
  "s3:object-lock-",
  "s3:prefix",
  "s3:delimiter",
  "s3:versionid",
  "s3:inventoryaccessibleoptionalfields",
];

/** Whether the key's value may differ between the objects of one request. */
export function isOfOneObject(key: string): boolean {
  const name = key.toLowerCase();
  return OF_ONE_OBJECT.some((prefix) => name.startsWith(prefix));
}

const LISTS = ["ListBucket", "ListBucketVersions"];
const ACLS = ["CreateBucket", "PutBucketAcl", "PutObject", "PutObjectAcl", "PutObjectVersionAcl"];
const WRITES = ["PutObject", "ReplicateObject"];
const LOCKS = ["PutObject", "PutObjectRetention", "PutObjectLegalHold", "BypassGovernanceRetention", "ReplicateObject"];
const VERSIONS = [
  "DeleteObjectVersion",
  "DeleteObjectVersionAnnotation",
  "DeleteObjectVersionTagging",
  "GetObjectVersion",
  "GetObjectVersionAcl",
  "GetObjectVersionAnnotation",
  "GetObjectVersionAttributes",
  "GetObjectVersionTagging",
  "ListObjectVersionAnnotations",
  "PutObjectVersionAcl",
  "PutObjectVersionAnnotation",
  "PutObjectVersionTagging",
];
const TAGGED = [
  "DeleteObjectTagging",
  "DeleteObjectVersionTagging",
  "GetObject",
  "GetObjectAcl",
  "GetObjectAttributes",
  "GetObjectTagging",
  "GetObjectVersion",
  "GetObjectVersionAcl",
  "GetObjectVersionAttributes",
  "GetObjectVersionTagging",
  "PutObjectAcl",
  "PutObjectTagging",
  "PutObjectVersionAcl",
  "PutObjectVersionTagging",
  "RestoreObject",
  "UpdateObjectEncryption",
];
const TAGGING = ["PutObject", "PutObjectTagging", "PutObjectVersionTagging", "ReplicateTags"];

/** `*`: every action of S3. A name that ends in `/` is a family: the key of a tag follows. */
const S3_KEYS: Readonly<Record<string, "*" | readonly string[]>> = {
  "s3:AccessGrantsInstanceArn": "*",
  "s3:AccessPointNetworkOrigin": "*",
  "s3:authType": "*",
  "s3:DataAccessPointAccount": "*",
  "s3:DataAccessPointArn": "*",
  "s3:ResourceAccount": "*",
  "s3:signatureAge": "*",
  "s3:signatureversion": "*",
  "s3:TlsVersion": "*",
  "s3:x-amz-content-sha256": "*",
  "s3:prefix": LISTS,
  "s3:delimiter": LISTS,
  "s3:max-keys": LISTS,
  "s3:x-amz-acl": ACLS,
  "s3:x-amz-grant-full-control": ACLS,
  "s3:x-amz-grant-read": ACLS,
  "s3:x-amz-grant-read-acp": ACLS,
  "s3:x-amz-grant-write": ACLS,
  "s3:x-amz-grant-write-acp": ACLS,
  "s3:LocationConstraint": ["CreateBucket"],
  // PutBucketOwnershipControls has it in its body, which is read after the decision.
  "s3:x-amz-object-ownership": ["CreateBucket"],
  "s3:x-amz-copy-source": WRITES,
  "s3:x-amz-metadata-directive": WRITES,
  "s3:x-amz-server-side-encryption": WRITES,
  "s3:x-amz-server-side-encryption-aws-kms-key-id": WRITES,
  "s3:x-amz-server-side-encryption-customer-algorithm": WRITES,
  "s3:x-amz-storage-class": [...WRITES, "PutObjectAcl", "PutObjectVersionAcl"],
  "s3:x-amz-website-redirect-location": WRITES,
  "s3:if-match": ["PutObject", "DeleteObject"],
  "s3:if-none-match": ["PutObject"],
  "s3:ObjectCreationOperation": ["PutObject"],
  "s3:object-lock-legal-hold": LOCKS,
  "s3:object-lock-mode": LOCKS,
  "s3:object-lock-remaining-retention-days": LOCKS,
  "s3:object-lock-retain-until-date": LOCKS,
  "s3:VersionId": VERSIONS,
  "s3:ExistingObjectTag/": TAGGED,
  "s3:RequestObjectTag/": TAGGING,
  "s3:RequestObjectTagKeys": TAGGING,
  "s3:InventoryAccessibleOptionalFields": ["PutInventoryConfiguration"],
  // Keys of settings that do not exist here: no request has them, as on AWS where the setting is off.
  "s3:BucketTag/": "*",
  "s3:destinationRegion": ["PutReplicationConfiguration"],
  "s3:isReplicationPauseRequest": ["PutReplicationConfiguration"],
};

const ACTIONS_OF_KEY: ReadonlyMap<string, "*" | ReadonlySet<string>> = new Map(
  Object.entries(S3_KEYS).map(([key, actions]) => [
    key.toLowerCase(),
    actions === "*" ? actions : new Set(actions.map((action) => `s3:${action.toLowerCase()}`)),
  ]),
);

const GLOBAL_KEY = /^aws:[^\s]/i;

/** AWS accepts any key of the `aws:` family, whether it exists or not (seen on AWS by several projects). */
export function isKnownKey(key: string): boolean {
  return GLOBAL_KEY.test(key) || actionsOf(key) !== undefined;
}

/** "Condition keys for Amazon SNS" that requests can have here, and the `aws:` family as above. */
export function isTopicKey(key: string): boolean {
  return GLOBAL_KEY.test(key) || /^sns:(?:Endpoint|Protocol)$/i.test(key);
}

/** IAM accepts everything that has the form of a key. */
export function isAnyKey(key: string): boolean {
  return /^[a-z0-9-]+:\S+$/i.test(key);
}

/** Whether requests for the action can have the key. */
export function appliesToAction(key: string, action: string): boolean {
  const actions = actionsOf(key);
  // No request has a key of another service, so it does no harm to look it up.
  if (actions === undefined) return true;
  return actions === "*" ? /^s3:/i.test(action) : actions.has(action.toLowerCase());
}

/** `*`: all actions of S3; undefined: the key is not one of S3's. */
export function actionsOf(key: string): "*" | ReadonlySet<string> | undefined {
  const name = key.toLowerCase();
  const slash = name.indexOf("/");
  // The name of a family includes its slash; without the key of a tag behind it, it is not a key.
  const end = slash === name.length - 1 ? slash : slash + 1;
  return ACTIONS_OF_KEY.get(slash === -1 ? name : name.slice(0, end));
}
