/**
 * Settings of which only the default is offered (API pages of the names below). Transfer acceleration, ABAC, access logs and
 * requester pays can be set to their default. The others are read as AWS reads a bucket on which nobody has set them
 * (recorded by LocalStack in 2026), their removal finds nothing to remove, and setting them answers 501.
 */
import type { S3Action } from "../../access/actions.ts";
import { S3Error, type S3ErrorCode } from "../../errors.ts";
import type { OperationName } from "../../protocol/operation-name.ts";
import {
  formatAbacStatus,
  formatAccelerate,
  formatLoggingStatus,
  formatRequestPayment,
  MAX_DEFAULT_SETTING_BYTES,
  parseAbacStatus,
  parseAccelerate,
  parseLoggingStatus,
  parseRequestPayment,
} from "../../protocol/xml/bucket-settings.ts";
import { formatXml, xmlText } from "../../protocol/xml/writer.ts";
import type { S3Response } from "../../response.ts";
import { documentBody, noBody, type Operation, operation, requireBucket, requireObject } from "../operation.ts";

export const GetBucketAbac = reads("GetBucketAbac", "s3:GetBucketAbac", formatAbacStatus);
export const PutBucketAbac = takes("PutBucketAbac", "s3:PutBucketAbac", parseAbacStatus);
export const GetBucketLogging = reads("GetBucketLogging", "s3:GetBucketLogging", formatLoggingStatus);
export const PutBucketLogging = takes("PutBucketLogging", "s3:PutBucketLogging", parseLoggingStatus);
export const GetBucketRequestPayment = reads(
  "GetBucketRequestPayment",
  "s3:GetBucketRequestPayment",
  formatRequestPayment,
);
export const PutBucketRequestPayment = takes(
  "PutBucketRequestPayment",
  "s3:PutBucketRequestPayment",
  parseRequestPayment,
);

export const GetBucketAccelerateConfiguration = operation({
  name: "GetBucketAccelerateConfiguration",
  body: noBody,
  parse: (request) => ({ bucket: requireBucket(request) }),
  requires: ({ bucket }) => [{ action: "s3:GetAccelerateConfiguration", bucket }],
  execute: async ({ bucket }, { grant, stores }) => stores.documents.get(grant.bucket(bucket), "accelerate"),
  respond: (status) => ({ status: 200, body: formatAccelerate(status) }),
});

export const PutBucketAccelerateConfiguration = operation({
  name: "PutBucketAccelerateConfiguration",
  body: documentBody({ maxBytes: MAX_DEFAULT_SETTING_BYTES, digest: "optional" }),
  parse: (request) => ({ bucket: requireBucket(request), now: request.now }),
  requires: ({ bucket }) => [{ action: "s3:PutAccelerateConfiguration", bucket }],
  execute: async ({ bucket, now }, { grant, stores }, body) =>
    stores.documents.put(grant.bucket(bucket), "accelerate", parseAccelerate(body), now),
  respond: () => ({ status: 200 }),
});

function reads(name: OperationName, action: S3Action, format: () => string): Operation {
  return operation({
    name,
    body: noBody,
    parse: (request) => ({ bucket: requireBucket(request) }),
    requires: ({ bucket }) => [{ action, bucket }],
    execute: async () => undefined,
    respond: () => ({ status: 200, body: format() }),
  });
}

/** Nothing is stored, since the one value that is accepted is what the bucket has. */
function takes(name: OperationName, action: S3Action, parse: (body: Uint8Array) => void): Operation {
  return operation({
    name,
    // s3cmd sends no digest with these, and AWS takes them from it.
    body: documentBody({ maxBytes: MAX_DEFAULT_SETTING_BYTES, digest: "optional" }),
    parse: (request) => ({ bucket: requireBucket(request) }),
    requires: ({ bucket }) => [{ action, bucket }],
    execute: async (_input, _context, body) => parse(body),
    respond: () => ({ status: 200 }),
  });
}

interface Unset {
  readonly name: OperationName;
  readonly action: S3Action;
  /** What there is to say of a bucket. */
  readonly answer: (bucket: string) => S3Response;
}

/** Single configurations by id, and their lists. The roots of the lists are AWS's, which follow no rule. */
const BY_ID = [
  ["Analytics", "ListBucketAnalyticsConfigurationResult"],
  ["IntelligentTiering", "ListBucketIntelligentTieringConfigurationsOutput"],
  ["Inventory", "ListInventoryConfigurationsResult"],
  ["Metrics", "ListMetricsConfigurationsResult"],
] as const;

const UNSET: readonly Unset[] = [
  ...BY_ID.flatMap(([kind, listRoot]): Unset[] => [
    {
      name: `DeleteBucket${kind}Configuration`,
      action: `s3:Put${kind}Configuration`,
      answer: () => notFound("NoSuchConfiguration"),
    },
    {
      name: `GetBucket${kind}Configuration`,
      action: `s3:Get${kind}Configuration`,
      answer: () => notFound("NoSuchConfiguration"),
    },
    {
      name: `ListBucket${kind}Configurations`,
      action: `s3:Get${kind}Configuration`,
      answer: () => ({ status: 200, body: formatXml(listRoot, [xmlText("IsTruncated", false)]) }),
    },
  ]),
  {
    name: "DeleteBucketLifecycle",
    action: "s3:PutLifecycleConfiguration",
    answer: () => ({ status: 204 }),
  },
  {
    name: "GetBucketLifecycleConfiguration",
    action: "s3:GetLifecycleConfiguration",
    answer: (bucket) => notFound("NoSuchLifecycleConfiguration", bucket),
  },
  {
    name: "GetBucketMetadataConfiguration",
    action: "s3:GetBucketMetadataTableConfiguration",
    answer: (bucket) => notFound("MetadataConfigurationNotFound", bucket),
  },
  {
    name: "GetBucketMetadataTableConfiguration",
    action: "s3:GetBucketMetadataTableConfiguration",
    answer: (bucket) => notFound("MetadataConfigurationNotFound", bucket),
  },
  {
    name: "GetObjectLockConfiguration",
    action: "s3:GetBucketObjectLockConfiguration",
    answer: (bucket) => notFound("ObjectLockConfigurationNotFoundError", bucket),
  },
];

export const UNSET_CONFIGURATIONS: readonly Operation[] = [
  ...UNSET.map(({ name, action, answer }) =>
    operation({
      name,
      body: noBody,
      parse: (request) => ({ bucket: requireBucket(request), token: request.query.get("continuation-token") }),
      requires: ({ bucket }) => [{ action, bucket }],
      async execute({ bucket, token }) {
        // No list has a second page.
        if (token) {
          const message = "The continuation token provided is incorrect";
          throw new S3Error("InvalidArgument", { message, details: { ArgumentName: "continuation-token" } });
        }
        return answer(bucket);
      },
      respond: (response) => response,
    }),
  ),
  lockOfObject("GetObjectLegalHold", "s3:GetObjectLegalHold"),
  lockOfObject("GetObjectRetention", "s3:GetObjectRetention"),
];

/** AWS asks the bucket for its lock before it looks for the object. */
function lockOfObject(name: OperationName, action: S3Action): Operation {
  return operation({
    name,
    body: noBody,
    parse: requireObject,
    requires: ({ bucket, key }) => [{ action, bucket, key }],
    async execute(): Promise<S3Response> {
      throw new S3Error("InvalidRequest", { message: "Bucket is missing Object Lock Configuration" });
    },
    respond: (response) => response,
  });
}

function notFound(code: S3ErrorCode, bucket?: string): never {
  throw new S3Error(code, bucket === undefined ? {} : { details: { BucketName: bucket } });
}
