/**
 * The query APIs on the S3 endpoint (IAM, STS, SNS): `POST /` with a form, signed for the service.
 *
 *    read → authenticate → action → parameters → authorize → do
 *
 * The body is read first, because the signature covers its hash without a header that names it. It is small, and
 * nothing in it is used before the signature is verified.
 */
import { claimedService } from "../auth/authenticate.ts";
import { sha256Hex } from "../checksum/hasher.ts";
import { claimedKey, type Incoming, identify, readRequest } from "../identify.ts";
import type { AccountCaller } from "../model/caller.ts";
import { namesBucketInHost } from "../protocol/addressing.ts";
import type { S3Request } from "../protocol/s3-request.ts";
import { endpointOf } from "../request-facts.ts";
import { toHttpResponse } from "../response.ts";
import type { QueryServices } from "../services.ts";
import { toS3Error } from "../storage/platform-errors.ts";
import { noSuchOperation, QueryError, toCommonError } from "./errors.ts";
import { parseForm, readBody } from "./form.ts";
import { type Api, formatQueryError, formatResponse, type QueryCall, type QueryService } from "./service.ts";

const FORM = /^application\/x-www-form-urlencoded\s*(;|$)/i;

/** The service that a request is signed for; undefined for requests to S3. */
export function findQueryService(
  { request, url }: Incoming,
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
export function handleQuery(service: QueryService, incoming: Incoming, services: QueryServices): Promise<Response> {
  incoming.log.service = service.api.service;
  return answer(service, incoming, () => serve(service, incoming, services));
}

/** Answers with the document that `run` returns, or with the error it throws. */
export async function answer(
  { api, toError }: Pick<QueryService, "api" | "toError">,
  incoming: Incoming,
  run: () => Promise<string>,
): Promise<Response> {
  const { log } = incoming;
  const { requestId } = log;
  const headers = { "content-type": "text/xml", "x-amzn-requestid": requestId };
  try {
    return toHttpResponse({ status: 200, headers, body: await run() }, incoming);
  } catch (error) {
    const failure = describeFailure(error, toError);
    log.code = failure.code;
    if (failure.cause !== undefined) log.cause = failure.cause;
    const body = formatQueryError(api, failure, requestId);
    return toHttpResponse({ status: failure.status, headers, body }, incoming);
  }
}

async function serve(service: QueryService, incoming: Incoming, services: QueryServices): Promise<string> {
  const { api } = service;
  const { request, log } = incoming;
  const body = await readBody(request.body, service.maxBodyBytes);
  const received = readRequest(incoming);
  const caller = await requireCaller(received, { service: api.service, body, log }, services);
  log.caller = caller.accessKeyId;
  services.noteKeyUse(caller, { service: api.service, now: received.now });

  const form = parseForm(body);
  log.form = form;
  const name = form.get("Action");
  if (name === undefined) {
    throw new QueryError("MissingAction", "The request is missing an action or a required parameter.", { status: 400 });
  }
  if (form.get("Version") !== api.version) {
    throw noSuchOperation(name, form.get("Version")?.slice(0, 32) ?? "NO_VERSION_SPECIFIED");
  }
  const run = service.find(name, form.keys());
  log.operation = `${api.service}:${name}`;
  const { now } = received;
  const noteCreated: QueryCall["noteCreated"] = (ids) => {
    log.created = ids;
  };
  const facts = factsOf(received);
  const call = { action: name, form, caller, facts, now, endpoint: endpointOf(received), services, noteCreated };
  return formatResponse(api, await run(call), { action: name, requestId: log.requestId });
}

/** @throws S3Error; QueryError unless the request is signed in its header and has no query */
async function requireCaller(
  received: S3Request,
  {
    service,
    body,
    log,
  }: { readonly service: Api["service"]; readonly body: Uint8Array<ArrayBuffer>; readonly log: Incoming["log"] },
  { directory }: QueryServices,
): Promise<AccountCaller> {
  const claimed = claimedKey(received);
  log.claimedKeyId = claimed.accessKeyId;
  const { credential } = await directory.load(claimed);
  // These APIs have one endpoint for all regions: clients sign for their own region or for us-east-1.
  const options = { regions: "any", service, bodySha256: sha256Hex(body) } as const;
  const { caller, style, signatureVersion } = await identify(received, credential, options);
  log.authentication = { caller, style, signatureVersion };
  if (caller.kind !== "account" || style !== "header") {
    throw new QueryError("MissingAuthenticationToken", "Request is missing Authentication Token", { status: 403 });
  }
  if (received.query.entries.length > 0) {
    throw new QueryError("InvalidQueryParameter", "Parameters of a POST request must be in its body.", {
      status: 400,
    });
  }
  return caller;
}

function factsOf({ url, headers, query, now, client }: S3Request): QueryCall["facts"] {
  return {
    sourceIp: client.address,
    isSecure: url.scheme === "https",
    headers,
    query,
    now,
    authType: "REST-HEADER",
  };
}

function describeFailure(error: unknown, toError: QueryService["toError"]): QueryError {
  if (error instanceof QueryError) return error;
  const failure = toS3Error(error);
  return toCommonError(failure) ?? toError(failure);
}
