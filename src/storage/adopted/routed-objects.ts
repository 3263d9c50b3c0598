/** The one place that chooses between ordinary and adopted buckets, by the bucket's row. */
import { isAdopted } from "../../model/adopted.ts";
import type { ObjectStore } from "../r2/objects.ts";

export function routedObjects(ordinary: ObjectStore, adopted: ObjectStore): ObjectStore {
  const of = (bucket: Parameters<ObjectStore["list"]>[0]) => (isAdopted(bucket) ? adopted : ordinary);
  return {
    head: (bucket, ...rest) => of(bucket).head(bucket, ...rest),
    headPart: (bucket, ...rest) => of(bucket).headPart(bucket, ...rest),
    open: (bucket, ...rest) => of(bucket).open(bucket, ...rest),
    parts: (bucket, ...rest) => of(bucket).parts(bucket, ...rest),
    put: (write, ...rest) => of(write.bucket).put(write, ...rest),
    putUnmeasured: (write, ...rest) => of(write.bucket).putUnmeasured(write, ...rest),
    copy: (source, write, ...rest) => of(write.bucket).copy(source, write, ...rest),
    replicate: (source, write, ...rest) => of(write.bucket).replicate(source, write, ...rest),
    setTags: (change, ...rest) => of(change.bucket).setTags(change, ...rest),
    setAcl: (change, ...rest) => of(change.bucket).setAcl(change, ...rest),
    setLock: (change, ...rest) => of(change.bucket).setLock(change, ...rest),
    rewrite: (change, ...rest) => of(change.bucket).rewrite(change, ...rest),
    delete: (removal) => of(removal.bucket).delete(removal),
    remove: (change, ...rest) => of(change.bucket).remove(change, ...rest),
    removeVersion: (change, ...rest) => of(change.bucket).removeVersion(change, ...rest),
    deleteReplica: (change, ...rest) => of(change.bucket).deleteReplica(change, ...rest),
    list: (bucket, query) => of(bucket).list(bucket, query),
    listVersions: (bucket, query) => of(bucket).listVersions(bucket, query),
    isEmpty: (bucket) => of(bucket).isEmpty(bucket),
    renamedAt: (bucket, key) => of(bucket).renamedAt(bucket, key),
  };
}
