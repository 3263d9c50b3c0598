/** The time of a request, in the formats of AWS and HTTP, and how far it may differ from the current time. */
import { S3Error } from "../errors.ts";

/** The time of a signature (AWS "Elements of an AWS API request signature"): `20130524T000000Z`, UTC, whole seconds. */
export interface AmzDate {
  readonly instant: Date;
  /** `YYYYMMDDTHHMMSSZ`, as in the string to sign. */
  readonly timestamp: string;
  /** `YYYYMMDD`, as in the credential scope. */
  readonly day: string;
}

/**
 * ISO 8601 basic format, as in `x-amz-date` and `X-Amz-Date`; undefined for another format or a time that does not
 * exist.
 */
export function parseAmzDate(text: string): AmzDate | undefined {
  const match = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second] = match;
  const instant = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  // `Date` turns 30 February into a day of March, and 24:00 into the next day; such a time is invalid.
  if (instant.getUTCDate() !== Number(day)) return undefined;
  return { instant, timestamp: text, day: text.slice(0, 8) };
}

/**
 * The `Date` header, which is used if `x-amz-date` is missing: an HTTP date, or ISO 8601 basic, which some signers
 * send.
 */
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

/** `2013-05-24T00:00:00Z`: the format of times in S3's error documents. */
export function formatErrorTime(instant: Date): string {
  return instant.toISOString().replace(/\.\d{3}Z$/, "Z");
}

/** 15 minutes in either direction, as on AWS. */
export const MAX_SKEW_MS = 900_000;

/**
 * @param written the time as it appears in the error
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
