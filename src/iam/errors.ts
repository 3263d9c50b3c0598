/**
 * Errors of the query APIs: codes and statuses of the IAM API reference ("Common errors" and each action's own).
 * What earlier stages throw in S3's terms is said in IAM's here.
 */
import type { S3Error, S3ErrorCode } from "../errors.ts";

const STATUS = {
  AccessDenied: 403,
  DeleteConflict: 409,
  EntityAlreadyExists: 409,
  ExpiredToken: 403,
  IncompleteSignature: 400,
  InternalFailure: 500,
  InvalidAction: 400,
  InvalidClientTokenId: 403,
  InvalidInput: 400,
  InvalidQueryParameter: 400,
  LimitExceeded: 409,
  MalformedPolicyDocument: 400,
  MalformedQueryString: 400,
  MissingAction: 400,
  MissingAuthenticationToken: 403,
  NoSuchEntity: 404,
  NotImplemented: 501,
  RequestExpired: 400,
  ServiceUnavailable: 503,
  SignatureDoesNotMatch: 403,
  Throttling: 400,
  ValidationError: 400,
} as const satisfies Record<string, number>;

export type IamErrorCode = keyof typeof STATUS;

export class IamError extends Error {
  override readonly name = "IamError";
  readonly code: IamErrorCode;
  readonly status: number;
  /** Who has to change something before a repetition can succeed. */
  readonly type: "Sender" | "Receiver";

  constructor(code: IamErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
    this.status = STATUS[code];
    this.type = this.status < 500 ? "Sender" : "Receiver";
  }
}

const FROM_S3: Partial<Record<S3ErrorCode, readonly [code: IamErrorCode, message?: string]>> = {
  AccessDenied: ["AccessDenied"],
  AuthorizationHeaderMalformed: ["IncompleteSignature"],
  AuthorizationQueryParametersError: ["IncompleteSignature"],
  ExpiredToken: ["ExpiredToken", "The security token included in the request is expired"],
  InternalError: ["InternalFailure", "The request processing has failed because of an unknown error."],
  InvalidAccessKeyId: ["InvalidClientTokenId", "The security token included in the request is invalid."],
  InvalidToken: ["InvalidClientTokenId", "The security token included in the request is invalid."],
  InvalidURI: ["MalformedQueryString", "The query string contains a syntax error."],
  NotImplemented: ["NotImplemented"],
  RequestTimeTooSkewed: ["RequestExpired", "The request is dated more than 15 minutes before or after its arrival."],
  ServiceUnavailable: ["ServiceUnavailable"],
  SignatureDoesNotMatch: [
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
  ],
  SlowDown: ["Throttling", "Rate exceeded"],
};

export function toIamError(failure: S3Error): IamError {
  const [code, message] = FROM_S3[failure.code] ?? [failure.status < 500 ? "InvalidInput" : "InternalFailure"];
  return new IamError(code, message ?? failure.message, { cause: failure.cause });
}

export function noSuchUser(name: string): IamError {
  return new IamError("NoSuchEntity", `The user with name ${name} cannot be found.`);
}

export function noSuchKey(accessKeyId: string): IamError {
  return new IamError("NoSuchEntity", `The Access Key with id ${accessKeyId} cannot be found.`);
}
