import { describe, expect, it } from "vitest";
import type { S3Error } from "../../../src/errors.ts";
import { parseAddress } from "../../../src/protocol/addressing.ts";
import { OPERATION_NAMES, type OperationName } from "../../../src/protocol/operation-name.ts";
import { parseQuery, parseRawUrl } from "../../../src/protocol/request-target.ts";
import { resolveOperation } from "../../../src/protocol/routes.ts";
import { failure } from "./failure.ts";

const COPY = { "x-amz-copy-source": "/b/k" };
const FORM = { "content-type": "multipart/form-data; boundary=x" };

function resolve(method: string, host: string, path: string, headers: Record<string, string> = {}): OperationName {
  const url = parseRawUrl(`http://${host}${path}`);
  const { resource } = parseAddress(url, host, ["s3.example"]);
  return resolveOperation({ method, resource, query: parseQuery(url.query), headers: new Headers(headers) });
}

function refusal(method: string, path: string, headers: Record<string, string> = {}): S3Error {
  return failure(() => resolve(method, "s3.example", path, headers));
}

// Methods and paths follow the "Request Syntax" of each operation's page.
const ROWS: readonly (readonly [OperationName, method: string, path: string, headers?: Record<string, string>])[] = [
  ["ListBuckets", "GET", "/"],
  ["ListBuckets", "GET", "/?max-buckets=3&prefix=a&x-id=ListBuckets"],

  ["ListObjects", "GET", "/b"],
  ["ListObjects", "GET", "/b/?prefix=p&delimiter=/&marker=m"],
  ["ListObjects", "GET", "/b?list-type=1"],
  ["ListObjectsV2", "GET", "/b?list-type=2"],
  ["ListObjectsV2", "GET", "/b/?prefix=acl&list-type=2"],
  ["ListObjectVersions", "GET", "/b?versions&key-marker=k"],
  ["HeadBucket", "HEAD", "/b"],
  ["CreateBucket", "PUT", "/b"],
  ["CreateBucket", "PUT", "/b/"],
  ["DeleteBucket", "DELETE", "/b"],
  ["CreateSession", "GET", "/b?session"],
  ["GetBucketLocation", "GET", "/b?location"],
  ["DeleteObjects", "POST", "/b?delete"],
  ["DeleteObjects", "POST", "/b/?delete=&x-id=DeleteObjects"],
  ["PostObject", "POST", "/b", FORM],
  ["PostObject", "POST", "/b", { "content-type": "Multipart/Form-Data ; boundary=x" }],
  ["ListMultipartUploads", "GET", "/b?uploads&prefix=p"],

  ["GetObject", "GET", "/b/k"],
  ["GetObject", "GET", "/b/k?versionId=v&partNumber=1&response-content-type=x&unknown"],
  ["GetObject", "GET", "/b/k?list-type=2"],
  ["GetObject", "GET", "/b/acl"],
  ["HeadObject", "HEAD", "/b/k"],
  ["HeadObject", "HEAD", "/b/k?partNumber=2"],
  ["PutObject", "PUT", "/b/k"],
  ["PutObject", "PUT", "/b/k?ACL=x&Version=2006-03-01&X-Purpose"],
  ["CopyObject", "PUT", "/b/k", COPY],
  ["DeleteObject", "DELETE", "/b/k?versionId=v"],
  ["GetObjectAttributes", "GET", "/b/k?attributes"],
  ["GetObjectTorrent", "GET", "/b/k?torrent"],
  ["RenameObject", "PUT", "/b/k?renameObject"],
  ["RestoreObject", "POST", "/b/k?restore"],
  ["SelectObjectContent", "POST", "/b/k?select&select-type=2"],
  ["UpdateObjectEncryption", "PUT", "/b/k?encryption"],

  ["CreateMultipartUpload", "POST", "/b/k?uploads"],
  ["UploadPart", "PUT", "/b/k?partNumber=1&uploadId=u"],
  ["UploadPart", "PUT", "/b/k?partNumber=1"],
  ["UploadPartCopy", "PUT", "/b/k?partNumber=1&uploadId=u", COPY],
  ["CompleteMultipartUpload", "POST", "/b/k?uploadId=u"],
  ["AbortMultipartUpload", "DELETE", "/b/k?uploadId=u"],
  ["ListParts", "GET", "/b/k?uploadId=u&max-parts=1"],

  ["PutObjectAnnotation", "PUT", "/b/k?annotation&annotationName=n"],
  ["PutObjectAnnotation", "PUT", "/b/k?annotation=&annotationName=n", COPY],
  ["GetObjectAnnotation", "GET", "/b/k?annotation&annotationName=n"],
  ["ListObjectAnnotations", "GET", "/b/k?annotation&annotation-prefix=p"],
  ["DeleteObjectAnnotation", "DELETE", "/b/k?annotation&annotationName=n"],
  ["GetObjectAcl", "GET", "/b/k?acl"],
  ["PutObjectAcl", "PUT", "/b/k?acl"],
  ["PutObjectAcl", "PUT", "/b/k?acl", COPY],
  ["GetObjectLegalHold", "GET", "/b/k?legal-hold"],
  ["PutObjectLegalHold", "PUT", "/b/k?legal-hold"],
  ["GetObjectRetention", "GET", "/b/k?retention"],
  ["PutObjectRetention", "PUT", "/b/k?retention"],
  ["GetObjectTagging", "GET", "/b/k?tagging&versionId=v"],
  ["PutObjectTagging", "PUT", "/b/k?tagging"],
  ["DeleteObjectTagging", "DELETE", "/b/k?tagging"],

  ["GetBucketAbac", "GET", "/b?abac"],
  ["PutBucketAbac", "PUT", "/b?abac"],
  ["GetBucketAccelerateConfiguration", "GET", "/b?accelerate"],
  ["PutBucketAccelerateConfiguration", "PUT", "/b?accelerate"],
  ["GetBucketAcl", "GET", "/b?acl"],
  ["PutBucketAcl", "PUT", "/b?acl"],
  ["GetBucketAnalyticsConfiguration", "GET", "/b?analytics&id=i"],
  ["ListBucketAnalyticsConfigurations", "GET", "/b?analytics"],
  ["PutBucketAnalyticsConfiguration", "PUT", "/b?analytics&id=i"],
  ["DeleteBucketAnalyticsConfiguration", "DELETE", "/b?analytics&id=i"],
  ["GetBucketCors", "GET", "/b?cors"],
  ["PutBucketCors", "PUT", "/b?cors"],
  ["DeleteBucketCors", "DELETE", "/b?cors"],
  ["GetBucketEncryption", "GET", "/b?encryption"],
  ["PutBucketEncryption", "PUT", "/b?encryption"],
  ["DeleteBucketEncryption", "DELETE", "/b?encryption"],
  ["GetBucketIntelligentTieringConfiguration", "GET", "/b?intelligent-tiering&id=i"],
  ["ListBucketIntelligentTieringConfigurations", "GET", "/b?intelligent-tiering"],
  ["PutBucketIntelligentTieringConfiguration", "PUT", "/b?intelligent-tiering&id=i"],
  ["DeleteBucketIntelligentTieringConfiguration", "DELETE", "/b?intelligent-tiering&id=i"],
  ["GetBucketInventoryConfiguration", "GET", "/b?inventory&id=i"],
  ["ListBucketInventoryConfigurations", "GET", "/b?inventory"],
  ["PutBucketInventoryConfiguration", "PUT", "/b?inventory&id=i"],
  ["DeleteBucketInventoryConfiguration", "DELETE", "/b?inventory&id=i"],
  ["GetBucketLifecycleConfiguration", "GET", "/b?lifecycle"],
  ["PutBucketLifecycleConfiguration", "PUT", "/b?lifecycle"],
  ["DeleteBucketLifecycle", "DELETE", "/b?lifecycle"],
  ["GetBucketLogging", "GET", "/b?logging"],
  ["PutBucketLogging", "PUT", "/b?logging"],
  ["GetBucketMetricsConfiguration", "GET", "/b?metrics&id=i"],
  ["ListBucketMetricsConfigurations", "GET", "/b?metrics"],
  ["PutBucketMetricsConfiguration", "PUT", "/b?metrics&id=i"],
  ["DeleteBucketMetricsConfiguration", "DELETE", "/b?metrics&id=i"],
  ["GetBucketNotificationConfiguration", "GET", "/b?notification"],
  ["PutBucketNotificationConfiguration", "PUT", "/b?notification"],
  ["GetObjectLockConfiguration", "GET", "/b?object-lock"],
  ["PutObjectLockConfiguration", "PUT", "/b?object-lock"],
  ["GetBucketOwnershipControls", "GET", "/b?ownershipControls"],
  ["PutBucketOwnershipControls", "PUT", "/b?ownershipControls"],
  ["DeleteBucketOwnershipControls", "DELETE", "/b?ownershipControls"],
  ["GetBucketPolicy", "GET", "/b?policy"],
  ["PutBucketPolicy", "PUT", "/b?policy"],
  ["DeleteBucketPolicy", "DELETE", "/b?policy"],
  ["GetBucketPolicyStatus", "GET", "/b?policyStatus"],
  ["GetPublicAccessBlock", "GET", "/b?publicAccessBlock"],
  ["PutPublicAccessBlock", "PUT", "/b?publicAccessBlock"],
  ["DeletePublicAccessBlock", "DELETE", "/b?publicAccessBlock"],
  ["GetBucketReplication", "GET", "/b?replication"],
  ["PutBucketReplication", "PUT", "/b?replication"],
  ["DeleteBucketReplication", "DELETE", "/b?replication"],
  ["GetBucketRequestPayment", "GET", "/b?requestPayment"],
  ["PutBucketRequestPayment", "PUT", "/b?requestPayment"],
  ["GetBucketTagging", "GET", "/b?tagging"],
  ["PutBucketTagging", "PUT", "/b?tagging"],
  ["DeleteBucketTagging", "DELETE", "/b?tagging"],
  ["GetBucketVersioning", "GET", "/b?versioning"],
  ["PutBucketVersioning", "PUT", "/b?versioning"],
  ["GetBucketWebsite", "GET", "/b?website"],
  ["PutBucketWebsite", "PUT", "/b?website"],
  ["DeleteBucketWebsite", "DELETE", "/b?website"],

  ["CreateBucketMetadataConfiguration", "POST", "/b?metadataConfiguration"],
  ["GetBucketMetadataConfiguration", "GET", "/b?metadataConfiguration"],
  ["DeleteBucketMetadataConfiguration", "DELETE", "/b?metadataConfiguration"],
  ["CreateBucketMetadataTableConfiguration", "POST", "/b?metadataTable"],
  ["GetBucketMetadataTableConfiguration", "GET", "/b?metadataTable"],
  ["DeleteBucketMetadataTableConfiguration", "DELETE", "/b?metadataTable"],
  ["UpdateBucketMetadataAnnotationTableConfiguration", "PUT", "/b?metadataAnnotationTable"],
  ["UpdateBucketMetadataInventoryTableConfiguration", "PUT", "/b?metadataInventoryTable"],
  ["UpdateBucketMetadataJournalTableConfiguration", "PUT", "/b?metadataJournalTable"],

  ["OptionsPreflight", "OPTIONS", "/b/k"],
  ["OptionsPreflight", "OPTIONS", "/b?acl"],
  ["OptionsPreflight", "OPTIONS", "/"],
];

const TABLE = ROWS.map(([name, method, path, headers]) => ({ name, method, path, headers }));

describe("resolveOperation", () => {
  it.each(TABLE)("$name: $method $path, path style", ({ name, method, path, headers }) => {
    expect(resolve(method, "s3.example", path, headers)).toBe(name);
  });

  it.each(TABLE.filter(({ path }) => path.startsWith("/b")))(
    "$name: $method $path, virtual-host style",
    ({ name, method, path, headers }) => {
      const rest = path.slice(2);
      expect(resolve(method, "b.s3.example", rest.startsWith("/") ? rest : `/${rest}`, headers)).toBe(name);
    },
  );

  it("has a row in this table for every operation", () => {
    expect(new Set(ROWS.map(([name]) => name))).toEqual(new Set(OPERATION_NAMES));
  });

  it.each([
    ["POST", "/", "SERVICE", "GET"],
    ["GET", "/?acl", "ACL", ""],
    ["PATCH", "/b", "BUCKET", "GET, HEAD, PUT, POST, DELETE"],
    ["POST", "/b/k", "OBJECT", "GET, HEAD, PUT, DELETE"],
    ["constructor", "/b/k", "OBJECT", "GET, HEAD, PUT, DELETE"],
    ["POST", "/b?policy", "BUCKETPOLICY", "GET, PUT, DELETE"],
    ["HEAD", "/b?acl", "ACL", "GET, PUT"],
    ["HEAD", "/b/k?tagging", "TAGGING", "GET, PUT, DELETE"],
    // The plain operation would be destructive for these.
    ["DELETE", "/b?location", "LOCATION", "GET"],
    ["DELETE", "/b?uploads", "UPLOADS", "GET"],
    ["DELETE", "/b/k?acl", "ACL", "GET, PUT"],
    ["DELETE", "/b/k?partNumber=1", "PART", "GET, HEAD, PUT"],
    ["PUT", "/b/k?policy", "BUCKETPOLICY", ""],
    ["PUT", "/b/k?delete", "MULTI_OBJECT_DELETE", ""],
    ["PUT", "/b/k?uploads", "UPLOADS", "POST"],
    ["PUT", "/b/k?uploadId=u", "UPLOAD", "DELETE, POST, GET"],
    ["PUT", "/b?versions", "BUCKETVERSIONS", "GET"],
  ])("refuses %s %s with MethodNotAllowed", (method, path, resourceType, allow) => {
    const error = refusal(method, path);
    expect(error.code).toBe("MethodNotAllowed");
    expect(error.status).toBe(405);
    expect(error.details).toEqual({ Method: method, ResourceType: resourceType });
    expect(error.headers).toEqual({ Allow: allow });
  });

  it.each([
    ["/b/k?versions", "There is no such thing as the ?versions sub-resource for a key"],
    ["/b/k?uploads=", "Key is not expected for the GET method ?uploads subresource"],
  ])("refuses GET %s with InvalidRequest", (path, message) => {
    const error = refusal("GET", path);
    expect([error.code, error.status, error.message]).toEqual(["InvalidRequest", 400, message]);
  });

  // AWS may use such a name for a new operation.
  it.each<[method: string, path: string, headers?: Record<string, string>]>([
    ["PUT", "/?novelty"],
    ["PUT", "/b?novelty"],
    ["DELETE", "/b?novelty="],
    ["POST", "/b?novelty", FORM],
    ["PUT", "/b/k?novelty"],
    ["PUT", "/b/k?ACL"],
    ["PUT", "/b/k?If-None-Match="],
    ["PUT", "/b/k?uploadId=u&partNumber=1&novelty"],
    ["PUT", "/b/k?acl&novelty", COPY],
    ["POST", "/b/k?uploads&novelty"],
    ["DELETE", "/b/k?versionId=null&novelty"],
    // MinIO's listeners.
    ["GET", "/b?events=s3%3AObjectCreated%3A%2A&prefix=&suffix="],
    ["GET", "/b?events="],
    ["GET", "/?events=s3%3AObjectCreated%3A%2A&ping=10"],
  ])("refuses %s %s with NotImplemented", (method, path, headers = {}) => {
    const error = refusal(method, path, headers);
    expect([error.code, error.status]).toEqual(["NotImplemented", 501]);
  });

  it("refuses two subresources at once with InvalidArgument", () => {
    const error = refusal("PUT", "/b?policy&acl");
    expect(error.code).toBe("InvalidArgument");
    expect(error.message).toBe("Conflicting query string parameters: acl, policy");
    expect(error.details).toEqual({ ArgumentName: "ResourceType", ArgumentValue: "policy" });
  });

  it("accepts a repeated subresource", () => {
    expect(resolve("GET", "s3.example", "/b?acl&acl=")).toBe("GetBucketAcl");
  });

  it.each([[undefined], ["application/xml"], ["multipart/form-database"]])(
    "refuses a POST of %s to a bucket with PreconditionFailed",
    (contentType) => {
      const error = refusal("POST", "/b", contentType === undefined ? {} : { "content-type": contentType });
      expect(error.code).toBe("PreconditionFailed");
      expect(error.details).toEqual({
        Condition: "Bucket POST must be of the enclosure-type multipart/form-data",
      });
    },
  );
});
