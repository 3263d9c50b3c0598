import { AwsClient } from "aws4fetch";
import { beforeAll, describe, expect, it } from "vitest";
import { OFFERED_NAMES } from "../../../src/operations/index.ts";
import { parseAddress } from "../../../src/protocol/addressing.ts";
import { OPERATION_NAMES, type OperationName } from "../../../src/protocol/operation-name.ts";
import { parseQuery, parseRawUrl } from "../../../src/protocol/request-target.ts";
import { resolveOperation } from "../../../src/protocol/routes.ts";
import { expectError } from "../../support/errors.ts";
import { HOST, handDirectly, putObject, STYLES, type Style, send, urlOf } from "../../support/request.ts";
import { createBucket, ROOT } from "../../support/s3.ts";
import { documentOf, texts } from "../../support/xml.ts";

interface Sample {
  readonly method: string;
  readonly target?: "service" | "bucket" | "object";
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const COPY = { "x-amz-copy-source": "/source/k" };

/** Requests of operations that the rules below cannot derive from the name, as their pages show them. */
const SAMPLES: Partial<Record<OperationName, Sample>> = {
  ListBuckets: { method: "GET", target: "service" },
  CreateBucket: { method: "PUT" },
  DeleteBucket: { method: "DELETE" },
  HeadBucket: { method: "HEAD" },
  ListObjects: { method: "GET" },
  ListObjectsV2: { method: "GET", query: "list-type=2" },
  ListObjectVersions: { method: "GET", query: "versions" },
  DeleteObjects: { method: "POST", query: "delete" },
  GetObject: { method: "GET", target: "object" },
  HeadObject: { method: "HEAD", target: "object" },
  PutObject: { method: "PUT", target: "object" },
  DeleteObject: { method: "DELETE", target: "object" },
  CopyObject: { method: "PUT", target: "object", headers: COPY },
  GetObjectAttributes: { method: "GET", target: "object", query: "attributes" },
  GetObjectTorrent: { method: "GET", target: "object", query: "torrent" },
  PostObject: { method: "POST", headers: { "content-type": "multipart/form-data; boundary=x" } },
  RenameObject: { method: "PUT", target: "object", query: "renameObject" },
  RestoreObject: { method: "POST", target: "object", query: "restore" },
  SelectObjectContent: { method: "POST", target: "object", query: "select&select-type=2" },
  UpdateObjectEncryption: { method: "PUT", target: "object", query: "encryption" },
  GetObjectAnnotation: { method: "GET", target: "object", query: "annotation&annotationName=n" },
  ListObjectAnnotations: { method: "GET", target: "object", query: "annotation" },
  UpdateBucketMetadataAnnotationTableConfiguration: { method: "PUT", query: "metadataAnnotationTable" },
  CreateSession: { method: "GET", query: "session" },
  AbortMultipartUpload: { method: "DELETE", target: "object", query: "uploadId=u" },
  CompleteMultipartUpload: { method: "POST", target: "object", query: "uploadId=u" },
  CreateMultipartUpload: { method: "POST", target: "object", query: "uploads" },
  ListMultipartUploads: { method: "GET", query: "uploads" },
  ListParts: { method: "GET", target: "object", query: "uploadId=u" },
  UploadPart: { method: "PUT", target: "object", query: "partNumber=1&uploadId=u" },
  UploadPartCopy: { method: "PUT", target: "object", query: "partNumber=1&uploadId=u", headers: COPY },
  GetObjectLockConfiguration: { method: "GET", query: "object-lock" },
  PutObjectLockConfiguration: { method: "PUT", query: "object-lock" },
  CreateBucketMetadataConfiguration: { method: "POST", query: "metadataConfiguration" },
  CreateBucketMetadataTableConfiguration: { method: "POST", query: "metadataTable" },
  UpdateBucketMetadataInventoryTableConfiguration: { method: "PUT", query: "metadataInventoryTable" },
  UpdateBucketMetadataJournalTableConfiguration: { method: "PUT", query: "metadataJournalTable" },
  OptionsPreflight: { method: "OPTIONS", target: "object" },
};

/** Subresources whose parameter differs from the word in the operation's name. */
const PARAMETERS: Readonly<Record<string, string>> = {
  AccelerateConfiguration: "accelerate",
  IntelligentTieringConfiguration: "intelligent-tiering",
  LegalHold: "legal-hold",
  LifecycleConfiguration: "lifecycle",
  NotificationConfiguration: "notification",
  MetadataConfiguration: "metadataConfiguration",
  MetadataTableConfiguration: "metadataTable",
};
const WITH_ID = /^(Analytics|Inventory|Metrics|IntelligentTiering)Configuration$/;

/** `PutBucketCors` → `PUT /bucket?cors`: all configurations follow one rule. */
function sampleOf(name: OperationName): Sample {
  const known = SAMPLES[name];
  if (known !== undefined) return known;
  const [, verb = "", kind = "", rest = ""] = /^(Get|Put|Delete|List)(Bucket|Object|)(.+)$/.exec(name) ?? [];
  const topic = verb === "List" ? rest.replace(/s$/, "") : rest;
  const word = PARAMETERS[topic] ?? topic.replace(/^(.+)Configuration$/, "$1");
  const parameter = word.charAt(0).toLowerCase() + word.slice(1);
  return {
    method: verb === "List" ? "GET" : verb.toUpperCase(),
    target: kind === "Object" ? "object" : "bucket",
    query: `${parameter}${WITH_ID.test(topic) && verb !== "List" ? "&id=i" : ""}`,
  };
}

function targetOf(name: OperationName, bucket: string, style: Style) {
  const { target = "bucket", query } = sampleOf(name);
  return {
    ...(target !== "service" && { bucket }),
    ...(target === "object" && { key: "k" }),
    ...(query !== undefined && { query }),
    style,
  };
}

/** The operation that the Worker resolves the request to. */
function routed(name: OperationName, style: Style): OperationName {
  const { method, headers = {} } = sampleOf(name);
  const url = parseRawUrl(urlOf(targetOf(name, "some-bucket", style)));
  const { resource } = parseAddress(url, url.host, [HOST.replace(/:\d+$/, "")]);
  return resolveOperation({ method, resource, query: parseQuery(url.query), headers: new Headers(headers) });
}

async function request(name: OperationName, bucket: string, style: Style, signed: boolean): Promise<Response> {
  const { method, headers = {} } = sampleOf(name);
  const hasBody = method === "PUT" || method === "POST";
  const init = { method, headers: { ...headers }, ...(hasBody && { body: "<Anything/>" }) };
  const url = urlOf(targetOf(name, bucket, style));
  const client = new AwsClient({ ...ROOT, service: "s3", region: "us-east-1", retries: 0 });
  return handDirectly(signed ? await client.sign(url, init) : new Request(url, init));
}

async function bucketWithObject(): Promise<string> {
  const bucket = await createBucket();
  await putObject(bucket, "k", "content");
  return bucket;
}

async function expectUntouched(bucket: string): Promise<void> {
  const root = await documentOf(await send({ bucket }), "ListBucketResult");
  expect(texts(root, "Contents", "Key")).toEqual(["k"]);
  expect(await (await send({ bucket, key: "k" })).text()).toBe("content");
}

/** A preflight has no signature and its own kind of answer. */
const notOffered = OPERATION_NAMES.filter((name) => !OFFERED_NAMES.includes(name) && name !== "OptionsPreflight");

describe.each(STYLES)("operations that are not offered, %s style", (style) => {
  // One bucket for all requests, because none of them may change it.
  let bucket = "";
  beforeAll(async () => {
    bucket = await bucketWithObject();
  });

  it.each(OPERATION_NAMES)("the request for %s is routed to it", (name) => {
    expect(routed(name, style)).toBe(name);
  });

  it.each(notOffered)("%s is refused to a signed caller with NotImplemented", async (name) => {
    const { method } = sampleOf(name);
    const response = await request(name, bucket, style, true);
    if (method === "HEAD") expect(response.status).toBe(501);
    else {
      await expectError(response, 501, "NotImplemented", {
        message: `The operation ${name} is not implemented.`,
      });
    }
  });

  it.each(notOffered)("%s does nothing for an anonymous caller", async (name) => {
    const response = await request(name, bucket, style, false);
    expect([403, 501]).toContain(response.status);
    expect(await response.text()).toMatch(/<Code>(AccessDenied|NotImplemented)<\/Code>/);
  });

  it.each(OFFERED_NAMES)("%s does nothing for an anonymous caller", async (name) => {
    const response = await request(name, bucket, style, false);
    expect([400, 403, 404]).toContain(response.status);
    await response.body?.cancel();
  });

  it("none of these requests has changed anything", async () => {
    await expectUntouched(bucket);
  });
});
