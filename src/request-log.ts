/**
 * One structured line per request. It contains no secret, signature, query or header. Paths are logged as bucket and
 * key, because presigned URLs carry their signature in the query.
 */
export interface RequestLog {
  readonly requestId: string;
  readonly startedAt: number;
  readonly method: string;
  /** Length of the body as the client declared it. */
  readonly receivedBytes: number;
  operation?: string;
  bucket?: string;
  key?: string;
  /** Access key id, or `anonymous`. */
  caller?: string;
  code?: string;
  /** The underlying error, of which the client sees only a code. */
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

/** Names and messages of the chain of causes, without stacks. */
function describeCause(cause: unknown): string {
  const parts: string[] = [];
  for (let current = cause; current instanceof Error && parts.length < 4; current = current.cause) {
    parts.push(`${current.name}: ${current.message}`);
  }
  return parts.length === 0 ? String(cause) : parts.join(" <- ");
}
