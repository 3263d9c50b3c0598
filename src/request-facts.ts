/**
 * What policies and events learn about a request. It comes only from the platform or from what the signature covers.
 */
import type { SharedFacts } from "./access/decision.ts";
import type { Authentication } from "./auth/authenticate.ts";
import { parseAmzDate, parseDateHeader } from "./auth/request-time.ts";
import type { Caller } from "./model/caller.ts";
import type { OperationName } from "./protocol/operation-name.ts";
import type { Client, S3Request } from "./protocol/s3-request.ts";
import type { RequestOrigin } from "./storage/journal/plan-messages.ts";

const AUTH_TYPES = {
  header: "REST-HEADER",
  query: "REST-QUERY-STRING",
  form: "POST",
  anonymous: undefined,
} as const satisfies Record<Authentication["style"], SharedFacts["authType"]>;

const DATE = "x-amz-date";

/** Operations that create a whole object (`s3:ObjectCreationOperation`). */
const CREATES_OBJECT: ReadonlySet<OperationName> = new Set([
  "PutObject",
  "PostObject",
  "CopyObject",
  "CompleteMultipartUpload",
  "RenameObject",
]);

/** Operations on an upload that was created with an encryption, which their requests do not name. */
const OF_UPLOAD: ReadonlySet<OperationName> = new Set(["UploadPart", "UploadPartCopy", "CompleteMultipartUpload"]);

/** The values that conditions of policies are evaluated on. */
export function requestFacts(
  signed: S3Request,
  request: Pick<Authentication, "style" | "signatureVersion"> & {
    readonly operation: OperationName;
  },
): SharedFacts {
  const { headers, query, url, now, client } = signed;
  const authType = AUTH_TYPES[request.style];
  return {
    sourceIp: client.address,
    isSecure: url.scheme === "https",
    tlsVersion: tlsNumber(client),
    headers,
    query,
    now,
    authType,
    ...(authType !== undefined && {
      signatureAgeMs: signatureAge(signed, request),
      signatureVersion: request.signatureVersion,
    }),
    copySource: signed.copySource(),
    isOfUpload: OF_UPLOAD.has(request.operation),
    createsObject: CREATES_OBJECT.has(request.operation),
  };
}

type Signing = Pick<Authentication, "style" | "signatureVersion">;

/**
 * Milliseconds since the signed date; an unsigned date is ignored. A URL or form of Version 2 has an expiry but no date
 * of signing, so its age counts as unlimited and a policy's maximum age refuses it.
 */
function signatureAge(signed: S3Request, signing: Signing): number | undefined {
  if (signing.signatureVersion === "AWS" && signing.style !== "header") return Number.MAX_SAFE_INTEGER;
  const text = signatureDate(signed, signing.style);
  const date = text === null || text === undefined ? undefined : (parseAmzDate(text) ?? parseDateHeader(text));
  return date && Math.max(0, signed.now.getTime() - date.instant.getTime());
}

function signatureDate({ headers, query, form }: S3Request, style: Signing["style"]): string | null | undefined {
  switch (style) {
    case "form":
      return form?.fields.get(DATE);
    case "query":
      // The name of the parameter is case-insensitive (`auth/sigv4/presigned-url.ts`).
      return query.entries.find(([name]) => name.toLowerCase() === DATE)?.[1];
    case "header":
      return headers.get(DATE) ?? headers.get("date");
    case "anonymous":
      return undefined;
  }
}

/** `TLSv1.3` → `1.3`. */
function tlsNumber({ tlsVersion }: Client): string | undefined {
  return tlsVersion && /^TLSv([\d.]+)$/.exec(tlsVersion)?.[1];
}

const CALLBACK_VARIABLE = "x-oss-callback-";

/** The part of an event that describes the request. */
export function requestOrigin(request: S3Request, caller: Caller): RequestOrigin {
  return {
    time: request.now,
    principalId: principalId(caller),
    sourceIp: request.client.address ?? "",
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

/** Scheme and host, without the bucket of a virtual-hosted-style request. */
export function endpointOf({ url, headers, style, resource }: S3Request): string {
  const host = headers.get("host") ?? url.host;
  const bucket = style === "virtual-host" && resource.kind !== "service" ? `${resource.bucket}.` : "";
  return `${url.scheme}://${host.startsWith(bucket) ? host.slice(bucket.length) : host}`;
}

/** Parameters that the client passes on to the event (reference system, "callBackVar"). */
function callbackVariables({ query }: S3Request): RequestOrigin["callbackVariables"] {
  const variables = query.entries
    .filter(([name]) => name.startsWith(CALLBACK_VARIABLE))
    .map(([name, value]) => [name.slice(CALLBACK_VARIABLE.length), value] as const);
  const names = new Set(variables.map(([name]) => name));
  return Object.fromEntries(
    [...names].map((name) => [name, variables.filter(([other]) => other === name).map(([, value]) => value)]),
  );
}
