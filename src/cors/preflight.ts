/**
 * OPTIONS on a bucket or a key: the preflight request that a browser sends before a request across origins ("OPTIONS
 * object", RESTOPTIONSobject).
 *
 * Browsers send it without credentials, so it is neither authenticated nor authorized. That is safe because it is not
 * an `Operation`: it has no access to stores, and its answer shows only whether the bucket's rules allow the request.
 */
import { S3Error } from "../errors.ts";
import type { Bucket, Resource } from "../model/bucket.ts";
import { isHeaderName } from "../protocol/header-values.ts";
import { evaluateCors, parseHeaderNames } from "./rules.ts";

const METHODS = ["GET", "PUT", "HEAD", "POST", "DELETE"];

/**
 * Accepts a preflight that a rule allows. `addCorsHeaders` adds the headers to its answer, as to any answer.
 *
 * Errors, their order and their messages are those of AWS: recorded by LocalStack's tests (2023 to 2025), for methods
 * by Eucalyptus's (eutester), and for header names by versitygw's authors.
 *
 * @throws S3Error `BadRequest` without an origin, for a method that S3 does not have and for an invalid header name;
 *   `AccessForbidden` if the bucket does not exist, has no rules, or has no rule that allows the request
 */
export function checkPreflight(resource: Resource, headers: Headers, bucket: Bucket | undefined): void {
  const origin = headers.get("origin") ?? "";
  if (origin === "") {
    throw new S3Error("BadRequest", { message: "Insufficient information. Origin request header needed." });
  }
  const method = headers.get("access-control-request-method");
  if (method !== null && !METHODS.includes(method)) throw invalidMethod(method);
  if (bucket === undefined) throw forbidden("Bucket not found", method, "BUCKET");
  // As on AWS, the type is BUCKET even if the URL names an object.
  if (bucket.documents.cors === undefined) throw forbidden("CORS is not enabled for this bucket.", method, "BUCKET");
  if (method === null) throw invalidMethod("null");

  const requestHeaders = parseHeaderNames(headers.get("access-control-request-headers"));
  const invalidName = requestHeaders?.find((name) => !isHeaderName(name));
  if (invalidName !== undefined) {
    const message = `Access-Control-Request-Headers "${invalidName}" contains invalid character.`;
    throw new S3Error("BadRequest", { message });
  }
  if (evaluateCors(bucket.documents.cors, { origin, method, requestHeaders }) === undefined) {
    throw forbidden(NOT_ALLOWED, method, resource.kind === "object" ? "OBJECT" : "BUCKET");
  }
}

/** AWS's message, with its "evalution". */
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
