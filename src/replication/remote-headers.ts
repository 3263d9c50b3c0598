/**
 * Headers of a replica that is sent to another endpoint, and the state of the object that an endpoint's answer
 * describes.
 */
import { type AclState, cannedGrants } from "../access/acl/grants.ts";
import { sha256Hex } from "../checksum/hasher.ts";
import type { Acl, AclGrant, CannedAcl } from "../model/acl.ts";
import type { MacKey } from "../model/mac-key.ts";
import type { ObjectState, StoredObject } from "../model/object.ts";
import type { ObjectLock } from "../model/object-lock.ts";
import type { ReplicaState, ReplicationDestination } from "../model/replication.ts";
import { parseHttpDate } from "../protocol/dates.ts";
import { parseETag } from "../protocol/header-values.ts";
import { formatMetadataToSend } from "../protocol/metadata.ts";
import { attributeHeaders } from "../protocol/object-headers.ts";
import { legalHoldHeaders, retentionHeaders } from "../protocol/object-lock-headers.ts";
import { formatReplicaState, REPLICA_HEADER, REPLICA_SOURCE_HEADER } from "../protocol/replica-state.ts";
import { formatTaggingHeader } from "../protocol/tags.ts";
import { readStamp, STAMP } from "./stamp.ts";

/** Canned ACLs that mean the same at every endpoint: those that grant access to everyone. */
const PORTABLE_CANNED_ACLS: readonly CannedAcl[] = ["public-read", "public-read-write", "authenticated-read"];

/**
 * Everything about an object except its bytes, checksum and ACL.
 * @param marks additional user metadata, for an endpoint that is not a peer
 */
export function putHeaders(
  object: StoredObject,
  destination: ReplicationDestination,
  marks: Readonly<Record<string, string>>,
): Record<string, string> {
  const { tags, userMetadata, lock } = object;
  return {
    ...attributeHeaders({ ...object, storageClass: destination.storageClass ?? object.storageClass }),
    ...formatMetadataToSend({ ...userMetadata, ...marks }),
    ...(tags.length > 0 && { "x-amz-tagging": formatTaggingHeader(tags) }),
    ...(lock !== undefined && lockHeaders(lock, new Date())),
  };
}

/** What still protects the object: a date in the past would be refused, and so would any lock by a bucket without locks. */
function lockHeaders(lock: ObjectLock, now: Date): Record<string, string> {
  const { retention, hasLegalHold } = lock;
  const isRetained = retention !== undefined && retention.until > now.getTime();
  return { ...(isRetained && retentionHeaders(lock)), ...(hasLegalHold === true && legalHoldHeaders(lock)) };
}

/** Only grants to everyone are sent: account ids mean nothing at another endpoint. */
export function aclHeaders({ acl, ownerId }: AclState): Record<string, string> {
  const context = { target: "object", ownerId, bucketOwnerId: ownerId } as const;
  const name = acl && PORTABLE_CANNED_ACLS.find((canned) => isSame(acl, cannedGrants(canned, context)));
  return name === undefined ? {} : { "x-amz-acl": name };
}

/** The headers by which a peer recognizes a replica and compares its state. */
export function replicaStateHeaders({ source, ...state }: ReplicaState): Record<string, string> {
  return {
    [REPLICA_HEADER]: formatReplicaState(state),
    ...(source !== undefined && { [REPLICA_SOURCE_HEADER]: source }),
  };
}

/** User metadata that names the source bucket of a replica at an endpoint that is not a peer. */
const SOURCE = "workers-s3-source";

export interface ReplicaOrigin {
  /** Id of the source bucket. */
  readonly sourceId: string;
  /** The replica's bucket. */
  readonly bucket: string;
  readonly key: string;
}

export function sourceMark(origin: ReplicaOrigin): Record<string, string> {
  return { [SOURCE]: digestOrigin(origin) };
}

/** Whether an object, by the headers of its HEAD, is a replica from the source bucket at this key. */
export function isReplicaFrom(origin: ReplicaOrigin, headers: Headers): boolean {
  return headers.get(`x-amz-meta-${SOURCE}`) === digestOrigin(origin);
}

/** Includes bucket and key, so that a copy of the replica under another key is not taken for one. */
function digestOrigin({ sourceId, bucket, key }: ReplicaOrigin): string {
  return sha256Hex(`${sourceId}/${bucket}/${key}`).slice(0, 32);
}

/** Last-Modified has whole seconds: the object may have been written at the end of its second. */
const SECOND_MS = 1000;

/** The state of an object by its HEAD: from a valid stamp, otherwise from Last-Modified and ETag. */
export async function parseObjectState(
  headers: Headers,
  place: { readonly bucket: string; readonly key: string },
  context: { readonly stampKey: MacKey; readonly now: Date },
): Promise<ObjectState> {
  const etag = parseETag(headers.get("etag") ?? "");
  const isOpaque =
    headers.get("x-amz-server-side-encryption")?.startsWith("aws:") === true ||
    headers.has("x-amz-server-side-encryption-customer-algorithm");
  const text = headers.get(`x-amz-meta-${STAMP}`) ?? undefined;
  const stamp = await readStamp(text, { ...place, etag, isOpaque }, context);
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
