/**
 * OPTIONS on a bucket or a key: the question a browser asks before a request across origins ("OPTIONS object",
 * RESTOPTIONSobject).
 *
 * Browsers send it without credentials, so it is neither authenticated nor authorized. That is safe because it is no
 * `Operation`: it gets no stores, and what it says is whether the bucket's rules allow what was asked.
 */
import { S3Error } from "../errors.ts";
import type { Bucket } from "../model/bucket.ts";
import type { Resource } from "../model/resource.ts";
import { isHeaderName } from "../protocol/header-values.ts";
import { evaluateCors, parseHeaderNames } from "./rules.ts";

const METHODS = ["GET", "PUT", "HEAD", "POST", "DELETE"];

/**
 * Lets a preflight pass that a rule fits; its answer gets the headers that any answer gets (`addCorsHeaders`).
 *
 * Errors, their order and their words are AWS's: recorded by LocalStack's tests (2023 to 2025), for the methods by
 * Eucalyptus's (eutester), and for names of headers by versitygw's authors.
 *
 * @throws S3Error `BadRequest` without an origin, for a method S3 does not know or a name that is none; `AccessForbidden` if the bucket does
 *   not exist, has no rules, or none that fits
 */
export function checkPreflight(resource: Resource, headers: Headers, bucket: Bucket | undefined): void {
  const origin = headers.get("origin") ?? "";
  if (origin === "") {
    throw new S3Error("BadRequest", { message: "Insufficient information. Origin request header needed." });
  }
  const method = headers.get("access-control-request-method");
  if (method !== null && !METHODS.includes(method)) throw invalidMethod(method);
  if (bucket === undefined) throw forbidden("Bucket not found", method, "BUCKET");
  // BUCKET although the URL may name an object: so AWS answers.
  if (bucket.documents.cors === undefined) throw forbidden("CORS is not enabled for this bucket.", method, "BUCKET");
  if (method === null) throw invalidMethod("null");

  const requestHeaders = parseHeaderNames(headers.get("access-control-request-headers"));
  const unsound = requestHeaders?.find((name) => !isHeaderName(name));
  if (unsound !== undefined) {
    const message = `Access-Control-Request-Headers "${unsound}" contains invalid character.`;
    throw new S3Error("BadRequest", { message });
  }
  if (evaluateCors(bucket.documents.cors, { origin, method, requestHeaders }) === undefined) {
    throw forbidden(NOT_ALLOWED, method, resource.kind === "object" ? "OBJECT" : "BUCKET");
  }
}

/** "evalution" is AWS's. */
const NOT_ALLOWED =
  "This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.";

function invalidMethod(method: string): S3Error {
  return new S3Error("BadRequest", { message: `Invalid Access-Control-Request-Method: ${method}` });
}

function forbidden(reason: string, method: string | null, resourceType: "BUCKET" | "OBJECT"): S3Error {
  return new S3Error("AccessForbidden", {
    message: `CORSResponse: ${reason}`,
    details: { Method: method ?? "OPTIONS", ResourceType: resourceType },
  });
}
