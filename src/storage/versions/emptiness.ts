/** Whether a bucket is empty: without objects, versions and delete markers. Tombstones and stubs do not count. */
import type { GrantedBucket } from "../../access/authorize.ts";
import { S3Error } from "../../errors.ts";
import { callR2 } from "../platform-errors.ts";
import { CountedStore } from "../r2/listed-items.ts";
import { findObject } from "../r2/listing.ts";
import { listVersions } from "./list-versions.ts";
import { recordPrefix } from "./record-key.ts";

/** R2 calls to find out, one for each 1,000 tombstones. A request may make 10,000 in all. */
export const MAX_EMPTINESS_CALLS = 1000;

/** @throws S3Error `InvalidBucketState` if finding out would take more calls than one request may make */
export async function isEmptyBucket(store: R2Bucket, bucket: GrantedBucket): Promise<boolean> {
  if (bucket.documents.versioning === undefined) {
    const { isFound, isTruncated, hasTombstones } = await findObject(store, bucket, MAX_EMPTINESS_CALLS);
    if (isFound) return false;
    if (isTruncated) throw tooManyRows();
    // A delete marker looks like a tombstone: the bucket may be versioned since its row was read.
    if (!hasTombstones || !(await hasRecord(store, bucket))) return true;
  }
  const query = { prefix: "", delimiter: "", after: { key: "" }, maxKeys: 1 };
  const page = await listVersions(new CountedStore(store, MAX_EMPTINESS_CALLS), bucket, query);
  if (page.versions.length > 0) return false;
  if (page.next !== undefined) throw tooManyRows();
  return true;
}

async function hasRecord(store: R2Bucket, { id }: GrantedBucket): Promise<boolean> {
  const { objects } = await callR2(store.list({ prefix: recordPrefix(id), limit: 1 }));
  return objects.length > 0;
}

function tooManyRows(): S3Error {
  return new S3Error("InvalidBucketState", {
    message:
      "Too many keys of the bucket were removed on a condition or by replication to find out whether it is empty.",
  });
}
