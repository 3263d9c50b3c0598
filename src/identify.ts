/**
 * Reads a request and establishes who sent it, for every surface that verifies signatures: S3, the query APIs, the
 * admin API.
 */
import {
  type Authentication,
  type AuthenticationOptions,
  authenticate,
  authenticatePostForm,
  claimedAccessKeyId,
  claimedFormAccessKeyId,
  claimedFormSessionToken,
  claimedSessionToken,
  type FormAuthentication,
} from "./auth/authenticate.ts";
import type { Credential, FindCredential } from "./model/caller.ts";
import type { AddressingStyle, Resource } from "./model/resource.ts";
import { lazyCopySource } from "./protocol/copy-source.ts";
import type { PostForm } from "./protocol/post-form/post-form.ts";
import { parseQuery, type RawUrl } from "./protocol/request-target.ts";
import type { S3Request } from "./protocol/s3-request.ts";
import type { RequestLog } from "./request-log.ts";

/** A request as it arrives. */
export interface Incoming {
  readonly request: Request;
  /** The request's URL, parsed once for all surfaces. */
  readonly url: RawUrl;
  /** Collects what is known about the request. */
  readonly log: RequestLog;
}

const SERVICE = { resource: { kind: "service" }, style: "path" } as const;

/**
 * The platform's request in S3's terms.
 * @param address the resource that the URL names; the service as a whole on surfaces whose paths mean something else
 * @throws S3Error `InvalidURI` for a query that cannot be decoded
 */
export function readRequest(
  { request, url, log }: Incoming,
  address: { readonly resource: Resource; readonly style: AddressingStyle } = SERVICE,
): S3Request {
  const accepted: unknown = request.cf?.clientAcceptEncoding;
  return {
    method: request.method,
    url,
    resource: address.resource,
    style: address.style,
    query: parseQuery(url.query),
    headers: request.headers,
    copySource: lazyCopySource(request.headers),
    clientAcceptEncoding: typeof accepted === "string" ? accepted : undefined,
    body: request.body,
    now: new Date(),
    requestId: log.requestId,
  };
}

/** The key that a request names, in its form if it has one. It is unverified, and is used only to load the key. */
export function claimedKey(
  request: S3Request,
  form?: PostForm,
): { readonly accessKeyId: string | undefined; readonly sessionToken: string | undefined } {
  return form === undefined
    ? { accessKeyId: claimedAccessKeyId(request), sessionToken: claimedSessionToken(request) }
    : { accessKeyId: claimedFormAccessKeyId(form.fields), sessionToken: claimedFormSessionToken(form.fields) };
}

export type FormRequest = S3Request & { readonly form: PostForm };

/**
 * Establishes who sent a request.
 * @param credential the key that the request names, if it exists: see `claimedKey`
 * @throws S3Error one of S3's authentication errors
 */
export function identify(
  request: FormRequest,
  credential: Credential | undefined,
  options: AuthenticationOptions,
): Promise<FormAuthentication>;
export function identify(
  request: S3Request,
  credential: Credential | undefined,
  options: AuthenticationOptions,
): Promise<Authentication>;
export function identify(
  request: S3Request,
  credential: Credential | undefined,
  options: AuthenticationOptions,
): Promise<Authentication> {
  const findCredential: FindCredential = async (id) => (id === credential?.accessKeyId ? credential : undefined);
  const { form } = request;
  return form === undefined
    ? authenticate(request, findCredential, options)
    : authenticatePostForm({ ...request, form }, findCredential, options);
}
