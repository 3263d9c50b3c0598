/**
 * Where an endpoint knows nothing of replicas, the state an object is of stands in its user metadata, since the endpoint's
 * Last-Modified is only the time of the copy: `<Last-Modified>.<revision>.<ETag>.<place>.<HMAC>`. The place makes the
 * stamp void where somebody copies the object, metadata and all, to another key. By the HMAC a deployment knows its own:
 * whoever may write there could otherwise make up a state that stands against every later one.
 *
 * Deployments that know each other only as endpoints recognise each other's replicas by their place, and send none back.
 */
import { formatHex, matchesMac, parseHex } from "../checksum/digests.ts";
import { sha256Hex } from "../checksum/hasher.ts";
import type { ObjectState, StoredObject } from "../model/object.ts";
import { liesAhead } from "../model/replication.ts";
import { findReplicaState, formatReplicaState } from "../protocol/replica-state.ts";

/** Name of the user metadata. */
export const STAMP = "workers-s3-version";

const FORM = /^(?<state>.+)\.(?<place>[0-9a-f]{16})\.(?<mac>[0-9a-f]{32})$/;
const MAC_BYTES = 16;

export interface StampLocation {
  readonly bucket: string;
  readonly key: string;
}

export async function formatStamp(state: ObjectState, location: StampLocation, stampKey: CryptoKey): Promise<string> {
  const text = formatReplicaState(state);
  return `${text}.${locationDigest(location)}.${formatHex(await computeMac(text, location, stampKey))}`;
}

/** An object that carries a stamp. */
export interface StampedObject extends StampLocation {
  readonly etag: string;
  /** The ETag is no MD5 of the bytes: they are encrypted with a key of KMS or of the client. */
  readonly isOpaque?: boolean;
}

/**
 * The state a stamp tells of; undefined if it is none of this deployment, lies ahead, or is not about what stands there:
 * another place, or other bytes under metadata that was kept.
 */
export async function readStamp(
  text: string | undefined,
  found: StampedObject,
  { stampKey, now }: { readonly stampKey: CryptoKey; readonly now: Date },
): Promise<ObjectState | undefined> {
  const read = parseStamp(text, found);
  if (read === undefined || liesAhead(read.state, now)) return undefined;
  const mac = parseHex(read.mac, MAC_BYTES);
  const isOurs = mac !== undefined && (await matchesMac(stampKey, await computeMac(read.text, found, stampKey), mac));
  return isOurs ? read.state : undefined;
}

/** Whether an object here was brought by a deployment that knows this one only as an endpoint. */
export function isStamped(bucket: string, { key, etag, userMetadata }: StoredObject): boolean {
  return parseStamp(userMetadata[STAMP], { bucket, key, etag }) !== undefined;
}

/** An object in parts has another ETag where it had to be cut anew, and at endpoints that count it in their own way. */
function parseStamp(stamp: string | undefined, found: StampedObject) {
  const { state: text = "", place, mac = "" } = FORM.exec(stamp ?? "")?.groups ?? {};
  const state = place === locationDigest(found) ? findReplicaState(text) : undefined;
  if (state === undefined) return undefined;
  const isSame = state.etag === found.etag || `${state.etag}${found.etag}`.includes("-");
  return isSame || found.isOpaque === true ? { text, state, mac } : undefined;
}

function locationDigest({ bucket, key }: StampLocation): string {
  return sha256Hex(`${bucket}/${key}`).slice(0, 16);
}

async function computeMac(state: string, { bucket, key }: StampLocation, stampKey: CryptoKey): Promise<Uint8Array> {
  const text = new TextEncoder().encode(JSON.stringify([state, bucket, key]));
  return new Uint8Array(await crypto.subtle.sign("HMAC", stampKey, text)).subarray(0, MAC_BYTES);
}
