/** CreateBucket (API_CreateBucket). */
import { aclOfNewBucket } from "../../access/acl/ownership.ts";
import type { Permission } from "../../access/actions.ts";
import { S3Error } from "../../errors.ts";
import type { AclRequest, ObjectOwnership } from "../../model/acl.ts";
import type { Tag } from "../../model/object.ts";
import { parseAclHeaders, parseObjectOwnershipHeader } from "../../protocol/acl-headers.ts";
import { validateBucketName } from "../../protocol/addressing.ts";
import { parseCreateBucketConfiguration } from "../../protocol/xml/create-bucket-configuration.ts";
import { operation, requireBucket } from "../operation.ts";

export const CreateBucket = operation({
  name: "CreateBucket",
  body: { kind: "document", maxBytes: 64 * 1024, digest: "optional" },
  parse(request) {
    const name = requireBucket(request);
    validateBucketName(name);
    const { headers, now } = request;
    const ownership = parseObjectOwnershipHeader(headers);
    return { name, now, ownership, aclRequest: parseAclHeaders(headers, "bucket") };
  },
  // API_CreateBucket, "Permissions": the second unless the ACL is private, the third for x-amz-object-ownership.
  requires: ({ name: newBucket, aclRequest, ownership }): Permission[] => [
    { action: "s3:CreateBucket", newBucket },
    ...(isPrivate(aclRequest) ? [] : [{ action: "s3:PutBucketAcl", newBucket } as const]),
    ...(ownership === undefined ? [] : [{ action: "s3:PutBucketOwnershipControls", newBucket } as const]),
  ],
  async execute({ name, now, ownership, aclRequest }, { grant, stores, region, regions }, body) {
    const { caller } = grant;
    if (caller.kind !== "account") throw new S3Error("AccessDenied");
    const configuration = parseCreateBucketConfiguration(body);
    const { tags } = configuration;
    const chosen = configuration.locationConstraint || region;
    if (!regions.includes(chosen)) {
      throw new S3Error("InvalidLocationConstraint", { details: { LocationConstraint: chosen } });
    }
    const { account } = caller;
    const acl = aclOfNewBucket(aclRequest, ownership, account.canonicalId);
    const documents = {
      ...(tags.length > 0 && { tagging: tags }),
      ...(acl !== undefined && { acl }),
      ...(ownership !== undefined && { ownership }),
    };
    const bucket = { name, accountId: account.id, region: chosen, documents, now };
    const result = await stores.buckets.create(grant, bucket);
    switch (result.outcome) {
      case "created":
        return;
      case "too-many":
        throw new S3Error("TooManyBuckets");
      case "exists":
        if (result.accountId !== account.id)
          throw new S3Error("BucketAlreadyExists", { details: { BucketName: name } });
        // AWS, for the sake of old clients: in us-east-1 an owner who asks again is told that all is well. Not so if the
        // request says how the bucket is to be, which is not looked at.
        if (chosen === "us-east-1" && isPlain({ tags, aclRequest, ownership })) return;
        throw new S3Error("BucketAlreadyOwnedByYou", { details: { BucketName: name } });
      default:
        return result satisfies never;
    }
  },
  respond: (_output, { name }) => ({ status: 200, headers: { location: `/${name}` } }),
});

function isPrivate(request: AclRequest | undefined): boolean {
  return request === undefined || (request.kind === "canned" && request.name === "private");
}

function isPlain(request: {
  readonly tags: readonly Tag[];
  readonly aclRequest: AclRequest | undefined;
  readonly ownership: ObjectOwnership | undefined;
}): boolean {
  return request.tags.length === 0 && isPrivate(request.aclRequest) && request.ownership === undefined;
}
