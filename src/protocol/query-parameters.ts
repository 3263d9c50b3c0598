/** Query parameters of operations: pages of listings, `partNumber` and `versionId`. */
import { invalidArgument } from "../errors.ts";
import { isVersionId } from "../model/version.ts";
import type { EncodingType } from "./percent-encoding.ts";
import type { Query } from "./request-target.ts";

export interface ListObjectsParameters {
  readonly prefix: string;
  /** Empty: no grouping. */
  readonly delimiter: string;
  readonly marker: string;
  /** 0..1000. */
  readonly maxKeys: number;
  readonly encodingType: EncodingType;
}

export interface ListObjectsV2Parameters {
  readonly prefix: string;
  /** Empty: no grouping. */
  readonly delimiter: string;
  /** Undefined if absent, because the answer repeats it. */
  readonly startAfter: string | undefined;
  /** As sent, not verified; overrides `startAfter`. */
  readonly continuationToken: string | undefined;
  /** 0..1000. */
  readonly maxKeys: number;
  readonly encodingType: EncodingType;
  readonly fetchOwner: boolean;
}

/** @throws S3Error `InvalidArgument` for `max-keys` and `encoding-type`. */
export function parseListObjectsParameters(query: Query): ListObjectsParameters {
  return {
    prefix: query.get("prefix") ?? "",
    delimiter: query.get("delimiter") ?? "",
    marker: query.get("marker") ?? "",
    maxKeys: parsePageSize(query, "max-keys"),
    encodingType: parseEncodingType(query),
  };
}

/** @throws S3Error `InvalidArgument` for `max-keys` and `encoding-type`. */
export function parseListObjectsV2Parameters(query: Query): ListObjectsV2Parameters {
  return {
    prefix: query.get("prefix") ?? "",
    delimiter: query.get("delimiter") ?? "",
    startAfter: query.get("start-after"),
    continuationToken: query.get("continuation-token"),
    maxKeys: parsePageSize(query, "max-keys"),
    encodingType: parseEncodingType(query),
    fetchOwner: query.get("fetch-owner")?.toLowerCase() === "true",
  };
}

/** Keys, uploads or parts of one page: S3's limit. */
export const MAX_PAGE_SIZE = 1000;

/**
 * `max-keys`, `max-uploads`, `max-parts`: 1,000 if absent or empty, 1,000 at most; 0 is allowed.
 *
 * @throws S3Error `InvalidArgument` unless it is an integer from 0 to 2^31 - 1.
 */
export function parsePageSize(query: Query, name: "max-keys" | "max-uploads" | "max-parts"): number {
  return parseIntegerParameter(query, name, { min: 0, max: MAX_PAGE_SIZE, fallback: MAX_PAGE_SIZE });
}

export interface IntegerBounds {
  /** A lower value is refused. */
  readonly min: number;
  /** A higher value means this one. */
  readonly max: number;
  /** Used if the parameter is absent or empty. */
  readonly fallback: number;
}

const MAX_INTEGER = 0x7fffffff;

/** @throws S3Error `InvalidArgument` unless the parameter is an integer from `min` to 2^31 - 1. */
export function parseIntegerParameter(query: Query, name: string, bounds: IntegerBounds): number {
  const text = query.get(name);
  if (text === undefined || text === "") return bounds.fallback;
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value) || Math.abs(value) > MAX_INTEGER) {
    throw invalidArgument(`Provided ${name} not an integer or within integer range`, name, text);
  }
  if (value < bounds.min) {
    // AWS's message has the Java name of max-keys, and the names of max-uploads and max-parts as they are.
    const argument = name === "max-keys" ? "maxKeys" : name;
    throw invalidArgument(
      `Argument ${argument} must be an integer between ${bounds.min} and ${MAX_INTEGER}`,
      argument,
      text,
    );
  }
  return Math.min(value, bounds.max);
}

/**
 * @throws S3Error `InvalidArgument` for any value except `url`, also the empty one (seen on AWS, LocalStack's
 * recordings).
 */
export function parseEncodingType(query: Query): EncodingType {
  const text = query.get("encoding-type");
  if (text === undefined) return undefined;
  if (text.toLowerCase() === "url") return "url";
  throw invalidArgument("Invalid Encoding Method specified in Request", "encoding-type", text);
}

/** `partNumber` (API_UploadPart, API_GetObject). */
const PART_NUMBER = "partNumber";
const VERSION_ID = "versionId";
/** Parts of an upload, and the highest part number. */
export const MAX_PARTS = 10_000;

/** @throws S3Error `InvalidArgument` unless it is an integer from 1 to 10,000 */
export function parsePartNumber(query: Query): number {
  const text = query.get(PART_NUMBER);
  const partNumber = text !== undefined && /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (partNumber >= 1 && partNumber <= MAX_PARTS) return partNumber;
  throw invalidArgument("Part number must be an integer between 1 and 10000, inclusive", PART_NUMBER, text);
}

/**
 * `versionId`: `null` or the id of a version; undefined if absent.
 * @throws S3Error `InvalidArgument` for the empty value, and for any other that is no version id
 */
export function parseVersionId(query: Query): string | undefined {
  const versionId = query.get(VERSION_ID);
  if (versionId === undefined || isVersionId(versionId)) return versionId;
  if (versionId === "") throw invalidArgument("Version id cannot be the empty string", VERSION_ID, versionId);
  throw invalidArgument("Invalid version id specified", VERSION_ID, versionId);
}

/** @throws S3Error `InvalidArgument` for any value, as AWS answers where a request makes a new version */
export function refuseVersionId(query: Query): void {
  if (!query.has(VERSION_ID)) return;
  throw invalidArgument("This operation does not accept a version-id.", VERSION_ID, query.get(VERSION_ID));
}
