/**
 * Version ids. A version's id is its token: 9 characters of its order, inverted, so that later versions of a key sort first;
 * one character for its kind; 18 random characters, about 107 bits, and 4 that check them, because AWS refuses an id that was
 * changed as malformed. AWS's ids are also 32 characters of `[A-Za-z0-9._]`.
 * Null versions have a token as well, which places them among the other versions; clients see only `null`. The kind also says
 * whether the version is a delete marker, so that a removal knows it without reading the version.
 */
import { isVersionRandom, newVersionRandom } from "./random-ids.ts";

/** 32 characters. */
export type VersionToken = string;

/** The state of a bucket that keeps versions (API_PutBucketVersioning). A bucket without a state was never versioned. */
export type Versioning = "Enabled" | "Suspended";

export interface VersionKind {
  /** The version that a bucket without versioning, or with suspended versioning, writes. */
  readonly isNull: boolean;
  readonly isMarker: boolean;
}

/** The id of null versions. */
export const NULL_VERSION_ID = "null";

/** Base 62 in the order of the bytes. */
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ORDER_LENGTH = 9;
const TOKEN = /^[0-9A-Za-z]{9}[nvdm][0-9A-Za-z]{22}$/;
/** Orders of one millisecond. The largest order, 2^53 - 1, is reached in the year 2248. */
const ORDERS_PER_MS = 1024;

/**
 * The token of a version that is written now.
 * @param options.replaced the token of the version that it replaces: the new one is later, even if the clock is behind
 * @param options.random 22 letters and digits, of which no other version of the key has the same
 */
export function newVersionToken(
  kind: VersionKind,
  options: { readonly now: Date; readonly replaced: VersionToken | undefined; readonly random?: string },
): VersionToken {
  const { now, replaced, random = newVersionRandom() } = options;
  const least = replaced === undefined ? 0 : orderOf(replaced) + 1;
  const order = Math.max(now.getTime() * ORDERS_PER_MS, least);
  return formatOrder(order) + letterOf(kind) + random;
}

/**
 * The token of a version that was given one before it was written: the same, unless it replaces a version with a later one.
 * Then only its order is another one.
 */
export function tokenAfter(
  proposed: VersionToken,
  { now, replaced }: { readonly now: Date; readonly replaced: VersionToken | undefined },
): VersionToken {
  if (replaced === undefined || orderOf(proposed) > orderOf(replaced)) return proposed;
  const order = Math.max(now.getTime() * ORDERS_PER_MS, orderOf(replaced) + 1);
  return formatOrder(order) + identityOfToken(proposed);
}

/** What stays the same of a proposed token: its kind and the random part. */
export function identityOfToken(token: VersionToken): string {
  return token.slice(ORDER_LENGTH);
}

/** Greater for later versions of the same key. */
export function orderOf(token: VersionToken): number {
  let inverted = 0;
  for (const digit of token.slice(0, ORDER_LENGTH)) inverted = inverted * DIGITS.length + DIGITS.indexOf(digit);
  return Number.MAX_SAFE_INTEGER - inverted;
}

/** When the version was written, if no clock was behind. */
export function timeOf(token: VersionToken): Date {
  return new Date(Math.floor(orderOf(token) / ORDERS_PER_MS));
}

export function isNullToken(token: VersionToken): boolean {
  return /[nm]/.test(token.charAt(ORDER_LENGTH));
}

export function isMarkerToken(token: VersionToken): boolean {
  return /[dm]/.test(token.charAt(ORDER_LENGTH));
}

/** The id that clients see. */
export function versionIdOf(token: VersionToken): string {
  return isNullToken(token) ? NULL_VERSION_ID : token;
}

/** Whether a text has the form of a version id, `null` included. */
export function isVersionId(text: string): boolean {
  return (
    text === NULL_VERSION_ID ||
    (TOKEN.test(text) && !isNullToken(text) && isVersionRandom(text.slice(ORDER_LENGTH + 1)))
  );
}

function letterOf({ isNull, isMarker }: VersionKind): string {
  if (isMarker) return isNull ? "m" : "d";
  return isNull ? "n" : "v";
}

/** Whether a text may be the position at which a listing of versions continues: as `isVersionId`, or a null version's token. */
export function isVersionMarker(text: string): boolean {
  return isVersionId(text) || (TOKEN.test(text) && isNullToken(text));
}

function formatOrder(order: number): string {
  let rest = Number.MAX_SAFE_INTEGER - order;
  let text = "";
  for (let index = 0; index < ORDER_LENGTH; index++) {
    text = DIGITS.charAt(rest % DIGITS.length) + text;
    rest = Math.floor(rest / DIGITS.length);
  }
  return text;
}
