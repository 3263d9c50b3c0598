/** What the ACL operations of buckets and objects share: the document, as it comes and as it goes. */
import { S3Error } from "../errors.ts";
import type { Acl, AclRequest } from "../model/acl.ts";
import type { Bucket } from "../model/bucket.ts";
import type { Caller } from "../model/caller.ts";
import {
  formatAccessControlPolicy,
  MAX_ACCESS_CONTROL_POLICY_BYTES,
  parseAccessControlPolicy,
} from "../protocol/xml/access-control-policy.ts";
import type { BodyKind, S3Response } from "./operation.ts";

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
    if (body.byteLength > 0)
      throw new S3Error("UnexpectedContent", { message: "This request does not support content" });
    return { request: () => headers };
  }
  if (body.byteLength === 0) {
    throw new S3Error("MissingSecurityHeader", {
      message: "Your request was missing a required header",
      details: { MissingHeaderName: "x-amz-acl" },
    });
  }
  const policy = parseAccessControlPolicy(body);
  return {
    request(ownerId) {
      if (policy.ownerId !== ownerId) throw new S3Error("AccessDenied");
      return { kind: "grants", grants: policy.grants };
    },
  };
}

/** Display names by canonical user id, as far as they are known without D1. */
export function nameKnown(bucket: Bucket, caller: Caller): (canonicalId: string) => string | undefined {
  const names = new Map([[bucket.ownerId, bucket.ownerDisplayName]]);
  if (caller.kind === "account") names.set(caller.account.canonicalId, caller.account.displayName);
  return (id) => names.get(id);
}

export function respondWithAcl(shown: {
  readonly ownerId: string;
  readonly grants: Acl;
  readonly nameOf: (canonicalId: string) => string | undefined;
}): S3Response {
  const { ownerId, grants, nameOf } = shown;
  const owner = { id: ownerId, displayName: nameOf(ownerId) ?? "" };
  return { status: 200, body: formatAccessControlPolicy(owner, grants, nameOf) };
}
