/**
 * Query parameters under Signature Version 2, which signs no more of a query than a list of names. Whoever holds a URL can
 * add any other, so none of those may have a say in what is done.
 */
import { invalidArgument, S3Error } from "../../errors.ts";
import { Query } from "../../protocol/request-target.ts";
import { isSubresource } from "../../protocol/routes.ts";

/** AWS's list ("RESTAuthentication", Constructing the CanonicalizedResource Element) and botocore's. */
const SIGNED: ReadonlySet<string> = new Set([
  "accelerate",
  "acl",
  "analytics",
  "cors",
  "defaultObjectAcl",
  "delete",
  "inventory",
  "lifecycle",
  "location",
  "logging",
  "metrics",
  "notification",
  "object-lock",
  "partNumber",
  "policy",
  "replication",
  "requestPayment",
  "response-cache-control",
  "response-content-disposition",
  "response-content-encoding",
  "response-content-language",
  "response-content-type",
  "response-expires",
  "restore",
  "select",
  "select-type",
  "storageClass",
  "tagging",
  "torrent",
  "uploadId",
  "uploads",
  "versionId",
  "versioning",
  "versions",
  "website",
]);

/**
 * What says how much of a list is wanted. Unsigned on AWS too, which leaves it to whoever uses a URL. A list of its own, so
 * that a parameter that is new to the routes has no effect here before somebody has decided that it may.
 */
const LISTING: ReadonlySet<string> = new Set([
  "bucket-region",
  "continuation-token",
  "delimiter",
  "encoding-type",
  "fetch-owner",
  "key-marker",
  "list-type",
  "marker",
  "max-buckets",
  "max-keys",
  "max-parts",
  "max-uploads",
  "part-number-marker",
  "prefix",
  "start-after",
  "upload-id-marker",
  "version-id-marker",
]);

/** Chooses one of a bucket's configurations of a kind, where it stands beside that, and means nothing elsewhere. */
const NAMES_CONFIGURATION = "id";

/** Parameters of a URL that are read as headers, by lower-case name. All of them are in the string to sign. */
export function isHeaderParameter(lowerCaseName: string): boolean {
  return lowerCaseName.startsWith("x-amz-") || lowerCaseName === "content-type" || lowerCaseName === "content-md5";
}

/** The parameters that are signed, in the order in which they are. */
export function signedParameters(query: Query): readonly (readonly [name: string, value: string])[] {
  return query.entries.filter(([name]) => SIGNED.has(name)).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** What of the query may have an effect. The rest is as if it had not been sent. */
export function effectiveQuery(query: Query): Query {
  const isEffective = (name: string) => SIGNED.has(name) || LISTING.has(name) || isHeaderParameter(name.toLowerCase());
  return new Query(query.entries.filter(([name]) => isEffective(name)));
}

/**
 * What is signed is decoded text, in which a value's `&` looks like the one between parameters. So a subresource beside
 * `response-*`, where it would have no meaning anyway, is refused: it may have been part of a file's name.
 *
 * @throws S3Error `InvalidRequest` for a subresource that is not signed, its `id`, and one that stands beside `response-*`; `InvalidArgument`
 *   for a repeated parameter and for control characters
 */
export function requireUnambiguous(query: Query): void {
  const signed = signedParameters(query);
  const isAboutSubresource = query.entries.some(([name]) => isSubresource(name));
  const unsigned = query.entries.find(
    ([name]) => !SIGNED.has(name) && (isSubresource(name) || (name === NAMES_CONFIGURATION && isAboutSubresource)),
  );
  if (unsigned !== undefined) {
    throw refused(`Signature Version 2 does not sign the query parameter ${unsigned[0]}. Please use AWS4-HMAC-SHA256.`);
  }
  for (const [index, [name, value]] of signed.entries()) {
    if (signed[index + 1]?.[0] === name)
      throw invalidArgument(`The query parameter ${name} must not be repeated.`, name, value);
    if (/[\0-\x1f\x7f]/.test(value)) throw invalidArgument("Invalid value in the query", name, value);
  }
  if (signed.some(([name]) => name.startsWith("response-")) && signed.some(([name]) => isSubresource(name))) {
    throw refused("Signature Version 2 does not tell response-* parameters from others. Please use AWS4-HMAC-SHA256.");
  }
}

function refused(message: string): S3Error {
  return new S3Error("InvalidRequest", { message });
}
