/**
 * Websites on the S3 host, as in the reference system: for anonymous requests of an object or a folder. They get the
 * index document instead of a listing, and for an error the redirect of a routing rule, the error document or an error
 * page. A signed request, a subresource and a listing get S3's answers, as without a website.
 *
 * Deviation: AWS serves no websites on the S3 host; anonymous requests get XML errors and, if allowed, listings. Here
 * `?x-oss-process=download` asks for those.
 */
import type { S3Error } from "../errors.ts";
import type { Bucket } from "../model/bucket.ts";
import type { Caller } from "../model/caller.ts";
import type { WebsiteSite } from "../model/website.ts";
import { hostOf } from "../protocol/addressing.ts";
import type { OperationName } from "../protocol/operation-name.ts";
import type { S3Request } from "../protocol/s3-request.ts";
import type { RequestLog } from "../request-log.ts";
import type { S3Response } from "../response.ts";
import { toS3Error } from "../storage/platform-errors.ts";
import { applyRule, findRuleForError, type WebsiteRequest } from "./redirects.ts";
import { type PerformRequest, redirectTo, requestObject, respondWithError } from "./responses.ts";

/** The operations that hosting changes: "GET Object, HEAD Object and GET Bucket". */
const HOSTED_OPERATIONS: ReadonlySet<string> = new Set(["GetObject", "HeadObject", "ListObjects"]);
/** Parameters that only a program for S3 sends: for listings, versions, parts and response headers. */
const API_PARAMETER =
  /^(list-type|prefix|delimiter|marker|max-keys|encoding-type|start-after|continuation-token|fetch-owner|versionId|partNumber|response-.*)$/;

/** The site that answers the request instead of S3; undefined if S3 answers. */
export function findHostedSite(
  request: S3Request,
  operation: OperationName,
  { caller, bucket }: { readonly caller: Caller; readonly bucket: Bucket | undefined },
): WebsiteSite | undefined {
  const website = bucket?.documents.website;
  if (website?.kind !== "site" || caller.kind !== "anonymous") return undefined;
  const { entries } = request.query;
  const isDownload = request.query.get("x-oss-process") === "download";
  if (isDownload || entries.some(([name]) => API_PARAMETER.test(name))) return undefined;
  return HOSTED_OPERATIONS.has(operation) ? website : undefined;
}

/** @throws S3Error that is not a 4xx */
export async function serveHosted(
  site: WebsiteSite,
  request: S3Request,
  { perform, log }: { readonly perform: PerformRequest; readonly log: RequestLog },
): Promise<S3Response> {
  const requested = readWebsiteRequest(request);
  try {
    return (await serveIndex(request, requested.key, { site, perform })) ?? (await perform(request));
  } catch (error) {
    const failure = toS3Error(error);
    if (failure.status < 400 || failure.status >= 500) throw error;
    log.code = failure.code;
    if (failure.cause !== undefined) log.cause = failure.cause;
    const rule = findRuleForError(site.routingRules, requested.key, failure.status);
    if (rule !== undefined) return redirectTo(applyRule(rule, requested, 302));
    return respondWithError(failure, request, { site, perform });
  } finally {
    log.operation = `website:${request.method}`;
    log.service = "website";
  }
}

/** The index document of a folder, if the authorizer lets everyone read that object; undefined otherwise. */
async function serveIndex(
  request: S3Request,
  key: string,
  { site, perform }: { readonly site: WebsiteSite; readonly perform: PerformRequest },
): Promise<S3Response | undefined> {
  if (request.resource.kind === "service" || (key !== "" && !key.endsWith("/"))) return undefined;
  try {
    return await perform(requestObject(request, request.resource.bucket, `${key}${site.indexSuffix}`));
  } catch (error) {
    const failure = toS3Error(error);
    // A missing index that everyone could read stays an error. Its code is AccessDenied without permission to list.
    if (failure.code !== "AccessDenied" || isMissing(failure)) throw failure;
    return undefined;
  }
}

function isMissing({ cause }: S3Error): boolean {
  return cause !== undefined && toS3Error(cause).code === "NoSuchKey";
}

function readWebsiteRequest({ resource, style, url, headers }: S3Request): WebsiteRequest {
  const key = resource.kind === "object" ? resource.key : "";
  const base = style === "path" && resource.kind !== "service" ? `${resource.bucket}/` : "";
  return { key, scheme: url.scheme, host: hostOf(url, headers.get("host")), base, query: url.query };
}
