/**
 * GetBucketAcl, PutBucketAcl, GetObjectAcl, PutObjectAcl (API pages of these names). PutObjectAcl does not change the
 * object's ETag and Last-Modified.
 */
import { aclOfBucket, aclOfObject, effectiveAcl, ownershipOf, shownAcl } from "../access/acl/ownership.ts";
import { permissionOn } from "../access/actions.ts";
import { noSuchKey, S3Error } from "../errors.ts";
import type { Acl, AclRequest } from "../model/acl.ts";
import type { Bucket } from "../model/bucket.ts";
import type { StoredObject } from "../model/object.ts";
import { parseAclHeaders } from "../protocol/acl-headers.ts";
import { versionHeader } from "../protocol/object-headers.ts";
import {
  formatAccessControlPolicy,
  MAX_ACCESS_CONTROL_POLICY_BYTES,
  parseAccessControlPolicy,
} from "../protocol/xml/access-control-policy.ts";
import type { S3Response } from "../response.ts";
import { findNames } from "./bucket/owners.ts";
import { refusingMarkers } from "./object/delete-markers.ts";
import { rewritten } from "./object/object-tagging.ts";
import { documentBody, noBody, type OperationContext, operation, requireBucket, requireVersion } from "./operation.ts";

/** The document is optional, because headers can replace it. */
const ACL_BODY = documentBody({ maxBytes: MAX_ACCESS_CONTROL_POLICY_BYTES, digest: "optional" });

export const GetBucketAcl = operation({
  name: "GetBucketAcl",
  body: noBody,
  parse: (request) => ({ bucket: requireBucket(request) }),
  requires: ({ bucket }) => [{ action: "s3:GetBucketAcl", on: "bucket", bucket }],
  async execute({ bucket: name }, { grant, stores }) {
    const bucket = grant.bucket(name);
    const { documents } = stores;
    const [acl, ownership] = await Promise.all([documents.get(bucket, "acl"), documents.get(bucket, "ownership")]);
    const shown = shownAcl(ownership, bucket.ownerId, { ownerId: bucket.ownerId, ...(acl !== undefined && { acl }) });
    return withNames(shown, bucket, { grant, stores });
  },
  respond: respondWithAcl,
});

export const PutBucketAcl = operation({
  name: "PutBucketAcl",
  body: ACL_BODY,
  parse: (request) => ({
    bucket: requireBucket(request),
    headers: parseAclHeaders(request.headers, "bucket"),
    now: request.now,
  }),
  requires: ({ bucket }) => [{ action: "s3:PutBucketAcl", on: "bucket", bucket }],
  async execute({ bucket: name, headers, now }, { grant, stores: { documents } }, body) {
    const bucket = grant.bucket(name);
    const acl = aclOfBucket(readAclRequest(headers, body).request(bucket.ownerId), bucket);
    if (acl === undefined) await documents.delete(bucket, "acl");
    else await documents.put(bucket, { kind: "acl", document: acl, now });
  },
  respond: () => ({ status: 200 }),
});

export const GetObjectAcl = operation({
  name: "GetObjectAcl",
  body: noBody,
  parse: requireVersion,
  requires: (target) => [permissionOn("s3:GetObjectAcl", target)],
  async execute(target, { grant, stores }) {
    const bucket = grant.bucket(target.bucket);
    const object = await stores.objects.head(bucket, target);
    if (object === undefined) throw noSuchKey(target.key);
    const shown = shownAcl(ownershipOf(bucket), bucket.ownerId, object);
    return { ...(await withNames(shown, bucket, { grant, stores })), versionId: object.versionId };
  },
  respond: (shown) => ({ ...respondWithAcl(shown), headers: versionHeader(shown.versionId) }),
});

export const PutObjectAcl = operation({
  name: "PutObjectAcl",
  body: ACL_BODY,
  parse: (request) => ({ ...requireVersion(request), headers: parseAclHeaders(request.headers, "object") }),
  requires: (input) => [permissionOn("s3:PutObjectAcl", input)],
  async execute({ bucket: name, key, headers, ...version }, { grant, stores, journal }, body) {
    const bucket = grant.bucket(name);
    const wanted = readAclRequest(headers, body);
    const decide = (object: StoredObject) =>
      aclOfObject(wanted.request(effectiveAcl(bucket, object).ownerId), bucket, object);
    const found = await refusingMarkers(() =>
      journal.write(
        bucket,
        { key, ...version, event: "ObjectAcl:Put" },
        {
          adds: undefined,
          commit: (ticket) => stores.objects.setAcl({ bucket, key, ...version, ticket }, decide),
          // "S3 doesn't send an event when a request results in no change to an object's ACL" (supported event types).
          describe: (outcome) => (outcome?.isChanged === true ? rewritten(outcome.object) : undefined),
        },
      ),
    );
    if (found === undefined) throw noSuchKey(key);
    return found.object;
  },
  respond: ({ versionId }) => ({ status: 200, headers: versionHeader(versionId) }),
});

/**
 * The ACL that a Put…Acl requests, by headers or by document. The document names the owner, who cannot be changed this
 * way: another owner is refused.
 *
 * @throws S3Error `UnexpectedContent` for both at once, `MissingSecurityHeader` for neither; as
 *   `parseAccessControlPolicy`; and from `request` `AccessDenied` for a wrong owner
 */
function readAclRequest(headers: AclRequest | undefined, body: Uint8Array): { request(ownerId: string): AclRequest } {
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

/** An ACL as an answer shows it. */
interface ShownAcl {
  readonly ownerId: string;
  readonly grants: Acl;
}

/**
 * Adds the display names of all grantees. One D1 query; none if the ACL names only the bucket's owner and the caller.
 */
async function withNames(
  shown: ShownAcl,
  bucket: Bucket,
  context: Pick<OperationContext, "grant" | "stores">,
): Promise<ShownAcl & { readonly names: ReadonlyMap<string, string> }> {
  const ids = [shown.ownerId, ...shown.grants.flatMap(({ grantee }) => ("id" in grantee ? [grantee.id] : []))];
  return { ...shown, names: await findNames(ids, bucket, context) };
}

function respondWithAcl({ ownerId, grants, names }: Awaited<ReturnType<typeof withNames>>): S3Response {
  const owner = { id: ownerId, displayName: names.get(ownerId) ?? "" };
  return { status: 200, body: formatAccessControlPolicy(owner, grants, (id) => names.get(id)) };
}
