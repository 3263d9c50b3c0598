import type { AuditSetting } from "./model/audit.ts";
import type { Bucket } from "./model/bucket.ts";
import type { Caller } from "./model/caller.ts";
import type { LoggedBucket, LoggedDetail } from "./model/logged-bucket.ts";
import type { S3Request } from "./protocol/s3-request.ts";

/**
 * One structured line per logged request. It contains no secret, signature, query or header. Paths are logged as bucket
 * and key, because presigned URLs carry their signature in the query.
 */
export interface RequestLog {
  readonly requestId: string;
  readonly startedAt: number;
  operation?: string;
  bucket?: string;
  key?: string;
  /** Access key id, or `anonymous`. */
  caller?: string;
  code?: string;
  /** Whether the object read last is the same for every anonymous request; not part of the line. */
  isForEveryone?: boolean;
  /** The underlying error, of which the client sees only a code. */
  cause?: unknown;
  // The rest is for the access log of the bucket, and not part of the line. What names no bucket is not logged there.
  /** The bucket of the request, if its requests are logged. */
  logged?: LoggedBucket | undefined;
  /** Finds it, if the request failed before any bucket was read. */
  findLogged?: (() => Promise<LoggedBucket | undefined>) | undefined;
  /** What a copy reads, if the requests to that bucket are logged. */
  copiedFrom?: { readonly bucket: LoggedBucket; readonly key: string; readonly versionId?: string };
  /** Absent if it was not found out who sent the request. */
  authentication?: {
    readonly caller: Caller;
    readonly style: "header" | "query" | "form" | "anonymous";
    readonly signatureVersion: string | undefined;
  };
  grant?: { readonly isByAcl: boolean };
  /** What only the operation knows. */
  detail?: LoggedDetail | undefined;
  /** Length of an answer that is a text. */
  textBytes?: number;
  /** Whether a website host was asked. */
  isWebsite?: boolean;
  // The rest is for the audit and the metrics, and not part of the line: `audit/shown.ts` chooses what of it is shown.
  /** Which surface answered; absent: S3. */
  service?: "s3-control" | "iam" | "sts" | "sns" | "admin" | "website";
  /** The key that the request names, before anything is verified. */
  claimedKeyId?: string | undefined;
  /** What the signature covers, once it is verified. */
  signed?: S3Request;
  /** The document in the body of a request of S3. */
  document?: Uint8Array;
  /** The parameters of a request of a query API, once its signature is verified. */
  form?: ReadonlyMap<string, string>;
  /** A request of the admin API; the values in its path, and its body once it is verified. */
  adminCall?: { readonly route: string; readonly values: Readonly<Record<string, string>>; readonly body?: unknown };
  /** Ids of what the request has created. */
  created?: Readonly<Record<string, string>>;
  /** The bucket of the request, if it exists. */
  found?: Bucket | undefined;
  /** Whether the length of the answer is to be known. */
  isMeasured?: boolean;
  /** Where the audit went before this request changed that. */
  formerAudit?: AuditSetting | undefined;
}

/** Which requests are logged: those answered with this status and above. */
export const REQUEST_LOG_LEVELS = { all: 0, errors: 400, failures: 500 } as const;

export type RequestLogLevel = keyof typeof REQUEST_LOG_LEVELS;

export function startRequestLog(requestId: string): RequestLog {
  return { requestId, startedAt: Date.now() };
}

/** Writes the line of an answered request, if its level asks for it. Only then is the line built. */
export function writeRequestLog(
  log: RequestLog,
  { request, response }: { readonly request: Request; readonly response: Response },
  level: RequestLogLevel,
): void {
  const { status } = response;
  if (status < REQUEST_LOG_LEVELS[level]) return;
  const line = {
    requestId: log.requestId,
    method: request.method,
    operation: log.operation,
    bucket: log.bucket,
    key: log.key,
    status,
    code: log.code,
    caller: log.caller,
    receivedBytes: lengthIn(request.headers),
    sentBytes: request.method === "HEAD" ? 0 : lengthIn(response.headers),
    milliseconds: Date.now() - log.startedAt,
    cause: log.cause === undefined ? undefined : describeCause(log.cause),
  };
  if (status >= 500) console.error(JSON.stringify(line));
  else console.log(JSON.stringify(line));
}

/** Content-Length, which is 0 where a body is sent without it. */
function lengthIn(headers: Headers): number {
  return Number(headers.get("content-length") ?? 0);
}

/** Names and messages of the chain of causes, without stacks. */
function describeCause(cause: unknown): string {
  const parts: string[] = [];
  for (let current = cause; current instanceof Error && parts.length < 4; current = current.cause) {
    parts.push(`${current.name}: ${current.message}`);
  }
  return parts.length === 0 ? String(cause) : parts.join(" <- ");
}
