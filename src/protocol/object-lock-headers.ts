/**
 * `x-amz-object-lock-*`: the lock of the object that a request writes, or that an answer describes (API_PutObject). Errors
 * as recorded by LocalStack in 2026-02 and seen on AWS by versitygw's authors.
 */
import { invalidArgument, S3Error } from "../errors.ts";
import { CHECKSUM_ALGORITHMS, checksumHeader } from "../model/checksum.ts";
import { type ObjectLock, RETENTION_MODES, type Retention } from "../model/object-lock.ts";
import { formatRetainUntil, parseIso8601 } from "./dates.ts";

const MODE = "x-amz-object-lock-mode";
const RETAIN_UNTIL = "x-amz-object-lock-retain-until-date";
const LEGAL_HOLD = "x-amz-object-lock-legal-hold";

const ENABLED_FOR_BUCKET = "x-amz-bucket-object-lock-enabled";
export const BYPASS_GOVERNANCE_HEADER = "x-amz-bypass-governance-retention";

/**
 * Undefined if the request names no lock.
 * @throws S3Error `InvalidArgument`
 */
export function parseLockHeaders(headers: Headers, now: Date): ObjectLock | undefined {
  const retention = parseRetentionHeaders(headers, now);
  const hasLegalHold = parseLegalHoldHeader(headers);
  if (retention === undefined && hasLegalHold === undefined) return undefined;
  return { ...(retention !== undefined && { retention }), ...(hasLegalHold !== undefined && { hasLegalHold }) };
}

function parseRetentionHeaders(headers: Headers, now: Date): Retention | undefined {
  const modeText = headers.get(MODE) || undefined;
  const dateText = headers.get(RETAIN_UNTIL) || undefined;
  if (modeText === undefined && dateText === undefined) return undefined;
  if (modeText === undefined) throw missing(MODE);
  if (dateText === undefined) throw missing(RETAIN_UNTIL);
  const date = parseIso8601(dateText);
  if (date === undefined) {
    throw invalidArgument("The retain until date must be provided in ISO 8601 format", RETAIN_UNTIL, dateText);
  }
  if (date.getTime() <= now.getTime()) {
    throw invalidArgument("The retain until date must be in the future!", RETAIN_UNTIL, dateText);
  }
  const mode = RETENTION_MODES.find((known) => known === modeText);
  if (mode === undefined) throw invalidArgument("Unknown wormMode directive.", MODE, modeText);
  return { mode, until: date.getTime() };
}

function missing(header: string): S3Error {
  const message = `${RETAIN_UNTIL} and ${MODE} must both be supplied`;
  return new S3Error("InvalidArgument", { message, details: { ArgumentName: header } });
}

function parseLegalHoldHeader(headers: Headers): boolean | undefined {
  const status = headers.get(LEGAL_HOLD) || undefined;
  if (status === undefined) return undefined;
  if (status === "ON" || status === "OFF") return status === "ON";
  throw invalidArgument("Legal Hold must be either of 'ON' or 'OFF'", LEGAL_HOLD, status);
}

export function retentionHeaders({ retention }: ObjectLock): Record<string, string> {
  return retention === undefined ? {} : { [MODE]: retention.mode, [RETAIN_UNTIL]: formatRetainUntil(retention.until) };
}

export function legalHoldHeaders({ hasLegalHold }: ObjectLock): Record<string, string> {
  return hasLegalHold === undefined ? {} : { [LEGAL_HOLD]: hasLegalHold ? "ON" : "OFF" };
}

/** Undefined without the header. */
export function parseBypassGovernance(headers: Headers): boolean | undefined {
  const text = headers.get(BYPASS_GOVERNANCE_HEADER);
  if (text === null) return undefined;
  return text.trim().toLowerCase() === "true";
}

/**
 * Whether CreateBucket asks for object lock.
 * @throws S3Error `InvalidArgument`
 */
export function parseBucketLockHeader(headers: Headers): boolean {
  const text = headers.get(ENABLED_FOR_BUCKET) ?? "";
  if (!/^(?:true|false|)$/i.test(text)) throw invalidArgument("Invalid Argument", ENABLED_FOR_BUCKET, text);
  return text.toLowerCase() === "true";
}

/** Whether the request states Content-MD5 or a checksum of its body, which bytes with a lock need. */
export function statesBodyDigest(headers: Headers): boolean {
  if (headers.has("content-md5") || /x-amz-checksum-/i.test(headers.get("x-amz-trailer") ?? "")) return true;
  return CHECKSUM_ALGORITHMS.some((algorithm) => headers.has(checksumHeader(algorithm)));
}
