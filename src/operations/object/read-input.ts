/** What GetObject and HeadObject read from a request, and the two refusals they share. */
import { invalidArgument, S3Error } from "../../errors.ts";
import type { Caller } from "../../model/caller.ts";
import type { ByteRange } from "../../model/object.ts";
import { parseRange } from "../../protocol/range.ts";
import { parseResponseOverrides } from "../../protocol/response-overrides.ts";
import type { S3Request } from "../../protocol/s3-request.ts";
import { refuseUnsupportedHeaders } from "../../protocol/unsupported-headers.ts";
import { requireNullVersion } from "../../protocol/version-id.ts";
import { requireObject } from "../operation.ts";

const MAX_PART_NUMBER = 10_000;

export interface ReadInput {
  readonly bucket: string;
  readonly key: string;
  readonly range: ByteRange | undefined;
  readonly rangeText: string;
  readonly partNumber: number | undefined;
  readonly checksumMode: boolean;
  /** Headers the four read conditions stand in. */
  readonly conditions: Headers;
  readonly overrides: Readonly<Record<string, string>>;
}

export function parseReadInput(request: S3Request): ReadInput {
  const { headers, query } = request;
  requireNullVersion(query);
  refuseUnsupportedHeaders(headers);
  const rangeText = headers.get("range");
  const partNumber = parsePartNumber(query.get("partNumber"));
  if (partNumber !== undefined && rangeText !== null) {
    throw new S3Error("InvalidRequest", { message: "Cannot specify both Range header and partNumber query parameter" });
  }
  return {
    ...requireObject(request),
    range: parseRange(rangeText),
    rangeText: rangeText ?? "",
    partNumber,
    checksumMode: headers.get("x-amz-checksum-mode")?.toUpperCase() === "ENABLED",
    conditions: headers,
    overrides: parseResponseOverrides(request.query),
  };
}

/** Overrides let a link decide how a browser treats the answer, which is for somebody who holds a key to decide. */
export function refuseAnonymousOverrides({ overrides }: ReadInput, caller: Caller): void {
  if (caller.kind !== "anonymous" || Object.keys(overrides).length === 0) return;
  throw new S3Error("InvalidRequest", {
    message: "Request specific response headers cannot be used for anonymous GET requests.",
  });
}

export function preconditionFailed(conditions: Headers): S3Error {
  const condition = conditions.has("if-match") ? "If-Match" : "If-Unmodified-Since";
  return new S3Error("PreconditionFailed", { details: { Condition: condition } });
}

export function rangeNotSatisfiable(requested: string, sizeBytes: number): S3Error {
  return new S3Error("InvalidRange", {
    details: { RangeRequested: requested, ActualObjectSize: String(sizeBytes) },
    headers: { "content-range": `bytes */${sizeBytes}` },
  });
}

/** An object that was not uploaded in parts has one part, number 1. */
function parsePartNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const partNumber = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (partNumber < 1 || partNumber > MAX_PART_NUMBER) {
    throw invalidArgument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", text);
  }
  if (partNumber > 1) throw new S3Error("InvalidPartNumber");
  return partNumber;
}
