/**
 * The IAM and STS query APIs on the S3 endpoint: `POST /` with a form, signed for the service `iam` or `sts`.
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
import type { RawUrl } from "../protocol/raw-url.ts";
import type { S3Request } from "../protocol/s3-request.ts";
import { readRequest } from "../read-request.ts";
import type { RequestLog } from "../request-log.ts";
import { toHttpResponse } from "../response.ts";
import type { Services } from "../services.ts";
import { fromPlatformError } from "../storage/platform-errors.ts";
import type { IamCall } from "./actions/action.ts";
import { requireAction } from "./actions/index.ts";
import { type Api, formatErrorResponse, formatResponse, IAM, STS } from "./api.ts";
import { IamError, toIamError } from "./errors.ts";
import { parseForm, readBody } from "./form.ts";
import { Parameters } from "./parameters.ts";

const FORM = /^application\/x-www-form-urlencoded\s*(;|$)/i;
/** Of every request, beside the action's own. */
const COMMON_PARAMETERS: ReadonlySet<string> = new Set(["Action", "Version"]);

export function isIamRequest(request: Request, url: RawUrl, domains: readonly string[]): boolean {
  const { method, headers } = request;
  if (method !== "POST" || url.path !== "/" || !FORM.test(headers.get("content-type") ?? "")) return false;
  return findApi(headers) !== undefined && !namesBucketInHost(url, headers.get("host"), domains);
}

/** Answers a request that `isIamRequest`; never throws. */
export async function handleIam(request: Request, services: Services, log: RequestLog): Promise<Response> {
  const { requestId } = log;
  const api = findApi(request.headers) ?? IAM;
  const headers = { "content-type": "text/xml", "x-amzn-requestid": requestId };
  try {
    const body = await serve(request, api, services, log);
    return toHttpResponse({ status: 200, headers, body }, request, requestId);
  } catch (error) {
    const failure = describeFailure(error);
    log.code = failure.code;
    if (failure.cause !== undefined) log.cause = failure.cause;
    const body = formatErrorResponse(api, failure, requestId);
    return toHttpResponse({ status: failure.status, headers, body }, request, requestId);
  }
}

async function serve(request: Request, api: Api, services: Services, log: RequestLog): Promise<string> {
  const body = await readBody(request.body);
  const identity = await identify(request, body, api, services, log);

  const form = parseForm(body);
  const name = form.get("Action");
  if (name === undefined)
    throw new IamError("MissingAction", "The request is missing an action or a required parameter.");
  if (form.get("Version") !== api.version) {
    const version = form.get("Version")?.slice(0, 32) ?? "NO_VERSION_SPECIFIED";
    throw new IamError("InvalidAction", `Could not find operation ${name.slice(0, 128)} for version ${version}`);
  }
  const action = requireAction(api, name);
  log.operation = `${api.service}:${name}`;
  for (const parameter of form.keys()) {
    if (COMMON_PARAMETERS.has(parameter) || action.parameters.includes(parameter)) continue;
    throw new IamError("NotImplemented", `The parameter ${parameter.slice(0, 128)} of ${name} is not supported.`);
  }
  const call = { api, action: name, parameters: new Parameters(form), ...identity, services };
  const result = await action.run(call);
  return formatResponse(api, name, result, log.requestId);
}

async function identify(
  request: Request,
  body: Uint8Array<ArrayBuffer>,
  api: Api,
  services: Services,
  log: RequestLog,
): Promise<Pick<IamCall, "caller" | "facts" | "now">> {
  const received = readRequest(request, log.requestId);
  const { credential } = await services.directory.load({
    accessKeyId: claimedAccessKeyId(received),
    sessionToken: claimedSessionToken(received),
    bucketNames: [],
  });
  // IAM is one for all regions: its clients sign for whatever theirs is, or for us-east-1.
  const { caller, style } = await authenticate(received, async () => credential, {
    regions: "any",
    service: api.service,
    bodySha256: sha256Hex(body),
  });
  if (caller.kind !== "account" || style !== "header") {
    throw new IamError("MissingAuthenticationToken", "Request is missing Authentication Token");
  }
  if (received.query.entries.length > 0) {
    throw new IamError("InvalidQueryParameter", "Parameters of a POST request belong into its body.");
  }
  log.caller = caller.accessKeyId;
  services.noteKeyUse(caller, { service: api.service, now: received.now });
  return { caller, facts: factsOf(received), now: received.now };
}

function factsOf({ url, headers, query, now }: S3Request): IamCall["facts"] {
  return {
    sourceIp: headers.get("cf-connecting-ip") ?? undefined,
    isSecure: url.scheme === "https",
    headers,
    query,
    now,
    authType: "REST-HEADER",
  };
}

function findApi(headers: Headers): Api | undefined {
  const service = claimedService(headers);
  return [IAM, STS].find((api) => api.service === service);
}

function describeFailure(error: unknown): IamError {
  if (error instanceof IamError) return error;
  return toIamError(error instanceof S3Error ? error : fromPlatformError(error));
}
