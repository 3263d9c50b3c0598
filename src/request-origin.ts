/** What events tell of the request that caused them. */
import type { Caller } from "./model/caller.ts";
import type { S3Request } from "./protocol/s3-request.ts";
import type { RequestOrigin } from "./storage/journal/journal.ts";

const CALLBACK_VARIABLE = "x-oss-callback-";

export function requestOrigin(request: S3Request, caller: Caller): RequestOrigin {
  return {
    time: request.now.getTime(),
    principalId: principalId(caller),
    sourceIp: request.headers.get("cf-connecting-ip") ?? "",
    requestId: request.requestId,
    endpoint: endpointOf(request),
    callbackVariables: callbackVariables(request),
  };
}

function principalId(caller: Caller): string {
  if (caller.kind === "anonymous") return "Anonymous";
  const { account, user, session } = caller;
  if (session?.name !== undefined) return `${account.id}:${session.name}`;
  return user?.id ?? account.id;
}

/** Scheme and host, without the bucket where that stood in the host. */
export function endpointOf({ url, headers, style, resource }: S3Request): string {
  const host = headers.get("host") ?? url.host;
  const bucket = style === "virtual-host" && resource.kind !== "service" ? `${resource.bucket}.` : "";
  return `${url.scheme}://${host.startsWith(bucket) ? host.slice(bucket.length) : host}`;
}

/** Parameters of the request that its sender wants to find in the event (reference system, "callBackVar"). */
function callbackVariables({ query }: S3Request): RequestOrigin["callbackVariables"] {
  const variables = query.entries
    .filter(([name]) => name.startsWith(CALLBACK_VARIABLE))
    .map(([name, value]) => [name.slice(CALLBACK_VARIABLE.length), value] as const);
  const names = new Set(variables.map(([name]) => name));
  return Object.fromEntries(
    [...names].map((name) => [name, variables.filter(([other]) => other === name).map(([, value]) => value)]),
  );
}
