/**
 * Websites of buckets on website hosts, like AWS's website endpoints ("Hosting a static website using Amazon S3", "Key
 * differences between a website endpoint and a REST API endpoint").
 *
 *   rules for the key → object or index → folder without slash → rules for the error → error document → page
 *
 * Every request is anonymous: signatures, queries and `x-amz-*` headers are ignored. Each object is read by GetObject
 * with the same authorizer as on the S3 host, so a site shows only objects that everyone may read.
 */
import { checkPreflight } from "../cors/preflight.ts";
import { addCorsHeaders } from "../cors/rules.ts";
import { S3Error } from "../errors.ts";
import type { Incoming } from "../identify.ts";
import type { Bucket } from "../model/bucket.ts";
import { findLogged } from "../model/logged-bucket.ts";
import type { Website, WebsiteSite } from "../model/website.ts";
import { type Confirmed, confirming, findLoggedLater, performRead } from "../pipeline.ts";
import { isValidBucketName, requireKeyLength, type WebsiteHost } from "../protocol/addressing.ts";
import { decodePath } from "../protocol/percent-encoding.ts";
import { Query } from "../protocol/request-target.ts";
import type { S3Request } from "../protocol/s3-request.ts";
import type { RequestLog } from "../request-log.ts";
import { type S3Response, toHttpResponse } from "../response.ts";
import type { S3Services } from "../services.ts";
import { toS3Error } from "../storage/platform-errors.ts";
import {
  applyRule,
  encodeWritten,
  findRuleForError,
  findRuleForKey,
  formatLocation,
  type WebsiteRequest,
} from "./redirects.ts";
import {
  followRedirectLocation,
  type PerformRequest,
  redirectTo,
  redirectToFolder,
  requestObject,
  respondWithError,
  withoutSelection,
} from "./responses.ts";

/** Answers a request to a website host; never throws. */
export async function handleWebsite(
  incoming: Incoming,
  { bucket: name, host }: WebsiteHost,
  services: S3Services,
): Promise<Response> {
  const { request, log } = incoming;
  log.bucket = name;
  log.caller = "anonymous";
  log.service = "website";
  const s3Request = readAnonymousRequest(incoming, name);
  let bucket: Bucket | undefined;
  let confirmed: Confirmed | undefined;
  // Refusals become pages and redirects, so each is confirmed before.
  const performAnonymous: PerformRequest = (object) =>
    (confirmed ?? withoutRows)(({ buckets }) => {
      bucket = buckets.get(name);
      return performRead(object, {
        caller: ANONYMOUS,
        style: "anonymous",
        signatureVersion: undefined,
        buckets,
        services,
        log,
      });
    });
  let answer: S3Response;
  try {
    refuseOtherMethods(s3Request);
    const wanted = { bucketName: isValidBucketName(name) ? name : undefined, mayBeOutdated: true };
    confirmed = confirming(services.directory, wanted, await services.directory.load(wanted));
    answer = await confirmed(({ buckets }) => {
      bucket = buckets.get(name);
      return serve(s3Request, { bucket, name, host, perform: performAnonymous, log });
    });
  } catch (error) {
    const failure = toS3Error(error);
    log.code = failure.code;
    if (failure.cause !== undefined) log.cause = failure.cause;
    if (confirmed === undefined) log.findLogged = findLoggedLater(log, services.directory);
    answer = await respondWithError(failure, s3Request, {
      site: siteOf(bucket?.documents.website),
      perform: performAnonymous,
    });
  }
  log.operation = `website:${request.method}`;
  log.found = bucket;
  log.logged = findLogged(bucket);
  const response = toHttpResponse(answer, incoming);
  addCorsHeaders(response, request, bucket?.documents.cors);
  return response;
}

const ANONYMOUS = { kind: "anonymous" } as const;
const withoutRows: Confirmed = (use) => use({ credential: undefined, buckets: new Map<string, Bucket>() });
const METHODS = ["GET", "HEAD", "OPTIONS"];

interface WebsiteContext {
  readonly bucket: Bucket | undefined;
  readonly name: string;
  readonly host: string;
  readonly perform: PerformRequest;
  readonly log: RequestLog;
}

async function serve(request: S3Request, context: WebsiteContext): Promise<S3Response> {
  const { bucket, name, host, log } = context;
  if (request.method === "OPTIONS") {
    checkPreflight({ kind: "object", bucket: name, key: "" }, request.headers, bucket);
    return { status: 200 };
  }
  if (bucket === undefined) throw new S3Error("NoSuchBucket", { details: { BucketName: name } });
  const { website } = bucket.documents;
  if (website === undefined) throw new S3Error("NoSuchWebsiteConfiguration", { details: { BucketName: name } });

  const { scheme, query } = request.url;
  if (website.kind === "redirect-all") {
    // The path stays as sent.
    const rest = encodeWritten(request.url.path.slice(1));
    const target = { scheme: website.protocol ?? scheme, host: website.hostName, rest, query };
    return redirectTo({ status: 301, location: formatLocation(target) });
  }
  const key = decodePath(request.url.path.slice(1));
  requireKeyLength(key);
  log.key = key;
  return serveSite(request, { key, scheme, host, base: "", query }, { ...context, site: website });
}

async function serveSite(
  request: S3Request,
  requested: WebsiteRequest,
  { name, site, perform, log }: WebsiteContext & { readonly site: WebsiteSite },
): Promise<S3Response> {
  const { key } = requested;
  const ruleForKey = findRuleForKey(site.routingRules, key);
  if (ruleForKey !== undefined) return redirectTo(applyRule(ruleForKey, requested, 301));

  const isFolder = key === "" || key.endsWith("/");
  const objectKey = isFolder ? `${key}${site.indexSuffix}` : key;
  const object = requestObject(request, name, objectKey);
  log.key = objectKey;
  try {
    const answer = await perform(object);
    return (await followRedirectLocation(answer)) ?? answer;
  } catch (error) {
    const failure = toS3Error(error);
    const redirect = await findRedirectDespiteError(failure, object, perform);
    if (redirect !== undefined) return redirect;
    if (!isFolder && (failure.status === 403 || failure.status === 404)) {
      const index = requestObject(request, name, `${key}/${site.indexSuffix}`);
      if (await isReadable(index, perform)) return redirectToFolder(key, request.requestId);
    }
    const ruleForError = findRuleForError(site.routingRules, key, failure.status);
    if (ruleForError !== undefined) return redirectTo(applyRule(ruleForError, requested, 301));
    throw failure;
  }
}

/**
 * An object with a redirect location redirects despite a range or condition that fails: most such objects are empty.
 */
async function findRedirectDespiteError(
  failure: S3Error,
  object: S3Request,
  perform: PerformRequest,
): Promise<S3Response | undefined> {
  if (failure.status !== 412 && failure.status !== 416) return undefined;
  return followRedirectLocation(await perform({ ...withoutSelection(object), method: "HEAD" }));
}

/** Whether the object exists and everyone may read it. */
async function isReadable(object: S3Request, perform: PerformRequest): Promise<boolean> {
  try {
    await perform({ ...withoutSelection(object), method: "HEAD" });
    return true;
  } catch (error) {
    if (toS3Error(error).status >= 500) throw error;
    return false;
  }
}

/** The request without anything that could ask for more than an object. */
function readAnonymousRequest({ request, url, log, client }: Incoming, bucket: string): S3Request {
  const headers = new Headers(request.headers);
  for (const name of [...headers.keys()]) if (name.startsWith("x-amz-")) headers.delete(name);
  return {
    method: request.method,
    url,
    resource: { kind: "bucket", bucket },
    style: "virtual-host",
    query: new Query([]),
    headers,
    copySource: () => undefined,
    client,
    body: null,
    now: new Date(),
    requestId: log.requestId,
  };
}

function refuseOtherMethods({ method }: S3Request): void {
  if (METHODS.includes(method)) return;
  throw new S3Error("MethodNotAllowed", {
    details: { Method: method, ResourceType: "OBJECT" },
    headers: { Allow: METHODS.join(", ") },
  });
}

function siteOf(website: Website | undefined): WebsiteSite | undefined {
  return website?.kind === "site" ? website : undefined;
}
