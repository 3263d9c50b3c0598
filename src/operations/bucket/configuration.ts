/**
 * The Get, Put and Delete operations of a bucket's configuration: one document of a kind, which is put, read and
 * deleted as a whole. A definition gives the document's own values; optional members are for exceptions.
 */
import type { S3Action } from "../../access/actions.ts";
import type { GrantedBucket } from "../../access/authorize.ts";
import { S3Error, type S3ErrorCode } from "../../errors.ts";
import type { BucketDocumentKind, BucketDocumentTypes } from "../../model/bucket.ts";
import type { OperationName } from "../../protocol/operation-name.ts";
import {
  type DocumentOptions,
  documentBody,
  noBody,
  type Operation,
  type OperationContext,
  operation,
  requireBucket,
} from "../operation.ts";

/** The rest of each name that begins with `Prefix`. */
type After<Prefix extends string, Name extends string> = Name extends `${Prefix}${infer Rest}` ? Rest : never;
type Settable = After<"Get", OperationName> & After<"Put", OperationName>;
type Deletable = Settable & After<"Delete", OperationName>;

export interface Configuration<Kind extends BucketDocumentKind, Name extends Settable> {
  /** `BucketCors` of GetBucketCors, PutBucketCors, DeleteBucketCors. */
  readonly name: Name;
  /** The kind under which the document is stored. */
  readonly kind: Kind;
  /** `BucketCORS` of `s3:GetBucketCORS` and `s3:PutBucketCORS`. */
  readonly action: After<"s3:Get", S3Action> & After<"s3:Put", S3Action>;
  readonly body: DocumentOptions;
  /**
   * Reads the document of a Put and decides whether it can be stored. Undefined: the document configures nothing, so
   * the stored one is deleted.
   * @throws S3Error
   */
  parse(
    body: Uint8Array,
    bucket: GrantedBucket,
    context: OperationContext,
  ): BucketDocumentTypes[Kind] | undefined | Promise<BucketDocumentTypes[Kind] | undefined>;
  format(document: BucketDocumentTypes[Kind]): string;
  /** The answer of Get if nothing is stored: an error, or the default. */
  readonly absent: S3ErrorCode | { readonly default: BucketDocumentTypes[Kind] };
  /** Default: 200. */
  readonly putStatus?: 204;
  /** Default: the action of Put. */
  readonly deleteAction?: S3Action;
}

/** Get, Put and Delete of a configuration. */
export function configuration<Kind extends BucketDocumentKind>(
  definition: Configuration<Kind, Deletable>,
): { readonly get: Operation; readonly put: Operation; readonly delete: Operation } {
  const { name, kind, action, deleteAction = `s3:Put${action}` } = definition;
  return {
    ...settableConfiguration(definition),
    delete: operation({
      name: `Delete${name}`,
      body: noBody,
      parse: requireBucket,
      requires: (bucket) => [{ action: deleteAction, on: "bucket", bucket }],
      execute: (bucket, { grant, stores }) => stores.documents.delete(grant.bucket(bucket), kind),
      respond: () => ({ status: 204 }),
    }),
  };
}

/** Get and Put of a configuration without a Delete. */
export function settableConfiguration<Kind extends BucketDocumentKind>(
  definition: Configuration<Kind, Settable>,
): { readonly get: Operation; readonly put: Operation } {
  const { name, kind, action, absent, putStatus = 200 } = definition;
  return {
    get: operation({
      name: `Get${name}`,
      body: noBody,
      parse: requireBucket,
      requires: (bucket) => [{ action: `s3:Get${action}`, on: "bucket", bucket }],
      async execute(bucket, { grant, stores }) {
        const document = await stores.documents.get(grant.bucket(bucket), kind);
        if (document !== undefined) return document;
        if (typeof absent === "object") return absent.default;
        throw new S3Error(absent, { details: { BucketName: bucket } });
      },
      respond: (document) => ({ status: 200, body: definition.format(document) }),
    }),
    put: operation({
      name: `Put${name}`,
      body: documentBody(definition.body),
      parse: requireBucket,
      requires: (bucket) => [{ action: `s3:Put${action}`, on: "bucket", bucket }],
      async execute(bucketName, context, body) {
        const { documents } = context.stores;
        const bucket = context.grant.bucket(bucketName);
        const document = await definition.parse(body, bucket, context);
        if (document === undefined) await documents.delete(bucket, kind);
        else await documents.put(bucket, { kind, document, now: context.request.now });
      },
      respond: () => ({ status: putStatus }),
    }),
  };
}
