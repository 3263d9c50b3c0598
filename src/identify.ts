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
  effectiveHeaders,
  type FormAuthentication,
} from "./auth/authenticate.ts";
import { openObjectBody, readWholeBody } from "./auth/payload/request-body.ts";
import { type FormUpload, openFormFile } from "./auth/post-policy/form-file.ts";
import type { AddressingStyle, Resource } from "./model/bucket.ts";
import type { Credential, FindCredential } from "./model/caller.ts";
import { type BodySource, requireBucket } from "./operations/operation.ts";
import { isValidBucketName } from "./protocol/addressing.ts";
import { COPY_SOURCE_HEADER, lazyCopySource } from "./protocol/copy-source.ts";
import type { OperationName } from "./protocol/operation-name.ts";
import { toObjectHeaders } from "./protocol/post-form/form-headers.ts";
import type { PostForm } from "./protocol/post-form/post-form.ts";
import { parseQuery, type RawUrl } from "./protocol/request-target.ts";
import type { Client, S3Request } from "./protocol/s3-request.ts";
import type { RequestLog } from "./request-log.ts";
import type { WantedRows } from "./storage/d1/directory.ts";

/** A request as it arrives. */
export interface Incoming {
  readonly request: Request;
  /** The request's URL, parsed once for all surfaces. */
  readonly url: RawUrl;
  /** Collects what is known about the request. */
  readonly log: RequestLog;
  readonly client: Client;
}

const SERVICE = { resource: { kind: "service" }, style: "path" } as const;

/**
 * The platform's request in S3's terms.
 * @param address the resource that the URL names; the service as a whole on surfaces whose paths mean something else
 * @throws S3Error `InvalidURI` for a query that cannot be decoded
 */
export function readRequest(
  { request, url, log, client }: Incoming,
  address: { readonly resource: Resource; readonly style: AddressingStyle } = SERVICE,
): S3Request {
  const { headers } = request;
  return {
    method: request.method,
    url,
    resource: address.resource,
    style: address.style,
    query: parseQuery(url.query),
    headers,
    copySource: lazyCopySource(headers),
    client,
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

/** The authentication of a request, the request as it was signed, and its body. */
export interface Established {
  readonly authentication: Authentication;
  readonly signed: S3Request;
  readonly source: BodySource;
}

/** Authenticates a request of S3. What it means from then on is only what its signature covers. */
export function establish(
  received: S3Request,
  credential: Credential | undefined,
  options: AuthenticationOptions,
): Promise<Established> {
  const { form } = received;
  return form === undefined
    ? establishSigned(received, credential, options)
    : establishForm({ ...received, form }, credential, options);
}

async function establishSigned(
  received: S3Request,
  credential: Credential | undefined,
  options: AuthenticationOptions,
): Promise<Established> {
  const authentication = await identify(received, credential, options);
  const headers = effectiveHeaders(received, authentication);
  const isSent = headers === received.headers || received.headers.has(COPY_SOURCE_HEADER);
  const copySource = isSent ? received.copySource : lazyCopySource(headers);
  const { query, region: signedRegion } = authentication;
  const signed: S3Request = { ...received, query, headers, copySource, signedRegion };
  const source: BodySource = {
    document({ maxBytes, digest }) {
      const declared = digest === "content-md5" ? { ...signed, headers: withoutChecksums(headers) } : signed;
      return readWholeBody(declared, authentication, { maxBytes, requireDigest: digest === "required" });
    },
    stream: ({ md5ShownIn }) => openObjectBody(signed, authentication, md5ShownIn),
  };
  return { authentication, signed, source };
}

/** A form means a PUT: the object it names is the resource, and its fields are the headers. */
async function establishForm(
  received: FormRequest,
  credential: Credential | undefined,
  options: AuthenticationOptions,
): Promise<Established> {
  const authentication = await identify(received, credential, options);
  const { query, fileSize } = authentication;
  const headers = toObjectHeaders(received.form.fields, received.headers);
  const resource: Resource = { kind: "object", bucket: requireBucket(received), key: received.form.key };
  const signed = { ...received, resource, query, headers, copySource: lazyCopySource(headers) };
  return { authentication, signed, source: { formFile: () => openFormFile(signed, fileSize) } };
}

function withoutChecksums(headers: Headers): Headers {
  return new Headers([...headers].filter(([name]) => !name.startsWith("x-amz-checksum-")));
}

/** The rows to load before anything is verified, in one query. A preflight and an unreadable form name no key. */
export function rowsNamedBy(request: S3Request, name: OperationName, upload: FormUpload | undefined): WantedRows {
  const bucketName = bucketOfResource(request);
  const isUnreadable = upload !== undefined && upload.form === undefined;
  if (name === "OptionsPreflight" || isUnreadable) return { bucketName };
  const { accessKeyId, sessionToken } = claimedKey(request, upload?.form);
  const sourceName = bucketOfCopySource(request);
  return { accessKeyId, sessionToken, bucketName, sourceName, mayBeOutdated: readsObject(request) };
}

/** Not lists and settings: an outdated row is noticed only where it leads to a refusal. */
function readsObject({ method, resource }: S3Request): boolean {
  return (method === "GET" || method === "HEAD") && resource.kind === "object";
}

function bucketOfResource({ resource }: S3Request): string | undefined {
  return resource.kind === "service" || !isValidBucketName(resource.bucket) ? undefined : resource.bucket;
}

export function bucketOfCopySource(request: S3Request): string | undefined {
  const source = request.copySource();
  return source === undefined || !isValidBucketName(source.bucket) ? undefined : source.bucket;
}
