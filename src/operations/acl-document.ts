/** What the ACL operations of buckets and objects share: the document, as it comes and as it goes. */
import { S3Error } from "../errors.ts";
import type { Acl, AclRequest } from "../model/acl.ts";
import type { Bucket } from "../model/bucket.ts";
import {
  formatAccessControlPolicy,
  MAX_ACCESS_CONTROL_POLICY_BYTES,
  parseAccessControlPolicy,
} from "../protocol/xml/access-control-policy.ts";
import { findNames } from "./bucket/owners.ts";
import type { BodyKind, OperationContext, S3Response } from "./operation.ts";

/** The document is optional, since headers may stand for it. */
export const ACL_BODY = {
  kind: "document",
  maxBytes: MAX_ACCESS_CONTROL_POLICY_BYTES,
  digest: "optional",
} as const satisfies BodyKind;

/**
 * What a Put…Acl asks for, by headers or by document. The document names the owner, who cannot be changed this way: with
 * another than there is it is not for this bucket or object.
 *
 * @throws S3Error `UnexpectedContent` for both at once, `MissingSecurityHeader` for neither; as
 *   `parseAccessControlPolicy`; and from `request` `AccessDenied` for a wrong owner
 */
export function readAclRequest(
  headers: AclRequest | undefined,
  body: Uint8Array,
): { request(ownerId: string): AclRequest } {
  if (headers !== undefined) {
    if (body.byteLength > 0) throw new S3Error("UnexpectedContent");
    return { request: () => headers };
  }
  if (body.byteLength === 0) {
    throw new S3Error("MissingSecurityHeader", { details: { MissingHeaderName: "x-amz-acl" } });
  }
  const policy = parseAccessControlPolicy(body);
  return {
    request(ownerId) {
      if (policy.ownerId !== ownerId) throw new S3Error("AccessDenied");
      return { kind: "grants", grants: policy.grants };
    },
  };
}

/** An ACL to be shown. */
export interface ShownAcl {
  readonly ownerId: string;
  readonly grants: Acl;
}

/** Names those the ACL speaks of. One D1 query, none if it speaks of the bucket's owner and the caller alone. */
export async function withNames(
  shown: ShownAcl,
  bucket: Bucket,
  context: Pick<OperationContext, "grant" | "stores">,
): Promise<ShownAcl & { readonly names: ReadonlyMap<string, string> }> {
  const ids = [shown.ownerId, ...shown.grants.flatMap(({ grantee }) => ("id" in grantee ? [grantee.id] : []))];
  return { ...shown, names: await findNames(ids, bucket, context) };
}

export function respondWithAcl({ ownerId, grants, names }: Awaited<ReturnType<typeof withNames>>): S3Response {
  const owner = { id: ownerId, displayName: names.get(ownerId) ?? "" };
  return { status: 200, body: formatAccessControlPolicy(owner, grants, (id) => names.get(id)) };
}
