/** A line of the audit: one JSON object (docs/audit.md). Later versions add members, and change none without a new `version`. */

export const AUDIT_VERSION = 1;

export type AuditService = "s3" | "s3-control" | "iam" | "sts" | "sns" | "admin" | "website";

/** A document, of which the audit shows no more than that. */
export interface Digest {
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

export type Shown = string | number | boolean | readonly string[] | Digest;

export interface AuditCaller {
  /** `unknown`: the request could not be authenticated. Then the key's id is what it claimed. */
  readonly kind: "root" | "user" | "session" | "anonymous" | "unknown";
  readonly accountId?: string;
  readonly arn?: string;
  readonly accessKeyId?: string;
  /** The key by which temporary credentials were issued. */
  readonly issuedBy?: string;
}

export interface RequestEntry {
  readonly type: "change" | "denied";
  readonly time: number;
  readonly requestId: string;
  readonly service: AuditService;
  readonly operation: string | undefined;
  readonly caller: AuditCaller;
  readonly sourceIp: string | undefined;
  readonly userAgent: string | undefined;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  readonly parameters: Readonly<Record<string, Shown>> | undefined;
  readonly document: Digest | undefined;
  /** Ids of what the request has created. */
  readonly created: Readonly<Record<string, string>> | undefined;
  readonly status: number;
  readonly errorCode: string | undefined;
}

/** Denied requests that have no lines. */
export interface OmittedEntry {
  readonly type: "omitted";
  /** Of the first and the last of them. */
  readonly time: number;
  readonly until: number;
  readonly count: number;
  readonly codes: Readonly<Record<string, number>>;
}

export function formatAuditLine(entry: RequestEntry | OmittedEntry): string {
  const { type, time, ...rest } = entry;
  const shown = "until" in rest ? { ...rest, until: isoTime(rest.until) } : rest;
  return toAscii(JSON.stringify({ version: AUDIT_VERSION, type, time: isoTime(time), ...shown }));
}

/** Of parameters that are too large for a message, only the size. */
export function shortenAuditLine(line: string): string {
  const { parameters, ...entry } = JSON.parse(line) as RequestEntry;
  const omitted = JSON.stringify(parameters ?? {}).length;
  return toAscii(JSON.stringify({ ...entry, parameters: { omittedBytes: omitted } }));
}

function isoTime(time: number): string {
  return new Date(time).toISOString();
}

/** Then a character is a byte, and no reader takes U+2028 for the end of a line. */
function toAscii(json: string): string {
  return json.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** At most so many characters. */
export function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}
