/**
 * The canonical requests a client may have signed, most likely first.
 *
 * Between the signer and this code stand clients with habits of their own and a platform that rewrites some headers, so
 * one request can have several honest readings: `+` in the query, the path re-encoded or as sent, the host with or
 * without its default port, an Accept-Encoding the platform replaced, header values with or without their inner spaces.
 * All readings of one request mean the same resource; where they differ in meaning (`+`), the reading that verified is
 * the one handed on. A normal request matches the first reading and costs one HMAC.
 */
import { percentDecode, uriEncode } from "../../protocol/percent-encoding.ts";
import { parseQuery, type Query } from "../../protocol/query.ts";
import type { S3Request } from "../../protocol/s3-request.ts";
import { canonicalQuery, formatCanonicalRequest } from "./canonical-request.ts";

/** Bounds what a wrong signature can cost: about 1 ms of CPU. */
export const MAX_READINGS = 32;

export interface CanonicalReading {
  readonly canonicalRequest: string;
  readonly query: Query;
  readonly payloadHash: string;
}

/**
 * @param payloadHashes values the last line may have, likeliest first; at least one
 */
export function* canonicalReadings(
  request: S3Request,
  signedHeaders: readonly string[],
  payloadHashes: readonly string[],
): Generator<CanonicalReading> {
  const queries = queryReadings(request);
  const paths = pathReadings(request.url.path);
  const hosts = signedHeaders.includes("host") ? hostReadings(request) : [""];
  const encodings = signedHeaders.includes("accept-encoding") ? acceptEncodingReadings(request) : [""];
  const spellings = spellingReadings(request.headers, signedHeaders);
  const axes = [queries, paths, hosts, encodings, spellings, payloadHashes];

  for (const choice of choices(axes.map((axis) => axis.length))) {
    const [q = 0, p = 0, h = 0, e = 0, s = 0, b = 0] = choice;
    const query = queries[q];
    const spelling = spellings[s];
    const payloadHash = payloadHashes[b];
    if (query === undefined || spelling === undefined || payloadHash === undefined) continue;
    const headers = signedHeaders.map((name) => {
      if (name === "host") return [name, hosts[h] ?? ""] as const;
      if (name === "accept-encoding") return [name, encodings[e] ?? ""] as const;
      return [name, spelling(request.headers.get(name) ?? "")] as const;
    });
    const path = paths[p] ?? "/";
    const parts = { method: request.method, path, query: canonicalQuery(query), headers, payloadHash };
    yield { canonicalRequest: formatCanonicalRequest(parts), query, payloadHash };
  }
}

/** Index tuples: all zeros, then those with one index changed, then two … up to `MAX_READINGS`. */
function* choices(sizes: readonly number[]): Generator<readonly number[]> {
  let count = 0;
  for (let changes = 0; changes <= sizes.length; changes++) {
    for (const choice of choicesWith(changes, sizes)) {
      yield choice;
      if (++count === MAX_READINGS) return;
    }
  }
}

function* choicesWith(changes: number, sizes: readonly number[]): Generator<readonly number[]> {
  const [size, ...rest] = sizes;
  if (size === undefined) {
    if (changes === 0) yield [];
    return;
  }
  for (const tail of choicesWith(changes, rest)) yield [0, ...tail];
  if (changes === 0) return;
  for (let index = 1; index < size; index++) {
    for (const tail of choicesWith(changes - 1, rest)) yield [index, ...tail];
  }
}

/** S3 reads `+` as a space; some signers encoded a space as `%20` and left a literal `+` alone. */
function queryReadings(request: S3Request): readonly Query[] {
  const first = parseQuery(request.url.query, "plus-is-space");
  return request.url.query.includes("+") ? [first, parseQuery(request.url.query, "plus-is-plus")] : [first];
}

/** S3 encodes the decoded key; signers that encode differently (say, lower-case escapes) signed what they sent. */
function pathReadings(rawPath: string): readonly string[] {
  return distinct([uriEncode(percentDecode(rawPath), "keep-slash"), rawPath]);
}

function hostReadings({ headers, url }: S3Request): readonly string[] {
  const host = headers.get("host") ?? url.host;
  const withoutPort = host.replace(/:(80|443)$/, "");
  if (withoutPort !== host) return [host, withoutPort];
  if (/:\d*$/.test(host)) return [host];
  // wrangler dev strips the scheme's default port from Host, and TLS may end before the Worker.
  return url.scheme === "https" ? [host, `${host}:443`, `${host}:80`] : [host, `${host}:80`, `${host}:443`];
}

/** Cloudflare replaces Accept-Encoding by its own; Go's SDK signs `identity` (docs/, cloudflare-facts 6.2). */
function acceptEncodingReadings({ clientAcceptEncoding, headers }: S3Request): readonly string[] {
  const asSeen = collapse(headers.get("accept-encoding") ?? "");
  const known = clientAcceptEncoding === undefined ? [] : [collapse(clientAcceptEncoding)];
  return distinct([...known, asSeen, "identity", "gzip", ""]);
}

type Spelling = (value: string) => string;

/** Runs of spaces become one (SigV4); a few signers leave them. */
const collapse: Spelling = (value) => value.trim().replaceAll(/ {2,}/g, " ");
const asSent: Spelling = (value) => value.trim();
/** Repeated headers are signed joined by `,`, but the platform joins them by `, `. Dates have a comma of their own. */
const joined: Spelling = (value) => (/^[A-Z][a-z]{2}, \d/.test(value) ? value : value.replaceAll(", ", ","));

function spellingReadings(headers: Headers, signedHeaders: readonly string[]): readonly Spelling[] {
  const values = signedHeaders
    .filter((name) => name !== "host" && name !== "accept-encoding")
    .map((name) => headers.get(name) ?? "");
  const spellings: readonly Spelling[] = [
    collapse,
    (value) => joined(collapse(value)),
    asSent,
    (value) => joined(asSent(value)),
  ];
  const seen = new Set<string>();
  return spellings.filter((spelling) => {
    const spelled = values.map(spelling).join("\n");
    return !seen.has(spelled) && seen.add(spelled);
  });
}

function distinct(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}
