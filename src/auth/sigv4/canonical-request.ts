/**
 * The canonical request (AWS "Create a signed request", step 1), and the variants that a client may have signed, most
 * likely first.
 *
 * Clients have habits of their own and the platform rewrites some headers, so one request can have several valid
 * readings: `+` in the query, the path encoded again or as sent, the host with or without its default port, headers
 * that the platform replaced or removed, header values with or without their inner blanks. All readings of one request
 * name the same resource; where they differ in meaning (`+`), later stages use the verified reading. An ordinary
 * request matches the first reading and costs one HMAC; the other readings are created only if it does not match.
 */
import { decodePath, uriEncode } from "../../protocol/percent-encoding.ts";
import { parseQuery, type Query } from "../../protocol/request-target.ts";
import type { S3Request } from "../../protocol/s3-request.ts";
import { choices, collapsed, spellingsOf, usualBeforeRewriting, valuesBeforeRewriting } from "../readings.ts";

export interface CanonicalReading {
  readonly canonicalRequest: string;
  readonly query: Query;
  readonly payloadHash: string;
}

/** What readings of one request differ in. */
interface Choice {
  readonly query: Query;
  readonly path: string;
  readonly payloadHash: string;
  /** The value with which a header was signed. */
  valueOf(name: string): string;
}

/** @param payloadHashes possible values of the last line, most likely first */
export function* canonicalReadings(
  request: S3Request,
  signedHeaders: readonly string[],
  payloadHashes: readonly [string, ...string[]],
): Generator<CanonicalReading> {
  const { url, headers } = request;
  const usual: Choice = {
    query: request.query,
    // S3 encodes the decoded key.
    path: uriEncode(decodePath(url.path), "keep-slash"),
    payloadHash: payloadHashes[0],
    valueOf: (name) => usualBeforeRewriting(request, name) ?? collapsed(headers.get(name) ?? ""),
  };
  yield read(request.method, signedHeaders, usual);

  const candidates = signedHeaders.flatMap((name) => {
    const values = valuesBeforeRewriting(request, name);
    return values === undefined ? [] : [{ name, values }];
  });
  const queries = url.query.includes("+") ? [usual.query, parseQuery(url.query, "plus-is-plus")] : [usual.query];
  // Signers that encode differently (for example, with lower-case escapes) signed the path that they sent.
  const paths = url.path === usual.path ? [usual.path] : [usual.path, url.path];
  const mayBeRewritten = new Set(candidates.map(({ name }) => name));
  const written = signedHeaders.filter((name) => !mayBeRewritten.has(name));
  const spellings = spellingsOf(
    written.map((name) => headers.get(name) ?? ""),
    collapsed,
  );
  const sizes = [queries, paths, spellings, payloadHashes, ...candidates.map(({ values }) => values)].map(
    ({ length }) => length,
  );
  for (const [q = 0, p = 0, s = 0, b = 0, ...rest] of choices(sizes)) {
    if (q + p + s + b === 0 && rest.every((index) => index === 0)) continue;
    const rewritten = new Map(candidates.map(({ name, values }, index) => [name, values[rest[index] ?? 0] ?? ""]));
    const spelling = spellings[s] ?? collapsed;
    yield read(request.method, signedHeaders, {
      query: queries[q] ?? usual.query,
      path: paths[p] ?? usual.path,
      payloadHash: payloadHashes[b] ?? usual.payloadHash,
      valueOf: (name) => rewritten.get(name) ?? spelling(headers.get(name) ?? ""),
    });
  }
}

function read(method: string, signedHeaders: readonly string[], choice: Choice): CanonicalReading {
  const { query, path, payloadHash } = choice;
  const headers = signedHeaders.map((name) => [name, choice.valueOf(name)] as const);
  const parts = { method, path, query: canonicalQuery(query), headers, payloadHash };
  return { canonicalRequest: formatCanonicalRequest(parts), query, payloadHash };
}

interface CanonicalParts {
  readonly method: string;
  /** Encoded, starting with `/`. */
  readonly path: string;
  /** From `canonicalQuery`. */
  readonly query: string;
  /** The signed headers in signed order: lower-case name, and value as it is signed. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The value of `x-amz-content-sha256`, or of its replacement. */
  readonly payloadHash: string;
}

/** With S3's exceptions: the path is encoded once, and neither dot segments nor double slashes are removed. */
function formatCanonicalRequest(parts: CanonicalParts): string {
  let headerLines = "";
  for (const [name, value] of parts.headers) headerLines += `${name}:${value}\n`;
  const signedHeaders = parts.headers.map(([name]) => name).join(";");
  return `${parts.method}\n${parts.path}\n${parts.query}\n${headerLines}\n${signedHeaders}\n${parts.payloadHash}`;
}

/** Cached, because a request has one or two queries and up to 32 readings. */
const canonicalQueries = new WeakMap<Query, string>();

/** UriEncode of every name and value, sorted by name and then by value, without the signature itself. */
export function canonicalQuery(query: Query): string {
  const known = canonicalQueries.get(query);
  if (known !== undefined) return known;
  if (query.entries.length === 0) return "";
  const canonical = canonicalize(query);
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
