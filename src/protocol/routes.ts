/**
 * The operation of a request: method × resource × query marker (subresource) × header.
 *
 * S3 names most operations by a bare query parameter (`?acl`), so the tables below are keyed by it. A request with a
 * marker is that marker's operation or an error, never the plain operation, so `PUT /b/k?retention` cannot store an
 * object and `DELETE /b?policy` cannot delete a bucket.
 *
 * As on AWS, other query parameters are ignored (`x-id`, cache busters), with one exception: AWS keeps naming new
 * operations by bare parameters, and the write of a client newer than this table must not be taken for another one. A
 * write with an unknown bare parameter is therefore refused.
 */
import { invalidArgument, S3Error } from "../errors.ts";
import type { Resource } from "../model/bucket.ts";
import type { OperationName } from "./operation-name.ts";
import type { Query } from "./request-target.ts";

export interface RoutedRequest {
  readonly method: string;
  readonly resource: Resource;
  readonly query: Query;
  readonly headers: Headers;
}

type Method = "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
type Choice = OperationName | ((request: RoutedRequest) => OperationName);
type Methods = Partial<Readonly<Record<Method, Choice>>>;

interface Marker {
  /** Name of the subresource in error documents. AWS does not document them; these are the names of its access logs. */
  readonly resourceType: string;
  readonly bucket?: Methods;
  readonly object?: Methods;
  /** What AWS says of a GET that names a key and this subresource of buckets. */
  readonly refusalOfKey?: string;
}

const hasId = (one: OperationName, all: OperationName): Choice => {
  return (request) => (request.query.has("id") ? one : all);
};

const hasAnnotationName = (one: OperationName, all: OperationName): Choice => {
  return (request) => (request.query.has("annotationName") ? one : all);
};

const copies = (copy: OperationName, plain: OperationName): Choice => {
  return (request) => (request.headers.has("x-amz-copy-source") ? copy : plain);
};

const MARKERS: Readonly<Record<string, Marker>> = {
  abac: { resourceType: "ABAC", bucket: { GET: "GetBucketAbac", PUT: "PutBucketAbac" } },
  accelerate: {
    resourceType: "ACCELERATE",
    bucket: { GET: "GetBucketAccelerateConfiguration", PUT: "PutBucketAccelerateConfiguration" },
  },
  acl: {
    resourceType: "ACL",
    bucket: { GET: "GetBucketAcl", PUT: "PutBucketAcl" },
    object: { GET: "GetObjectAcl", PUT: "PutObjectAcl" },
  },
  analytics: {
    resourceType: "ANALYTICS",
    bucket: {
      GET: hasId("GetBucketAnalyticsConfiguration", "ListBucketAnalyticsConfigurations"),
      PUT: "PutBucketAnalyticsConfiguration",
      DELETE: "DeleteBucketAnalyticsConfiguration",
    },
  },
  annotation: {
    resourceType: "OBJECT_ANNOTATION",
    object: {
      GET: hasAnnotationName("GetObjectAnnotation", "ListObjectAnnotations"),
      PUT: "PutObjectAnnotation",
      DELETE: "DeleteObjectAnnotation",
    },
  },
  attributes: { resourceType: "OBJECT_ATTRIBUTES", object: { GET: "GetObjectAttributes" } },
  cors: {
    resourceType: "CORS",
    bucket: { GET: "GetBucketCors", PUT: "PutBucketCors", DELETE: "DeleteBucketCors" },
  },
  delete: { resourceType: "MULTI_OBJECT_DELETE", bucket: { POST: "DeleteObjects" } },
  encryption: {
    resourceType: "ENCRYPTION",
    bucket: { GET: "GetBucketEncryption", PUT: "PutBucketEncryption", DELETE: "DeleteBucketEncryption" },
    object: { PUT: "UpdateObjectEncryption" },
  },
  "intelligent-tiering": {
    resourceType: "INTELLIGENT_TIERING",
    bucket: {
      GET: hasId("GetBucketIntelligentTieringConfiguration", "ListBucketIntelligentTieringConfigurations"),
      PUT: "PutBucketIntelligentTieringConfiguration",
      DELETE: "DeleteBucketIntelligentTieringConfiguration",
    },
  },
  inventory: {
    resourceType: "INVENTORY",
    bucket: {
      GET: hasId("GetBucketInventoryConfiguration", "ListBucketInventoryConfigurations"),
      PUT: "PutBucketInventoryConfiguration",
      DELETE: "DeleteBucketInventoryConfiguration",
    },
  },
  "legal-hold": { resourceType: "LEGAL_HOLD", object: { GET: "GetObjectLegalHold", PUT: "PutObjectLegalHold" } },
  lifecycle: {
    resourceType: "LIFECYCLE",
    bucket: {
      GET: "GetBucketLifecycleConfiguration",
      PUT: "PutBucketLifecycleConfiguration",
      DELETE: "DeleteBucketLifecycle",
    },
  },
  location: { resourceType: "LOCATION", bucket: { GET: "GetBucketLocation" } },
  logging: { resourceType: "LOGGING_STATUS", bucket: { GET: "GetBucketLogging", PUT: "PutBucketLogging" } },
  metadataAnnotationTable: {
    resourceType: "METADATA_ANNOTATION_TABLE",
    bucket: { PUT: "UpdateBucketMetadataAnnotationTableConfiguration" },
  },
  metadataConfiguration: {
    resourceType: "METADATA_CONFIGURATION",
    bucket: {
      GET: "GetBucketMetadataConfiguration",
      POST: "CreateBucketMetadataConfiguration",
      DELETE: "DeleteBucketMetadataConfiguration",
    },
  },
  metadataInventoryTable: {
    resourceType: "METADATA_INVENTORY_TABLE",
    bucket: { PUT: "UpdateBucketMetadataInventoryTableConfiguration" },
  },
  metadataJournalTable: {
    resourceType: "METADATA_JOURNAL_TABLE",
    bucket: { PUT: "UpdateBucketMetadataJournalTableConfiguration" },
  },
  metadataTable: {
    resourceType: "METADATA_TABLE",
    bucket: {
      GET: "GetBucketMetadataTableConfiguration",
      POST: "CreateBucketMetadataTableConfiguration",
      DELETE: "DeleteBucketMetadataTableConfiguration",
    },
  },
  metrics: {
    resourceType: "METRICS",
    bucket: {
      GET: hasId("GetBucketMetricsConfiguration", "ListBucketMetricsConfigurations"),
      PUT: "PutBucketMetricsConfiguration",
      DELETE: "DeleteBucketMetricsConfiguration",
    },
  },
  notification: {
    resourceType: "NOTIFICATION",
    bucket: { GET: "GetBucketNotificationConfiguration", PUT: "PutBucketNotificationConfiguration" },
  },
  "object-lock": {
    resourceType: "OBJECT_LOCK_CONFIGURATION",
    bucket: { GET: "GetObjectLockConfiguration", PUT: "PutObjectLockConfiguration" },
  },
  ownershipControls: {
    resourceType: "OWNERSHIP_CONTROLS",
    bucket: {
      GET: "GetBucketOwnershipControls",
      PUT: "PutBucketOwnershipControls",
      DELETE: "DeleteBucketOwnershipControls",
    },
  },
  policy: {
    resourceType: "BUCKETPOLICY",
    bucket: { GET: "GetBucketPolicy", PUT: "PutBucketPolicy", DELETE: "DeleteBucketPolicy" },
  },
  policyStatus: { resourceType: "POLICY_STATUS", bucket: { GET: "GetBucketPolicyStatus" } },
  publicAccessBlock: {
    resourceType: "PUBLIC_ACCESS_BLOCK",
    bucket: { GET: "GetPublicAccessBlock", PUT: "PutPublicAccessBlock", DELETE: "DeletePublicAccessBlock" },
  },
  renameObject: { resourceType: "RENAME_OBJECT", object: { PUT: "RenameObject" } },
  replication: {
    resourceType: "REPLICATION",
    bucket: { GET: "GetBucketReplication", PUT: "PutBucketReplication", DELETE: "DeleteBucketReplication" },
  },
  requestPayment: {
    resourceType: "REQUEST_PAYMENT",
    bucket: { GET: "GetBucketRequestPayment", PUT: "PutBucketRequestPayment" },
  },
  restore: { resourceType: "RESTORE", object: { POST: "RestoreObject" } },
  retention: { resourceType: "RETENTION", object: { GET: "GetObjectRetention", PUT: "PutObjectRetention" } },
  // The value of select-type is not checked here.
  select: { resourceType: "SELECT", object: { POST: "SelectObjectContent" } },
  session: { resourceType: "SESSION", bucket: { GET: "CreateSession" } },
  tagging: {
    resourceType: "TAGGING",
    bucket: { GET: "GetBucketTagging", PUT: "PutBucketTagging", DELETE: "DeleteBucketTagging" },
    object: { GET: "GetObjectTagging", PUT: "PutObjectTagging", DELETE: "DeleteObjectTagging" },
  },
  torrent: { resourceType: "OBJECT_TORRENT", object: { GET: "GetObjectTorrent" } },
  uploadId: {
    resourceType: "UPLOAD",
    object: { DELETE: "AbortMultipartUpload", POST: "CompleteMultipartUpload", GET: "ListParts" },
  },
  uploads: {
    resourceType: "UPLOADS",
    bucket: { GET: "ListMultipartUploads" },
    object: { POST: "CreateMultipartUpload" },
    refusalOfKey: "Key is not expected for the GET method ?uploads subresource",
  },
  versioning: { resourceType: "VERSIONING", bucket: { GET: "GetBucketVersioning", PUT: "PutBucketVersioning" } },
  versions: {
    resourceType: "BUCKETVERSIONS",
    bucket: { GET: "ListObjectVersions" },
    refusalOfKey: "There is no such thing as the ?versions sub-resource for a key",
  },
  website: {
    resourceType: "WEBSITE",
    bucket: { GET: "GetBucketWebsite", PUT: "PutBucketWebsite", DELETE: "DeleteBucketWebsite" },
  },
};

/** `uploadId` with a part number. Without one AWS has no PUT (versity/versitygw 1236). */
const PART_OF_UPLOAD: Marker = {
  resourceType: "UPLOAD",
  object: { ...MARKERS.uploadId?.object, PUT: copies("UploadPartCopy", "UploadPart") },
};

/**
 * `partNumber` without an upload id: for a read a part of a completed object, for a write a missing upload id.
 * UploadPart then answers with the error; storing the part as the whole object would lose data.
 */
const PART_NUMBER: Marker = {
  resourceType: "PART",
  object: { GET: "GetObject", HEAD: "HeadObject", PUT: copies("UploadPartCopy", "UploadPart") },
};

/**
 * Parameters of S3 that are not markers. On a write they may have no value: AWS ignores those that mean nothing there.
 */
export const PARAMETERS: ReadonlySet<string> = new Set([
  "annotation-prefix",
  "annotationName",
  "bucket-region",
  "continuation-token",
  "delimiter",
  "encoding-type",
  "fetch-owner",
  "id",
  "key-marker",
  "list-type",
  "marker",
  "max-annotation-results",
  "max-buckets",
  "max-directory-buckets",
  "max-keys",
  "max-parts",
  "max-uploads",
  "part-number-marker",
  "partNumber",
  "prefix",
  "response-cache-control",
  "response-content-disposition",
  "response-content-encoding",
  "response-content-language",
  "response-content-type",
  "response-expires",
  "select-type",
  "start-after",
  "upload-id-marker",
  "version-id-marker",
  "versionId",
]);

/** Parameters of signature version 2, in lower case, and those that it signs as headers, which may be empty. */
const OF_SIGNATURE_V2: ReadonlySet<string> = new Set([
  "awsaccesskeyid",
  "content-md5",
  "content-type",
  "expires",
  "signature",
]);

const WRITES: ReadonlySet<string> = new Set(["PUT", "POST", "DELETE"]);

const PLAIN: Readonly<Record<Resource["kind"], { readonly resourceType: string; readonly methods: Methods }>> = {
  service: { resourceType: "SERVICE", methods: { GET: unlessListening(() => "ListBuckets") } },
  bucket: {
    resourceType: "BUCKET",
    methods: {
      GET: unlessListening(({ query }) => (query.get("list-type") === "2" ? "ListObjectsV2" : "ListObjects")),
      HEAD: "HeadBucket",
      PUT: "CreateBucket",
      POST: postToBucket,
      DELETE: "DeleteBucket",
    },
  },
  object: {
    resourceType: "OBJECT",
    methods: {
      GET: "GetObject",
      HEAD: "HeadObject",
      PUT: copies("CopyObject", "PutObject"),
      DELETE: "DeleteObject",
    },
  },
};

/**
 * Names the operation of a request.
 *
 * @throws S3Error `MethodNotAllowed` (405, with `Allow`) if the resource or subresource has no such method;
 *   `NotImplemented` for a write with a bare parameter that is unknown, and for MinIO's listener;
 *   `InvalidRequest` for a listing of uploads or versions that names a key (versity/versitygw 1597, 1688);
 *   `InvalidArgument` if two subresources are named at once ("Conflicting query string parameters", as AWS);
 *   `PreconditionFailed` for a POST to a bucket that is not a form.
 */
export function resolveOperation(request: RoutedRequest): OperationName {
  if (request.method === "OPTIONS") return "OptionsPreflight";
  if (WRITES.has(request.method)) refuseUnknownMarkers(request.query);
  const marker = findMarker(request.query);
  if (marker === undefined) {
    const { resourceType, methods } = PLAIN[request.resource.kind];
    return choose(request, methods, resourceType);
  }
  if (marker.refusalOfKey !== undefined && request.resource.kind === "object" && request.method === "GET") {
    throw new S3Error("InvalidRequest", { message: marker.refusalOfKey });
  }
  const methods = request.resource.kind === "service" ? undefined : marker[request.resource.kind];
  return choose(request, methods ?? {}, marker.resourceType);
}

/** `?name` and `?name=` are the same. No operation of S3 is named by a parameter that begins with `x-`. */
function refuseUnknownMarkers(query: Query): void {
  for (const [name, value] of query.entries) {
    if (value !== "" || name === "" || /^x-/i.test(name)) continue;
    if (isSubresource(name) || PARAMETERS.has(name) || OF_SIGNATURE_V2.has(name.toLowerCase())) continue;
    throw new S3Error("NotImplemented", {
      message: "A query parameter you provided implies functionality that is not implemented",
      details: { QueryParameter: name.slice(0, 256) },
    });
  }
}

/** Whether a parameter of this name chooses the operation. */
export function isSubresource(name: string): boolean {
  return Object.hasOwn(MARKERS, name);
}

function findMarker(query: Query): Marker | undefined {
  if (query.entries.length === 0) return undefined;
  const found = new Set<string>();
  for (const [name] of query.entries) if (isSubresource(name)) found.add(name);
  const [name, ...others] = found;
  if (name === undefined) return query.has("partNumber") ? PART_NUMBER : undefined;
  if (others.length > 0) {
    // AWS's error as recorded by the tests of other servers: the argument is `ResourceType`.
    const list = [...found].sort().join(", ");
    throw invalidArgument(`Conflicting query string parameters: ${list}`, "ResourceType", name);
  }
  return name === "uploadId" && query.has("partNumber") ? PART_OF_UPLOAD : MARKERS[name];
}

function choose(request: RoutedRequest, methods: Methods, resourceType: string): OperationName {
  const { method } = request;
  const choice = isMethod(method) ? methods[method] : undefined;
  if (choice === undefined) {
    throw new S3Error("MethodNotAllowed", {
      details: { Method: request.method, ResourceType: resourceType },
      headers: { Allow: Object.keys(methods).join(", ") },
    });
  }
  return typeof choice === "function" ? choice(request) : choice;
}

function isMethod(text: string): text is Method {
  return text === "GET" || text === "HEAD" || text === "PUT" || text === "POST" || text === "DELETE";
}

/**
 * MinIO's clients listen for events with `GET /bucket?events=…` and wait for a stream of them. AWS ignores the
 * parameter, but such a client would read the listing as the stream and fail.
 */
function unlessListening(choose: (request: RoutedRequest) => OperationName): Choice {
  return (request) => {
    if (!request.query.has("events")) return choose(request);
    throw new S3Error("NotImplemented", { message: "Listening for events of a bucket is not implemented." });
  };
}

function postToBucket(request: RoutedRequest): OperationName {
  const mediaType = (request.headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase();
  if (mediaType === "multipart/form-data") return "PostObject";
  throw new S3Error("PreconditionFailed", {
    details: { Condition: "Bucket POST must be of the enclosure-type multipart/form-data" },
  });
}
