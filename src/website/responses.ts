/** Shared by website hosts and the S3 host: redirects, and errors as pages. */
import type { S3Error } from "../errors.ts";
import type { WebsiteSite } from "../model/website.ts";
import { WEBSITE_REDIRECT_LOCATION_HEADER } from "../protocol/object-headers.ts";
import { Query } from "../protocol/request-target.ts";
import type { S3Request } from "../protocol/s3-request.ts";
import { hostId, type S3Response } from "../response.ts";
import { toS3Error } from "../storage/platform-errors.ts";
import { errorHeaders, FOUND, formatErrorPage, type PageFailure } from "./error-page.ts";
import { encodeKey, encodeWritten, type Redirection } from "./redirects.ts";

/** Parses, authorizes and executes a request of the anonymous caller like any other. */
export type PerformRequest = (request: S3Request) => Promise<S3Response>;

/** Headers that select whether an object is sent, and which part of it. An error document is sent whole. */
const SELECTING_HEADERS = [
  "range",
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
  "if-range",
];

/** GET or HEAD of one object instead of the requested resource. */
export function requestObject(request: S3Request, bucket: string, key: string): S3Request {
  return { ...request, resource: { kind: "object", bucket, key }, query: new Query([]) };
}

/** The same request without conditions and without a range. */
export function withoutSelection(request: S3Request): S3Request {
  const headers = new Headers(request.headers);
  for (const name of SELECTING_HEADERS) headers.delete(name);
  return { ...request, headers };
}

export function redirectTo({ status, location }: Redirection): S3Response {
  return { status, headers: { location } };
}

/** For a folder requested without its slash. The location has no host, and the key must not be able to name one. */
export function redirectToFolder(key: string, requestId: string): S3Response {
  const location = `/${encodeKey(key)}/`;
  const page = formatErrorPage({ failure: FOUND, requestId, hostId: hostId(requestId) });
  return { status: FOUND.status, headers: { ...pageHeaders(FOUND), location }, body: page };
}

/** The 301 of an object with a redirect location (`x-amz-website-redirect-location`); undefined for other objects. */
export async function followRedirectLocation(answer: S3Response): Promise<S3Response | undefined> {
  const location = answer.headers?.[WEBSITE_REDIRECT_LOCATION_HEADER];
  if (location === undefined) return undefined;
  if (answer.body instanceof ReadableStream) await answer.body.cancel();
  return redirectTo({ status: 301, location: encodeWritten(location) });
}

/**
 * The page of an error: for a 4xx the site's error document with the status of the error, else AWS's page. As on AWS,
 * HEAD gets the error without the document.
 */
export async function respondWithError(
  failure: S3Error,
  request: S3Request,
  { site, perform }: { readonly site: WebsiteSite | undefined; readonly perform: PerformRequest },
): Promise<S3Response> {
  const { requestId, resource } = request;
  const page = { failure, requestId, hostId: hostId(requestId) };
  const mayShow = failure.status >= 400 && failure.status < 500 && request.method === "GET";
  if (site?.errorKey === undefined || resource.kind === "service" || !mayShow) {
    return formatPage(failure, formatErrorPage(page));
  }
  try {
    const document = requestObject(withoutSelection(request), resource.bucket, site.errorKey);
    const shown = await perform(document);
    const redirect = await followRedirectLocation(shown);
    return redirect ?? { ...shown, status: failure.status, headers: { ...shown.headers, ...errorHeaders(failure) } };
  } catch (error) {
    return formatPage(failure, formatErrorPage({ ...page, errorDocument: toS3Error(error) }));
  }
}

function formatPage(failure: S3Error, body: string): S3Response {
  return { status: failure.status, headers: { ...failure.headers, ...pageHeaders(failure) }, body };
}

function pageHeaders(failure: PageFailure): Record<string, string> {
  return { ...errorHeaders(failure), "content-type": "text/html; charset=utf-8" };
}
