/**
 * The operation field of a log line: `REST.HTTP_method.resource_type`, `WEBSITE.HTTP_method.resource_type` ("Amazon S3 server
 * access log format"). AWS publishes no list; the names are those of its examples and of recorded logs, and for the rest those
 * that its errors use as `ResourceType`.
 */
import type { OperationName } from "../protocol/operation-name.ts";

const ACTIONS = {
  ListBuckets: "GET.SERVICE",
  CreateBucket: "PUT.BUCKET",
  CreateSession: "GET.SESSION",
  DeleteBucket: "DELETE.BUCKET",
  GetBucketLocation: "GET.LOCATION",
  HeadBucket: "HEAD.BUCKET",
  ListObjects: "GET.BUCKET",
  ListObjectsV2: "GET.BUCKET",
  ListObjectVersions: "GET.BUCKETVERSIONS",
  CopyObject: "COPY.OBJECT",
  DeleteObject: "DELETE.OBJECT",
  DeleteObjects: "POST.MULTI_OBJECT_DELETE",
  GetObject: "GET.OBJECT",
  GetObjectAttributes: "GET.OBJECT_ATTRIBUTES",
  GetObjectTorrent: "GET.TORRENT",
  HeadObject: "HEAD.OBJECT",
  PostObject: "POST.BUCKET",
  PutObject: "PUT.OBJECT",
  RenameObject: "PUT.RENAME_OBJECT",
  RestoreObject: "POST.RESTORE",
  SelectObjectContent: "POST.SELECT",
  UpdateObjectEncryption: "PUT.OBJECT_ENCRYPTION",
  AbortMultipartUpload: "DELETE.UPLOAD",
  CompleteMultipartUpload: "POST.UPLOAD",
  CreateMultipartUpload: "POST.UPLOADS",
  ListMultipartUploads: "GET.UPLOADS",
  ListParts: "GET.UPLOAD",
  UploadPart: "PUT.PART",
  UploadPartCopy: "COPY.PART",
  DeleteObjectAnnotation: "DELETE.OBJECT_ANNOTATION",
  DeleteObjectTagging: "DELETE.OBJECT_TAGGING",
  GetObjectAcl: "GET.ACL",
  GetObjectAnnotation: "GET.OBJECT_ANNOTATION",
  GetObjectLegalHold: "GET.LEGAL_HOLD",
  GetObjectRetention: "GET.RETENTION",
  GetObjectTagging: "GET.OBJECT_TAGGING",
  ListObjectAnnotations: "GET.OBJECT_ANNOTATION",
  PutObjectAcl: "PUT.ACL",
  PutObjectAnnotation: "PUT.OBJECT_ANNOTATION",
  PutObjectLegalHold: "PUT.LEGAL_HOLD",
  PutObjectRetention: "PUT.RETENTION",
  PutObjectTagging: "PUT.OBJECT_TAGGING",
  DeleteBucketAnalyticsConfiguration: "DELETE.ANALYTICS",
  DeleteBucketCors: "DELETE.CORS",
  DeleteBucketEncryption: "DELETE.ENCRYPTION",
  DeleteBucketIntelligentTieringConfiguration: "DELETE.INTELLIGENT_TIERING",
  DeleteBucketInventoryConfiguration: "DELETE.INVENTORY",
  DeleteBucketLifecycle: "DELETE.LIFECYCLE",
  DeleteBucketMetricsConfiguration: "DELETE.METRICS",
  DeleteBucketOwnershipControls: "DELETE.OWNERSHIP_CONTROLS",
  DeleteBucketPolicy: "DELETE.BUCKETPOLICY",
  DeleteBucketReplication: "DELETE.REPLICATION",
  DeleteBucketTagging: "DELETE.TAGGING",
  DeleteBucketWebsite: "DELETE.WEBSITE",
  DeletePublicAccessBlock: "DELETE.PUBLIC_ACCESS_BLOCK",
  GetBucketAbac: "GET.ABAC",
  GetBucketAccelerateConfiguration: "GET.ACCELERATE",
  GetBucketAcl: "GET.ACL",
  GetBucketAnalyticsConfiguration: "GET.ANALYTICS",
  GetBucketCors: "GET.CORS",
  GetBucketEncryption: "GET.ENCRYPTION",
  GetBucketIntelligentTieringConfiguration: "GET.INTELLIGENT_TIERING",
  GetBucketInventoryConfiguration: "GET.INVENTORY",
  GetBucketLifecycleConfiguration: "GET.LIFECYCLE",
  GetBucketLogging: "GET.LOGGING_STATUS",
  GetBucketMetricsConfiguration: "GET.METRICS",
  GetBucketNotificationConfiguration: "GET.NOTIFICATION",
  GetBucketOwnershipControls: "GET.OWNERSHIP_CONTROLS",
  GetBucketPolicy: "GET.BUCKETPOLICY",
  GetBucketPolicyStatus: "GET.POLICY_STATUS",
  GetBucketReplication: "GET.REPLICATION",
  GetBucketRequestPayment: "GET.REQUEST_PAYMENT",
  GetBucketTagging: "GET.TAGGING",
  GetBucketVersioning: "GET.VERSIONING",
  GetBucketWebsite: "GET.WEBSITE",
  GetObjectLockConfiguration: "GET.OBJECT_LOCK_CONFIGURATION",
  GetPublicAccessBlock: "GET.PUBLIC_ACCESS_BLOCK",
  ListBucketAnalyticsConfigurations: "GET.ANALYTICS",
  ListBucketIntelligentTieringConfigurations: "GET.INTELLIGENT_TIERING",
  ListBucketInventoryConfigurations: "GET.INVENTORY",
  ListBucketMetricsConfigurations: "GET.METRICS",
  PutBucketAbac: "PUT.ABAC",
  PutBucketAccelerateConfiguration: "PUT.ACCELERATE",
  PutBucketAcl: "PUT.ACL",
  PutBucketAnalyticsConfiguration: "PUT.ANALYTICS",
  PutBucketCors: "PUT.CORS",
  PutBucketEncryption: "PUT.ENCRYPTION",
  PutBucketIntelligentTieringConfiguration: "PUT.INTELLIGENT_TIERING",
  PutBucketInventoryConfiguration: "PUT.INVENTORY",
  PutBucketLifecycleConfiguration: "PUT.LIFECYCLE",
  PutBucketLogging: "PUT.LOGGING_STATUS",
  PutBucketMetricsConfiguration: "PUT.METRICS",
  PutBucketNotificationConfiguration: "PUT.NOTIFICATION",
  PutBucketOwnershipControls: "PUT.OWNERSHIP_CONTROLS",
  PutBucketPolicy: "PUT.BUCKETPOLICY",
  PutBucketReplication: "PUT.REPLICATION",
  PutBucketRequestPayment: "PUT.REQUEST_PAYMENT",
  PutBucketTagging: "PUT.TAGGING",
  PutBucketVersioning: "PUT.VERSIONING",
  PutBucketWebsite: "PUT.WEBSITE",
  PutObjectLockConfiguration: "PUT.OBJECT_LOCK_CONFIGURATION",
  PutPublicAccessBlock: "PUT.PUBLIC_ACCESS_BLOCK",
  CreateBucketMetadataConfiguration: "POST.METADATA_CONFIGURATION",
  CreateBucketMetadataTableConfiguration: "POST.METADATA_TABLE",
  DeleteBucketMetadataConfiguration: "DELETE.METADATA_CONFIGURATION",
  DeleteBucketMetadataTableConfiguration: "DELETE.METADATA_TABLE",
  GetBucketMetadataConfiguration: "GET.METADATA_CONFIGURATION",
  GetBucketMetadataTableConfiguration: "GET.METADATA_TABLE",
  UpdateBucketMetadataAnnotationTableConfiguration: "PUT.METADATA_ANNOTATION_TABLE",
  UpdateBucketMetadataInventoryTableConfiguration: "PUT.METADATA_INVENTORY_TABLE",
  UpdateBucketMetadataJournalTableConfiguration: "PUT.METADATA_JOURNAL_TABLE",
  OptionsPreflight: "OPTIONS.PREFLIGHT",
} as const satisfies Record<OperationName, string>;

const COPIES: ReadonlySet<string> = new Set(["CopyObject", "UploadPartCopy"] satisfies OperationName[]);

export interface NamedRequest {
  readonly method: string;
  /** Absent if the request names none, and for pages of websites and answers from the edge cache. */
  readonly operation: string | undefined;
  readonly hasKey: boolean;
  readonly isWebsite: boolean;
}

/** `REST.GET.OBJECT` */
export function requestOperation({ method, operation = "", hasKey, isWebsite }: NamedRequest): string {
  if (isWebsite) return method === "OPTIONS" ? "WEBSITE.OPTIONS.PREFLIGHT" : `WEBSITE.${method}.OBJECT`;
  return `REST.${isNamed(operation) ? ACTIONS[operation] : `${method}.${hasKey ? "OBJECT" : "BUCKET"}`}`;
}

/** The operation as the log of a copy's source names it; undefined if the request is no copy. */
export function sourceOperation(operation = ""): string | undefined {
  return COPIES.has(operation) && isNamed(operation) ? `REST.${ACTIONS[operation]}_GET` : undefined;
}

function isNamed(operation: string): operation is OperationName {
  return Object.hasOwn(ACTIONS, operation);
}
