/**
 * The state of a replica at an endpoint that is not a peer, in its user metadata, because the endpoint's Last-Modified
 * is only the time of the copy: `<Last-Modified>.<revision>.<ETag>.<location>.<HMAC>`. The location makes the stamp
 * invalid if the object is copied with its metadata to another key. The HMAC proves that this deployment wrote the
 * stamp: otherwise anyone who can write there could invent a state that no later one replaces.
 *
 * Deployments that know each other only as `s3` endpoints recognize each other's replicas by the location, without the
 * HMAC, and do not send them back.
 */
import { formatHex, parseHex } from "../checksum/digests.ts";
import { sha256Hex } from "../checksum/hasher.ts";
import type { MacKey } from "../model/mac-key.ts";
import type { ObjectState, StoredObject } from "../model/object.ts";
import { liesAhead } from "../model/replication.ts";
import { findReplicaState, formatReplicaState } from "../protocol/replica-state.ts";

/** Name of the user metadata entry. */
export const STAMP = "workers-s3-version";

const FORM = /^(?<state>.+)\.(?<location>[0-9a-f]{16})\.(?<mac>[0-9a-f]{32})$/;
const MAC_BYTES = 16;

export interface StampLocation {
  readonly bucket: string;
  readonly key: string;
}

export async function formatStamp(state: ObjectState, location: StampLocation, stampKey: MacKey): Promise<string> {
  const text = formatReplicaState(state);
  return `${text}.${locationDigest(location)}.${formatHex(await computeMac(text, location, stampKey))}`;
}

/** An object with a stamp. */
export interface StampedObject extends StampLocation {
  readonly etag: string;
  /** The ETag is not an MD5 of the bytes: they are encrypted with a key of KMS or of the client. */
  readonly isOpaque?: boolean;
}

/**
 * @returns the state in a stamp; undefined if this deployment did not write it, it is in the future, or it is about
 *   another location or other bytes
 */
export async function readStamp(
  text: string | undefined,
  found: StampedObject,
  { stampKey, now }: { readonly stampKey: MacKey; readonly now: Date },
): Promise<ObjectState | undefined> {
  const read = parseStamp(text, found);
  if (read === undefined || liesAhead(read.state, now)) return undefined;
  const mac = parseHex(read.mac, MAC_BYTES);
  const isOurs = mac !== undefined && (await stampKey.matches(await computeMac(read.text, found, stampKey), mac));
  return isOurs ? read.state : undefined;
}

/** Whether a deployment that knows this one only as an `s3` endpoint wrote the object as a replica. */
export function isStamped(bucket: string, { key, etag, userMetadata }: StoredObject): boolean {
  return parseStamp(userMetadata[STAMP], { bucket, key, etag }) !== undefined;
}

/** ETags of objects in parts are not compared: endpoints may compute them in their own way, and parts can differ. */
function parseStamp(stamp: string | undefined, found: StampedObject) {
  // Most objects have none, and need no digest.
  if (stamp === undefined) return undefined;
  const { state: text = "", location, mac = "" } = FORM.exec(stamp)?.groups ?? {};
  const state = location === locationDigest(found) ? findReplicaState(text) : undefined;
  if (state === undefined) return undefined;
  const isSame = state.etag === found.etag || `${state.etag}${found.etag}`.includes("-");
  return isSame || found.isOpaque === true ? { text, state, mac } : undefined;
}

function locationDigest({ bucket, key }: StampLocation): string {
  return sha256Hex(`${bucket}/${key}`).slice(0, 16);
}

async function computeMac(state: string, { bucket, key }: StampLocation, stampKey: MacKey): Promise<Uint8Array> {
  const text = new TextEncoder().encode(JSON.stringify([state, bucket, key]));
  return (await stampKey.sign(text)).subarray(0, MAC_BYTES);
}
