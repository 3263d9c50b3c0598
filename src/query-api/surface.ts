/**
 * The query APIs on the S3 endpoint (IAM, STS, SNS): `POST /` with a form, signed for the service it is about.
 *
 *   read → authenticate → action → parameters → authorize → do
 *
 * The body comes first, because its hash is part of a signature that does not name it; it is small, and nothing in it
 * counts before the signature is verified.
 */
import { authenticate, claimedAccessKeyId, claimedService, claimedSessionToken } from "../auth/authenticate.ts";
import { sha256Hex } from "../checksum/hasher.ts";
import { S3Error } from "../errors.ts";
import { namesBucketInHost } from "../protocol/addressing.ts";
import type { RawUrl } from "../protocol/request-target.ts";
import type { S3Request } from "../protocol/s3-request.ts";
import { readRequest } from "../read-request.ts";
import { endpointOf } from "../request-facts.ts";
import type { RequestLog } from "../request-log.ts";
import { toHttpResponse } from "../response.ts";
import type { Services } from "../services.ts";
import { fromPlatformError } from "../storage/platform-errors.ts";
import { noSuchOperation, QueryError, toCommonError } from "./errors.ts";
import { parseForm, readBody } from "./form.ts";
import { formatErrorResponse, formatResponse, type QueryCall, type QueryService } from "./service.ts";

const FORM = /^application\/x-www-form-urlencoded\s*(;|$)/i;

/** The service that a request is signed for; undefined for those of S3. */
export function findQueryService(
  request: Request,
  url: RawUrl,
  domains: readonly string[],
  offered: readonly QueryService[],
): QueryService | undefined {
  const { method, headers } = request;
  if (method !== "POST" || url.path !== "/" || !FORM.test(headers.get("content-type") ?? "")) return undefined;
  const name = claimedService(headers);
  const service = offered.find(({ api }) => api.service === name);
  return namesBucketInHost(url, headers.get("host"), domains) ? undefined : service;
}

/** Answers a request for which `findQueryService` found a service; never throws. */
export function handleQuery(
  service: QueryService,
  request: Request,
  services: Services,
  log: RequestLog,
): Promise<Response> {
  return answer(service, request, log, () => serve(service, request, services, log));
}

/** Runs what makes the document, and answers with it or with the refusal it throws. */
export async function answer(
  { api, toError }: Pick<QueryService, "api" | "toError">,
  request: Request,
  log: RequestLog,
  run: () => Promise<string>,
): Promise<Response> {
  const { requestId } = log;
  const headers = { "content-type": "text/xml", "x-amzn-requestid": requestId };
  try {
    return toHttpResponse({ status: 200, headers, body: await run() }, request, requestId);
  } catch (error) {
    const failure = describeFailure(error, toError);
    log.code = failure.code;
    if (failure.cause !== undefined) log.cause = failure.cause;
    const body = formatErrorResponse(api, failure, requestId);
    return toHttpResponse({ status: failure.status, headers, body }, request, requestId);
  }
}

async function serve(service: QueryService, request: Request, services: Services, log: RequestLog): Promise<string> {
  const { api } = service;
  const body = await readBody(request.body, service.maxBodyBytes);
  const identity = await identify(service, request, body, services, log);

  const form = parseForm(body);
  const name = form.get("Action");
  if (name === undefined) {
    throw new QueryError("MissingAction", 400, "The request is missing an action or a required parameter.");
  }
  if (form.get("Version") !== api.version) {
    throw noSuchOperation(name, form.get("Version")?.slice(0, 32) ?? "NO_VERSION_SPECIFIED");
  }
  const run = service.find(name, form.keys());
  log.operation = `${api.service}:${name}`;
  const result = await run({ action: name, form, ...identity, services });
  return formatResponse(api, name, result, log.requestId);
}

async function identify(
  { api }: QueryService,
  request: Request,
  body: Uint8Array<ArrayBuffer>,
  services: Services,
  log: RequestLog,
): Promise<Pick<QueryCall, "caller" | "facts" | "now" | "endpoint">> {
  const received = readRequest(request, log.requestId);
  const { credential } = await services.directory.load({
    accessKeyId: claimedAccessKeyId(received),
    sessionToken: claimedSessionToken(received),
    bucketNames: [],
  });
  // These are one for all regions here: clients sign for whatever theirs is, or for us-east-1.
  const { caller, style } = await authenticate(received, async () => credential, {
    regions: "any",
    service: api.service,
    bodySha256: sha256Hex(body),
  });
  if (caller.kind !== "account" || style !== "header") {
    throw new QueryError("MissingAuthenticationToken", 403, "Request is missing Authentication Token");
  }
  if (received.query.entries.length > 0) {
    throw new QueryError("InvalidQueryParameter", 400, "Parameters of a POST request belong into its body.");
  }
  log.caller = caller.accessKeyId;
  services.noteKeyUse(caller, { service: api.service, now: received.now });
  return { caller, facts: factsOf(received), now: received.now, endpoint: endpointOf(received) };
}

function factsOf({ url, headers, query, now }: S3Request): QueryCall["facts"] {
  return {
    sourceIp: headers.get("cf-connecting-ip") ?? undefined,
    isSecure: url.scheme === "https",
    headers,
    query,
    now,
    authType: "REST-HEADER",
  };
}

function describeFailure(error: unknown, toError: QueryService["toError"]): QueryError {
  if (error instanceof QueryError) return error;
  const failure = error instanceof S3Error ? error : fromPlatformError(error);
  return toCommonError(failure) ?? toError(failure);
}
