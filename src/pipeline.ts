/**
 * Handles an S3 request, from top to bottom. Each stage is one call with a typed result; there is one `catch`.
 *
 *    address → operation → key and bucket rows → authenticate → parse → authorize → execute → respond → CORS headers
 *
 * No stage before authorization reads the body, except for the fields of a form, which contain its signature.
 */
import { authorize, type Grant } from "./access/authorize.ts";
import type { Authentication, AuthenticationOptions } from "./auth/authenticate.ts";
import { beginFormUpload, type FormUpload } from "./auth/post-policy/form-file.ts";
import { checkPreflight } from "./cors/preflight.ts";
import { addCorsHeaders } from "./cors/rules.ts";
import { S3Error } from "./errors.ts";
import { bucketOfCopySource, establish, type Incoming, readRequest, rowsNamedBy } from "./identify.ts";
import { type Bucket, locationOf } from "./model/bucket.ts";
import type { Caller } from "./model/caller.ts";
import { findLogged } from "./model/logged-bucket.ts";
import { requireOffered } from "./operations/adopted.ts";
import { OPERATIONS } from "./operations/index.ts";
import { isAbsence, withMethod } from "./operations/object/delete-markers.ts";
import type { BodySource } from "./operations/operation.ts";
import { isValidBucketName, parseAddress } from "./protocol/addressing.ts";
import { COPY_SOURCE_HEADER } from "./protocol/copy-source.ts";
import { requireSecureKeys } from "./protocol/customer-key-headers.ts";
import { refuseMisplacedEncryption } from "./protocol/encryption-headers.ts";
import type { OperationName } from "./protocol/operation-name.ts";
import { refuseHeaders } from "./protocol/refused-headers.ts";
import { resolveOperation } from "./protocol/routes.ts";
import type { S3Request } from "./protocol/s3-request.ts";
import { formatErrorResponse } from "./protocol/xml/error-response.ts";
import { requestFacts, requestOrigin } from "./request-facts.ts";
import type { RequestLog } from "./request-log.ts";
import { hostId, type S3Response, toHttpResponse } from "./response.ts";
import type { S3Services } from "./services.ts";
import type { Directory, DirectoryEntries, WantedRows } from "./storage/d1/directory.ts";
import { toS3Error } from "./storage/platform-errors.ts";
import { findHostedSite, serveHosted } from "./website/hosted.ts";
import type { PerformRequest } from "./website/responses.ts";

type ServedName = Exclude<OperationName, "OptionsPreflight">;

/** Answers an S3 request; never throws. */
export async function handleS3(incoming: Incoming, services: S3Services): Promise<Response> {
  const { request, log } = incoming;
  const { config, directory } = services;
  let upload: FormUpload | undefined;
  let bucket: Bucket | undefined;
  let answer: S3Response;
  let hasRows = false;
  try {
    const received = addressRequest(incoming, config.s3Domains);
    const name = resolveOperation(received);
    log.operation = name;
    upload = name === "PostObject" ? await beginFormUpload(received) : undefined;
    const wanted = rowsNamedBy(received, name, upload);
    log.claimedKeyId = wanted.accessKeyId;
    const rows = await directory.load(wanted);
    hasRows = true;
    bucket = addressedBucket(received, rows.buckets);
    if (name === "OptionsPreflight") answer = answerPreflight(received, bucket);
    else {
      const confirmed = confirming(directory, wanted, rows);
      const arrival = { received: withForm(received, upload), name, incoming, confirmed };
      answer = await confirmed((current) => {
        bucket = addressedBucket(received, current.buckets);
        return serve({ ...arrival, rows: current }, services);
      });
    }
  } catch (error) {
    answer = withRegion(describeFailure(error, log), log, bucket);
    await upload?.discard();
    if (!hasRows) log.findLogged = findLoggedLater(log, directory);
  }
  log.found = bucket;
  log.logged = findLogged(bucket);
  log.detail = answer.detail;
  const response = toHttpResponse(answer, incoming);
  addCorsHeaders(response, request, bucket?.documents.cors);
  return response;
}

/** Calls `use` with the rows of a request; a second time, with those of the primary, before a refusal by outdated ones. */
export type Confirmed = <Answer>(use: (rows: DirectoryEntries) => Promise<Answer>) => Promise<Answer>;

/** Refusals, which are errors below 500, count only if the rows of the primary lead to them too: see `Directory.confirm`. */
export function confirming(directory: Directory, wanted: WantedRows, loaded: DirectoryEntries): Confirmed {
  let rows = loaded;
  return async (use) => {
    try {
      return await use(rows);
    } catch (refusal) {
      const current = toS3Error(refusal).status < 500 ? await directory.confirm(wanted, rows) : undefined;
      if (current === undefined) throw refusal;
      rows = current;
      return use(rows);
    }
  };
}

/** A request that is not authenticated yet. */
interface Arrival {
  readonly received: S3Request;
  readonly name: ServedName;
  readonly rows: DirectoryEntries;
  readonly incoming: Incoming;
  readonly confirmed: Confirmed;
}

async function serve(arrival: Arrival, services: S3Services): Promise<S3Response> {
  const { received, rows, confirmed } = arrival;
  const { log } = arrival.incoming;
  const { config, directory } = services;
  const regions = config.enforceRegion ? config.region : "any";
  const options: AuthenticationOptions = { regions, service: "s3", signatureV2: config.signatureV2 };
  // From here on, only what the signature covers is used.
  const { authentication, signed, source } = await establish(received, rows.credential, options);
  log.authentication = authentication;
  log.signed = signed;
  const { caller, style, signatureVersion } = authentication;
  if (signed.form !== undefined) log.key = signed.form.key;
  log.caller = caller.kind === "account" ? caller.accessKeyId : caller.kind;
  if (caller.kind === "account") services.noteKeyUse(caller, { service: "s3", now: received.now });
  const hoisted = await loadHoistedSource(directory, received, signed);
  const buckets = hoisted === undefined ? rows.buckets : new Map([...rows.buckets, ...hoisted]);

  // Only the signed part of a query may choose the operation. Version 2 leaves parameters unsigned, and the query of a
  // presigned URL contains headers: a copy source makes a PUT a copy.
  const mayDiffer = style === "query" || (style === "header" && signatureVersion === "AWS");
  const name = mayDiffer ? requireServed(resolveOperation(signed)) : arrival.name;
  const context = { caller, style, signatureVersion, buckets, services, log };
  const site = findHostedSite(signed, name, { caller, bucket: addressedBucket(received, rows.buckets) });
  if (site === undefined) return perform(signed, name, { ...context, source: noting(source, log) });
  // A site turns refusals into pages and redirects, so each is confirmed before.
  const read: PerformRequest = (object) =>
    confirmed((current) => performRead(object, { ...context, buckets: current.buckets }));
  return serveHosted(site, signed, { perform: read, log });
}

/** An authenticated caller, and the buckets that the request names. */
export interface RequestContext extends Pick<Authentication, "style" | "signatureVersion"> {
  readonly caller: Caller;
  readonly buckets: ReadonlyMap<string, Bucket>;
  readonly services: S3Services;
  readonly log: RequestLog;
}

/** Performs a request for an object that the original request does not name, without a body. Websites use it. */
export function performRead(request: S3Request, context: RequestContext): Promise<S3Response> {
  return perform(request, requireServed(resolveOperation(request)), { ...context, source: {} });
}

/** Parses, authorizes and executes an operation. */
async function perform(
  signed: S3Request,
  name: ServedName,
  { caller, style, signatureVersion, buckets, services, log, source }: RequestContext & { readonly source: BodySource },
): Promise<S3Response> {
  const operation = OPERATIONS[name];
  log.operation = name;
  refuseHeaders(name, signed.headers, signed.method);
  refuseMisplacedEncryption(name, signed.headers);
  requireSecureKeys(signed.headers, signed.url.scheme === "https" || services.config.acceptsKeysOverHttp);
  const prepared = operation.prepare(signed);
  refuseBadBucketName(signed, name, buckets);
  const { stores, deployment } = services;
  noteCopySource(signed, buckets, log);
  const grant = await authorize({
    caller,
    permissions: prepared.permissions,
    buckets,
    facts: () => requestFacts(signed, { style, signatureVersion, operation: name }),
    findObject: (bucket, object) => orAbsent(stores.objects.head(bucket, object)),
  });
  log.grant = grant;
  refuseUnexpectedOwner(signed, buckets);
  requireOffered(name, addressedBucket(signed, buckets));

  try {
    const context = {
      grant,
      stores,
      deployment,
      request: signed,
      // Reads have no use for it.
      get journal() {
        return services.journal.of(requestOrigin(signed, caller));
      },
    };
    const answer = await prepared.run(context, source);
    log.isForEveryone = name === "GetObject" && grant.isForEveryone;
    return answer;
  } catch (error) {
    throw await withoutExistence(error, grant, signed);
  }
}

/** Finds out whether a request is logged that failed before its bucket was read. */
export function findLoggedLater({ bucket }: RequestLog, directory: Directory): RequestLog["findLogged"] {
  if (bucket === undefined || !isValidBucketName(bucket)) return undefined;
  return async () => findLogged((await directory.load({ bucketName: bucket })).buckets.get(bucket));
}

function noteCopySource(signed: S3Request, buckets: ReadonlyMap<string, Bucket>, log: RequestLog): void {
  const source = signed.copySource();
  if (source === undefined) return;
  const bucket = findLogged(buckets.get(source.bucket));
  if (bucket !== undefined) log.copiedFrom = { ...source, bucket };
}

/** Keeps the document for the audit, which shows its digest. */
function noting(source: BodySource, log: RequestLog): BodySource {
  const { document } = source;
  if (document === undefined) return source;
  return {
    ...source,
    async document(options) {
      log.document = await document(options);
      return log.document;
    },
  };
}

/** Resolving the operation again cannot yield a preflight, because OPTIONS is a method of its own. */
function requireServed(name: OperationName): ServedName {
  if (name === "OptionsPreflight") throw new S3Error("MethodNotAllowed");
  return name;
}

/** A decision about an object that does not exist must not answer in place of the operation. */
async function orAbsent<Found>(finding: Promise<Found | undefined>): Promise<Found | undefined> {
  try {
    return await finding;
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

/**
 * Only callers that may list the bucket learn that a key or version does not exist, or is a delete marker; others receive
 * 403 (API_GetObject, "Permissions").
 */
async function withoutExistence(error: unknown, grant: Grant, { resource, method }: S3Request): Promise<unknown> {
  if (!isAbsence(error) || resource.kind !== "object") return error;
  const mayList = await grant.allows({ on: "key-existence", bucket: resource.bucket, key: resource.key });
  return mayList ? withMethod(error, method) : new S3Error("AccessDenied", { cause: error });
}

/** @throws the error that made the form unreadable */
function withForm(received: S3Request, upload: FormUpload | undefined): S3Request {
  if (upload === undefined) return received;
  if (upload.form === undefined) throw upload.failure;
  return { ...received, form: upload.form };
}

/**
 * Preflights are answered without authentication, because browsers send them without credentials; cors/preflight.ts
 * says why that is safe. Only the bucket's row is read, and the answer consists of the headers that every answer has.
 */
function answerPreflight(request: S3Request, bucket: Bucket | undefined): S3Response {
  checkPreflight(request.resource, request.headers, bucket);
  return { status: 200 };
}

function addressRequest(incoming: Incoming, domains: readonly string[]): S3Request {
  const { request, url, log } = incoming;
  const address = parseAddress(url, request.headers.get("host"), domains);
  const { resource } = address;
  if (resource.kind !== "service") log.bucket = resource.bucket;
  if (resource.kind === "object") log.key = resource.key;
  return readRequest(incoming, address);
}

function addressedBucket({ resource }: S3Request, buckets: ReadonlyMap<string, Bucket>): Bucket | undefined {
  return resource.kind === "service" ? undefined : buckets.get(resource.bucket);
}

/** The bucket of a copy source in the query of a presigned URL, which counts only after the signature is verified. */
async function loadHoistedSource(
  directory: Directory,
  received: S3Request,
  signed: S3Request,
): Promise<ReadonlyMap<string, Bucket> | undefined> {
  if (signed.headers === received.headers || received.headers.has(COPY_SOURCE_HEADER)) return undefined;
  if (!signed.headers.has(COPY_SOURCE_HEADER)) return undefined;
  return (await directory.load({ sourceName: bucketOfCopySource(signed) })).buckets;
}

/** An invalid bucket name has its own error, different from that of a bucket that does not exist. */
function refuseBadBucketName(request: S3Request, name: OperationName, buckets: ReadonlyMap<string, Bucket>): void {
  if (request.resource.kind === "service" || name === "CreateBucket") return;
  const { bucket } = request.resource;
  if (!buckets.has(bucket) && !isValidBucketName(bucket)) {
    throw new S3Error("InvalidBucketName", { details: { BucketName: bucket } });
  }
}

/**
 * `x-amz-expected-bucket-owner` and its counterpart for the copy source: an account id, else 403 (S3 "Bucket owner
 * condition").
 */
function refuseUnexpectedOwner(request: S3Request, buckets: ReadonlyMap<string, Bucket>): void {
  const check = (header: string, bucketName: string | undefined) => {
    const expected = request.headers.get(header);
    if (expected === null) return;
    if (!/^\d{12}$/.test(expected)) {
      const message = `The value of the expected bucket owner parameter must be an AWS Account ID... [${expected}]`;
      throw new S3Error("InvalidBucketOwnerAWSAccountID", { message });
    }
    if (bucketName === undefined || buckets.get(bucketName)?.accountId !== expected) throw new S3Error("AccessDenied");
  };
  if (request.resource.kind !== "service") check("x-amz-expected-bucket-owner", request.resource.bucket);
  const source = request.copySource();
  if (source !== undefined) check("x-amz-source-expected-bucket-owner", source.bucket);
}

/** A refused HeadBucket returns the bucket's region to any caller, as on AWS: clients find the region that way. */
function withRegion(answer: S3Response, { operation }: RequestLog, bucket: Bucket | undefined): S3Response {
  if (operation !== "HeadBucket" || bucket === undefined) return answer;
  return { ...answer, headers: { ...answer.headers, "x-amz-bucket-region": locationOf(bucket).region } };
}

function describeFailure(error: unknown, log: RequestLog): S3Response {
  const failure = toS3Error(error);
  log.code = failure.code;
  if (failure.cause !== undefined) log.cause = failure.cause;
  return {
    status: failure.status,
    headers: failure.headers,
    body: formatErrorResponse(failure, { requestId: log.requestId, hostId: hostId(log.requestId) }),
  };
}
