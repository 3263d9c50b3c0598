/** When a request says it was made, and how far that may be from now. */
import { S3Error } from "../errors.ts";
import { formatErrorTime } from "./sigv4/amz-date.ts";

/** 15 minutes either way, as AWS allows. */
export const MAX_SKEW_MILLISECONDS = 900_000;

/**
 * @param written the time as the error is to show it
 * @throws S3Error `RequestTimeTooSkewed`
 */
export function requireRecent(instant: Date, now: Date, written: string): void {
  if (Math.abs(now.getTime() - instant.getTime()) <= MAX_SKEW_MILLISECONDS) return;
  throw new S3Error("RequestTimeTooSkewed", {
    message: "The difference between the request time and the current time is too large.",
    details: {
      RequestTime: written,
      ServerTime: formatErrorTime(now),
      MaxAllowedSkewMilliseconds: String(MAX_SKEW_MILLISECONDS),
    },
  });
}

export function missingDate(): S3Error {
  return new S3Error("AccessDenied", { message: "AWS authentication requires a valid Date or x-amz-date header" });
}
