/**
 * Whether bucket policies let an object be replicated at the moment it is. What a configuration may do was decided when it
 * was put; this is about what has been written into policies since. The account's root stands in for the role: it may do
 * all that no policy of the two buckets denies it.
 */
import { S3Error } from "../errors.ts";
import type { Bucket } from "../model/bucket.ts";
import type { StorageClass, Tag } from "../model/object.ts";
import type { PermissionOnObject } from "./actions.ts";
import type { ReplicationGrant } from "./authorize.ts";
import { type DecisionContext, decisionContext, isAllowed } from "./decision.ts";

/** What conditions may ask of an object. */
export interface ReplicatedObject {
  readonly key: string;
  readonly tags: readonly Tag[];
  /** Of the replica. */
  readonly storageClass: StorageClass;
}

/** @throws S3Error `AccessDenied`, whose message names the bucket and the action */
export async function requireReplicable(grant: ReplicationGrant, object: ReplicatedObject, now: Date): Promise<void> {
  const { source, target } = grant;
  const context = contextOf(grant, object, now);
  await requireAllowed(context, source, { action: "s3:GetObject", key: object.key });
  if (target === undefined) return;
  await requireAllowed(context, target, { action: "s3:ReplicateObject", key: object.key });
  await requireAllowed(context, target, { action: "s3:PutObject", key: object.key, requestTags: object.tags });
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
    // No request: no address, no headers but those the write would have had.
    facts: {
      sourceIp: undefined,
      isSecure: true,
      headers: new Headers(object && { "x-amz-storage-class": object.storageClass }),
      query: { get: () => undefined },
      now,
      authType: undefined,
      createsObject: object !== undefined,
    },
    findObject: async (bucket) =>
      object !== undefined && bucket.id === source.id ? { ownerId: source.ownerId, tags: object.tags } : undefined,
  });
}
