/**
 * What the Get, Put and Delete operations of a bucket's configurations share: one document of each kind, which is put, read
 * and deleted whole. A configuration names what is its own; everything it does not name is as it is for most of them.
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

/** What follows `Prefix` in those of the names that begin with it. */
type After<Prefix extends string, Name extends string> = Name extends `${Prefix}${infer Rest}` ? Rest : never;
type Settable = After<"Get", OperationName> & After<"Put", OperationName>;
type Deletable = Settable & After<"Delete", OperationName>;

export interface Configuration<Kind extends BucketDocumentKind, Name extends Settable> {
  /** `BucketCors` of GetBucketCors, PutBucketCors, DeleteBucketCors. */
  readonly name: Name;
  /** As which the document is stored. */
  readonly kind: Kind;
  /** `BucketCORS` of `s3:GetBucketCORS` and `s3:PutBucketCORS`. */
  readonly action: After<"s3:Get", S3Action> & After<"s3:Put", S3Action>;
  readonly body: DocumentOptions;
  /**
   * Reads what was put and decides whether it may be stored. Undefined: it configures nothing, so that what is stored is
   * deleted.
   * @throws S3Error
   */
  parse(
    body: Uint8Array,
    bucket: GrantedBucket,
    context: OperationContext,
  ): BucketDocumentTypes[Kind] | undefined | Promise<BucketDocumentTypes[Kind] | undefined>;
  format(document: BucketDocumentTypes[Kind]): string;
  /** How Get answers while nothing is stored: with an error, or with the default. */
  readonly absent: S3ErrorCode | { readonly default: BucketDocumentTypes[Kind] };
  /** 200 unless given. */
  readonly putStatus?: 204;
  /** The action of Put unless given. */
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

/** Get and Put of a configuration that has no Delete. */
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
        else await documents.put(bucket, kind, document, context.request.now);
      },
      respond: () => ({ status: putStatus }),
    }),
  };
}
