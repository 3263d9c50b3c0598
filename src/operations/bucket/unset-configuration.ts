/**
 * Settings that cannot be made here are read as AWS reads what nobody has set (recorded by LocalStack in 2026; API pages of
 * the names below), and their removal finds nothing to remove. What would make them answers 501.
 */
import type { S3Action } from "../../access/actions.ts";
import { S3Error, type S3ErrorCode } from "../../errors.ts";
import type { OperationName } from "../../protocol/operation-name.ts";
import { formatXml, xmlText } from "../../protocol/xml/writer.ts";
import { type Operation, operation, requireBucket, requireObject, type S3Response } from "../operation.ts";

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
      body: { kind: "none" },
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
    body: { kind: "none" },
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
