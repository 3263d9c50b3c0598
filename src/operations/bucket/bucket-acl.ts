/** GetBucketAcl and PutBucketAcl (API_GetBucketAcl, API_PutBucketAcl). */
import { aclOfBucket, shownAcl } from "../../access/acl/ownership.ts";
import { parseAclHeaders } from "../../protocol/acl-headers.ts";
import { ACL_BODY, readAclRequest, respondWithAcl, withNames } from "../acl-document.ts";
import { operation, requireBucket } from "../operation.ts";

export const GetBucketAcl = operation({
  name: "GetBucketAcl",
  body: { kind: "none" },
  parse: (request) => ({ bucket: requireBucket(request) }),
  requires: ({ bucket }) => [{ action: "s3:GetBucketAcl", bucket }],
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
  requires: ({ bucket }) => [{ action: "s3:PutBucketAcl", bucket }],
  async execute({ bucket: name, headers, now }, { grant, stores: { documents } }, body) {
    const bucket = grant.bucket(name);
    const acl = aclOfBucket(readAclRequest(headers, body).request(bucket.ownerId), bucket);
    if (acl === undefined) await documents.delete(bucket, "acl");
    else await documents.put(bucket, "acl", acl, now);
  },
  respond: () => ({ status: 200 }),
});
