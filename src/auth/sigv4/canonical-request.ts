/**
 * The canonical request (AWS "Create a signed request", step 1) with S3's exceptions: the path is encoded once and
 * neither dot segments nor double slashes are removed.
 */
import { uriEncode } from "../../protocol/percent-encoding.ts";
import type { Query } from "../../protocol/query.ts";

export interface CanonicalParts {
  readonly method: string;
  /** Encoded, starting with `/`. */
  readonly path: string;
  /** As `canonicalQuery` gives it. */
  readonly query: string;
  /** The signed headers in signed order: lower-case name and value as it goes into the signature. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The value of `x-amz-content-sha256`, or what stands for it. */
  readonly payloadHash: string;
}

export function formatCanonicalRequest(parts: CanonicalParts): string {
  const headerLines = parts.headers.map(([name, value]) => `${name}:${value}\n`).join("");
  const signedHeaders = parts.headers.map(([name]) => name).join(";");
  return `${parts.method}\n${parts.path}\n${parts.query}\n${headerLines}\n${signedHeaders}\n${parts.payloadHash}`;
}

/** A request has one query, or two, and up to 32 readings. */
const canonicalQueries = new WeakMap<Query, string>();

/** UriEncode of every name and value, sorted by name and then by value, without the signature itself. */
export function canonicalQuery(query: Query): string {
  const canonical = canonicalQueries.get(query) ?? canonicalize(query);
  canonicalQueries.set(query, canonical);
  return canonical;
}

function canonicalize(query: Query): string {
  return query.entries
    .filter(([name]) => name.toLowerCase() !== "x-amz-signature")
    .map(([name, value]) => [uriEncode(name), uriEncode(value)] as const)
    .sort(([nameA, valueA], [nameB, valueB]) => compare(nameA, nameB) || compare(valueA, valueB))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

/** Encoded text is ASCII, so comparing UTF-16 units compares bytes. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
