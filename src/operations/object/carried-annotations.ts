/** Annotations that a copy or a rename takes along. */
import { type Permission, permissionOn, type VersionTarget } from "../../access/actions.ts";
import { S3Error } from "../../errors.ts";
import { isAdopted, notInAdopted } from "../../model/adopted.ts";
import type { WriteEncryption } from "../../model/encryption.ts";
import type { StoredObject } from "../../model/object.ts";
import type { QuotaAmount } from "../../model/quota.ts";
import type { OpenedObject } from "../../storage/r2/opened-object.ts";
import type { OperationContext } from "../operation.ts";
import type { NamedObject } from "./kms-encryption.ts";

/**
 * "You must have s3:GetObjectAnnotation permission on the source object and s3:PutObjectAnnotation permission on the destination"
 * (API_CopyObject). None if the source never had an annotation.
 */
export function permissionsToCarry(
  { annotations }: StoredObject,
  source: VersionTarget,
  target: VersionTarget,
): readonly Permission[] {
  if (annotations === undefined) return [];
  return [permissionOn("s3:GetObjectAnnotation", source), permissionOn("s3:PutObjectAnnotation", target)];
}

/**
 * Copies the annotations of an object for its copy; undefined if it has none.
 * @param copy.adds what the copy adds to its bucket, for quotas; undefined: nothing, and neither do its annotations
 * @throws S3Error `AccessDenied`; `QuotaExceeded` if the copy has no room together with them; `InvalidRequest` for a copy with a customer's key; `ConditionalRequestConflict` if they change
 *   meanwhile
 */
export async function copyAnnotations(
  { object, contentKey }: OpenedObject,
  copy: {
    readonly source: VersionTarget;
    readonly target: NamedObject;
    readonly sealing: WriteEncryption;
    readonly adds: QuotaAmount | undefined;
  },
  { grant, stores }: OperationContext,
): Promise<string | undefined> {
  if (object.annotations === undefined) return undefined;
  if (isAdopted(copy.target.bucket)) throw notInAdopted("Annotations are");
  const { source, target, sealing, adds } = copy;
  const { bucket, key } = target;
  for (const permission of permissionsToCarry(object, source, { bucket: bucket.name, key })) {
    if (!(await grant.allows(permission))) throw new S3Error("AccessDenied");
  }
  if (sealing.encryption?.kind === "customer-key") {
    throw new S3Error("InvalidRequest", {
      message: "Objects encrypted with customer-provided keys (SSE-C) cannot have annotations.",
    });
  }
  const set = { bucket: grant.bucket(source.bucket), id: object.annotations, contentKey };
  return stores.annotations.copy(set, { bucket, key, contentKey: sealing.contentKey }, (bytes, write) => {
    if (adds === undefined) return write();
    stores.quotas.requireRoom(bucket, { ...adds, bytes: adds.bytes + bytes });
    return stores.quotas.around(bucket, { bytes }, { write });
  });
}
