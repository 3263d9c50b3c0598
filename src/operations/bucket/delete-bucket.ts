/**
 * DeleteBucket (API_DeleteBucket) deletes an empty bucket. Its name can be used again at once. The call takes as long
 * as other isolates may use their cached row of the bucket: CONFIG_TTL_SECONDS, at most ten seconds.
 *
 * Deviation: a bucket that others replicate to cannot be deleted, as in the reference system. AWS deletes it, and then
 * replication fails for each object.
 */
import type { Grant, GrantedBucket } from "../../access/authorize.ts";
import { S3Error } from "../../errors.ts";
import type { Stores } from "../../storage/stores.ts";
import { noBody, operation, requireBucket } from "../operation.ts";

/** Number of attempts, if a write to the bucket interferes. */
const MAX_ATTEMPTS = 2;

export const DeleteBucket = operation({
  name: "DeleteBucket",
  body: noBody,
  parse: (request) => ({ bucket: requireBucket(request) }),
  requires: ({ bucket }) => [{ action: "s3:DeleteBucket", on: "bucket", bucket }],
  async execute({ bucket: name }, { grant, stores }) {
    const bucket = grant.bucket(name);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      // A request that is refused anyway does not wait for the deletion.
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
      // First, so that no marker of a bucket that is gone can bring it back.
      await stores.bucketMarkers.remove(bucket);
      if (await stores.bucketDeletion.finish(grant, bucket, deletion)) return;
    }
    throw new S3Error("OperationAborted");
  },
  respond: () => ({ status: 204 }),
});

async function requireEmpty(bucket: GrantedBucket, { objects }: Stores): Promise<void> {
  if (await objects.isEmpty(bucket)) return;
  throw new S3Error("BucketNotEmpty", {
    ...(bucket.documents.versioning !== undefined && {
      message: "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
    }),
    details: { BucketName: bucket.name },
  });
}

async function requireNoDestination(bucket: GrantedBucket, grant: Grant, { buckets }: Stores): Promise<void> {
  const source = await buckets.findReplicatedFrom(grant, bucket);
  if (source === undefined) return;
  throw new S3Error("InvalidBucketState", {
    message: `The bucket is a replication destination of the bucket ${source}.`,
    details: { BucketName: bucket.name },
  });
}
