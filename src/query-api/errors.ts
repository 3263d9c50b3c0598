/**
 * Errors of the query APIs ("Common errors" of their references). Each API adds codes of its own; what earlier stages
 * throw in S3's terms is said in the API's here.
 */
import type { S3Error, S3ErrorCode } from "../errors.ts";

export class QueryError extends Error {
  override readonly name: string = "QueryError";
  readonly code: string;
  readonly status: number;
  /** Who has to change something before a repetition can succeed. */
  readonly type: "Sender" | "Receiver";

  constructor(code: string, status: number, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
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

/** Undefined for what each API calls by a name of its own. */
export function toCommonError(failure: S3Error): QueryError | undefined {
  const [code, status, message] = FROM_S3[failure.code] ?? [];
  if (code === undefined || status === undefined) return undefined;
  return new QueryError(code, status, message ?? failure.message, { cause: failure.cause });
}

/** How an API says what the common errors have no name for. */
export interface ErrorNames<Code extends string> {
  readonly errors: Partial<Record<S3ErrorCode, readonly [code: Code, message?: string]>>;
  /** Of all others, by whose fault they are. */
  readonly sender: Code;
  readonly receiver: Code;
}

type Make<Code> = new (code: Code, message: string, options: { cause?: unknown }) => QueryError;

export function translate<Code extends string>(
  failure: S3Error,
  names: ErrorNames<Code>,
  Failure: Make<Code>,
): QueryError {
  const otherwise = failure.status < 500 ? names.sender : names.receiver;
  const [code, message = failure.message] = names.errors[failure.code] ?? [otherwise];
  return new Failure(code, message, { cause: failure.cause });
}

export function noSuchOperation(name: string, version: string): QueryError {
  return new QueryError("InvalidAction", 400, `Could not find operation ${name.slice(0, 128)} for version ${version}`);
}
