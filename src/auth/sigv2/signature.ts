/**
 * The string that Signature Version 2 signs, and its signature ("Signing and authenticating REST requests",
 * RESTAuthentication).
 */

import { parseBase64 } from "../../checksum/digests.ts";
import { invalidArgument } from "../../errors.ts";
import { decodePath, uriEncode } from "../../protocol/percent-encoding.ts";
import { parseQuery, type Query } from "../../protocol/request-target.ts";
import type { S3Request } from "../../protocol/s3-request.ts";
import { effectiveHeaders } from "../effective-headers.ts";
import { choices, type Spelling, spellingsOf, trimmed } from "../readings.ts";
import type { ClaimV2 } from "./claim-v2.ts";
import { signedParameters } from "./parameters.ts";

export interface ReadingV2 {
  /**
   * Method, three headers by position, all `x-amz-*` headers, the resource and some parameters. None of them may
   * contain a line feed, or one request could be taken for another.
   */
  readonly stringToSign: string;
  readonly query: Query;
}

/**
 * The strings that may have been signed, most likely first: `+` in the query, the path as it was sent or as the
 * platform encoded it again, parameters without a value with or without `=`, blanks in headers, `x-amz-date` among the
 * headers or instead of the date, as in a later example of AWS. They all have the same meaning except for `+`,
 * where the verified reading is returned. All readings except the first are created only if the first does not verify.
 * @throws S3Error `InvalidArgument` for control characters in signed text
 */
export function* readingsV2(request: S3Request, claim: ClaimV2): Generator<ReadingV2> {
  const usual: Choice = {
    query: request.query,
    path: pathOfBucket(request) ?? request.url.path,
    parameter: ([name, value]) => (value === "" && !isWrittenWithEquals(request, name) ? name : `${name}=${value}`),
    spelling: trimmed,
    amzDate: "named",
  };
  yield read(request, claim, usual);

  const queries = request.url.query.includes("+")
    ? [usual.query, parseQuery(request.url.query, "plus-is-plus")]
    : [usual.query];
  const paths = distinct([usual.path, request.url.path, uriEncode(decodePath(usual.path), "keep-slash")], String);
  const signed = signedParameters(request.query);
  const parameters = distinct([usual.parameter, nameOnly, withEquals], (form) => signed.map(form).join("&"));
  const spellings = spellingsOf(
    amzHeaders(headersOf(request, claim, request.query)).map(([, value]) => value),
    trimmed,
  );
  const isDatedByAmz = claim.style === "header" && request.headers.has(AMZ_DATE);
  const amzDates = isDatedByAmz ? (["named", "positional"] as const) : (["named"] as const);
  const sizes = [queries, paths, parameters, spellings, amzDates].map((all) => all.length);
  for (const [q = 0, p = 0, f = 0, s = 0, d = 0] of choices(sizes)) {
    if (q + p + f + s + d === 0) continue;
    yield read(request, claim, {
      query: queries[q] ?? usual.query,
      path: paths[p] ?? usual.path,
      parameter: parameters[f] ?? usual.parameter,
      spelling: spellings[s] ?? usual.spelling,
      amzDate: amzDates[d] ?? usual.amzDate,
    });
  }
}

type Parameter = readonly [name: string, value: string];

interface Choice {
  readonly query: Query;
  readonly path: string;
  readonly parameter: (parameter: Parameter) => string;
  readonly spelling: Spelling;
  readonly amzDate: "named" | "positional";
}

const AMZ_DATE = "x-amz-date";

const nameOnly = ([name, value]: Parameter) => (value === "" ? name : `${name}=${value}`);
const withEquals = ([name, value]: Parameter) => `${name}=${value}`;

/** The path of a bucket is signed with a slash at its end, as botocore does for S3, even if it is sent without. */
function pathOfBucket({ resource, url }: S3Request): string | undefined {
  return resource.kind === "bucket" && !url.path.endsWith("/") ? `${url.path}/` : undefined;
}

function distinct<T>(all: readonly T[], textOf: (one: T) => string): readonly T[] {
  const seen = new Set<string>();
  return all.filter((one) => !seen.has(textOf(one)) && seen.add(textOf(one)));
}

function isWrittenWithEquals({ url }: S3Request, name: string): boolean {
  return url.query.split("&").includes(`${name}=`);
}

function read(request: S3Request, claim: ClaimV2, choice: Choice): ReadingV2 {
  const headers = headersOf(request, claim, choice.query);
  const isPositional = choice.amzDate === "positional";
  const named = amzHeaders(headers).filter(([name]) => !isPositional || name !== AMZ_DATE);
  const lines = [
    request.method,
    positional(headers, "content-md5"),
    positional(headers, "content-type"),
    isPositional ? positional(headers, AMZ_DATE) : claim.dateLine,
    ...named.map(([name, value]) => `${name}:${requireOneLine(name, choice.spelling(value))}`),
    resource(request, choice),
  ];
  return { stringToSign: lines.join("\n"), query: choice.query };
}

function headersOf(request: S3Request, { style }: ClaimV2, query: Query): Headers {
  return effectiveHeaders(request, { style, signatureVersion: "AWS", query });
}

function positional(headers: Headers, name: string): string {
  return requireOneLine(name, trimmed(headers.get(name) ?? ""));
}

function amzHeaders(headers: Headers): readonly Parameter[] {
  return [...headers].filter(([name]) => name.startsWith("x-amz-")).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The path as it was sent, with the bucket in front of it if the bucket is in the host name. */
function resource(request: S3Request, { path, query, parameter }: Choice): string {
  const bucket =
    request.style === "virtual-host" && request.resource.kind !== "service" ? `/${request.resource.bucket}` : "";
  const parameters = signedParameters(query).map(parameter);
  return `${bucket}${path}${parameters.length === 0 ? "" : `?${parameters.join("&")}`}`;
}

function requireOneLine(name: string, value: string): string {
  if (/[\0-\x08\x0a-\x1f\x7f]/.test(value)) throw invalidArgument("Invalid header value", name, value);
  return value;
}

/** HMAC-SHA1 with the secret itself as key, for requests and for policies of forms. */
const HMAC_SHA1 = { name: "HMAC", hash: "SHA-1" };
const SIGNATURE_BYTES = 20;
const encoder = new TextEncoder();

/**
 * The candidate whose text has the Base64 signature; undefined if there is none. WebCrypto compares in constant time.
 */
export async function findSigned<T>(
  { secret, signature }: { readonly secret: string; readonly signature: string },
  candidates: Iterable<T>,
  textOf: (candidate: T) => string,
): Promise<T | undefined> {
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), HMAC_SHA1, false, ["verify"]);
  // An invalid signature is also compared, so that its format does not change the code path.
  const claimed = parseBase64(signature, SIGNATURE_BYTES);
  for (const candidate of candidates) {
    const text = encoder.encode(textOf(candidate));
    const valid = await crypto.subtle.verify("HMAC", key, claimed ?? new Uint8Array(SIGNATURE_BYTES), text);
    if (valid && claimed !== undefined) return candidate;
  }
  return undefined;
}
