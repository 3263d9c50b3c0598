/** When a request says it was made, in the forms of AWS and HTTP, and how far that may be from now. */
import { S3Error } from "../errors.ts";

/** The time of a signature (AWS "Elements of an AWS API request signature"): `20130524T000000Z`, UTC, whole seconds. */
export interface AmzDate {
  readonly instant: Date;
  /** `YYYYMMDDTHHMMSSZ`, as it stands in the string to sign. */
  readonly timestamp: string;
  /** `YYYYMMDD`, as it stands in the credential scope. */
  readonly day: string;
}

/** ISO 8601 basic format, as in `x-amz-date` and `X-Amz-Date`; undefined if it is not one or names no real time. */
export function parseAmzDate(text: string): AmzDate | undefined {
  const match = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second] = match;
  const instant = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(instant.getTime())) return undefined;
  const date = amzDate(instant);
  // `Date` rolls 30 February over to March; such a date was never meant.
  return date.timestamp === text ? date : undefined;
}

/** The `Date` header, which counts when `x-amz-date` is missing: an HTTP date, or ISO 8601 basic as some signers send. */
export function parseDateHeader(text: string): AmzDate | undefined {
  const basic = parseAmzDate(text);
  if (basic !== undefined) return basic;
  if (!/^[A-Z][a-z]{2,8}, \d{1,2}[ -][A-Z][a-z]{2}[ -]\d{2,4} \d{2}:\d{2}:\d{2} (GMT|UTC|[+-]\d{4})$/.test(text)) {
    return undefined;
  }
  const instant = new Date(text);
  return Number.isNaN(instant.getTime()) ? undefined : amzDate(instant);
}

export function amzDate(instant: Date): AmzDate {
  const timestamp = instant
    .toISOString()
    .replace(/\.\d{3}Z$/, "Z")
    .replaceAll(/[-:]/g, "");
  return { instant, timestamp, day: timestamp.slice(0, 8) };
}

/** `2013-05-24T00:00:00Z`: how S3 writes times into error documents. */
export function formatErrorTime(instant: Date): string {
  return instant.toISOString().replace(/\.\d{3}Z$/, "Z");
}

/** 15 minutes either way, as AWS allows. */
export const MAX_SKEW_MS = 900_000;

/**
 * @param written the time as the error is to show it
 * @throws S3Error `RequestTimeTooSkewed`
 */
export function requireRecent(instant: Date, now: Date, written: string): void {
  if (Math.abs(now.getTime() - instant.getTime()) <= MAX_SKEW_MS) return;
  throw new S3Error("RequestTimeTooSkewed", {
    message: "The difference between the request time and the current time is too large.",
    details: {
      RequestTime: written,
      ServerTime: formatErrorTime(now),
      MaxAllowedSkewMilliseconds: String(MAX_SKEW_MS),
    },
  });
}

export function missingDate(): S3Error {
  return new S3Error("AccessDenied", { message: "AWS authentication requires a valid Date or x-amz-date header" });
}
