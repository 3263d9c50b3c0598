import type { Resource } from "./model/resource.ts";
import { parseQuery, parseRawUrl } from "./protocol/request-target.ts";
import type { S3Request } from "./protocol/s3-request.ts";

const SERVICE = { resource: { kind: "service" }, style: "path" } as const;

/**
 * The platform's request in S3's terms, as every surface that verifies signatures reads it.
 * @param address what it is about; the service as a whole where paths mean something else
 * @throws S3Error `InvalidURI` for a query that cannot be decoded
 */
export function readRequest(
  request: Request,
  requestId: string,
  address: { readonly resource: Resource; readonly style: S3Request["style"] } = SERVICE,
): S3Request {
  const url = parseRawUrl(request.url);
  const accepted: unknown = request.cf?.clientAcceptEncoding;
  return {
    method: request.method,
    url,
    resource: address.resource,
    style: address.style,
    query: parseQuery(url.query),
    headers: request.headers,
    clientAcceptEncoding: typeof accepted === "string" ? accepted : undefined,
    body: request.body,
    now: new Date(),
    requestId,
  };
}
