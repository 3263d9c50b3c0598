/** What the audit says about an answered request: a change, a refusal, or nothing. */
import type { RequestLog } from "../request-log.ts";
import { type AuditDecision, decideAction, decideRoute, decideS3 } from "./decisions.ts";
import { callerOf, operationOf } from "./described.ts";
import { clip, type RequestEntry } from "./line.ts";
import { digestOf, type Parameters, shownOfForm, shownOfRoute, shownOfS3 } from "./shown.ts";

export interface Answered {
  readonly userAgent: string | undefined;
  readonly sourceIp: string | undefined;
  readonly log: RequestLog;
  readonly status: number;
}

/** Codes of refusals that have another status than 403, or that a website shows as another one. */
const DENIED_CODES: ReadonlySet<string> = new Set(["AccessDenied", "ExpiredToken", "InvalidToken", "RequestExpired"]);
/** Headers of S3 that give permissions to named grantees. */
const GRANTS = ["full-control", "read", "read-acp", "write", "write-acp"].map((name) => `x-amz-grant-${name}`);
/** Canned ACLs that give permissions only to the owners of object and bucket. */
const PRIVATE_ACLS: ReadonlySet<string> = new Set(["private", "bucket-owner-read", "bucket-owner-full-control"]);
const MAX_KEY_LENGTH = 1024;
const MAX_NAME_LENGTH = 128;
const MAX_USER_AGENT_LENGTH = 256;
/** Keys of DeleteObjects that were denied. */
const MAX_KEYS = 10;

/** Undefined: the audit has no line about it. */
export function describeRequest(answered: Answered): RequestEntry | undefined {
  const { log, status } = answered;
  const refused = refusalIn(answered);
  if (refused === undefined && !isChange(log, status)) return undefined;
  const { signed, document, form, adminCall } = log;
  const service = log.service ?? "s3";
  const shown =
    adminCall !== undefined
      ? shownOfRoute(decideRoute(adminCall.route).fields, adminCall)
      : form !== undefined
        ? shownOfForm(form)
        : signed && shownOfS3(signed);
  return {
    type: refused === undefined ? "change" : "denied",
    time: log.startedAt,
    requestId: log.requestId,
    service,
    operation: operationOf(log),
    caller: callerOf(log),
    sourceIp: answered.sourceIp,
    userAgent: answered.userAgent && clip(answered.userAgent, MAX_USER_AGENT_LENGTH),
    bucket: log.bucket && clip(log.bucket, MAX_NAME_LENGTH),
    key: log.key && clip(log.key, MAX_KEY_LENGTH),
    parameters: refused?.parameters === undefined ? shown : { ...shown, ...refused.parameters },
    document: document === undefined || document.byteLength === 0 ? undefined : digestOf(document),
    created: log.created,
    status,
    errorCode: refused?.code ?? log.code,
  };
}

/** Of an account, or of all that could not be authenticated: a share of what the audit takes. */
export function accountOf({ caller }: RequestEntry): string {
  return caller.accountId ?? "";
}

function refusalIn({
  log,
  status,
}: Answered): { readonly code?: string; readonly parameters?: Parameters } | undefined {
  if (status === 403 || (log.code !== undefined && DENIED_CODES.has(log.code))) return {};
  if (log.operation !== "DeleteObjects") return undefined;
  const denied = (log.detail?.removals?.() ?? []).filter(({ code }) => code === "AccessDenied");
  if (denied.length === 0) return undefined;
  const keys = denied.slice(0, MAX_KEYS).map(({ key }) => clip(key, MAX_KEY_LENGTH));
  return { code: "AccessDenied", parameters: { deniedCount: denied.length, deniedKeys: keys } };
}

/** Whether it changed something, or may have: after an error of the service it is unknown. */
function isChange(log: RequestLog, status: number): boolean {
  // A POST form that has stored its object may answer 303, which no other operation does.
  if (status >= 300 && status !== 303 && (status < 500 || log.authentication === undefined)) return false;
  const { operation, adminCall, signed } = log;
  if (adminCall !== undefined) return isDecided(decideRoute(adminCall.route).decision, log);
  if (operation === undefined || log.service === "website") return false;
  if (log.service === "iam" || log.service === "sts" || log.service === "sns")
    return decideAction(operation) === "change";
  // Before its signature is verified nothing of it is done.
  return signed !== undefined && isDecided(decideS3(operationOf(log) ?? ""), log);
}

function isDecided(decision: AuditDecision, { signed, adminCall }: RequestLog): boolean {
  switch (decision) {
    case "none":
      return false;
    case "change":
      return true;
    case "granting":
      return signed !== undefined && givesPermissions(signed.headers);
    case "bypassing":
      return signed?.headers.get("x-amz-bypass-governance-retention")?.toLowerCase() === "true";
    case "starting":
      return isFirst(adminCall?.body);
    default:
      return decision satisfies never;
  }
}

function givesPermissions(headers: Headers): boolean {
  const acl = headers.get("x-amz-acl");
  return (acl !== null && !PRIVATE_ACLS.has(acl)) || GRANTS.some((name) => headers.has(name));
}

/** Pages are numbered from 0, and a cursor is that of an answer before. */
function isFirst(body: unknown): boolean {
  if (typeof body !== "object" || body === null) return true;
  const page: unknown = Reflect.get(body, "page");
  return (page === undefined || page === 0) && Reflect.get(body, "cursor") === undefined;
}
