/**
 * DeleteBucket (API_DeleteBucket): only an empty one. The name is free again at once.
 *
 * Deviation: a bucket that others replicate to stays until they no longer do, as in the reference system. AWS lets it go,
 * and the replication it was made for then fails object by object.
 */
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
    const source = await stores.buckets.findReplicatedFrom(grant, bucket);
    if (source !== undefined) {
      throw new S3Error("InvalidBucketState", {
        message: `The bucket is a replication destination of the bucket ${source}.`,
        details: { BucketName: name },
      });
    }
    await stores.buckets.delete(grant, bucket, now);
  },
  respond: () => ({ status: 204 }),
});
