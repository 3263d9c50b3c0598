/** DeleteBucket (API_DeleteBucket): only an empty one. The name is free again at once. */
import { S3Error } from "../../errors.ts";
import { operation, requireBucket } from "../operation.ts";

export const DeleteBucket = operation({
  name: "DeleteBucket",
  body: { kind: "none" },
  parse: (request) => ({ bucket: requireBucket(request), now: request.now }),
  requires: ({ bucket }) => [{ action: "s3:DeleteBucket", bucket }],
  async execute({ bucket: name, now }, { grant, stores }) {
    const bucket = grant.bucket(name);
    if (!(await stores.objects.isEmpty(bucket))) {
      throw new S3Error("BucketNotEmpty", { details: { BucketName: name } });
    }
    await stores.buckets.delete(grant, bucket, now);
  },
  respond: () => ({ status: 204 }),
});
