/**
 * Settings with the default value only (API pages of the names below). Transfer acceleration, ABAC and
 * requester pays can be set to their default. The others are read as on an AWS bucket without them (recorded by
 * LocalStack in 2026), there is nothing to delete, and setting them answers 501.
 */
import type { S3Action } from "../../access/actions.ts";
import { S3Error, type S3ErrorCode } from "../../errors.ts";
import type { OperationName } from "../../protocol/operation-name.ts";
import {
  formatAbacStatus,
  formatAccelerate,
  formatRequestPayment,
  MAX_DEFAULT_SETTING_BYTES,
  parseAbacStatus,
  parseAccelerate,
  parseRequestPayment,
} from "../../protocol/xml/bucket-settings.ts";
import { formatXml, xmlText } from "../../protocol/xml/writer.ts";
import type { S3Response } from "../../response.ts";
import { documentBody, noBody, type Operation, operation, requireBucket } from "../operation.ts";

export const GetBucketAbac = reads("GetBucketAbac", "s3:GetBucketAbac", formatAbacStatus);
export const PutBucketAbac = takes("PutBucketAbac", "s3:PutBucketAbac", parseAbacStatus);
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
  requires: ({ bucket }) => [{ action: "s3:GetAccelerateConfiguration", on: "bucket", bucket }],
  execute: async ({ bucket }, { grant, stores }) => stores.documents.get(grant.bucket(bucket), "accelerate"),
  respond: (status) => ({ status: 200, body: formatAccelerate(status) }),
});

export const PutBucketAccelerateConfiguration = operation({
  name: "PutBucketAccelerateConfiguration",
  body: documentBody({ maxBytes: MAX_DEFAULT_SETTING_BYTES, digest: "optional" }),
  parse: (request) => ({ bucket: requireBucket(request), now: request.now }),
  requires: ({ bucket }) => [{ action: "s3:PutAccelerateConfiguration", on: "bucket", bucket }],
  execute: async ({ bucket, now }, { grant, stores }, body) =>
    stores.documents.put(grant.bucket(bucket), { kind: "accelerate", document: parseAccelerate(body), now }),
  respond: () => ({ status: 200 }),
});

export const {
  get: GetBucketAnalyticsConfiguration,
  list: ListBucketAnalyticsConfigurations,
  delete: DeleteBucketAnalyticsConfiguration,
} = unsetById("Analytics", "ListBucketAnalyticsConfigurationResult");

export const {
  get: GetBucketIntelligentTieringConfiguration,
  list: ListBucketIntelligentTieringConfigurations,
  delete: DeleteBucketIntelligentTieringConfiguration,
} = unsetById("IntelligentTiering", "ListBucketIntelligentTieringConfigurationsOutput");

export const {
  get: GetBucketMetricsConfiguration,
  list: ListBucketMetricsConfigurations,
  delete: DeleteBucketMetricsConfiguration,
} = unsetById("Metrics", "ListMetricsConfigurationsResult");

export const GetBucketMetadataConfiguration = unset(
  "GetBucketMetadataConfiguration",
  "s3:GetBucketMetadataTableConfiguration",
  (bucket) => notFound("MetadataConfigurationNotFound", bucket),
);

export const GetBucketMetadataTableConfiguration = unset(
  "GetBucketMetadataTableConfiguration",
  "s3:GetBucketMetadataTableConfiguration",
  (bucket) => notFound("MetadataConfigurationNotFound", bucket),
);

function reads(name: OperationName, action: S3Action, format: () => string): Operation {
  return operation({
    name,
    body: noBody,
    parse: (request) => ({ bucket: requireBucket(request) }),
    requires: ({ bucket }) => [{ action, on: "bucket", bucket }],
    execute: async () => undefined,
    respond: () => ({ status: 200, body: format() }),
  });
}

/** Nothing is stored, because the only accepted value is the one that the bucket has. */
function takes(name: OperationName, action: S3Action, parse: (body: Uint8Array) => void): Operation {
  return operation({
    name,
    // s3cmd sends no digest with these, and AWS accepts that.
    body: documentBody({ maxBytes: MAX_DEFAULT_SETTING_BYTES, digest: "optional" }),
    parse: (request) => ({ bucket: requireBucket(request) }),
    requires: ({ bucket }) => [{ action, on: "bucket", bucket }],
    execute: async (_input, _context, body) => parse(body),
    respond: () => ({ status: 200 }),
  });
}

/**
 * A configuration of which a bucket can have several, by id.
 * @param listRoot root element of the list; AWS's names follow no rule
 */
function unsetById(kind: "Analytics" | "IntelligentTiering" | "Metrics", listRoot: string) {
  return {
    get: unset(`GetBucket${kind}Configuration`, `s3:Get${kind}Configuration`, () => notFound("NoSuchConfiguration")),
    list: unset(`ListBucket${kind}Configurations`, `s3:Get${kind}Configuration`, () => ({
      status: 200,
      body: formatXml(listRoot, [xmlText("IsTruncated", false)]),
    })),
    delete: unset(`DeleteBucket${kind}Configuration`, `s3:Put${kind}Configuration`, () =>
      notFound("NoSuchConfiguration"),
    ),
  };
}

/** @param answer the answer for a bucket of this name */
function unset(name: OperationName, action: S3Action, answer: (bucket: string) => S3Response): Operation {
  return operation({
    name,
    body: noBody,
    parse: (request) => ({ bucket: requireBucket(request), token: request.query.get("continuation-token") }),
    requires: ({ bucket }) => [{ action, on: "bucket", bucket }],
    async execute({ bucket, token }) {
      // No list has a second page.
      if (token) {
        const message = "The continuation token provided is incorrect";
        throw new S3Error("InvalidArgument", { message, details: { ArgumentName: "continuation-token" } });
      }
      return answer(bucket);
    },
    respond: (response) => response,
  });
}

function notFound(code: S3ErrorCode, bucket?: string): never {
  throw new S3Error(code, bucket === undefined ? {} : { details: { BucketName: bucket } });
}
