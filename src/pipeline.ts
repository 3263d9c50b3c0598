/**
 * The way of an S3 request, top to bottom. Each stage is one call with a typed result; there is one `catch`.
 *
 *   address → operation → key and bucket rows → authenticate → parse → authorize → execute → respond → CORS headers
 *
 * Nothing reads the body before authorization, but for the fields of a form, among which its signature stands.
 */
import { authorize, type Grant } from "./access/authorize.ts";
import {
  type Authentication,
  type AuthenticationOptions,
  authenticate,
  authenticatePostForm,
  claimedAccessKeyId,
  claimedFormAccessKeyId,
  claimedFormSessionToken,
  claimedRegion,
  claimedSessionToken,
  effectiveHeaders,
} from "./auth/authenticate.ts";
import { ByteReader } from "./auth/payload/byte-reader.ts";
import { openObjectBody, readWholeBody } from "./auth/payload/request-body.ts";
import { openFormFile } from "./auth/post-policy/form-file.ts";
import { checkPreflight } from "./cors/preflight.ts";
import { addCorsHeaders } from "./cors/rules.ts";
import { S3Error } from "./errors.ts";
import { type Bucket, locationOf } from "./model/bucket.ts";
import type { Caller, FindCredential } from "./model/caller.ts";
import type { Resource } from "./model/resource.ts";
import { OPERATIONS } from "./operations/index.ts";
import { type BodySource, requireBucket } from "./operations/operation.ts";
import { isValidBucketName, parseAddress } from "./protocol/addressing.ts";
import { parseCopySource } from "./protocol/copy-source.ts";
import type { OperationName } from "./protocol/operation-name.ts";
import { toObjectHeaders } from "./protocol/post-form/form-headers.ts";
import { parseBoundary } from "./protocol/post-form/part-headers.ts";
import { type PostForm, readPostForm } from "./protocol/post-form/post-form.ts";
import { refuseHeaders } from "./protocol/refused-headers.ts";
import { parseRawUrl } from "./protocol/request-target.ts";
import { resolveOperation } from "./protocol/routes.ts";
import type { S3Request } from "./protocol/s3-request.ts";
import { formatErrorResponse } from "./protocol/xml/error-response.ts";
import { readRequest } from "./read-request.ts";
import { requestFacts, requestOrigin } from "./request-facts.ts";
import type { RequestLog } from "./request-log.ts";
import { hostId, type S3Response, toHttpResponse } from "./response.ts";
import type { Services } from "./services.ts";
import type { Directory } from "./storage/d1/directory.ts";
import { fromPlatformError } from "./storage/platform-errors.ts";
import { findHostedSite, serveHosted } from "./website/hosted.ts";

const COPY_SOURCE = "x-amz-copy-source";
/** 100 MiB, about what Cloudflare lets through on most plans. */
const MAX_DISCARDED_BYTES = 100 * 1024 ** 2;

/** Answers an S3 request; never throws. `log` collects what the request turned out to be. */
export async function handleS3(request: Request, services: Services, log: RequestLog): Promise<Response> {
  const found: Found = {};
  let answer: S3Response;
  try {
    answer = await serve(request, services, log, found);
  } catch (error) {
    answer = withRegion(describeFailure(error, log), log, found);
    await discard(found.form, request.headers);
  }
  const response = toHttpResponse(answer, request, log.requestId);
  addCorsHeaders(response.headers, request, found.bucket?.documents.cors);
  return response;
}

/** What is known by the time a request is answered, however far it came. */
interface Found {
  /** The bucket that path or host name, if it exists. */
  bucket?: Bucket | undefined;
  /** The body of a form that has been begun to be read. */
  form?: ByteReader;
}

async function serve(request: Request, services: Services, log: RequestLog, found: Found): Promise<S3Response> {
  const { config, directory } = services;
  const received = addressRequest(request, config.s3Domains, log);
  const name = resolveOperation(received);
  log.operation = name;
  if (name === "OptionsPreflight") return answerPreflight(received, directory, found);
  const form = name === "PostObject" ? await readForm(received, directory, found) : undefined;

  const { credential, buckets: loaded } = await directory.load({
    accessKeyId: form ? claimedFormAccessKeyId(form.fields) : claimedAccessKeyId(received),
    sessionToken: form ? claimedFormSessionToken(form.fields) : claimedSessionToken(received),
    bucketNames: [...bucketOfResource(received), ...bucketOfCopySource(received)],
  });
  found.bucket = addressedBucket(received, loaded);
  const findCredential: FindCredential = async (id) => (id === credential?.accessKeyId ? credential : undefined);
  const regions = config.enforceRegion ? config.region : "any";
  const options: AuthenticationOptions = { regions, service: "s3", signatureV2: config.signatureV2 };
  // From here on only what the signature covers counts.
  const { caller, signed, source, ...signing } =
    form === undefined
      ? await establish(received, findCredential, options)
      : await establishForm(received, form, findCredential, options);
  if (form !== undefined) log.key = form.key;
  log.caller = caller.kind === "account" ? caller.accessKeyId : caller.kind;
  if (caller.kind === "account") services.noteKeyUse(caller, { service: "s3", now: received.now });
  const buckets = new Map([...loaded, ...(await loadHoistedSource(directory, received, signed))]);

  const asking = { caller, ...signing, buckets, cf: request.cf, services, log };
  const site = findHostedSite(signed, caller, found.bucket);
  if (site === undefined) return perform(signed, asking, source);
  return serveHosted(site, signed, { perform: (object) => perform(object, asking), log });
}

/** Who is behind a request, as it was established, and what is known of the buckets it names. */
export interface Asking extends Pick<Authentication, "style" | "signatureVersion"> {
  readonly caller: Caller;
  readonly buckets: ReadonlyMap<string, Bucket>;
  readonly cf: CfProperties | undefined;
  readonly services: Services;
  readonly log: RequestLog;
}

/** The second half of the way: what is asked for is parsed, authorized and done. Websites come in here. */
export async function perform(
  signed: S3Request,
  { caller, style, signatureVersion, buckets, cf, services, log }: Asking,
  source: BodySource = NO_BODY,
): Promise<S3Response> {
  // A copy source hoisted into a presigned URL makes a PUT a copy, which only the verified headers show.
  const operation = OPERATIONS[signed.form === undefined ? requireOperation(resolveOperation(signed)) : "PostObject"];
  log.operation = operation.name;
  refuseHeaders(operation.name, signed.headers, signed.method);
  const prepared = operation.prepare(signed);
  refuseBadBucketName(signed, operation.name, buckets);
  const { config, stores, tokenKey } = services;
  const grant = await authorize({
    caller,
    permissions: prepared.permissions,
    buckets,
    facts: requestFacts(signed, { style, signatureVersion, operation: operation.name, cf }),
    findObject: (bucket, key) => stores.objects.head(bucket, key),
  });
  refuseUnexpectedOwner(signed, buckets);

  const regions = [...config.stores.keys()];
  try {
    const origin = requestOrigin(signed, caller);
    const journal = services.journal.of(origin);
    const destinations = services.destinations.of(origin);
    const context = {
      grant,
      stores,
      journal,
      destinations,
      region: config.region,
      signedRegion: claimedRegion(signed),
      isAnyRegion: !config.enforceRegion,
      regions,
      newBuckets: config.newBuckets,
      tokenKey,
      request: signed,
    };
    return await prepared.run(context, source);
  } catch (error) {
    throw await withoutExistence(error, grant, signed);
  }
}

/** Reading the headers anew cannot turn a request into a preflight, which is a method of its own. */
function requireOperation(name: OperationName): Exclude<OperationName, "OptionsPreflight"> {
  if (name === "OptionsPreflight") throw new S3Error("MethodNotAllowed");
  return name;
}

/** Whether a key exists is for those to know who may list ("Permissions" of API_GetObject): others are told 403. */
async function withoutExistence(error: unknown, grant: Grant, { resource }: S3Request): Promise<unknown> {
  if (!(error instanceof S3Error) || error.code !== "NoSuchKey" || resource.kind !== "object") return error;
  const mayList = await grant.allows({ on: "key-existence", bucket: resource.bucket, key: resource.key });
  return mayList ? error : new S3Error("AccessDenied", { cause: error });
}

/** Who sent a request, what they signed, and the body they promised. */
interface Established extends Pick<Authentication, "style" | "signatureVersion"> {
  readonly caller: Caller;
  readonly signed: S3Request;
  readonly source: BodySource;
}

async function establish(
  received: S3Request,
  findCredential: FindCredential,
  options: AuthenticationOptions,
): Promise<Established> {
  const authentication = await authenticate(received, findCredential, options);
  const headers = effectiveHeaders(received, authentication);
  const signed = { ...received, query: authentication.query, headers };
  const source: BodySource = {
    document({ maxBytes, digest }) {
      const declared = digest === "content-md5" ? { ...signed, headers: withoutChecksums(headers) } : signed;
      return readWholeBody(declared, authentication, { maxBytes, requireDigest: digest === "required" });
    },
    stream: ({ md5ShownIn }) => openObjectBody(signed, authentication, md5ShownIn),
    formFile: notOfThisKind,
  };
  const { caller, style, signatureVersion } = authentication;
  return { caller, signed, source, style, signatureVersion };
}

/** A form is a PUT in another envelope: the object it names is the resource, and its fields are the headers. */
async function establishForm(
  received: S3Request,
  form: PostForm,
  findCredential: FindCredential,
  options: AuthenticationOptions,
): Promise<Established> {
  const authentication = await authenticatePostForm({ ...received, form }, findCredential, options);
  const { caller, query, fileSize, style, signatureVersion } = authentication;
  const headers = toObjectHeaders(form.fields, received.headers);
  const resource: Resource = { kind: "object", bucket: requireBucket(received), key: form.key };
  const signed = { ...received, resource, query, headers, form };
  const source: BodySource = {
    document: notOfThisKind,
    stream: notOfThisKind,
    formFile: () => openFormFile(signed, fileSize),
  };
  return { caller, signed, source, style, signatureVersion };
}

function notOfThisKind(): never {
  throw new S3Error("UnexpectedContent");
}

const NO_BODY: BodySource = { document: notOfThisKind, stream: notOfThisKind, formFile: notOfThisKind };

/** Where the form is at fault, CORS headers still let the page that sent it read how. */
async function readForm(received: S3Request, directory: Directory, found: Found): Promise<PostForm> {
  try {
    const boundary = parseBoundary(received.headers.get("content-type") ?? "");
    found.form = new ByteReader(received.body ?? new Blob([]).stream());
    return await readPostForm(found.form, boundary);
  } catch (error) {
    const { buckets } = await directory.load({ accessKeyId: undefined, bucketNames: bucketOfResource(received) });
    found.bucket = addressedBucket(received, buckets);
    throw error;
  }
}

/**
 * Reads what is left of a refused form. A connection closed on somebody who is still sending is reset, and a browser then
 * shows that instead of the refusal (seen with curl, undici and `wrangler dev`). Beyond the limit that is accepted.
 */
async function discard(form: ByteReader | undefined, headers: Headers): Promise<void> {
  const isBearable = Number(headers.get("content-length") ?? Number.NaN) <= MAX_DISCARDED_BYTES;
  if (form === undefined || !isBearable) return;
  try {
    while ((await form.take()) !== undefined);
  } catch {
    // The sender has gone away, and with it the reason to read on.
  }
}

/**
 * The one early exit, because browsers send preflights without credentials: see cors/preflight.ts for why that is safe.
 * It reads the bucket's row and nothing else, and has no answer but the headers that every answer gets.
 */
async function answerPreflight(request: S3Request, directory: Directory, found: Found): Promise<S3Response> {
  const { buckets } = await directory.load({ accessKeyId: undefined, bucketNames: bucketOfResource(request) });
  found.bucket = addressedBucket(request, buckets);
  checkPreflight(request.resource, request.headers, found.bucket);
  return { status: 200 };
}

function withoutChecksums(headers: Headers): Headers {
  return new Headers([...headers].filter(([name]) => !name.startsWith("x-amz-checksum-")));
}

function addressRequest(request: Request, domains: readonly string[], log: RequestLog): S3Request {
  const address = parseAddress(parseRawUrl(request.url), request.headers.get("host"), domains);
  const { resource } = address;
  if (resource.kind !== "service") log.bucket = resource.bucket;
  if (resource.kind === "object") log.key = resource.key;
  return readRequest(request, log.requestId, address);
}

function bucketOfResource({ resource }: S3Request): string[] {
  return resource.kind === "service" ? [] : [resource.bucket].filter(isValidBucketName);
}

function addressedBucket({ resource }: S3Request, buckets: ReadonlyMap<string, Bucket>): Bucket | undefined {
  return resource.kind === "service" ? undefined : buckets.get(resource.bucket);
}

function bucketOfCopySource({ headers }: S3Request): string[] {
  const copySource = headers.get(COPY_SOURCE);
  return copySource === null ? [] : [parseCopySource(copySource).bucket].filter(isValidBucketName);
}

/** A presigned URL may name its copy source in the query, where it counts only once the signature is verified. */
async function loadHoistedSource(
  directory: Directory,
  received: S3Request,
  signed: S3Request,
): Promise<ReadonlyMap<string, Bucket>> {
  if (received.headers.has(COPY_SOURCE) || !signed.headers.has(COPY_SOURCE)) return new Map();
  return (await directory.load({ accessKeyId: undefined, bucketNames: bucketOfCopySource(signed) })).buckets;
}

/** A name no bucket can have is told apart from one that happens not to exist. */
function refuseBadBucketName(request: S3Request, name: OperationName, buckets: ReadonlyMap<string, Bucket>): void {
  if (request.resource.kind === "service" || name === "CreateBucket") return;
  const { bucket } = request.resource;
  if (!buckets.has(bucket) && !isValidBucketName(bucket)) {
    throw new S3Error("InvalidBucketName", { details: { BucketName: bucket } });
  }
}

/** `x-amz-expected-bucket-owner` and its twin for the copy source: an account id, else 403 (S3 "Bucket owner condition"). */
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
  const copySource = request.headers.get(COPY_SOURCE);
  if (copySource !== null) check("x-amz-source-expected-bucket-owner", parseCopySource(copySource).bucket);
}

/** A refused probe of a bucket tells its region, to strangers too: clients look for the region that way, as on AWS. */
function withRegion(answer: S3Response, { operation }: RequestLog, { bucket }: Found): S3Response {
  if (operation !== "HeadBucket" || bucket === undefined) return answer;
  return { ...answer, headers: { ...answer.headers, "x-amz-bucket-region": locationOf(bucket).region } };
}

function describeFailure(error: unknown, log: RequestLog): S3Response {
  const failure = error instanceof S3Error ? error : fromPlatformError(error);
  log.code = failure.code;
  if (failure.cause !== undefined) log.cause = failure.cause;
  return {
    status: failure.status,
    headers: failure.headers,
    body: formatErrorResponse(failure, { requestId: log.requestId, hostId: hostId(log.requestId) }),
  };
}
