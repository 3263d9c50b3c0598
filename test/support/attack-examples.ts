/**
 * A request of every offered operation, with the permissions that AWS's documentation requires for it ("Actions defined by
 * Amazon S3", "Permissions" of each page). They do not come from code of src.
 */
import { createHash } from "node:crypto";
import type { OperationName } from "../../src/protocol/operation-name.ts";

/** What a request may be about. All of it belongs to one account. */
export interface AttackWorld {
  readonly bucket: string;
  readonly emptyBucket: string;
  /** The name of a bucket that does not exist yet. */
  readonly newBucket: string;
  /** An object with the same key, the neighbour, is in `bucket`. */
  readonly source: { readonly bucket: string; readonly key: string };
  readonly key: string;
  readonly uploadId: string;
  /** Of part 1, unquoted. */
  readonly partEtag: string;
  /** Canonical user id of the owner. */
  readonly ownerId: string;
}

type Place =
  | "service"
  | "bucket"
  | "empty bucket"
  | "new bucket"
  | "object"
  | "neighbour"
  | "source"
  | "all objects"
  | "all sources";

export interface Need {
  readonly action: `s3:${string}`;
  readonly on: Place;
}

export interface AttackExample {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  readonly on: Exclude<Place, "neighbour" | "source" | "all objects" | "all sources">;
  readonly query?: (world: AttackWorld) => string;
  readonly headers?: (world: AttackWorld) => Readonly<Record<string, string>>;
  readonly body?: (world: AttackWorld) => string;
  readonly needs: readonly Need[];
  readonly success: number;
  /** Every account may do this without a policy: list its buckets, create one. */
  readonly isOpenToAccounts?: true;
  /** Answers 200 to callers of the bucket's account, and to those that may be allowed some keys; refuses each key, as AWS does. */
  readonly refusesByKey?: true;
}

const PLAIN_ACL = ({ ownerId }: AttackWorld) =>
  `<AccessControlPolicy><Owner><ID>${ownerId}</ID></Owner><AccessControlList><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>${ownerId}</ID></Grantee><Permission>FULL_CONTROL</Permission></Grant></AccessControlList></AccessControlPolicy>`;
const TAGGING = () => "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
const CORS = () =>
  "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>https://a.example</AllowedOrigin></CORSRule></CORSConfiguration>";
const OWNERSHIP = () =>
  "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerPreferred</ObjectOwnership></Rule></OwnershipControls>";
const WEBSITE = () =>
  "<WebsiteConfiguration><RedirectAllRequestsTo><HostName>a.example</HostName></RedirectAllRequestsTo></WebsiteConfiguration>";
const BLOCK = () =>
  "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>";
const REPLICATION = ({ source }: AttackWorld) =>
  `<ReplicationConfiguration><Rule><ID>all</ID><Priority>1</Priority><Filter/><Status>Enabled</Status><Destination><Bucket>arn:aws:s3:::${source.bucket}</Bucket></Destination><DeleteMarkerReplication><Status>Enabled</Status></DeleteMarkerReplication></Rule></ReplicationConfiguration>`;
const ENCRYPTION = () =>
  "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>";
const INVENTORY = ({ source }: AttackWorld) =>
  `<InventoryConfiguration><Id>i</Id><IsEnabled>false</IsEnabled><IncludedObjectVersions>All</IncludedObjectVersions><Schedule><Frequency>Daily</Frequency></Schedule><Destination><S3BucketDestination><Format>CSV</Format><Bucket>arn:aws:s3:::${source.bucket}</Bucket></S3BucketDestination></Destination></InventoryConfiguration>`;
/** Allows nothing new to any caller. */
export const HARMLESS_POLICY = (bucket: string) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Service: "logging.s3.amazonaws.com" },
        Action: "s3:GetObject",
        Resource: `arn:aws:s3:::${bucket}/*`,
      },
    ],
  });
const copySource = ({ source }: AttackWorld) => ({ "x-amz-copy-source": `/${source.bucket}/${source.key}` });
const uploadQuery = ({ uploadId }: AttackWorld) => `uploadId=${uploadId}`;
const partQuery = (partNumber: number) => (world: AttackWorld) => `partNumber=${partNumber}&${uploadQuery(world)}`;

type Options = Omit<Partial<AttackExample>, "method" | "on" | "needs" | "query"> & { readonly query?: string };

function about(on: "bucket" | "object", method: AttackExample["method"], action: Need["action"], options: Options) {
  const { query, ...rest } = options;
  return {
    method,
    on,
    needs: [{ action, on }],
    success: 200,
    ...(query !== undefined && { query: () => query }),
    ...rest,
  };
}

const bucketOperation = (
  method: AttackExample["method"],
  query: string,
  action: Need["action"],
  options: Options = {},
) => about("bucket", method, action, { query, ...options });
const objectOperation = (method: AttackExample["method"], action: Need["action"], options: Options = {}) =>
  about("object", method, action, options);

/** Settings that cannot be set do not exist; only callers with the permission learn that. */
const unset = (query: string, action: Need["action"], method: AttackExample["method"] = "GET") =>
  bucketOperation(method, query, action, { success: 404 });

export const ATTACK_EXAMPLES: Partial<Readonly<Record<OperationName, AttackExample>>> = {
  ListBuckets: {
    method: "GET",
    on: "service",
    needs: [{ action: "s3:ListAllMyBuckets", on: "service" }],
    success: 200,
    isOpenToAccounts: true,
  },
  CreateBucket: {
    method: "PUT",
    on: "new bucket",
    headers: () => ({ "x-amz-acl": "authenticated-read", "x-amz-object-ownership": "ObjectWriter" }),
    needs: [
      { action: "s3:CreateBucket", on: "new bucket" },
      { action: "s3:PutBucketAcl", on: "new bucket" },
      { action: "s3:PutBucketOwnershipControls", on: "new bucket" },
    ],
    success: 200,
    isOpenToAccounts: true,
  },
  DeleteBucket: {
    method: "DELETE",
    on: "empty bucket",
    needs: [{ action: "s3:DeleteBucket", on: "empty bucket" }],
    success: 204,
  },
  HeadBucket: { method: "HEAD", on: "bucket", needs: [{ action: "s3:ListBucket", on: "bucket" }], success: 200 },
  ListObjects: bucketOperation("GET", "", "s3:ListBucket"),
  ListObjectsV2: bucketOperation("GET", "list-type=2", "s3:ListBucket"),
  ListObjectVersions: bucketOperation("GET", "versions=", "s3:ListBucketVersions"),
  ListMultipartUploads: bucketOperation("GET", "uploads=", "s3:ListBucketMultipartUploads"),
  GetBucketLocation: bucketOperation("GET", "location=", "s3:GetBucketLocation"),
  GetBucketVersioning: bucketOperation("GET", "versioning=", "s3:GetBucketVersioning"),
  PutBucketVersioning: bucketOperation("PUT", "versioning=", "s3:PutBucketVersioning", {
    body: () => "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
  }),
  GetBucketAcl: bucketOperation("GET", "acl=", "s3:GetBucketAcl"),
  PutBucketAcl: bucketOperation("PUT", "acl=", "s3:PutBucketAcl", { body: PLAIN_ACL }),
  GetBucketCors: bucketOperation("GET", "cors=", "s3:GetBucketCORS"),
  PutBucketCors: bucketOperation("PUT", "cors=", "s3:PutBucketCORS", { body: CORS }),
  DeleteBucketCors: bucketOperation("DELETE", "cors=", "s3:PutBucketCORS", { success: 204 }),
  GetBucketOwnershipControls: bucketOperation("GET", "ownershipControls=", "s3:GetBucketOwnershipControls"),
  PutBucketOwnershipControls: bucketOperation("PUT", "ownershipControls=", "s3:PutBucketOwnershipControls", {
    body: OWNERSHIP,
  }),
  DeleteBucketOwnershipControls: bucketOperation("DELETE", "ownershipControls=", "s3:PutBucketOwnershipControls", {
    success: 204,
  }),
  GetBucketPolicy: bucketOperation("GET", "policy=", "s3:GetBucketPolicy"),
  PutBucketPolicy: bucketOperation("PUT", "policy=", "s3:PutBucketPolicy", {
    body: ({ bucket }) => HARMLESS_POLICY(bucket),
    success: 204,
  }),
  DeleteBucketPolicy: bucketOperation("DELETE", "policy=", "s3:DeleteBucketPolicy", { success: 204 }),
  GetBucketPolicyStatus: bucketOperation("GET", "policyStatus=", "s3:GetBucketPolicyStatus"),
  GetBucketNotificationConfiguration: bucketOperation("GET", "notification=", "s3:GetBucketNotification"),
  PutBucketNotificationConfiguration: bucketOperation("PUT", "notification=", "s3:PutBucketNotification", {
    body: () => "<NotificationConfiguration/>",
  }),
  GetBucketReplication: bucketOperation("GET", "replication=", "s3:GetReplicationConfiguration"),
  PutBucketReplication: {
    method: "PUT",
    on: "bucket",
    query: () => "replication=",
    body: REPLICATION,
    needs: [
      { action: "s3:PutReplicationConfiguration", on: "bucket" },
      { action: "s3:GetObjectVersionForReplication", on: "all objects" },
      { action: "s3:GetObject", on: "all objects" },
      { action: "s3:GetObjectTagging", on: "all objects" },
      { action: "s3:GetObjectAcl", on: "all objects" },
      { action: "s3:ReplicateObject", on: "all sources" },
      { action: "s3:PutObject", on: "all sources" },
      { action: "s3:PutObjectTagging", on: "all sources" },
      { action: "s3:PutObjectAcl", on: "all sources" },
      { action: "s3:ReplicateDelete", on: "all sources" },
      { action: "s3:DeleteObject", on: "all sources" },
    ],
    success: 200,
  },
  DeleteBucketReplication: bucketOperation("DELETE", "replication=", "s3:PutReplicationConfiguration", {
    success: 204,
  }),
  GetBucketTagging: bucketOperation("GET", "tagging=", "s3:GetBucketTagging"),
  PutBucketTagging: bucketOperation("PUT", "tagging=", "s3:PutBucketTagging", { body: TAGGING, success: 204 }),
  DeleteBucketTagging: bucketOperation("DELETE", "tagging=", "s3:PutBucketTagging", { success: 204 }),
  GetBucketWebsite: bucketOperation("GET", "website=", "s3:GetBucketWebsite"),
  PutBucketWebsite: bucketOperation("PUT", "website=", "s3:PutBucketWebsite", { body: WEBSITE }),
  DeleteBucketWebsite: bucketOperation("DELETE", "website=", "s3:DeleteBucketWebsite", { success: 204 }),
  GetPublicAccessBlock: bucketOperation("GET", "publicAccessBlock=", "s3:GetBucketPublicAccessBlock"),
  PutPublicAccessBlock: bucketOperation("PUT", "publicAccessBlock=", "s3:PutBucketPublicAccessBlock", { body: BLOCK }),
  DeletePublicAccessBlock: bucketOperation("DELETE", "publicAccessBlock=", "s3:PutBucketPublicAccessBlock", {
    success: 204,
  }),
  GetBucketEncryption: bucketOperation("GET", "encryption=", "s3:GetEncryptionConfiguration"),
  PutBucketEncryption: bucketOperation("PUT", "encryption=", "s3:PutEncryptionConfiguration", { body: ENCRYPTION }),
  DeleteBucketEncryption: bucketOperation("DELETE", "encryption=", "s3:PutEncryptionConfiguration", { success: 204 }),
  GetBucketAbac: bucketOperation("GET", "abac=", "s3:GetBucketAbac"),
  PutBucketAbac: bucketOperation("PUT", "abac=", "s3:PutBucketAbac", {
    body: () => "<AbacStatus><Status>Disabled</Status></AbacStatus>",
  }),
  GetBucketAccelerateConfiguration: bucketOperation("GET", "accelerate=", "s3:GetAccelerateConfiguration"),
  PutBucketAccelerateConfiguration: bucketOperation("PUT", "accelerate=", "s3:PutAccelerateConfiguration", {
    body: () => "<AccelerateConfiguration><Status>Suspended</Status></AccelerateConfiguration>",
  }),
  GetBucketLogging: bucketOperation("GET", "logging=", "s3:GetBucketLogging"),
  PutBucketLogging: bucketOperation("PUT", "logging=", "s3:PutBucketLogging", { body: () => "<BucketLoggingStatus/>" }),
  GetBucketRequestPayment: bucketOperation("GET", "requestPayment=", "s3:GetBucketRequestPayment"),
  PutBucketRequestPayment: bucketOperation("PUT", "requestPayment=", "s3:PutBucketRequestPayment", {
    body: () => "<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>",
  }),
  DeleteBucketLifecycle: bucketOperation("DELETE", "lifecycle=", "s3:PutLifecycleConfiguration", { success: 204 }),
  GetBucketLifecycleConfiguration: unset("lifecycle=", "s3:GetLifecycleConfiguration"),
  PutBucketLifecycleConfiguration: bucketOperation("PUT", "lifecycle=", "s3:PutLifecycleConfiguration", {
    body: () =>
      "<LifecycleConfiguration><Rule><Filter/><Status>Enabled</Status><Expiration><Days>9</Days></Expiration></Rule></LifecycleConfiguration>",
  }),
  GetBucketMetadataConfiguration: unset("metadataConfiguration=", "s3:GetBucketMetadataTableConfiguration"),
  GetBucketMetadataTableConfiguration: unset("metadataTable=", "s3:GetBucketMetadataTableConfiguration"),
  GetObjectLockConfiguration: unset("object-lock=", "s3:GetBucketObjectLockConfiguration"),
  // The bucket is not versioned; only callers with the permission learn that.
  PutObjectLockConfiguration: bucketOperation("PUT", "object-lock=", "s3:PutBucketObjectLockConfiguration", {
    body: () => "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>",
    success: 409,
  }),
  GetObjectLegalHold: objectOperation("GET", "s3:GetObjectLegalHold", { query: "legal-hold=", success: 400 }),
  GetObjectRetention: objectOperation("GET", "s3:GetObjectRetention", { query: "retention=", success: 400 }),
  // The bucket has no object lock; only callers with the permission learn that.
  PutObjectLegalHold: objectOperation("PUT", "s3:PutObjectLegalHold", {
    query: "legal-hold=",
    body: () => "<LegalHold><Status>ON</Status></LegalHold>",
    success: 400,
  }),
  PutObjectRetention: objectOperation("PUT", "s3:PutObjectRetention", {
    query: "retention=",
    body: () => "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2140-01-01T00:00:00Z</RetainUntilDate></Retention>",
    success: 400,
  }),
  GetBucketAnalyticsConfiguration: unset("analytics=&id=i", "s3:GetAnalyticsConfiguration"),
  ListBucketAnalyticsConfigurations: bucketOperation("GET", "analytics=", "s3:GetAnalyticsConfiguration"),
  DeleteBucketAnalyticsConfiguration: unset("analytics=&id=i", "s3:PutAnalyticsConfiguration", "DELETE"),
  GetBucketIntelligentTieringConfiguration: unset("intelligent-tiering=&id=i", "s3:GetIntelligentTieringConfiguration"),
  ListBucketIntelligentTieringConfigurations: bucketOperation(
    "GET",
    "intelligent-tiering=",
    "s3:GetIntelligentTieringConfiguration",
  ),
  DeleteBucketIntelligentTieringConfiguration: unset(
    "intelligent-tiering=&id=i",
    "s3:PutIntelligentTieringConfiguration",
    "DELETE",
  ),
  PutBucketInventoryConfiguration: bucketOperation("PUT", "inventory=&id=i", "s3:PutInventoryConfiguration", {
    body: INVENTORY,
    success: 204,
  }),
  GetBucketInventoryConfiguration: unset("inventory=&id=none", "s3:GetInventoryConfiguration"),
  ListBucketInventoryConfigurations: bucketOperation("GET", "inventory=", "s3:GetInventoryConfiguration"),
  DeleteBucketInventoryConfiguration: unset("inventory=&id=none", "s3:PutInventoryConfiguration", "DELETE"),
  GetBucketMetricsConfiguration: unset("metrics=&id=i", "s3:GetMetricsConfiguration"),
  ListBucketMetricsConfigurations: bucketOperation("GET", "metrics=", "s3:GetMetricsConfiguration"),
  DeleteBucketMetricsConfiguration: unset("metrics=&id=i", "s3:PutMetricsConfiguration", "DELETE"),
  DeleteObjects: {
    method: "POST",
    on: "bucket",
    query: () => "delete=",
    body: ({ key }) => `<Delete><Object><Key>${key}</Key></Object></Delete>`,
    needs: [{ action: "s3:DeleteObject", on: "object" }],
    success: 200,
    refusesByKey: true,
  },
  GetObject: objectOperation("GET", "s3:GetObject"),
  HeadObject: objectOperation("HEAD", "s3:GetObject"),
  PutObject: {
    method: "PUT",
    on: "object",
    headers: () => ({ "x-amz-tagging": "a=b", "x-amz-acl": "bucket-owner-full-control" }),
    body: () => "overwritten",
    needs: [
      { action: "s3:PutObject", on: "object" },
      { action: "s3:PutObjectTagging", on: "object" },
      { action: "s3:PutObjectAcl", on: "object" },
    ],
    success: 200,
  },
  DeleteObject: objectOperation("DELETE", "s3:DeleteObject", { success: 204 }),
  CopyObject: {
    method: "PUT",
    on: "object",
    headers: copySource,
    needs: [
      { action: "s3:PutObject", on: "object" },
      { action: "s3:GetObject", on: "source" },
    ],
    success: 200,
  },
  /** The token lets a rename that has been made be repeated. */
  RenameObject: {
    method: "PUT",
    on: "object",
    query: () => "renameObject=",
    headers: ({ source }) => ({ "x-amz-rename-source": source.key, "x-amz-client-token": "again" }),
    needs: [
      { action: "s3:PutObject", on: "object" },
      { action: "s3:GetObject", on: "neighbour" },
      { action: "s3:DeleteObject", on: "neighbour" },
    ],
    success: 200,
  },
  PutObjectAnnotation: objectOperation("PUT", "s3:PutObjectAnnotation", {
    query: "annotation=&annotationName=n",
    body: () => "text",
  }),
  ListObjectAnnotations: objectOperation("GET", "s3:ListObjectAnnotations", { query: "annotation=" }),
  // There is none of this name; only callers with the permission learn that.
  GetObjectAnnotation: objectOperation("GET", "s3:GetObjectAnnotation", {
    query: "annotation=&annotationName=absent",
    success: 404,
  }),
  DeleteObjectAnnotation: objectOperation("DELETE", "s3:DeleteObjectAnnotation", {
    query: "annotation=&annotationName=absent",
    success: 404,
  }),
  // Names no key, since no account can use those of another; only callers with the permission learn that.
  UpdateObjectEncryption: objectOperation("PUT", "s3:UpdateObjectEncryption", {
    query: "encryption=",
    body: () => "<ObjectEncryption><SSE-KMS/></ObjectEncryption>",
    success: 400,
  }),
  GetObjectAcl: objectOperation("GET", "s3:GetObjectAcl", { query: "acl=" }),
  PutObjectAcl: objectOperation("PUT", "s3:PutObjectAcl", { query: "acl=", body: PLAIN_ACL }),
  GetObjectAttributes: {
    method: "GET",
    on: "object",
    query: () => "attributes=",
    headers: () => ({ "x-amz-object-attributes": "ETag,ObjectSize" }),
    needs: [
      { action: "s3:GetObject", on: "object" },
      { action: "s3:GetObjectAttributes", on: "object" },
    ],
    success: 200,
  },
  GetObjectTagging: objectOperation("GET", "s3:GetObjectTagging", { query: "tagging=" }),
  PutObjectTagging: objectOperation("PUT", "s3:PutObjectTagging", { query: "tagging=", body: TAGGING }),
  DeleteObjectTagging: objectOperation("DELETE", "s3:DeleteObjectTagging", { query: "tagging=", success: 204 }),
  /** Only by form: see the test. */
  PostObject: {
    method: "POST",
    on: "bucket",
    needs: [{ action: "s3:PutObject", on: "object" }],
    success: 204,
  },
  CreateMultipartUpload: objectOperation("POST", "s3:PutObject", { query: "uploads=" }),
  UploadPart: {
    method: "PUT",
    on: "object",
    query: partQuery(1),
    body: () => "overwritten",
    needs: [{ action: "s3:PutObject", on: "object" }],
    success: 200,
  },
  UploadPartCopy: {
    method: "PUT",
    on: "object",
    query: partQuery(2),
    headers: copySource,
    needs: [
      { action: "s3:PutObject", on: "object" },
      { action: "s3:GetObject", on: "source" },
    ],
    success: 200,
  },
  CompleteMultipartUpload: {
    method: "POST",
    on: "object",
    query: uploadQuery,
    body: ({ partEtag }) =>
      `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${partEtag}</ETag></Part></CompleteMultipartUpload>`,
    needs: [{ action: "s3:PutObject", on: "object" }],
    success: 200,
  },
  AbortMultipartUpload: {
    method: "DELETE",
    on: "object",
    query: uploadQuery,
    needs: [{ action: "s3:AbortMultipartUpload", on: "object" }],
    success: 204,
  },
  ListParts: {
    method: "GET",
    on: "object",
    query: uploadQuery,
    needs: [{ action: "s3:ListMultipartUploadParts", on: "object" }],
    success: 200,
  },
};

export function exampleOf(name: OperationName): AttackExample {
  const example = ATTACK_EXAMPLES[name];
  if (example === undefined) throw new Error(`${name} has no example in test/support/attack-examples.ts`);
  return example;
}

export function bucketOf(world: AttackWorld, place: Place): string | undefined {
  switch (place) {
    case "service":
      return undefined;
    case "bucket":
    case "object":
      return world.bucket;
    case "empty bucket":
      return world.emptyBucket;
    case "new bucket":
      return world.newBucket;
    case "neighbour":
    case "all objects":
      return world.bucket;
    case "source":
    case "all sources":
      return world.source.bucket;
  }
}

export function arnOf(world: AttackWorld, place: Place): string {
  if (place === "service") return "*";
  const keys: Partial<Record<Place, string>> = {
    object: world.key,
    neighbour: world.source.key,
    source: world.source.key,
    "all objects": "*",
    "all sources": "*",
  };
  const key = keys[place] === undefined ? "" : `/${keys[place]}`;
  return `arn:aws:s3:::${bucketOf(world, place)}${key}`;
}

/** The request in full. Documents bring their digest, whether or not the operation insists on it. */
export function requestOf(example: AttackExample, world: AttackWorld, host: string) {
  const bucket = bucketOf(world, example.on);
  const path = bucket === undefined ? "/" : `/${bucket}${example.on === "object" ? `/${world.key}` : ""}`;
  const query = example.query?.(world) ?? "";
  const body = example.body?.(world);
  const md5 = body === undefined ? {} : { "content-md5": createHash("md5").update(body).digest("base64") };
  return {
    method: example.method,
    url: `http://${host}${path}${query === "" ? "" : `?${query}`}`,
    headers: { ...md5, ...example.headers?.(world) },
    ...(body !== undefined && { body }),
  };
}
