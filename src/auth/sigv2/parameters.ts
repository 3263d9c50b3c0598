/**
 * Query parameters under Signature Version 2, which signs only a list of them. Anyone who has a URL can add others, so
 * parameters that are not signed must not influence the result.
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
 * Parameters that select a part of a listing. They are unsigned on AWS too, which lets anyone who has a URL set them.
 * This is a separate list, so that a parameter that is new to the routes has no effect here until it is added.
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

/** Selects one of several configurations of a bucket together with their subresource, and has no meaning otherwise. */
const NAMES_CONFIGURATION = "id";

/** Parameters of a URL that are read as headers, by lower-case name. All of them are in the string to sign. */
export function isHeaderParameter(lowerCaseName: string): boolean {
  return lowerCaseName.startsWith("x-amz-") || lowerCaseName === "content-type" || lowerCaseName === "content-md5";
}

/** The signed parameters, in signed order. */
export function signedParameters(query: Query): readonly (readonly [name: string, value: string])[] {
  return query.entries.filter(([name]) => SIGNED.has(name)).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** The part of the query that may have an effect. Everything else is ignored. */
export function effectiveQuery(query: Query): Query {
  const isEffective = (name: string) => SIGNED.has(name) || LISTING.has(name) || isHeaderParameter(name.toLowerCase());
  return new Query(query.entries.filter(([name]) => isEffective(name)));
}

/**
 * The signed text is decoded, so an `&` in a value looks like the separator of parameters. Therefore a subresource
 * together with `response-*`, which would have no meaning anyway, is refused: it may have been part of a file name.
 *
 * @throws S3Error `InvalidRequest` for a subresource that is not signed, its `id`, and a subresource together with
 *   `response-*`; `InvalidArgument` for a repeated parameter and for control characters
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
    throw refused(
      "Signature Version 2 does not distinguish response-* parameters from others. Please use AWS4-HMAC-SHA256.",
    );
  }
}

function refused(message: string): S3Error {
  return new S3Error("InvalidRequest", { message });
}
