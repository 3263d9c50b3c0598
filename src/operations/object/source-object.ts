/** The source of CopyObject and UploadPartCopy: parsing its name, opening it, evaluating its conditions. */
import type { Grant } from "../../access/authorize.ts";
import { invalidArgument, noSuchKey, S3Error } from "../../errors.ts";
import type { ByteRange } from "../../model/byte-range.ts";
import { isValidBucketName } from "../../protocol/addressing.ts";
import { type ConditionSubject, evaluateReadConditions, type ReadConditions } from "../../protocol/conditions.ts";
import { COPY_SOURCE_HEADER, type CopySource, parseCopySource } from "../../protocol/copy-source.ts";
import { NULL_VERSION } from "../../protocol/query-parameters.ts";
import type { S3Request } from "../../protocol/s3-request.ts";
import type { Objects } from "../../storage/r2/objects.ts";
import type { OpenedObject } from "../../storage/r2/opened-object.ts";

const PREFIX = "x-amz-copy-source-";

/** "You can create a copy of your object up to 5 GB in size in a single atomic action" (API_CopyObject). */
export const MAX_COPY_BYTES = 5 * 1024 ** 3;

export interface CopySourceInput extends CopySource {
  readonly conditions: ReadConditions;
}

/** @throws S3Error `InvalidArgument`, also for any version other than `null`; `KeyTooLongError` */
export function parseCopySourceInput(request: S3Request): CopySourceInput {
  const header = request.headers.get(COPY_SOURCE_HEADER) ?? "";
  const source = request.copySource() ?? parseCopySource(header);
  if (!isValidBucketName(source.bucket))
    throw invalidArgument("Invalid copy source bucket name", COPY_SOURCE_HEADER, header);
  const { versionId = NULL_VERSION } = source;
  if (versionId !== NULL_VERSION) throw invalidArgument("Invalid version id specified", "versionId", versionId);
  return { ...source, conditions: { headers: request.headers, now: request.now, prefix: PREFIX } };
}

/**
 * Opens the source and evaluates its conditions. The caller must read or discard the result.
 * @throws S3Error `NoSuchKey`, or `AccessDenied` instead of it; `PreconditionFailed`
 */
export async function openCopySource(
  { objects, grant }: { objects: Objects; grant: Grant },
  source: CopySourceInput,
  range: ByteRange | undefined,
): Promise<OpenedObject> {
  const opened = await objects.open(grant.bucket(source.bucket), { key: source.key }, range);
  if (opened === undefined) {
    // As for any read, only callers that may list the source's bucket learn that the key does not exist.
    const mayList = await grant.allows({ on: "key-existence", bucket: source.bucket, key: source.key });
    throw mayList ? noSuchKey(source.key) : new S3Error("AccessDenied");
  }
  const failed = failedCondition(source.conditions, opened.object);
  if (failed === undefined) return opened;
  await opened.discard().catch(() => {});
  throw new S3Error("PreconditionFailed", { details: { Condition: failed } });
}

/** @throws S3Error `InvalidRequest` above 5 GiB */
export function requireCopyableSize(sizeBytes: number): void {
  if (sizeBytes <= MAX_COPY_BYTES) return;
  throw new S3Error("InvalidRequest", {
    message: `The specified copy source is larger than the maximum allowable size for a copy source: ${MAX_COPY_BYTES}`,
  });
}

/** The header whose condition failed. Unlike a read, a copy has no 304: both refusals are 412. */
function failedCondition(conditions: ReadConditions, subject: ConditionSubject): string | undefined {
  const { headers } = conditions;
  switch (evaluateReadConditions(conditions, subject)) {
    case "proceed":
      return undefined;
    case "precondition-failed":
      return `${PREFIX}${headers.has(`${PREFIX}if-match`) ? "If-Match" : "If-Unmodified-Since"}`;
    case "not-modified":
      return `${PREFIX}${headers.has(`${PREFIX}if-none-match`) ? "If-None-Match" : "If-Modified-Since"}`;
  }
}
