/** What an API answered instead of a result. */
export interface ApiFailure {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly requestId?: string | undefined;
}

export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string | undefined;

  constructor({ status, code, message, requestId }: ApiFailure) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.requestId = requestId;
  }
}

/** No answer arrived, or the browser did not let the page read it. */
export class NetworkError extends Error {
  constructor(cause: unknown) {
    super("The endpoint did not answer, or it does not allow the origin of this page.", { cause });
    this.name = "NetworkError";
  }
}

/** Codes after which the keys of the session are of no use. */
const SESSION_ENDED = new Set(["ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidClientTokenId"]);

export function endsSession(error: unknown): boolean {
  return error instanceof ApiError && SESSION_ENDED.has(error.code);
}

/** Whether the same request may succeed a moment later. */
export function isTemporary(error: unknown): boolean {
  if (error instanceof NetworkError) return true;
  return error instanceof ApiError && (error.status >= 500 || error.status === 429) && error.status !== 501;
}

export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof ApiError && codes.includes(error.code);
}

/** One line: code, message, request id. */
export function describeError(error: unknown): string {
  if (error instanceof ApiError) {
    const id = error.requestId === undefined ? "" : ` (request ${error.requestId})`;
    return `${error.code}: ${error.message}${id}`;
  }
  return error instanceof Error ? error.message : String(error);
}
