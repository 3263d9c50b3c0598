/**
 * Reads a line of an access log with the pattern that AWS itself publishes for Athena ("Querying Amazon S3 access logs for
 * requests using Amazon Athena", `input.regex` of the table). It knows nothing of the code that writes the line.
 */

const ATHENA =
  /^([^ ]*) ([^ ]*) \[(.*?)\] ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ("[^"]*"|-) (-|[0-9]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ("[^"]*"|-) ([^ ]*)(?: ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*))?$/;

/** The columns of AWS's table, and the one that was added since. */
const COLUMNS = [
  "bucketOwner",
  "bucket",
  "time",
  "remoteIp",
  "requester",
  "requestId",
  "operation",
  "key",
  "requestUri",
  "status",
  "errorCode",
  "bytesSent",
  "objectSize",
  "totalTime",
  "turnAroundTime",
  "referrer",
  "userAgent",
  "versionId",
  "hostId",
  "signatureVersion",
  "cipherSuite",
  "authenticationType",
  "hostHeader",
  "tlsVersion",
  "accessPointArn",
  "aclRequired",
  "sourceRegion",
] as const;

export type ParsedLine = Readonly<Record<(typeof COLUMNS)[number], string>>;

export function parseLogLine(line: string): ParsedLine {
  const match = ATHENA.exec(line);
  if (match === null || match.slice(1).includes(undefined as unknown as string))
    throw new Error(`not a log line: ${line}`);
  return Object.fromEntries(COLUMNS.map((name, index) => [name, match[index + 1] ?? ""])) as ParsedLine;
}
