/** CreateBucket (API_CreateBucket). */
import { S3Error } from "../../errors.ts";
import { validateBucketName } from "../../protocol/addressing.ts";
import { refuseUnsupportedHeaders } from "../../protocol/unsupported-headers.ts";
import { parseCreateBucketConfiguration } from "../../protocol/xml/create-bucket-configuration.ts";
import { operation, requireBucket } from "../operation.ts";

export const CreateBucket = operation({
  name: "CreateBucket",
  body: { kind: "document", maxBytes: 64 * 1024, digest: "optional" },
  parse(request) {
    const name = requireBucket(request);
    validateBucketName(name);
    refuseUnsupportedHeaders(request.headers);
    return { name, now: request.now };
  },
  requires: () => [{ action: "s3:CreateBucket" }],
  async execute({ name, now }, { grant, stores, region, regions }, body) {
    const { caller } = grant;
    if (caller.kind !== "account") throw new S3Error("AccessDenied");
    const configuration = parseCreateBucketConfiguration(body);
    const { tags } = configuration;
    const chosen = configuration.locationConstraint || region;
    if (!regions.includes(chosen)) {
      throw new S3Error("InvalidLocationConstraint", { details: { LocationConstraint: chosen } });
    }
    const { account } = caller;
    const result = await stores.buckets.create(grant, { name, accountId: account.id, region: chosen, tags, now });
    switch (result.outcome) {
      case "created":
        return;
      case "too-many":
        throw new S3Error("TooManyBuckets");
      case "exists":
        if (result.accountId !== account.id)
          throw new S3Error("BucketAlreadyExists", { details: { BucketName: name } });
        // AWS, for the sake of old clients: in us-east-1 an owner who asks again is told that all is well, unless there
        // were tags in the request, which are not looked at.
        if (chosen === "us-east-1" && tags.length === 0) return;
        throw new S3Error("BucketAlreadyOwnedByYou", { details: { BucketName: name } });
      default:
        return result satisfies never;
    }
  },
  respond: (_output, { name }) => ({ status: 200, headers: { location: `/${name}` } }),
});
