/** The one place that chooses between ordinary and adopted buckets, by the bucket's row. */
import { isAdopted } from "../../model/adopted.ts";
import type { ObjectStore } from "../r2/objects.ts";
import type { UploadStore } from "../uploads/uploads.ts";

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

export function routedUploads(ordinary: UploadStore, adopted: UploadStore): UploadStore {
  const of = (bucket: Parameters<UploadStore["listUploads"]>[0]) => (isAdopted(bucket) ? adopted : ordinary);
  return {
    create: (upload) => of(upload.bucket).create(upload),
    putPart: (upload, ...rest) => of(upload.bucket).putPart(upload, ...rest),
    copyPart: (upload, ...rest) => of(upload.bucket).copyPart(upload, ...rest),
    complete: (upload, command) => of(upload.bucket).complete(upload, command),
    requireOpen: (upload) => of(upload.bucket).requireOpen(upload),
    encryptionOf: (upload) => of(upload.bucket).encryptionOf(upload),
    abort: (upload, now) => of(upload.bucket).abort(upload, now),
    listParts: (upload, page) => of(upload.bucket).listParts(upload, page),
    listUploads: (bucket, query) => of(bucket).listUploads(bucket, query),
  };
}
