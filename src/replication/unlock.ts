/**
 * Objects under SSE-KMS are not replicated: their rules cannot name a key for the replica. But an object that got its key after the
 * change that is to be replicated is replicated as it was then, without one; the change of its encryption is not replicated.
 */
import type { GrantedBucket } from "../access/authorize.ts";
import { authorizeReplicationKey } from "../access/authorize-kms.ts";
import { S3Error } from "../errors.ts";
import { keyNameOfArn } from "../model/kms-key.ts";
import type { ReplicationTask } from "../storage/d1/replication-tasks.ts";
import type { OpenedObject } from "../storage/r2/opened-object.ts";
import type { Stores } from "../storage/stores.ts";

/**
 * Gives an opened object its key, if it has one and the task is about the time before.
 * @throws S3Error `InvalidRequest` if it is not; `AccessDenied` for a key of another account; `KMS.*`
 */
export async function unlock(
  opened: OpenedObject,
  { change }: Pick<ReplicationTask, "change">,
  { source, kmsKeys }: { readonly source: GrantedBucket; readonly kmsKeys: Stores["kmsKeys"] },
): Promise<void> {
  const { key, encryption } = opened.object;
  if (encryption?.kind !== "data-key") return;
  const { keyArn, sealed, context, since } = encryption;
  if (since === undefined || change.at > since) {
    throw new S3Error("InvalidRequest", { message: "Objects encrypted with aws:kms are not replicated." });
  }
  const grant = authorizeReplicationKey(source, await kmsKeys.require(keyNameOfArn(keyArn)));
  opened.unlock(await kmsKeys.unseal(grant, sealed, { bucketId: source.id, key, context }));
}
