/** Errors of SNS: codes and statuses of its API reference; messages as AWS was seen to give them. */
import type { S3Error } from "../errors.ts";
import { type ErrorNames, QueryError, translate } from "../query-api/errors.ts";

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

const NAMES: ErrorNames<SnsErrorCode> = {
  errors: {
    AccessDenied: ["AuthorizationError"],
    InternalError: ["InternalError", "The request processing has failed because of an unknown error."],
    SlowDown: ["Throttled", "Rate exceeded"],
  },
  sender: "InvalidParameter",
  receiver: "InternalError",
};

export const toSnsError = (failure: S3Error) => translate(failure, NAMES, SnsError);

/** @param what names a parameter, or says in full what is wrong */
export function invalidParameter(what: string, reason?: string): SnsError {
  return new SnsError(
    "InvalidParameter",
    `Invalid parameter: ${what}${reason === undefined ? "" : ` Reason: ${reason}`}`,
  );
}

export const noSuchTopic = () => new SnsError("NotFound", "Topic does not exist");

export const noSuchSubscription = () => new SnsError("NotFound", "Subscription does not exist");
