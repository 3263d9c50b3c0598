/**
 * The part of the S3 Control API that is about the tags of buckets: ListTagsForResource, TagResource and UntagResource. Terraform
 * and what is built on it read and write tags of buckets by them. They are the same tags as those of GetBucketTagging.
 *
 * A request is one of S3 Control if its path begins with the API's version and it has `x-amz-account-id`, which no request of S3
 * has. SDKs put the account id in front of the host, so the host says nothing about a bucket.
 */
import { authorize } from "../access/authorize.ts";
import { callerArn } from "../access/identity.ts";
import { S3Error } from "../errors.ts";
import { claimedKey, establish, type Incoming, readRequest } from "../identify.ts";
import { bucketArn } from "../model/bucket.ts";
import type { Caller } from "../model/caller.ts";
import type { Tag } from "../model/object.ts";
import { isValidBucketName } from "../protocol/addressing.ts";
import { percentDecode } from "../protocol/percent-encoding.ts";
import type { S3Request } from "../protocol/s3-request.ts";
import { validateTags } from "../protocol/tags.ts";
import {
  formatControlError,
  formatTagsOfResource,
  MAX_TAG_RESOURCE_BYTES,
  parseTagResource,
} from "../protocol/xml/control-tagging.ts";
import { requestFacts } from "../request-facts.ts";
import { hostId, type S3Response, toHttpResponse } from "../response.ts";
import type { S3Services } from "../services.ts";
import { toS3Error } from "../storage/platform-errors.ts";

const PATH = "/v20180820/";
const TAGS = "/v20180820/tags/";
const ACCOUNT_HEADER = "x-amz-account-id";
/** The two forms in which SDKs and users write a bucket's ARN. */
const BUCKET_ARN = /^arn:aws[a-z-]*:s3:(?:::|[a-z0-9-]*:\d{12}:bucket\/)([^/:]+)$/;

const OPERATIONS = {
  GET: { name: "ListTagsForResource", action: "s3:ListTagsForResource" },
  POST: { name: "TagResource", action: "s3:TagResource" },
  DELETE: { name: "UntagResource", action: "s3:UntagResource" },
} as const;
type Method = keyof typeof OPERATIONS;

export function isControlRequest({ url, request }: Incoming): boolean {
  return url.path.startsWith(PATH) && request.headers.has(ACCOUNT_HEADER);
}

/** Answers a request of S3 Control; never throws. */
export async function handleControl(incoming: Incoming, services: S3Services): Promise<Response> {
  const { log } = incoming;
  log.service = "s3-control";
  let answer: S3Response;
  try {
    answer = await serve(incoming, services);
  } catch (error) {
    const failure = toS3Error(error);
    log.code = failure.code;
    if (failure.cause !== undefined) log.cause = failure.cause;
    const { requestId } = log;
    const body = formatControlError(failure, { requestId, hostId: hostId(requestId) });
    answer = { status: failure.status, headers: failure.headers, body };
  }
  return toHttpResponse(answer, incoming);
}

async function serve(incoming: Incoming, services: S3Services): Promise<S3Response> {
  const { config, directory, stores } = services;
  const bucketName = bucketOf(incoming.url.path);
  const method = methodOf(incoming.request.method);
  const { name, action } = OPERATIONS[method];
  const { log } = incoming;
  log.bucket = bucketName;
  log.operation = `s3-control:${name}`;
  const received = readRequest(incoming, { resource: { kind: "bucket", bucket: bucketName }, style: "path" });
  const claimed = claimedKey(received);
  log.claimedKeyId = claimed.accessKeyId;
  const rows = await directory.load({ ...claimed, bucketName });
  const regions = config.enforceRegion ? config.region : "any";
  const options = { regions, service: "s3", signatureV2: false } as const;
  const { authentication, signed, source } = await establish(received, rows.credential, options);
  const { caller, style, signatureVersion } = authentication;
  log.found = rows.buckets.get(bucketName);
  log.authentication = authentication;
  log.signed = signed;
  log.caller = caller.kind === "account" ? caller.accessKeyId : caller.kind;
  if (caller.kind === "account") services.noteKeyUse(caller, { service: "s3", now: received.now });
  const grant = await authorize({
    caller,
    permissions: [{ action, on: "bucket", bucket: bucketName }],
    buckets: rows.buckets,
    facts: () => requestFacts(signed, { style, signatureVersion, operation: "GetBucketTagging" }),
    findObject: async () => undefined,
  }).catch((error: unknown) => {
    throw refusalFor(error, { caller, action, bucketName });
  });
  const bucket = grant.bucket(bucketName);
  // The signed value: a header that was added on the way is not the caller's.
  if (signed.headers.get(ACCOUNT_HEADER) !== bucket.accountId) throw new S3Error("AccessDenied");
  const { now } = received;
  switch (name) {
    case "ListTagsForResource":
      return { status: 200, body: formatTagsOfResource((await stores.documents.get(bucket, "tagging")) ?? []) };
    case "TagResource": {
      const body = await source.document?.({ maxBytes: MAX_TAG_RESOURCE_BYTES, digest: "optional" });
      if (body === undefined) throw new S3Error("UnexpectedContent");
      log.document = body;
      const added = parseTagResource(body);
      const isKept = (present: Tag) => !added.some(({ key }) => key === present.key);
      await stores.documents.changeTags(bucket, {
        now,
        change: (present) => validateTags([...present.filter(isKept), ...added], "bucket"),
      });
      return { status: 204 };
    }
    case "UntagResource": {
      const removed = keysOf(signed);
      await stores.documents.changeTags(bucket, {
        now,
        change: (present) => present.filter(({ key }) => !removed.has(key)),
      });
      return { status: 204 };
    }
    default:
      return name satisfies never;
  }
}

/** AWS's words: by them Terraform knows that it may read the tags by GetBucketTagging instead. */
function refusalFor(
  error: unknown,
  { caller, action, bucketName }: { readonly caller: Caller; readonly action: string; readonly bucketName: string },
): unknown {
  if (!(error instanceof S3Error) || error.code !== "AccessDenied") return error;
  const sender = caller.kind === "account" ? callerArn(caller) : "anonymous";
  const message = `User: ${sender} is not authorized to perform: ${action} on resource: "${bucketArn(bucketName)}"`;
  return new S3Error("AccessDenied", { message });
}

/** @throws S3Error `NotImplemented` for the rest of the API and for resources that are no buckets; `InvalidBucketName` */
function bucketOf(path: string): string {
  if (!path.startsWith(TAGS)) throw notOffered("This operation of S3 Control is not implemented.");
  const [, bucket] = BUCKET_ARN.exec(percentDecode(path.slice(TAGS.length))) ?? [];
  if (bucket === undefined) throw notOffered("Only buckets have tags.");
  if (!isValidBucketName(bucket)) throw new S3Error("InvalidBucketName", { details: { BucketName: bucket } });
  return bucket;
}

function notOffered(message: string): S3Error {
  return new S3Error("NotImplemented", { message });
}

/** @throws S3Error `MethodNotAllowed` */
function methodOf(text: string): Method {
  if (text === "GET" || text === "POST" || text === "DELETE") return text;
  throw new S3Error("MethodNotAllowed", { details: { Method: text, ResourceType: "TAGS" } });
}

/** `tagKeys=a&tagKeys=b` */
function keysOf({ query }: S3Request): ReadonlySet<string> {
  return new Set(query.entries.flatMap(([name, value]) => (name === "tagKeys" ? [value] : [])));
}
