/**
 * The differences between a received request and what its signer signed: headers that were rewritten on the way, the
 * spelling of header values, and all combinations of such differences.
 */
import type { S3Request } from "../protocol/s3-request.ts";

/** Limits the cost of a wrong signature to about 1 ms of CPU. */
export const MAX_READINGS = 32;

/**
 * Index tuples: all zeros, then those with one index changed, then two … up to `MAX_READINGS`.
 * @param sizes number of alternatives for each index, at least 1
 */
export function* choices(sizes: readonly number[]): Generator<readonly number[]> {
  let count = 0;
  for (let changes = 0; changes <= sizes.length; changes++) {
    for (const choice of choicesWith(changes, sizes)) {
      yield choice;
      if (++count === MAX_READINGS) return;
    }
  }
}

function* choicesWith(changes: number, sizes: readonly number[]): Generator<readonly number[]> {
  const [size, ...rest] = sizes;
  if (size === undefined) {
    if (changes === 0) yield [];
    return;
  }
  for (const tail of choicesWith(changes, rest)) yield [0, ...tail];
  if (changes === 0) return;
  for (let index = 1; index < size; index++) {
    for (const tail of choicesWith(changes - 1, rest)) yield [index, ...tail];
  }
}

/**
 * The usual values of headers that the platform, or a proxy before it, replaces or removes: those that end with a
 * connection (RFC 9110, 7.6.1), and `Expect`, which is answered on the way. These headers do not influence the result
 * of a request, so a signature may contain any usual value.
 */
const USUAL = {
  connection: ["keep-alive", "Keep-Alive", "close", "TE", "TE, close"],
  expect: ["100-continue"],
  "keep-alive": ["timeout=5", "timeout=60", "300", "115", "timeout=5, max=100", "timeout=5, max=1000"],
  "proxy-connection": ["keep-alive", "Keep-Alive", "close"],
  te: ["trailers", "deflate,gzip;q=0.3"],
  "transfer-encoding": ["chunked"],
  upgrade: ["h2c"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** The first of `valuesBeforeRewriting`. */
export function usualBeforeRewriting(request: S3Request, name: string): string | undefined {
  return name === "host" ? receivedHost(request) : valuesBeforeRewriting(request, name)?.[0];
}

/**
 * Values that the header may have been signed with, most likely first; undefined if the received value is the only
 * possibility.
 */
export function valuesBeforeRewriting(request: S3Request, name: string): readonly string[] | undefined {
  const { headers, body } = request;
  switch (name) {
    case "host":
      return hosts(request);
    case "accept-encoding":
      return acceptEncodings(request);
    case "content-length":
      return body === null && !headers.has(name) ? ["0", ""] : undefined;
    case "trailer":
      // `x-amz-trailer` announces the same.
      return headers.has(name) ? undefined : distinct([headers.get("x-amz-trailer") ?? "", ""]);
    case "connection":
      // The platform may replace the client's value by its own.
      return distinct([...arrived(headers, name), ...USUAL.connection, ""]);
    default: {
      const usual = Object.hasOwn(USUAL, name) ? USUAL[name as keyof typeof USUAL] : undefined;
      return usual === undefined || headers.has(name) ? undefined : [...usual, ""];
    }
  }
}

function arrived(headers: Headers, name: string): readonly string[] {
  const value = headers.get(name);
  return value === null ? [] : [collapsed(value)];
}

function receivedHost({ headers, url }: S3Request): string {
  return headers.get("host") ?? url.host;
}

function hosts(request: S3Request): readonly string[] {
  const { url } = request;
  const host = receivedHost(request);
  const withoutPort = host.replace(/:(80|443)$/, "");
  if (withoutPort !== host) return [host, withoutPort];
  if (/:\d*$/.test(host)) return [host];
  // wrangler dev strips the scheme's default port from Host, and TLS may end before the Worker.
  return url.scheme === "https" ? [host, `${host}:443`, `${host}:80`] : [host, `${host}:80`, `${host}:443`];
}

/** Cloudflare replaces Accept-Encoding by its own value; Go's SDK signs `identity`. */
function acceptEncodings({ client, headers }: S3Request): readonly string[] {
  const asSeen = collapsed(headers.get("accept-encoding") ?? "");
  const known = client.acceptEncoding === undefined ? [] : [collapsed(client.acceptEncoding)];
  return distinct([...known, asSeen, "identity", "gzip", ""]);
}

function distinct(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}

/**
 * How a signer may have written a header's value. Spellings differ only in white space: AWS's description replaces runs
 * of spaces by one space, botocore and the JavaScript SDK do the same with tabs, a few signers leave the value
 * unchanged.
 */
export type Spelling = (value: string) => string;

/** Removes HTTP's white space around a value. Other blanks are part of the value. */
export const trimmed: Spelling = (value) => {
  let [start, end] = [0, value.length];
  while (start < end && isBlank(value, start)) start++;
  // A regular expression for blanks at the end would take quadratic time.
  while (end > start && isBlank(value, end - 1)) end--;
  return value.slice(start, end);
};
export const collapsed: Spelling = (value) => {
  const text = trimmed(value);
  return text.includes("  ") ? text.replaceAll(/ {2,}/g, " ") : text;
};
const blanksCollapsed: Spelling = (value) => trimmed(value).replaceAll(/[ \t]+/g, " ");

function isBlank(value: string, at: number): boolean {
  const character = value.charAt(at);
  return character === " " || character === "\t";
}

/**
 * Repeated headers are signed joined by `,`, but the platform joins them by `, `. Dates contain a comma of their own.
 */
const joined: Spelling = (value) => (/^[A-Z][a-z]{2}, \d/.test(value) ? value : value.replaceAll(", ", ","));

/**
 * The spellings that differ on these values.
 * @param usual the most likely spelling, which is the first
 */
export function spellingsOf(values: readonly string[], usual: Spelling): readonly Spelling[] {
  const plain = [usual, collapsed, blanksCollapsed, trimmed];
  const spellings = [
    ...plain,
    ...plain.map(
      (spelling): Spelling =>
        (value) =>
          joined(spelling(value)),
    ),
  ];
  const seen = new Set<string>();
  return spellings.filter((spelling) => {
    const spelled = values.map(spelling).join("\n");
    return !seen.has(spelled) && seen.add(spelled);
  });
}
