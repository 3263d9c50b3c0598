/** Errors of IAM and STS: codes and statuses of each action in their API references. */
import { apiErrors } from "../query-api/errors.ts";

const { ApiError, translate } = apiErrors("IamError", {
  statuses: {
    AccessDenied: 403,
    DeleteConflict: 409,
    EntityAlreadyExists: 409,
    InternalFailure: 500,
    InvalidInput: 400,
    LimitExceeded: 409,
    MalformedPolicyDocument: 400,
    NoSuchEntity: 404,
    NotImplemented: 501,
    Throttling: 400,
    ValidationError: 400,
  },
  errors: {
    AccessDenied: ["AccessDenied"],
    InternalError: ["InternalFailure", "The request processing has failed because of an unknown error."],
    SlowDown: ["Throttling", "Rate exceeded"],
  },
  sender: "InvalidInput",
  receiver: "InternalFailure",
});

export const IamError = ApiError;
export type IamError = InstanceType<typeof IamError>;
export const toIamError = translate;

export function noSuchUser(name: string): IamError {
  return new IamError("NoSuchEntity", `The user with name ${name} cannot be found.`);
}

export function noSuchKey(accessKeyId: string): IamError {
  return new IamError("NoSuchEntity", `The Access Key with id ${accessKeyId} cannot be found.`);
}
