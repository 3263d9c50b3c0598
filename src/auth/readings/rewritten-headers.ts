/**
 * Headers that do not reach this code as they were sent: the platform, or a proxy before it, replaces them or takes them
 * out. None of them says anything about what is asked for, so a signature may count any usual value of theirs.
 */
import type { S3Request } from "../../protocol/s3-request.ts";
import { collapsed } from "./spellings.ts";

/** The usual values of headers that end with a connection (RFC 9110, 7.6.1), and of `Expect`, which is answered on the way. */
const USUAL = {
  connection: ["keep-alive", "Keep-Alive", "close", "TE", "TE, close"],
  expect: ["100-continue"],
  "keep-alive": ["timeout=5", "timeout=60", "300", "115", "timeout=5, max=100", "timeout=5, max=1000"],
  "proxy-connection": ["keep-alive", "Keep-Alive", "close"],
  te: ["trailers", "deflate,gzip;q=0.3"],
  "transfer-encoding": ["chunked"],
  upgrade: ["h2c"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** Values the header may have been signed with, likeliest first; undefined if it can only have been what arrived. */
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
      // What is announced there is what `x-amz-trailer` announces.
      return headers.has(name) ? undefined : distinct([headers.get("x-amz-trailer") ?? "", ""]);
    case "connection":
      // The platform may put its own in the place of the client's.
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

function hosts({ headers, url }: S3Request): readonly string[] {
  const host = headers.get("host") ?? url.host;
  const withoutPort = host.replace(/:(80|443)$/, "");
  if (withoutPort !== host) return [host, withoutPort];
  if (/:\d*$/.test(host)) return [host];
  // wrangler dev strips the scheme's default port from Host, and TLS may end before the Worker.
  return url.scheme === "https" ? [host, `${host}:443`, `${host}:80`] : [host, `${host}:80`, `${host}:443`];
}

/** Cloudflare replaces Accept-Encoding by its own; Go's SDK signs `identity`. */
function acceptEncodings({ clientAcceptEncoding, headers }: S3Request): readonly string[] {
  const asSeen = collapsed(headers.get("accept-encoding") ?? "");
  const known = clientAcceptEncoding === undefined ? [] : [collapsed(clientAcceptEncoding)];
  return distinct([...known, asSeen, "identity", "gzip", ""]);
}

function distinct(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}
