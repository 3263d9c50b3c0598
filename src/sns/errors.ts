/** Errors of SNS: codes and statuses of its API reference; messages as AWS was seen to give them. */
import type { S3Error, S3ErrorCode } from "../errors.ts";
import { QueryError } from "../query-api/errors.ts";

const STATUS = {
  AuthorizationError: 403,
  InternalError: 500,
  InvalidParameter: 400,
  NotFound: 404,
  SubscriptionLimitExceeded: 403,
  Throttled: 429,
  TopicLimitExceeded: 403,
} as const satisfies Record<string, number>;

export type SnsErrorCode = keyof typeof STATUS;

export class SnsError extends QueryError {
  override readonly name = "SnsError";

  constructor(code: SnsErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(code, STATUS[code], message, options);
  }
}

const FROM_S3: Partial<Record<S3ErrorCode, readonly [code: SnsErrorCode, message?: string]>> = {
  AccessDenied: ["AuthorizationError"],
  InternalError: ["InternalError", "The request processing has failed because of an unknown error."],
  SlowDown: ["Throttled", "Rate exceeded"],
};

export function toSnsError(failure: S3Error): SnsError {
  const [code, message] = FROM_S3[failure.code] ?? [failure.status < 500 ? "InvalidParameter" : "InternalError"];
  return new SnsError(code, message ?? failure.message, { cause: failure.cause });
}

/** @param what names a parameter, or says in full what is wrong */
export function invalidParameter(what: string, reason?: string): SnsError {
  return new SnsError(
    "InvalidParameter",
    `Invalid parameter: ${what}${reason === undefined ? "" : ` Reason: ${reason}`}`,
  );
}

export const noSuchTopic = () => new SnsError("NotFound", "Topic does not exist");

export const noSuchSubscription = () => new SnsError("NotFound", "Subscription does not exist");
