/**
 * GetBucketLogging, PutBucketLogging (API_GetBucketLogging, API_PutBucketLogging). Logging is switched off by a document without
 * LoggingEnabled.
 *
 * Whether logs may be delivered to the target is decided when they are (`access-log/deliver.ts`): AWS accepts a target that
 * permits nothing yet, so that its policy can be put afterwards (LocalStack's recordings, 2026-02).
 */
import { ownershipOf } from "../../access/acl/ownership.ts";
import { S3Error } from "../../errors.ts";
import type { BucketLogging } from "../../model/access-logging.ts";
import { type Bucket, locationOf } from "../../model/bucket.ts";
import { US_EAST_1 } from "../../protocol/regions.ts";
import { formatLoggingStatus, MAX_LOGGING_BYTES, parseLoggingStatus } from "../../protocol/xml/logging-status.ts";
import { documentBody, noBody, type OperationContext, operation, requireBucket } from "../operation.ts";
import { findNames } from "./owners.ts";

export const GetBucketLogging = operation({
  name: "GetBucketLogging",
  body: noBody,
  parse: requireBucket,
  requires: (bucket) => [{ action: "s3:GetBucketLogging", on: "bucket", bucket }],
  async execute(name, { grant, stores }) {
    const bucket = grant.bucket(name);
    const logging = await stores.documents.get(bucket, "logging");
    const ids = (logging?.targetGrants ?? []).flatMap(({ grantee }) => ("id" in grantee ? [grantee.id] : []));
    return { logging, names: await findNames(ids, bucket, { grant, stores }) };
  },
  respond: ({ logging, names }) => ({ status: 200, body: formatLoggingStatus(logging, (id) => names.get(id)) }),
});

export const PutBucketLogging = operation({
  name: "PutBucketLogging",
  // s3cmd sends no digest with it, and AWS accepts that.
  body: documentBody({ maxBytes: MAX_LOGGING_BYTES, digest: "optional" }),
  parse: (request) => ({ bucket: requireBucket(request), now: request.now }),
  requires: ({ bucket }) => [{ action: "s3:PutBucketLogging", on: "bucket", bucket }],
  async execute({ bucket: name, now }, context, body) {
    const { documents } = context.stores;
    const bucket = context.grant.bucket(name);
    const logging = parseLoggingStatus(body);
    if (logging === undefined) return documents.delete(bucket, "logging");
    await requireTarget(logging, bucket, context);
    return documents.put(bucket, { kind: "logging", document: logging, now });
  },
  respond: () => ({ status: 200 }),
});

/**
 * "Both the source and destination buckets must be in the same AWS Region and owned by the same account."
 * @throws S3Error `InvalidTargetBucketForLogging`, `CrossLocationLoggingProhibitted`; `AccessControlListNotSupported` for
 *   TargetGrants if the target's ACLs are off
 */
async function requireTarget(
  { targetBucket: name, targetGrants = [] }: BucketLogging,
  source: Bucket,
  { grant, stores }: Pick<OperationContext, "grant" | "stores">,
): Promise<void> {
  const target = await stores.buckets.find(grant, name);
  if (target === undefined) throw new S3Error("InvalidTargetBucketForLogging", { details: { TargetBucket: name } });
  if (target.accountId !== source.accountId) {
    throw new S3Error("InvalidTargetBucketForLogging", {
      message: "The owner for the bucket to be logged and the target bucket must be the same.",
      details: { TargetBucket: name },
    });
  }
  const from = locationOf(source).region;
  const to = locationOf(target).region;
  if (from !== to) {
    throw new S3Error("CrossLocationLoggingProhibitted", {
      details: { ...(from !== US_EAST_1 && { SourceBucketLocation: from }), TargetBucketLocation: to },
    });
  }
  if (targetGrants.length > 0 && ownershipOf(target) === "BucketOwnerEnforced") {
    throw new S3Error("AccessControlListNotSupported", {
      message: "Target grants not allowed for bucket owner enforced buckets",
    });
  }
}
