/** Query parameters of the listings (API_ListObjects, API_ListObjectsV2, and the pages of the other lists). */
import { invalidArgument } from "../errors.ts";
import type { Query } from "./query.ts";
import type { EncodingType } from "./url-encoding.ts";

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
  /** Undefined if not given, because the answer repeats it. */
  readonly startAfter: string | undefined;
  /** As given, unverified; wins over `startAfter`. Empty: from the beginning. */
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

/** Parameters that bound a page, and the names AWS gives them in errors about their range. */
const PAGE_SIZES = {
  "max-keys": "maxKeys",
  "max-uploads": "max-uploads",
  "max-parts": "max-parts",
} as const;

/**
 * Reads a page size: 1,000 if absent or empty, never more.
 *
 * @throws S3Error `InvalidArgument` unless it is an integer from 0 to 2^31 - 1.
 */
export function parsePageSize(query: Query, name: keyof typeof PAGE_SIZES): number {
  const text = query.get(name);
  if (text === undefined || text === "") return 1000;
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value) || Math.abs(value) > 0x7fffffff) {
    throw invalidArgument(`Provided ${name} not an integer or within integer range`, name, text);
  }
  if (value < 0) {
    throw invalidArgument(
      `Argument ${PAGE_SIZES[name]} must be an integer between 0 and 2147483647`,
      PAGE_SIZES[name],
      text,
    );
  }
  return Math.min(value, 1000);
}

/** @throws S3Error `InvalidArgument` for any encoding but `url`. */
export function parseEncodingType(query: Query): EncodingType {
  const text = query.get("encoding-type");
  if (text === undefined || text === "") return undefined;
  if (text.toLowerCase() === "url") return "url";
  throw invalidArgument("Invalid Encoding Method specified in Request", "encoding-type", text);
}
