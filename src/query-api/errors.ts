/**
 * Errors of the query APIs ("Common errors" in their references). Each API adds codes of its own, and translates S3
 * errors of earlier stages into its codes.
 */
import type { S3Error, S3ErrorCode } from "../errors.ts";

export class QueryError extends Error {
  override readonly name: string = "QueryError";
  readonly code: string;
  readonly status: number;
  /** Who has to change something before a retry can succeed. */
  readonly type: "Sender" | "Receiver";

  constructor(code: string, message: string, { status, cause }: { readonly status: number; readonly cause?: unknown }) {
    super(message, { cause });
    this.code = code;
    this.status = status;
    this.type = status < 500 ? "Sender" : "Receiver";
  }
}

const FROM_S3: Partial<Record<S3ErrorCode, readonly [code: string, status: number, message?: string]>> = {
  AuthorizationHeaderMalformed: ["IncompleteSignature", 400],
  AuthorizationQueryParametersError: ["IncompleteSignature", 400],
  ExpiredToken: ["ExpiredToken", 403, "The security token included in the request is expired"],
  InvalidAccessKeyId: ["InvalidClientTokenId", 403, "The security token included in the request is invalid."],
  InvalidToken: ["InvalidClientTokenId", 403, "The security token included in the request is invalid."],
  InvalidURI: ["MalformedQueryString", 400, "The query string contains a syntax error."],
  NotImplemented: ["NotImplemented", 501],
  RequestTimeTooSkewed: [
    "RequestExpired",
    400,
    "The request is dated more than 15 minutes before or after its arrival.",
  ],
  ServiceUnavailable: ["ServiceUnavailable", 503],
  SignatureDoesNotMatch: [
    "SignatureDoesNotMatch",
    403,
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
  ],
};

/** Undefined if the common errors have no code for it. */
export function toCommonError(failure: S3Error): QueryError | undefined {
  const [code, status, message] = FROM_S3[failure.code] ?? [];
  if (code === undefined || status === undefined) return undefined;
  return new QueryError(code, message ?? failure.message, { status, cause: failure.cause });
}

/** The codes of one API, and its codes for S3 errors that the common errors have no code for. */
export interface ApiErrors<Code extends string> {
  readonly statuses: Readonly<Record<Code, number>>;
  readonly errors: Partial<Record<S3ErrorCode, readonly [code: NoInfer<Code>, message?: string]>>;
  /** The code for all other errors, by who has to change something. */
  readonly sender: NoInfer<Code>;
  readonly receiver: NoInfer<Code>;
}

/** The class of an API's own errors, and the translation of S3's errors into them. */
export function apiErrors<Code extends string>(name: string, { statuses, errors, sender, receiver }: ApiErrors<Code>) {
  class ApiError extends QueryError {
    override readonly name = name;

    constructor(code: Code, message: string, { cause }: { readonly cause?: unknown } = {}) {
      super(code, message, { status: statuses[code], cause });
    }
  }

  function translate(failure: S3Error): QueryError {
    const otherwise = failure.status < 500 ? sender : receiver;
    const [code, message = failure.message] = errors[failure.code] ?? [otherwise];
    return new ApiError(code, message, { cause: failure.cause });
  }

  return { ApiError, translate };
}

export function noSuchOperation(name: string, version: string): QueryError {
  return new QueryError("InvalidAction", `Could not find operation ${name.slice(0, 128)} for version ${version}`, {
    status: 400,
  });
}
