/**
 * Settings of which only the default is offered: transfer acceleration, ABAC, access logs, requester pays (API pages of the
 * names below).
 */
import type { S3Action } from "../../access/actions.ts";
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
} from "../../protocol/xml/default-settings.ts";
import { type Operation, operation, requireBucket } from "../operation.ts";

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
  body: { kind: "none" },
  parse: (request) => ({ bucket: requireBucket(request) }),
  requires: ({ bucket }) => [{ action: "s3:GetAccelerateConfiguration", bucket }],
  execute: async ({ bucket }, { grant, stores }) => stores.documents.get(grant.bucket(bucket), "accelerate"),
  respond: (status) => ({ status: 200, body: formatAccelerate(status) }),
});

export const PutBucketAccelerateConfiguration = operation({
  name: "PutBucketAccelerateConfiguration",
  body: { kind: "document", maxBytes: MAX_DEFAULT_SETTING_BYTES, digest: "optional" },
  parse: (request) => ({ bucket: requireBucket(request), now: request.now }),
  requires: ({ bucket }) => [{ action: "s3:PutAccelerateConfiguration", bucket }],
  execute: async ({ bucket, now }, { grant, stores }, body) =>
    stores.documents.put(grant.bucket(bucket), "accelerate", parseAccelerate(body), now),
  respond: () => ({ status: 200 }),
});

function reads(name: OperationName, action: S3Action, format: () => string): Operation {
  return operation({
    name,
    body: { kind: "none" },
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
    body: { kind: "document", maxBytes: MAX_DEFAULT_SETTING_BYTES, digest: "optional" },
    parse: (request) => ({ bucket: requireBucket(request) }),
    requires: ({ bucket }) => [{ action, bucket }],
    execute: async (_input, _context, body) => parse(body),
    respond: () => ({ status: 200 }),
  });
}
