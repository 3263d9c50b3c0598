/**
 * One line of an access log ("Amazon S3 server access log format"): fields in AWS's order, separated by blanks, `-` for what is
 * not known. Its text is ASCII, and no client can write a field of its own into it: what clients send is encoded.
 */
import type { LoggedBucket } from "../model/logged-bucket.ts";
import { percentEncodeByte, uriEncode } from "../protocol/percent-encoding.ts";

export interface LogLine {
  readonly bucket: LoggedBucket;
  /** When the request was received, milliseconds since 1970. */
  readonly time: number;
  readonly remoteIp?: string | undefined;
  readonly requester?: string | undefined;
  readonly requestId: string;
  readonly operation: string;
  readonly key?: string | undefined;
  /** Method, target and protocol; `none`: `-` without quotes, as for each key of DeleteObjects. */
  readonly requestUri: string | undefined | "none";
  readonly status?: number | undefined;
  readonly code?: string | undefined;
  readonly bytesSent?: number | undefined;
  readonly objectSizeBytes?: number | undefined;
  readonly totalMs?: number | undefined;
  readonly turnAroundMs?: number | undefined;
  readonly referrer?: string | undefined;
  readonly userAgent?: string | undefined;
  readonly versionId?: string | undefined;
  readonly hostId: string;
  readonly connection?: LoggedConnection | undefined;
  readonly isByAcl?: boolean | undefined;
}

/** How the request was sent and signed. */
export interface LoggedConnection {
  readonly signatureVersion?: "SigV2" | "SigV4" | undefined;
  readonly cipherSuite?: string | undefined;
  readonly authenticationType?: "AuthHeader" | "QueryString" | "HtmlForm" | undefined;
  readonly hostHeader?: string | undefined;
  readonly tlsVersion?: string | undefined;
}

/** Longer targets and headers are cut, so that a line stays far below what a queue accepts. */
const MAX_TARGET_LENGTH = 8_192;
const MAX_HEADER_LENGTH = 2_048;
/** As are keys and version ids that can be none: in DeleteObjects they are only as short as the document. */
const MAX_NAME_LENGTH = 1_024;

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Without the newline at its end. */
export function formatLine(line: LogLine): string {
  const { bucket, connection = {} } = line;
  const isBatch = line.requestUri === "none";
  const quoted = (text: string | undefined, limit: number) => (isBatch ? "-" : `"${printable(text, limit)}"`);
  return [
    bucket.ownerId,
    bucket.name,
    formatTime(line.time),
    line.remoteIp ?? "-",
    line.requester ?? "-",
    line.requestId,
    line.operation,
    formatKey(line.key, line.operation),
    quoted(line.requestUri, MAX_TARGET_LENGTH),
    line.status ?? "-",
    line.code ?? "-",
    line.bytesSent || "-",
    line.objectSizeBytes ?? "-",
    line.totalMs ?? "-",
    line.turnAroundMs ?? "-",
    // AWS's own pattern for these lines (Athena) expects no blank in a referrer.
    quoted(line.referrer && withoutSecrets(line.referrer).replaceAll(" ", "%20"), MAX_HEADER_LENGTH),
    quoted(line.userAgent, MAX_HEADER_LENGTH),
    line.versionId === undefined ? "-" : uriEncode(line.versionId.slice(0, MAX_NAME_LENGTH)),
    line.hostId,
    connection.signatureVersion ?? "-",
    connection.cipherSuite ?? "-",
    connection.authenticationType ?? "-",
    connection.hostHeader === undefined ? "-" : printable(connection.hostHeader, 255).replaceAll(" ", "%20"),
    connection.tlsVersion ?? "-",
    // Access points do not exist here.
    "-",
    line.isByAcl ? "Yes" : "-",
    // A client here is not in one of AWS's regions.
    "-",
  ].join(" ");
}

/** `[06/Feb/2019:00:00:38 +0000]` */
function formatTime(time: number): string {
  const iso = new Date(time).toISOString();
  const month = MONTHS[Number(iso.slice(5, 7)) - 1] ?? "";
  return `[${iso.slice(8, 10)}/${month}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000]`;
}

/**
 * AWS encodes the key twice; once where no HTTP request names it: `BATCH.DELETE.OBJECT` and what S3 does by itself (seen in logs
 * of AWS, Yelp Engineering, 2025-09).
 */
function formatKey(key: string | undefined, operation: string): string {
  if (!key) return "-";
  const once = uriEncode(key.slice(0, MAX_NAME_LENGTH), "keep-slash");
  return /^(?:BATCH|S3)\./.test(operation) ? once : uriEncode(once, "keep-slash");
}

/** Printable ASCII without quotes and backslashes; everything else is percent-encoded as UTF-8. Empty and undefined: `-`. */
function printable(text: string | undefined, limit: number): string {
  if (!text) return "-";
  return text.slice(0, limit).replace(/[^ !#-[\]-~]+/g, (others) => {
    let encoded = "";
    for (const byte of new TextEncoder().encode(others)) encoded += percentEncodeByte(byte);
    return encoded;
  });
}

/** Parameters that are secrets: a reader of the log must not be able to repeat a presigned request, or to decrypt an object. */
const SECRETS = [
  "x-amz-signature",
  "signature",
  "x-amz-security-token",
  "x-amz-server-side-encryption-customer-key",
  "x-amz-server-side-encryption-customer-key-md5",
  "x-amz-copy-source-server-side-encryption-customer-key",
  "x-amz-copy-source-server-side-encryption-customer-key-md5",
];

/** Names of parameters may be percent-encoded in any part. */
const SECRET_PARAMETER = new RegExp(`((?:^|[?&])(?:${SECRETS.map(inAnyEncoding).join("|")})=)[^&]*`, "gi");

function inAnyEncoding(name: string): string {
  const encoded = (character: string) => percentEncodeByte(character.charCodeAt(0));
  return Array.from(name, (each) => `(?:${each}|${encoded(each)}|${encoded(each.toUpperCase())})`).join("");
}

/** A target as the log shows it. @param query as sent, without `?` */
export function loggedTarget(path: string, query: string): string {
  return query === "" ? path : `${path}?${withoutSecrets(query)}`;
}

/** Of a query or a URL: browsers send the whole URL of a page, presigned or not, as the referrer of what the page loads. */
function withoutSecrets(text: string): string {
  return text.replace(SECRET_PARAMETER, "$1-");
}
