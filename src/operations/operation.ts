/**
 * The contract of an S3 operation: one exported constant with S3's exact name and four parts in request order.
 *
 * `parse` turns path, query and headers into the operation's input; `requires` lists the permissions that the caller
 * needs; `execute` does the work on storage; `respond` writes the answer. Nothing reads the body before `execute`, and
 * `execute` cannot be called without the authorizer's `Grant`.
 */
import type { Permission, VersionTarget } from "../access/actions.ts";
import type { Grant } from "../access/authorize.ts";
import type { Destinations } from "../delivery/destinations.ts";
import { S3Error } from "../errors.ts";
import type { NewBucketSettings } from "../model/bucket.ts";
import type { MacKey } from "../model/mac-key.ts";
import type { DigestText, ObjectBody, UnmeasuredBody } from "../model/object-body.ts";
import type { OperationName } from "../protocol/operation-name.ts";
import { parseVersionId, refuseVersionId } from "../protocol/query-parameters.ts";
import type { S3Request } from "../protocol/s3-request.ts";
import type { S3Response } from "../response.ts";
import type { RequestJournal } from "../storage/journal/journal.ts";
import type { Stores } from "../storage/stores.ts";

/** The request's body, in the forms that this kind of request can have. It is read in one of them, once. */
export interface BodySource {
  /** A small document, verified and read whole. */
  document?(options: DocumentOptions): Promise<Uint8Array>;
  /** Object bytes, verified while they stream. */
  stream?(options: StreamOptions): ObjectBody;
  /** The file of a form, verified while it streams. */
  formFile?(): UnmeasuredBody;
}

export interface DocumentOptions {
  readonly maxBytes: number;
  /**
   * `required`: the request must carry Content-MD5 or a checksum. `content-md5`: the request's checksum headers describe
   * something other than its body.
   */
  readonly digest: "required" | "optional" | "content-md5";
}

export interface StreamOptions {
  /** How the error document shows the digests if Content-MD5 does not match; it differs by operation. */
  readonly md5ShownIn: DigestText;
}

/** How an operation reads the body. @throws S3Error `UnexpectedContent` if the request cannot have a body of this form */
export type BodyReader<Body> = (source: BodySource) => Body | Promise<Body>;

/** The body is ignored. */
export const noBody: BodyReader<undefined> = () => undefined;

export function documentBody(options: DocumentOptions): BodyReader<Uint8Array> {
  return (source) => source.document?.(options) ?? unexpected();
}

export function objectBody(options: StreamOptions): BodyReader<ObjectBody> {
  return (source) => source.stream?.(options) ?? unexpected();
}

export const formFile: BodyReader<UnmeasuredBody> = (source) => source.formFile?.() ?? unexpected();

function unexpected(): never {
  throw new S3Error("UnexpectedContent");
}

/** What an operation can use. All of it is either data or protected by grants. */
export interface OperationContext {
  readonly grant: Grant;
  readonly stores: Stores;
  /** Every change of an object goes through it. */
  readonly journal: RequestJournal;
  readonly deployment: Deployment;
  readonly request: S3Request;
}

/** What an operation can know about the deployment; the same for every request. */
export interface Deployment {
  /** The region of the `STORE` binding. */
  readonly region: string;
  /** Regions that have storage of their own. */
  readonly regions: readonly string[];
  /** Whether signatures may name any region. */
  readonly isAnyRegion: boolean;
  /** Settings that every new bucket is given. */
  readonly newBuckets: NewBucketSettings;
  /** Whether requests without TLS may use encryption keys. */
  readonly acceptsKeysOverHttp: boolean;
  /** Signs continuation tokens. */
  readonly tokenKey: MacKey;
  /** Verifies the destinations of a notification configuration. */
  readonly destinations: Destinations;
}

export interface OperationDefinition<Input, Output, Body> {
  readonly name: OperationName;
  readonly body: BodyReader<Body>;
  /** @throws S3Error */
  parse(request: S3Request): Input;
  /** Never empty: an operation without permissions is refused. */
  requires(input: Input): readonly Permission[];
  /** @throws S3Error */
  execute(input: Input, context: OperationContext, body: Body): Promise<Output>;
  respond(output: Output, input: Input, request: S3Request): S3Response;
}

/** A parsed request whose permissions are not granted yet. */
export interface PreparedOperation {
  readonly permissions: readonly Permission[];
  run(context: OperationContext, source: BodySource): Promise<S3Response>;
}

export interface Operation {
  readonly name: OperationName;
  /** False for operations that are known and answered with 501. */
  readonly isOffered: boolean;
  prepare(request: S3Request): PreparedOperation;
}

/** Hides the types of a definition, so that operations with different types fit one table. */
export function operation<Input, Output, Body>(definition: OperationDefinition<Input, Output, Body>): Operation {
  return {
    name: definition.name,
    isOffered: true,
    prepare(request) {
      const input = definition.parse(request);
      return {
        permissions: definition.requires(input),
        async run(context, source) {
          const output = await definition.execute(input, context, await definition.body(source));
          return definition.respond(output, input, request);
        },
      };
    },
  };
}

/** A known operation that is not offered: always 501, never another operation's answer. */
export function notImplemented(name: OperationName): Operation {
  return {
    name,
    isOffered: false,
    prepare() {
      throw new S3Error("NotImplemented", { message: `The operation ${name} is not implemented.` });
    },
  };
}

/** The bucket of a request that the router has resolved to a bucket or an object. */
export function requireBucket(request: S3Request): string {
  if (request.resource.kind === "service") throw new S3Error("MethodNotAllowed");
  return request.resource.bucket;
}

/** Bucket and key of a request that the router has resolved to an object. */
export function requireObject(request: S3Request): { readonly bucket: string; readonly key: string } {
  if (request.resource.kind !== "object") throw new S3Error("MethodNotAllowed");
  return request.resource;
}

/**
 * The object of a request that may name one of its versions.
 * @throws S3Error as `parseVersionId`
 */
export function requireVersion(request: S3Request): VersionTarget {
  const versionId = parseVersionId(request.query);
  return { ...requireObject(request), ...(versionId !== undefined && { versionId }) };
}

/**
 * The object that a request is about to write. @throws S3Error `InvalidArgument` if it names a version
 */
export function requireWrittenObject(request: S3Request): { readonly bucket: string; readonly key: string } {
  refuseVersionId(request.query);
  return requireObject(request);
}
