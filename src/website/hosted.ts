/**
 * Websites on the ordinary S3 host, where the reference system has them: for visitors without a signature who ask for
 * nothing but an object or a folder. They get the index document in place of a listing, and errors as rules, error
 * document or page say. Whoever signs, names a subresource or lists gets S3's answers, as if there were no website.
 *
 * Deviation: on AWS the ordinary host knows no websites; there anonymous visitors get XML errors and, if they may,
 * listings. `?x-oss-process=download` asks for that here.
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

/** What hosting changes: "GET Object, HEAD Object and GET Bucket". */
const HOSTED_OPERATIONS: ReadonlySet<string> = new Set(["GetObject", "HeadObject", "ListObjects"]);
/** Parameters of a program that means S3: how to list, which version or part, which headers to answer with. */
const API_PARAMETER =
  /^(list-type|prefix|delimiter|marker|max-keys|encoding-type|start-after|continuation-token|fetch-owner|versionId|partNumber|response-.*)$/;

/** The site that answers the request in S3's place; undefined: nothing but S3 does. */
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

/** @throws S3Error what is no 4xx */
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
  }
}

/** The index of a folder that everybody may read, which the authorizer says of that very object; undefined for all else. */
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
    // Where everybody may read, what is missing stays an error, though those who may not list are told 403.
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
