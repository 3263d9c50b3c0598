/** The source of CopyObject and UploadPartCopy: parsing its name, opening it, evaluating its conditions. */
import { type Permission, permissionOn } from "../../access/actions.ts";
import type { Grant } from "../../access/authorize.ts";
import { invalidArgument, noSuchKey, S3Error } from "../../errors.ts";
import type { ByteRange } from "../../model/byte-range.ts";
import type { StoredObject } from "../../model/object.ts";
import { isVersionId, NULL_VERSION_ID } from "../../model/version.ts";
import { isValidBucketName } from "../../protocol/addressing.ts";
import { type ConditionSubject, evaluateReadConditions, type ReadConditions } from "../../protocol/conditions.ts";
import { COPY_SOURCE_HEADER, type CopySource, parseCopySource } from "../../protocol/copy-source.ts";
import type { S3Request } from "../../protocol/s3-request.ts";
import type { OpenedObject } from "../../storage/r2/opened-object.ts";
import { type PresentedKey, presentedForRead } from "./customer-key.ts";
import { isAbsence } from "./delete-markers.ts";
import { unlock } from "./encryption.ts";
import type { KeyContext } from "./kms-encryption.ts";

const PREFIX = "x-amz-copy-source-";

/** "You can create a copy of your object up to 5 GB in size in a single atomic action" (API_CopyObject). */
export const MAX_COPY_BYTES = 5 * 1024 ** 3;

export interface CopySourceInput extends CopySource {
  readonly conditions: ReadConditions;
  /** The key that the request presents for the source. */
  readonly customerKey: PresentedKey | undefined;
}

/** @throws S3Error `InvalidArgument`, also for what is no version id; `KeyTooLongError` */
export function parseCopySourceInput(request: S3Request): CopySourceInput {
  const header = request.headers.get(COPY_SOURCE_HEADER) ?? "";
  const source = request.copySource() ?? parseCopySource(header);
  if (!isValidBucketName(source.bucket))
    throw invalidArgument("Invalid copy source bucket name", COPY_SOURCE_HEADER, header);
  const { versionId } = source;
  if (versionId !== undefined && !isVersionId(versionId)) {
    throw invalidArgument("Invalid version id specified", COPY_SOURCE_HEADER, versionId);
  }
  const { headers, now } = request;
  return { ...source, conditions: { headers, now, prefix: PREFIX }, customerKey: presentedForRead(headers, "source") };
}

/** The permission to read the source. */
export function permissionToCopy(source: CopySourceInput): Permission {
  return permissionOn("s3:GetObject", source);
}

/**
 * The header that names the version that was copied. AWS leaves it out for a null version (LocalStack's recordings,
 * 2026-02).
 */
export function sourceVersionHeader({ versionId }: Pick<StoredObject, "versionId">): Record<string, string> {
  return versionId === undefined || versionId === NULL_VERSION_ID ? {} : { "x-amz-copy-source-version-id": versionId };
}

/**
 * Opens the source, checks its key and evaluates its conditions. The caller must read or discard the result.
 * @throws S3Error `NoSuchKey`, `NoSuchVersion`, or `AccessDenied` instead of them; `InvalidRequest` if the version is a
 *   delete marker; `PreconditionFailed`; as `requireReadKey`
 */
export async function openCopySource(
  context: KeyContext,
  source: CopySourceInput,
  range: ByteRange | undefined,
): Promise<OpenedObject> {
  const { stores, grant } = context;
  const bucket = grant.bucket(source.bucket);
  source.customerKey?.read();
  const opened = await openOrExplain(stores.objects.open(bucket, source, range), source, grant);
  try {
    await unlock(opened, { bucket, customerKey: source.customerKey }, context);
    const failed = failedCondition(source.conditions, opened.object);
    if (failed !== undefined) throw new S3Error("PreconditionFailed", { details: { Condition: failed } });
    return opened;
  } catch (error) {
    await opened.discard().catch(() => {});
    throw error;
  }
}

/** @throws S3Error `NoSuchKey`, `NoSuchVersion`, `AccessDenied` instead of them; `InvalidRequest` for a named delete marker */
export async function openOrExplain(
  opening: Promise<OpenedObject | undefined>,
  { bucket, key }: CopySource,
  grant: Grant,
): Promise<OpenedObject> {
  let absence = noSuchKey(key);
  try {
    const opened = await opening;
    if (opened !== undefined) return opened;
  } catch (error) {
    if (!isAbsence(error)) throw error;
    absence = error.code === "MethodNotAllowed" ? copyOfMarker() : error;
  }
  // As for any read, only callers that may list the source's bucket learn that the key or version does not exist.
  throw (await grant.allows({ on: "key-existence", bucket, key })) ? absence : new S3Error("AccessDenied");
}

function copyOfMarker(): S3Error {
  return new S3Error("InvalidRequest", {
    message: "The source of a copy request may not specifically refer to a delete marker by version id.",
  });
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
