/**
 * DeleteBucket (API_DeleteBucket): only an empty one. The name is free again at once. It takes as long as other isolates
 * may act on what they know of the bucket: CONFIG_TTL_SECONDS, at most ten seconds.
 *
 * Deviation: a bucket that others replicate to stays until they no longer do, as in the reference system. AWS lets it go,
 * and the replication it was made for then fails object by object.
 */
import type { Grant, GrantedBucket } from "../../access/authorize.ts";
import { S3Error } from "../../errors.ts";
import type { Stores } from "../../storage/stores.ts";
import { noBody, operation, requireBucket } from "../operation.ts";

/** Times it looks anew after somebody has written into the bucket meanwhile. */
const MAX_ATTEMPTS = 2;

export const DeleteBucket = operation({
  name: "DeleteBucket",
  body: noBody,
  parse: (request) => ({ bucket: requireBucket(request) }),
  requires: ({ bucket }) => [{ action: "s3:DeleteBucket", on: "bucket", bucket }],
  async execute({ bucket: name }, { grant, stores }) {
    const bucket = grant.bucket(name);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      // Who is to be refused need not wait for it.
      await requireEmpty(bucket, stores);
      await requireNoDestination(bucket, grant, stores);
      const deletion = await stores.bucketDeletion.begin(grant, bucket);
      try {
        await requireEmpty(bucket, stores);
        await requireNoDestination(bucket, grant, stores);
      } catch (error) {
        await stores.bucketDeletion.cancel(grant, bucket, deletion);
        throw error;
      }
      if (await stores.bucketDeletion.finish(grant, bucket, deletion)) return;
    }
    throw new S3Error("OperationAborted");
  },
  respond: () => ({ status: 204 }),
});

async function requireEmpty(bucket: GrantedBucket, { objects }: Stores): Promise<void> {
  if (await objects.isEmpty(bucket)) return;
  throw new S3Error("BucketNotEmpty", { details: { BucketName: bucket.name } });
}

async function requireNoDestination(bucket: GrantedBucket, grant: Grant, { buckets }: Stores): Promise<void> {
  const source = await buckets.findReplicatedFrom(grant, bucket);
  if (source === undefined) return;
  throw new S3Error("InvalidBucketState", {
    message: `The bucket is a replication destination of the bucket ${source}.`,
    details: { BucketName: bucket.name },
  });
}
