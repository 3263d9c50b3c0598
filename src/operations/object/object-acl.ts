/** GetObjectAcl and PutObjectAcl (API_GetObjectAcl, API_PutObjectAcl). The object's ETag and Last-Modified stay. */
import { aclOfObject, effectiveAcl, ownershipOf, shownAcl } from "../../access/acl/ownership.ts";
import { S3Error } from "../../errors.ts";
import type { StoredObject } from "../../model/object.ts";
import { parseAclHeaders } from "../../protocol/acl-headers.ts";
import type { S3Request } from "../../protocol/s3-request.ts";
import { requireNullVersion } from "../../protocol/version-id.ts";
import { ACL_BODY, readAclRequest, respondWithAcl, withNames } from "../acl-document.ts";
import { operation, requireObject } from "../operation.ts";
import { rewritten } from "./object-tagging.ts";

export const GetObjectAcl = operation({
  name: "GetObjectAcl",
  body: { kind: "none" },
  parse: parseTarget,
  requires: ({ bucket, key }) => [{ action: "s3:GetObjectAcl", bucket, key }],
  async execute({ bucket: name, key }, { grant, stores }) {
    const bucket = grant.bucket(name);
    const object = await stores.objects.head(bucket, key);
    if (object === undefined) throw noSuchKey(key);
    return withNames(shownAcl(ownershipOf(bucket), bucket.ownerId, object), bucket, { grant, stores });
  },
  respond: respondWithAcl,
});

export const PutObjectAcl = operation({
  name: "PutObjectAcl",
  body: ACL_BODY,
  parse: (request) => ({ ...parseTarget(request), headers: parseAclHeaders(request.headers, "object") }),
  requires: ({ bucket, key }) => [{ action: "s3:PutObjectAcl", bucket, key }],
  async execute({ bucket: name, key, headers }, { grant, stores, journal }, body) {
    const bucket = grant.bucket(name);
    const wanted = readAclRequest(headers, body);
    const decide = (object: StoredObject) =>
      aclOfObject(wanted.request(effectiveAcl(bucket, object).ownerId), bucket, object);
    const found = await journal.write(
      bucket,
      { key, event: "ObjectAcl:Put" },
      (ticket) => stores.objects.setAcl(bucket, key, decide, ticket),
      // "S3 doesn't send an event when a request results in no change to an object's ACL" (supported event types).
      (outcome) => (outcome?.isChanged === true ? rewritten(outcome.object) : undefined),
    );
    if (found === undefined) throw noSuchKey(key);
  },
  respond: () => ({ status: 200 }),
});

function parseTarget(request: S3Request): { readonly bucket: string; readonly key: string } {
  requireNullVersion(request.query);
  return requireObject(request);
}

function noSuchKey(key: string): S3Error {
  return new S3Error("NoSuchKey", { details: { Key: key } });
}
