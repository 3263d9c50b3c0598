/** `x-amz-storage-class` ("Using Amazon S3 storage classes"). */
import { S3Error } from "../errors.ts";
import { STORAGE_CLASSES, type StorageClass } from "../model/object.ts";

/**
 * @throws S3Error `InvalidStorageClass` for unknown classes and for those that are not offered here: an object must
 *   never be told to be in a class it is not in.
 */
export function parseStorageClass(headers: Headers): StorageClass {
  const header = headers.get("x-amz-storage-class");
  if (header === null || header === "") return "STANDARD";
  const storageClass = STORAGE_CLASSES.find((name) => name === header);
  if (storageClass === undefined) {
    throw new S3Error("InvalidStorageClass", { details: { StorageClassRequested: header } });
  }
  return storageClass;
}
