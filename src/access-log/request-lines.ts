/** The lines of one request: in the log of its bucket, for each key of DeleteObjects, and in the log of a copy's source. */
import { callerArn } from "../access/identity.ts";
import type { Caller } from "../model/caller.ts";
import type { RawUrl } from "../protocol/request-target.ts";
import type { Client } from "../protocol/s3-request.ts";
import type { RequestLog } from "../request-log.ts";
import { hostId } from "../response.ts";
import { formatLine, type LoggedConnection, type LogLine, loggedTarget } from "./line.ts";
import type { LogEntry } from "./line-buffer.ts";
import { requestOperation, sourceOperation } from "./operation-names.ts";

export interface AnsweredRequest {
  readonly request: Request;
  readonly url: RawUrl;
  readonly client: Client;
  readonly log: RequestLog;
}

export interface SentAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytesSent: number;
  /** Until the answer's first byte. */
  readonly turnAroundMs: number;
}

/** Called when the answer is sent: the total time ends now. */
export function linesOfRequest(answered: AnsweredRequest, answer: SentAnswer): readonly LogEntry[] {
  const { log } = answered;
  const { logged, copiedFrom } = log;
  const common = commonFields(answered, answer);
  const entries: LogEntry[] = [];
  const add = (line: LogLine) => entries.push({ bucket: line.bucket, time: line.time, line: formatLine(line) });
  if (logged !== undefined) {
    add({ ...common, ...ownFields(answered, answer), bucket: logged });
    for (const removal of log.detail?.removals?.() ?? []) {
      const { key, versionId, status, code } = removal;
      const { time, remoteIp, requester, requestId, hostId: id, connection } = common;
      const batch = { time, remoteIp, requester, requestId, hostId: id, connection, requestUri: "none" } as const;
      add({ ...batch, bucket: logged, operation: "BATCH.DELETE.OBJECT", key, versionId, status, code });
    }
  }
  const operation = sourceOperation(log.operation);
  if (copiedFrom !== undefined && operation !== undefined) {
    const { bucket, key, versionId } = copiedFrom;
    add({ ...common, bucket, operation, key, versionId, objectSizeBytes: log.detail?.objectSizeBytes });
  }
  return entries;
}

type CommonFields = Omit<LogLine, "bucket" | "operation" | "key" | "versionId" | "objectSizeBytes" | "bytesSent">;

function commonFields({ request, url, client, log }: AnsweredRequest, answer: SentAnswer): CommonFields {
  const { headers } = request;
  const { requestId, startedAt, code } = log;
  return {
    time: startedAt,
    remoteIp: client.address,
    requester: requesterOf(log.authentication?.caller),
    requestId,
    requestUri: `${request.method} ${loggedTarget(url.path, url.query)} ${client.httpProtocol ?? "HTTP/1.1"}`,
    status: answer.status,
    code,
    totalMs: Date.now() - startedAt,
    turnAroundMs: answer.turnAroundMs,
    referrer: headers.get("referer") ?? undefined,
    userAgent: headers.get("user-agent") ?? undefined,
    hostId: hostId(requestId),
    connection: connectionOf(headers.get("host") ?? url.host, client, log),
    isByAcl: log.grant?.isByAcl,
  };
}

function ownFields({ request, url, log }: AnsweredRequest, { status, headers, bytesSent }: SentAnswer) {
  const { operation, key } = log;
  const isWebsite = log.isWebsite === true || operation?.startsWith("website:") === true;
  return {
    operation: requestOperation({ method: request.method, operation, hasKey: key !== undefined, isWebsite }),
    key,
    bytesSent,
    objectSizeBytes: log.detail?.objectSizeBytes ?? objectSize(request, { status, headers }, operation),
    versionId: headers.get("x-amz-version-id") ?? /(?:^|&)versionId=([^&]+)/.exec(url.query)?.[1],
  };
}

/** "The canonical user ID of the requester", for users and sessions their ARN. */
function requesterOf(caller: Caller | undefined): string | undefined {
  if (caller === undefined || caller.kind === "anonymous") return undefined;
  const isRoot = caller.user === undefined && caller.session === undefined;
  return isRoot ? caller.account.canonicalId : callerArn(caller);
}

const AUTHENTICATION_TYPES = {
  header: "AuthHeader",
  query: "QueryString",
  form: "HtmlForm",
  anonymous: undefined,
} as const;

function connectionOf(hostHeader: string, client: Client, { authentication }: RequestLog): LoggedConnection {
  const isSigned = authentication !== undefined && authentication.style !== "anonymous";
  return {
    signatureVersion: isSigned ? (authentication.signatureVersion === "AWS" ? "SigV2" : "SigV4") : undefined,
    cipherSuite: client.tlsCipher,
    authenticationType: authentication && AUTHENTICATION_TYPES[authentication.style],
    hostHeader,
    tlsVersion: client.tlsVersion,
  };
}

const READS: ReadonlySet<string> = new Set(["GetObject", "HeadObject"]);
const WRITES: ReadonlySet<string> = new Set(["PutObject", "UploadPart"]);

/** "The total size of the object in question", as far as headers show it. */
function objectSize(
  request: Request,
  answer: Pick<SentAnswer, "status" | "headers">,
  operation = "",
): number | undefined {
  if (answer.status < 200 || answer.status >= 300) return undefined;
  if (WRITES.has(operation)) {
    return toSize(request.headers.get("x-amz-decoded-content-length") ?? request.headers.get("content-length"));
  }
  if (!READS.has(operation) && !/^(?:website|edge-cache):/.test(operation)) return undefined;
  const total = /\/(\d+)$/.exec(answer.headers.get("content-range") ?? "")?.[1];
  return toSize(total ?? answer.headers.get("content-length"));
}

function toSize(text: string | null): number | undefined {
  return text === null || !/^\d{1,15}$/.test(text) ? undefined : Number(text);
}
