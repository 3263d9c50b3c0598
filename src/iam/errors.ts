/** Errors of IAM and STS: codes and statuses of each action in their API references. */
import type { S3Error } from "../errors.ts";
import { type ErrorNames, QueryError, translate } from "../query-api/errors.ts";

const STATUS = {
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
} as const satisfies Record<string, number>;

export type IamErrorCode = keyof typeof STATUS;

export class IamError extends QueryError {
  override readonly name = "IamError";

  constructor(code: IamErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(code, STATUS[code], message, options);
  }
}

const NAMES: ErrorNames<IamErrorCode> = {
  errors: {
    AccessDenied: ["AccessDenied"],
    InternalError: ["InternalFailure", "The request processing has failed because of an unknown error."],
    SlowDown: ["Throttling", "Rate exceeded"],
  },
  sender: "InvalidInput",
  receiver: "InternalFailure",
};

export const toIamError = (failure: S3Error) => translate(failure, NAMES, IamError);

export function noSuchUser(name: string): IamError {
  return new IamError("NoSuchEntity", `The user with name ${name} cannot be found.`);
}

export function noSuchKey(accessKeyId: string): IamError {
  return new IamError("NoSuchEntity", `The Access Key with id ${accessKeyId} cannot be found.`);
}
