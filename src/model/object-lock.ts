/**
 * Object lock: what protects a version, and which changes of its protection are allowed ("Locking objects with Object
 * Lock", object-lock). Pure. Every way in which a version can disappear asks `isProtected`.
 */

import { S3Error } from "../errors.ts";

export const RETENTION_MODES = ["GOVERNANCE", "COMPLIANCE"] as const;
export type RetentionMode = (typeof RETENTION_MODES)[number];

export interface Retention {
  readonly mode: RetentionMode;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** What protects a version. */
export interface ObjectLock {
  readonly retention?: Retention;
  /** Absent: no hold was ever put on it or taken from it. */
  readonly hasLegalHold?: boolean;
}

/** A bucket's lock configuration; a bucket that has one keeps it. */
export interface ObjectLockConfiguration {
  /** Given to every new version whose request names no retention. */
  readonly defaultRetention?: DefaultRetention;
}

export interface DefaultRetention {
  readonly mode: RetentionMode;
  readonly period: { readonly unit: "Days" | "Years"; readonly length: number };
}

/** Years of a retention are years of 365 days, as on AWS. */
const DAY_MS = 24 * 60 * 60 * 1000;
const YEAR_DAYS = 365;

function retentionFrom({ mode, period }: DefaultRetention, now: Date): Retention {
  const days = period.unit === "Days" ? period.length : period.length * YEAR_DAYS;
  return { mode, until: now.getTime() + days * DAY_MS };
}

/**
 * Whether a version must not be removed.
 * @param bypassesGovernance whether the caller asks to bypass governance, and may
 */
export function isProtected({ retention, hasLegalHold }: ObjectLock, now: Date, bypassesGovernance: boolean): boolean {
  if (hasLegalHold === true) return true;
  if (retention === undefined || retention.until <= now.getTime()) return false;
  return retention.mode === "COMPLIANCE" || !bypassesGovernance;
}

/** The refusal of a change that a lock prevents. */
export function protectedByLock(): S3Error {
  return new S3Error("AccessDenied", { message: "Access Denied because object protected by object lock." });
}

/**
 * The refusal of bytes that are to be locked and come without a digest (text and cases as seen on AWS by users of Object
 * Lock). `x-amz-content-sha256` does not count.
 * @param request as AWS names it
 */
export function digestRequired(request: "Put Object" | "Put Part"): S3Error {
  return new S3Error("InvalidRequest", {
    message: `Content-MD5 OR x-amz-checksum- HTTP header is required for ${request} requests with Object Lock parameters`,
  });
}

/**
 * Whether a retention may take the place of the present one. It may always be made longer. While compliance lasts, no
 * caller, the root account included, can shorten it, remove it or change its mode; governance needs the bypass for that
 * ("Governance mode": only users with special permissions "alter its lock settings").
 * @param next undefined removes the retention
 */
export function mayReplaceRetention(
  present: Retention | undefined,
  next: Retention | undefined,
  { now, bypassesGovernance }: { readonly now: Date; readonly bypassesGovernance: boolean },
): boolean {
  if (present === undefined || present.until <= now.getTime()) return true;
  if (next?.mode === present.mode && next.until >= present.until) return true;
  return present.mode === "GOVERNANCE" && bypassesGovernance;
}

/**
 * The lock of a version that takes over another one's: never weaker than its own. Retention is only made longer, in the same
 * mode or in compliance, and a legal hold is only put on.
 */
export function strengthenedLock(
  own: ObjectLock | undefined,
  other: ObjectLock | undefined,
  now: Date,
): ObjectLock | undefined {
  const retention = strongerRetention(own?.retention, other?.retention, now);
  const hasLegalHold = other?.hasLegalHold === true ? true : (own?.hasLegalHold ?? other?.hasLegalHold);
  if (retention === undefined && hasLegalHold === undefined) return undefined;
  return { ...(retention !== undefined && { retention }), ...(hasLegalHold !== undefined && { hasLegalHold }) };
}

function strongerRetention(own: Retention | undefined, other: Retention | undefined, now: Date): Retention | undefined {
  if (own === undefined || other === undefined) return own ?? other;
  if (own.until <= now.getTime()) return other.until > own.until ? other : own;
  const isStronger = other.until >= own.until && (other.mode === own.mode || other.mode === "COMPLIANCE");
  return isStronger ? other : own;
}

/**
 * The lock of a new version: what the request asks for. The bucket's default applies where it asks for no retention; a legal
 * hold says nothing about that. Undefined: no lock.
 */
export function lockOfNewVersion(
  requested: ObjectLock | undefined,
  configuration: ObjectLockConfiguration | undefined,
  now: Date,
): ObjectLock | undefined {
  const { defaultRetention } = configuration ?? {};
  if (defaultRetention === undefined || requested?.retention !== undefined) return requested;
  return { ...requested, retention: retentionFrom(defaultRetention, now) };
}
