/**
 * Chooses the surface that answers. The console's host serves the console only. `-` is never a bucket name, so paths below `/-/` belong to the deployment, except
 * on a bucket's own host.
 */
import { handleAdmin } from "./admin/router.ts";
import { clientAtEdge } from "./client.ts";
import { CONSOLE_PACK } from "./console/files.ts";
import { handleConsole, isConsoleRequest } from "./console/surface.ts";
import { addConsoleCors, isConsolePreflight } from "./cors/console-origin.ts";
import { throughEdgeCache } from "./edge-cache.ts";
import { type Env, NotConfigured } from "./env.ts";
import { S3Error } from "./errors.ts";
import { IAM, STS } from "./iam/actions/index.ts";
import type { Incoming } from "./identify.ts";
import { newRequestId } from "./model/random-ids.ts";
import { handleS3 } from "./pipeline.ts";
import { findWebsiteHost, namesBucketInHost } from "./protocol/addressing.ts";
import { parseRawUrl } from "./protocol/request-target.ts";
import type { Client } from "./protocol/s3-request.ts";
import { formatErrorResponse } from "./protocol/xml/error-response.ts";
import { findQueryService, handleQuery } from "./query-api/surface.ts";
import { type RequestLogLevel, startRequestLog, writeRequestLog } from "./request-log.ts";
import { hostId, toHttpResponse } from "./response.ts";
import { handleControl, isControlRequest } from "./s3-control/surface.ts";
import { openDeployment } from "./services.ts";
import { closedSetup, handleSetup, isSetup } from "./setup/surface.ts";
import { SNS } from "./sns/actions/index.ts";
import { handleSnsLink, isSnsLink } from "./sns/links.ts";
import { SetupPending } from "./stored-secrets.ts";
import { handleWebsite } from "./website/surface.ts";

const QUERY_SERVICES = [IAM, STS, SNS];

/** @param client by default, what Cloudflare's edge says */
export async function handleRequest(
  request: Request,
  env: Env,
  client: Client = clientAtEdge(request),
): Promise<Response> {
  const log = startRequestLog(newRequestId());
  const url = parseRawUrl(request.url);
  const incoming = { request, url, log, client };
  let isOwn = url.path === "/-" || url.path.startsWith("/-/");
  let response: Response;
  let level: RequestLogLevel = "errors";
  try {
    const services = await openDeployment(env);
    const { s3Domains, websiteDomains, requestLog, edgeCacheSeconds, console: settings } = services.config;
    level = requestLog;
    if (settings !== undefined && isConsoleRequest(incoming, settings)) {
      response = handleConsole(incoming, { settings, region: services.config.region, pack: CONSOLE_PACK });
      writeRequestLog(log, { request, response }, level);
      return response;
    }
    const { accessLogs, audit, metrics } = services;
    if (metrics.isOn) log.isMeasured = true;
    const host = request.headers.get("host");
    const website = findWebsiteHost(url, host, { website: websiteDomains, s3: s3Domains });
    isOwn &&= website === undefined && !namesBucketInHost(url, host, s3Domains);
    const queried = isOwn ? undefined : findQueryService(incoming, s3Domains, QUERY_SERVICES);
    log.isWebsite = website !== undefined;
    const edge = { isWebsite: website !== undefined, maxSeconds: edgeCacheSeconds };
    if (website !== undefined) {
      response = await throughEdgeCache(incoming, edge, () => handleWebsite(incoming, website, services));
    } else if (isConsolePreflight(request, settings?.origin)) response = toHttpResponse({ status: 204 }, incoming);
    else if (isOwn && isSetup(url.path)) response = closedSetup(incoming);
    else if (isOwn) response = await handleAdmin(incoming, services);
    else if (queried !== undefined) response = await handleQuery(queried, incoming, services);
    else if (isControlRequest(incoming)) response = await handleControl(incoming, services);
    else if (isSnsLink(incoming, s3Domains)) response = await handleSnsLink(incoming, services);
    else response = await throughEdgeCache(incoming, edge, () => handleS3(incoming, services));
    if (settings !== undefined && website === undefined) addConsoleCors(response, request, settings.origin);
    response = accessLogs.noteRequest(incoming, response);
    audit.note(incoming, response);
    metrics.note(incoming, response);
  } catch (error) {
    if (!(error instanceof NotConfigured)) throw error;
    response = await withoutConfiguration(error, incoming, isOwn);
  }
  writeRequestLog(log, { request, response }, level);
  return response;
}

async function withoutConfiguration(error: NotConfigured, incoming: Incoming, isOwn: boolean): Promise<Response> {
  const { url, log } = incoming;
  if (error instanceof SetupPending && isSetup(url.path)) return handleSetup(incoming, error);
  log.code = "ServiceUnavailable";
  log.cause = error.cause;
  if (isOwn) return Response.json({ status: "unconfigured", message: error.message }, { status: 503 });
  return notConfigured(error, incoming);
}

function notConfigured(error: NotConfigured, incoming: Incoming): Response {
  const { requestId } = incoming.log;
  const failure = new S3Error("ServiceUnavailable", { message: error.message });
  const body = formatErrorResponse(failure, { requestId, hostId: hostId(requestId) });
  return toHttpResponse({ status: failure.status, body }, incoming);
}
