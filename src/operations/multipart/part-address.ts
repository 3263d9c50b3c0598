/** The upload, and the part of it, that a request names. */
import { invalidArgument } from "../../errors.ts";
import { parsePartNumber } from "../../protocol/query-parameters.ts";
import type { S3Request } from "../../protocol/s3-request.ts";
import { requireObject, requireWrittenObject } from "../operation.ts";

export interface UploadAddress {
  readonly bucket: string;
  readonly key: string;
  /** As sent: only the upload itself can validate it. */
  readonly uploadId: string;
}

export interface PartAddress extends UploadAddress {
  readonly partNumber: number;
}

export function parseUploadAddress(request: S3Request): UploadAddress {
  return { ...requireObject(request), uploadId: request.query.get("uploadId") ?? "" };
}

/** @throws S3Error `InvalidArgument` if the upload id is missing, the number is invalid or a version is named */
export function parsePartAddress(request: S3Request): PartAddress {
  const { query } = request;
  if (!query.has("uploadId")) {
    const message = "This operation does not accept partNumber without uploadId";
    // AWS sends the argument's name as its value here (versity/versitygw 1226).
    throw invalidArgument(message, "partNumber", "partNumber");
  }
  return {
    ...requireWrittenObject(request),
    uploadId: query.get("uploadId") ?? "",
    partNumber: parsePartNumber(query),
  };
}
