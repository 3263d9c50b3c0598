/**
 * Whether bucket policies allow an object to be replicated at the time of its replication. The permissions of a
 * configuration are checked when it is put; this check covers policies that have been changed since then. The account's
 * root takes the place of the role: it may do everything that neither bucket's policy denies.
 */
import { S3Error } from "../errors.ts";
import type { Bucket } from "../model/bucket.ts";
import type { StorageClass, Tag } from "../model/object.ts";
import type { ObjectLock } from "../model/object-lock.ts";
import type { PermissionOnObject } from "./actions.ts";
import type { ReplicationGrant } from "./authorize.ts";
import { type DecisionContext, decisionContext, isAllowed } from "./decision.ts";

/** The properties of an object that conditions may refer to. */
export interface ReplicatedObject {
  readonly key: string;
  readonly tags: readonly Tag[];
  /** Of the replica. */
  readonly storageClass: StorageClass;
  /** The replica has it, if its bucket has object lock. */
  readonly lock?: ObjectLock;
}

/** @throws S3Error `AccessDenied`, whose message names the bucket and the action */
export async function requireReplicable(grant: ReplicationGrant, object: ReplicatedObject, now: Date): Promise<void> {
  const { source, target } = grant;
  const context = contextOf(grant, object, now);
  await requireAllowed(context, source, { action: "s3:GetObject", key: object.key });
  if (target === undefined) return;
  const requestLock = target.documents.objectLock === undefined ? undefined : object.lock;
  const { key, tags: requestTags } = object;
  await requireAllowed(context, target, { action: "s3:ReplicateObject", key, requestLock });
  await requireAllowed(context, target, { action: "s3:PutObject", key, requestTags, requestLock });
}

/** @throws S3Error `AccessDenied`, whose message names the bucket and the action */
export async function requireRemovable(grant: ReplicationGrant, key: string, now: Date): Promise<void> {
  const { target } = grant;
  if (target === undefined) return;
  const context = contextOf(grant, undefined, now);
  await requireAllowed(context, target, { action: "s3:ReplicateDelete", key });
  await requireAllowed(context, target, { action: "s3:DeleteObject", key });
}

async function requireAllowed(
  context: DecisionContext,
  { name }: Bucket,
  permission: Omit<PermissionOnObject, "on" | "bucket">,
): Promise<void> {
  if (await isAllowed(context, { ...permission, on: "object", bucket: name })) return;
  throw new S3Error("AccessDenied", { message: `The policy of the bucket ${name} denies ${permission.action}.` });
}

function contextOf(
  { source, target }: ReplicationGrant,
  object: ReplicatedObject | undefined,
  now: Date,
): DecisionContext {
  const { accountId: id, ownerId: canonicalId, ownerDisplayName: displayName } = source;
  const buckets = target === undefined ? [source] : [source, target];
  return decisionContext({
    caller: { kind: "account", account: { id, canonicalId, displayName, isRoot: false }, accessKeyId: "" },
    buckets: new Map(buckets.map((bucket) => [bucket.name, bucket])),
    // There is no request, so there is no address, and the only headers are those that the write would have.
    facts: () => ({
      sourceIp: undefined,
      isSecure: true,
      headers: new Headers(object && { "x-amz-storage-class": object.storageClass }),
      query: { get: () => undefined },
      now,
      authType: undefined,
      createsObject: object !== undefined,
    }),
    findObject: async (bucket) =>
      object !== undefined && bucket.id === source.id ? { ownerId: source.ownerId, tags: object.tags } : undefined,
  });
}
