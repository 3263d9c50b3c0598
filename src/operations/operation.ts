/**
 * The contract of an S3 operation: one exported constant with S3's exact name and four parts in request order.
 *
 * `parse` turns path, query and headers into the operation's input; `requires` says what the caller must be allowed;
 * `execute` does it on storage; `respond` writes the answer. Nothing reads the body before `execute`, and `execute`
 * cannot be reached without the authorizer's `Grant`.
 */
import type { Permission } from "../access/actions.ts";
import type { Grant } from "../access/authorize.ts";
import type { RequestDestinations } from "../delivery/destinations.ts";
import { S3Error } from "../errors.ts";
import type { NewBucketSettings } from "../model/bucket.ts";
import type { DigestText, ObjectBody, UnmeasuredBody } from "../model/object-body.ts";
import type { OperationName } from "../protocol/operation-name.ts";
import type { S3Request } from "../protocol/s3-request.ts";
import type { S3Response } from "../response.ts";
import type { RequestJournal } from "../storage/journal/journal.ts";
import type { Stores } from "../storage/stores.ts";

/** What the operation expects as request body. */
export type BodyKind =
  /** The body is not looked at. */
  | { readonly kind: "none" }
  /** A small document, verified and read whole. */
  | { readonly kind: "document"; readonly maxBytes: number; readonly digest: DocumentDigest }
  /** Object bytes, verified while they stream. S3 shows a Content-MD5 that does not match differently by operation. */
  | { readonly kind: "stream"; readonly md5ShownIn: DigestText }
  /** The file of a form, verified while it streams. */
  | { readonly kind: "form-file" };

/**
 * `required`: Content-MD5 or a checksum must come with it. `content-md5`: the request's checksum headers are about
 * something else than its body.
 */
export type DocumentDigest = "required" | "optional" | "content-md5";

interface BodyTypes {
  none: undefined;
  document: Uint8Array;
  stream: ObjectBody;
  "form-file": UnmeasuredBody;
}

/** Hands out the request's body, once, in the form the operation declared. */
export interface BodySource {
  document(options: { maxBytes: number; digest: DocumentDigest }): Promise<Uint8Array>;
  stream(options: { md5ShownIn: DigestText }): ObjectBody;
  formFile(): UnmeasuredBody;
}

/** What an operation may use. All of it is either data or guarded by grants. */
export interface OperationContext {
  readonly grant: Grant;
  readonly stores: Stores;
  /** Through which every change of an object goes. */
  readonly journal: RequestJournal;
  /** Those that a notification configuration names. */
  readonly destinations: RequestDestinations;
  readonly region: string;
  /** What the request is signed for; undefined where its signature names none. */
  readonly signedRegion: string | undefined;
  /** Whether signatures may name any region. */
  readonly isAnyRegion: boolean;
  /** Those that have storage of their own. */
  readonly regions: readonly string[];
  /** What every new bucket is given. */
  readonly newBuckets: NewBucketSettings;
  /** Signs continuation tokens. */
  readonly tokenKey: CryptoKey;
  readonly request: S3Request;
}

export interface OperationDefinition<Input, Output, Body extends BodyKind> {
  readonly name: OperationName;
  readonly body: Body;
  /** @throws S3Error */
  parse(request: S3Request): Input;
  /** Never empty: an operation that asks for nothing is refused. */
  requires(input: Input): readonly Permission[];
  /** @throws S3Error */
  execute(input: Input, context: OperationContext, body: BodyTypes[Body["kind"]]): Promise<Output>;
  respond(output: Output, input: Input, request: S3Request): S3Response;
}

/** A request that has been parsed and now waits for its permissions to be granted. */
export interface PreparedOperation {
  readonly permissions: readonly Permission[];
  run(context: OperationContext, source: BodySource): Promise<S3Response>;
}

export interface Operation {
  readonly name: OperationName;
  prepare(request: S3Request): PreparedOperation;
}

/** Closes a definition over its own types, so that operations of different shapes fit one table. */
export function operation<Input, Output, Body extends BodyKind>(
  definition: OperationDefinition<Input, Output, Body>,
): Operation {
  return {
    name: definition.name,
    prepare(request) {
      const input = definition.parse(request);
      return {
        permissions: definition.requires(input),
        async run(context, source) {
          const body = (await readBody(definition.body, source)) as BodyTypes[Body["kind"]];
          return definition.respond(await definition.execute(input, context, body), input, request);
        },
      };
    },
  };
}

/** A known operation that is not offered: always 501, never another operation's answer. */
export function notImplemented(name: OperationName): Operation {
  return {
    name,
    prepare() {
      throw new S3Error("NotImplemented", { message: `The operation ${name} is not implemented.` });
    },
  };
}

async function readBody(kind: BodyKind, source: BodySource): Promise<BodyTypes[BodyKind["kind"]]> {
  switch (kind.kind) {
    case "none":
      return undefined;
    case "document":
      return source.document(kind);
    case "stream":
      return source.stream(kind);
    case "form-file":
      return source.formFile();
    default:
      return kind satisfies never;
  }
}

/** The bucket of a request that the router has found to be about a bucket or an object. */
export function requireBucket(request: S3Request): string {
  if (request.resource.kind === "service") throw new S3Error("MethodNotAllowed");
  return request.resource.bucket;
}

/** Bucket and key of a request that the router has found to be about an object. */
export function requireObject(request: S3Request): { readonly bucket: string; readonly key: string } {
  if (request.resource.kind !== "object") throw new S3Error("MethodNotAllowed");
  return request.resource;
}
