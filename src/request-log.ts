/**
 * One structured line a request. Never a secret, a signature, a query or a header: paths are logged as bucket and key,
 * since presigned URLs carry their signature in the query.
 */
export interface RequestLog {
  readonly requestId: string;
  readonly startedAt: number;
  readonly method: string;
  /** Bytes of the body as announced. */
  readonly receivedBytes: number;
  operation?: string;
  bucket?: string;
  key?: string;
  /** Access key id, or `anonymous`. */
  caller?: string;
  code?: string;
  /** What really happened, where the client only sees a code. */
  cause?: unknown;
}

export function startRequestLog({ method, headers }: Request, requestId: string): RequestLog {
  return { requestId, startedAt: Date.now(), method, receivedBytes: Number(headers.get("content-length") ?? 0) };
}

export function writeRequestLog(log: RequestLog, response: Response): void {
  const line = {
    requestId: log.requestId,
    method: log.method,
    operation: log.operation,
    bucket: log.bucket,
    key: log.key,
    status: response.status,
    code: log.code,
    caller: log.caller,
    receivedBytes: log.receivedBytes,
    sentBytes: log.method === "HEAD" ? 0 : Number(response.headers.get("content-length") ?? 0),
    milliseconds: Date.now() - log.startedAt,
    cause: log.cause === undefined ? undefined : describeCause(log.cause),
  };
  if (response.status >= 500) console.error(JSON.stringify(line));
  else console.log(JSON.stringify(line));
}

/** Names and messages of the chain of causes; stacks only for what is not the platform's. */
function describeCause(cause: unknown): string {
  const parts: string[] = [];
  for (let current = cause; current instanceof Error && parts.length < 4; current = current.cause) {
    parts.push(`${current.name}: ${current.message}`);
  }
  return parts.length === 0 ? String(cause) : parts.join(" <- ");
}
