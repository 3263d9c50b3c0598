/** What a replica carries in headers to another endpoint, and what an endpoint's answer says of the object it has. */
import { cannedGrants } from "../access/acl/grants.ts";
import type { AclState } from "../access/acl/ownership.ts";
import { sha256Hex } from "../checksum/hasher.ts";
import type { Acl, AclGrant, CannedAcl } from "../model/acl.ts";
import type { ObjectState, StoredObject } from "../model/object.ts";
import type { ReplicaState, ReplicationDestination } from "../model/replication.ts";
import { parseHttpDate } from "../protocol/dates.ts";
import { parseETag } from "../protocol/header-values.ts";
import { formatMetadataToSend } from "../protocol/metadata.ts";
import { attributeHeaders } from "../protocol/object-headers.ts";
import { formatReplicaState, REPLICA_HEADER, REPLICA_SOURCE_HEADER } from "../protocol/replica-state.ts";
import { formatTaggingHeader } from "../protocol/tags.ts";
import { readStamp, STAMP } from "./stamp.ts";

/** Names of ACLs that mean the same wherever they are sent: those that give something to everybody. */
const PORTABLE_CANNED_ACLS: readonly CannedAcl[] = ["public-read", "public-read-write", "authenticated-read"];

/**
 * Everything about an object but its bytes, checksum and ACL.
 * @param marks user metadata besides the object's own, for an endpoint that knows nothing of replicas
 */
export function putHeaders(
  object: StoredObject,
  destination: ReplicationDestination,
  marks: Readonly<Record<string, string>>,
): Record<string, string> {
  const { tags, userMetadata } = object;
  return {
    ...attributeHeaders({ ...object, storageClass: destination.storageClass ?? object.storageClass }),
    ...formatMetadataToSend({ ...userMetadata, ...marks }),
    ...(tags.length > 0 && { "x-amz-tagging": formatTaggingHeader(tags) }),
  };
}

/** Grants to accounts mean nothing at another endpoint, whose ids are others; those to everybody do. */
export function aclHeaders({ acl, ownerId }: AclState): Record<string, string> {
  const context = { target: "object", ownerId, bucketOwnerId: ownerId } as const;
  const name = acl && PORTABLE_CANNED_ACLS.find((canned) => isSame(acl, cannedGrants(canned, context)));
  return name === undefined ? {} : { "x-amz-acl": name };
}

/** The header by which a peer knows a replica, and decides. */
export function replicaStateHeaders({ source, ...state }: ReplicaState): Record<string, string> {
  return {
    [REPLICA_HEADER]: formatReplicaState(state),
    ...(source !== undefined && { [REPLICA_SOURCE_HEADER]: source }),
  };
}

/** Name of the user metadata by which an endpoint of another kind is known to have a replica from this very bucket. */
const SOURCE = "workers-s3-source";

export interface ReplicaOrigin {
  /** Id of the bucket it comes from. */
  readonly sourceId: string;
  /** Where it is. */
  readonly bucket: string;
  readonly key: string;
}

export function sourceMark(origin: ReplicaOrigin): Record<string, string> {
  return { [SOURCE]: digestOrigin(origin) };
}

/** Whether what an endpoint of another kind has at a key was brought there from the bucket. */
export function isReplicaFrom(origin: ReplicaOrigin, headers: Headers): boolean {
  return headers.get(`x-amz-meta-${SOURCE}`) === digestOrigin(origin);
}

/** Of one place: a copy of the replica under another key is none. */
function digestOrigin({ sourceId, bucket, key }: ReplicaOrigin): string {
  return sha256Hex(`${sourceId}/${bucket}/${key}`).slice(0, 32);
}

/** Last-Modified counts whole seconds: whatever was written within one of them may be as late as its end. */
const SECOND_MS = 1000;

/** What an endpoint of another kind has at a key. */
export async function parseObjectState(
  headers: Headers,
  place: { readonly bucket: string; readonly key: string },
  means: { readonly stampKey: CryptoKey; readonly now: Date },
): Promise<ObjectState> {
  const etag = parseETag(headers.get("etag") ?? "");
  const isOpaque =
    headers.get("x-amz-server-side-encryption")?.startsWith("aws:") === true ||
    headers.has("x-amz-server-side-encryption-customer-algorithm");
  const text = headers.get(`x-amz-meta-${STAMP}`) ?? undefined;
  const stamp = await readStamp(text, { ...place, etag, isOpaque }, means);
  if (stamp !== undefined) return stamp;
  const time = parseHttpDate(headers.get("last-modified") ?? "")?.getTime();
  const lastModified = time === undefined ? 0 : time + SECOND_MS - 1;
  return { lastModified, revision: lastModified, etag };
}

function isSame(left: Acl, right: Acl): boolean {
  const texts = (acl: Acl) => acl.map(describe).sort().join();
  return texts(left) === texts(right);
}

function describe({ grantee, permission }: AclGrant): string {
  return `${grantee.kind}/${grantee.kind === "canonical-user" ? grantee.id : ""}/${permission}`;
}
