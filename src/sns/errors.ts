/** Errors of SNS: codes and statuses from its API reference, messages as AWS was seen to send them. */
import { apiErrors } from "../query-api/errors.ts";

const { ApiError, translate } = apiErrors("SnsError", {
  statuses: {
    AuthorizationError: 403,
    InternalError: 500,
    InvalidParameter: 400,
    NotFound: 404,
    SubscriptionLimitExceeded: 403,
    Throttled: 429,
    TopicLimitExceeded: 403,
  },
  errors: {
    AccessDenied: ["AuthorizationError"],
    InternalError: ["InternalError", "The request processing has failed because of an unknown error."],
    SlowDown: ["Throttled", "Rate exceeded"],
  },
  sender: "InvalidParameter",
  receiver: "InternalError",
});

export const SnsError = ApiError;
export type SnsError = InstanceType<typeof SnsError>;
export const toSnsError = translate;

/** @param what the name of a parameter, or a whole message */
export function invalidParameter(what: string, reason?: string): SnsError {
  return new SnsError(
    "InvalidParameter",
    `Invalid parameter: ${what}${reason === undefined ? "" : ` Reason: ${reason}`}`,
  );
}

export const noSuchTopic = () => new SnsError("NotFound", "Topic does not exist");

export const noSuchSubscription = () => new SnsError("NotFound", "Subscription does not exist");
