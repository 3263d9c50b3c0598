/**
 * Where an endpoint knows nothing of replicas, the state an object is of stands in its user metadata, since the endpoint's
 * Last-Modified is only the time of the copy: `<Last-Modified>.<revision>.<ETag>.<place>`. The place makes the stamp void
 * where somebody copies the object, metadata and all, to another key. Deployments that know each other only as endpoints
 * recognise each other's replicas by it, and send none back.
 */
import { sha256Hex } from "../checksum/hasher.ts";
import type { StoredObject } from "../model/object.ts";
import type { ObjectVersion } from "../model/replication.ts";
import { formatReplicaVersion, readReplicaVersion } from "../protocol/replica-version.ts";

/** Name of the user metadata. */
export const STAMP = "workers-s3-version";

export function formatStamp(version: ObjectVersion, bucket: string, key: string): string {
  return `${formatReplicaVersion(version)}.${placeOf(bucket, key)}`;
}

/** An object that carries a stamp. */
export interface StampedPlace {
  readonly bucket: string;
  readonly key: string;
  readonly etag: string;
  /** The ETag is no MD5 of the bytes: they are encrypted with a key of KMS or of the client. */
  readonly isOpaque?: boolean;
}

/**
 * The state a stamp tells of; undefined if it is none, or not about what stands there: another place, or other bytes under
 * metadata that was kept. An object in parts has another ETag where it had to be cut anew, and at endpoints that count
 * it in their own way.
 */
export function readStamp(text: string | undefined, { bucket, key, etag, isOpaque }: StampedPlace) {
  const [, form = "", place] = /^(.+)\.([0-9a-f]{16})$/.exec(text ?? "") ?? [];
  const version = place === placeOf(bucket, key) ? readReplicaVersion(form) : undefined;
  if (version === undefined) return undefined;
  const isSame = version.etag === etag || `${version.etag}${etag}`.includes("-");
  return isSame || isOpaque === true ? version : undefined;
}

/** Whether an object here was brought by a deployment that knows this one only as an endpoint. */
export function isStamped(bucket: string, { key, etag, userMetadata }: StoredObject): boolean {
  return readStamp(userMetadata[STAMP], { bucket, key, etag }) !== undefined;
}

function placeOf(bucket: string, key: string): string {
  return sha256Hex(`${bucket}/${key}`).slice(0, 16);
}
