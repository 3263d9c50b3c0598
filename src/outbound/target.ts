/**
 * URLs that users configure and the Worker calls: notification callbacks, subscriptions, replication remotes.
 *
 * The parser accepts only URLs that `fetch` reads in the same way, so that the checked address is the one that is
 * called. A URL that a lenient parser would correct (spaces, backslashes, dot segments, numbers as addresses, non-ASCII
 * characters) is refused.
 */
import { formatIpAddress, type IpAddressKind, kindOfIpAddress, parseIpAddress } from "../model/ip-address.ts";

// Not exported, so that only `parseTarget` creates a Target.
declare const checked: unique symbol;

/** A URL that may be called under the policy it was parsed with. Store the URL, not the target: policies change. */
export interface Target {
  readonly [checked]: true;
  readonly scheme: "http" | "https";
  /** A DNS name in lower case without a final dot, an IPv4 address, or an IPv6 address in brackets. */
  readonly host: string;
  readonly port: number;
  /** Path and query exactly as they are sent on the request line; starts with `/`. */
  readonly pathAndQuery: string;
  /** The URL to fetch, from the four fields above; a default port is left out. */
  readonly url: string;
}

export interface TargetPolicy {
  /** Whether loopback and private addresses and names may be called. For development. */
  readonly allowPrivate: boolean;
  /**
   * Hosts of this deployment, as in a `Host` header. They are never called, because one event would cause the next. A
   * host includes its subdomains and all ports. If private addresses are allowed, a host with a port includes only that
   * port, since several deployments can run on one machine.
   */
  readonly ownHosts: readonly string[];
}

export type RefusalReason =
  | "too-long"
  | "character"
  | "scheme"
  | "userinfo"
  | "fragment"
  | "host"
  | "port"
  | "path"
  | "private-address"
  | "reserved-address"
  | "private-name"
  | "own-address";

const MESSAGES: Readonly<Record<RefusalReason, string>> = {
  "too-long": "The URL is longer than 2048 characters.",
  character: "The URL contains a character that a URL must percent-encode.",
  scheme: "The URL must begin with http:// or https://.",
  userinfo: "The URL must not contain a user name or password.",
  fragment: "The URL must not contain a fragment.",
  host: "The URL's host is not a DNS name or IP address.",
  port: "The URL's port cannot be called.",
  path: "The URL's path must not contain dot segments or broken percent escapes.",
  "private-address": "The URL's host is a private or loopback address.",
  "reserved-address": "The URL's host is not a global unicast address.",
  "private-name": "The URL's host is a name of a private network.",
  "own-address": "The URL leads back to this service.",
};

/** A URL must not be called. The message is for the client that configured it. */
export class TargetRefused extends Error {
  override readonly name = "TargetRefused";
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason) {
    super(MESSAGES[reason]);
    this.reason = reason;
  }
}

/** SNS's limit for endpoints (API_Subscribe). */
const MAX_URL_LENGTH = 2048;

/** The characters of a path and a query in RFC 3986, and brackets, which many clients use there. */
const PATH_AND_QUERY = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?[\]]|%[0-9A-Fa-f]{2})*$/;

const NAME_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** RFC 6761, 6762 (appendix G) and 8375, and ICANN's choice of `internal`. */
const PRIVATE_TOP_LABELS: ReadonlySet<string> = new Set(
  "localhost localdomain local internal intranet private corp home lan home.arpa".split(" "),
);

/**
 * The Fetch Standard's "port blocking": ports of services that could execute the lines of an HTTP request as commands,
 * for example to send mail.
 */
const BLOCKED_PORTS: ReadonlySet<number> = new Set([
  1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110,
  111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532,
  540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061,
  6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);

const DEFAULT_PORT = { http: 80, https: 443 } as const;

/** @returns the target, or the message of the refusal */
export function tryTarget(url: string, policy: TargetPolicy): Target | string {
  try {
    return parseTarget(url, policy);
  } catch (error) {
    if (error instanceof TargetRefused) return error.message;
    throw error;
  }
}

/** @throws TargetRefused */
export function parseTarget(url: string, policy: TargetPolicy): Target {
  if (url.length > MAX_URL_LENGTH) throw new TargetRefused("too-long");
  if (/[^\x21-\x7e]|[\\"<>^`{|}]/.test(url)) throw new TargetRefused("character");
  const match = /^(https?):\/\/([^/?#]*)([^#]*)(#?)/i.exec(url);
  if (match === null) throw new TargetRefused("scheme");
  const [, schemeText = "", authority = "", rest = "", hash = ""] = match;
  if (hash !== "") throw new TargetRefused("fragment");
  if (authority.includes("@")) throw new TargetRefused("userinfo");

  const scheme = schemeText.toLowerCase() === "https" ? "https" : "http";
  const { host, port = DEFAULT_PORT[scheme] } = splitAuthority(authority);
  if (port < 1 || port > 65_535 || BLOCKED_PORTS.has(port)) throw new TargetRefused("port");
  const where = readHost(host);
  if (policy.ownHosts.some((own) => isOwn({ host: where, port }, own, policy))) throw new TargetRefused("own-address");
  requireAllowed(where, policy);

  const pathAndQuery = readPathAndQuery(rest);
  const portText = port === DEFAULT_PORT[scheme] ? "" : `:${port}`;
  const target = { scheme, host: where.text, port, pathAndQuery } as const;
  return { ...target, url: `${scheme}://${where.text}${portText}${pathAndQuery}` } as Target;
}

/**
 * The same host with another path. The length is not limited, since the path can contain a key.
 * @param pathAndQuery percent-encoded
 * @throws TargetRefused `path`
 */
export function withPath(target: Target, pathAndQuery: string): Target {
  const checked = readPathAndQuery(pathAndQuery);
  const origin = target.url.slice(0, target.url.length - target.pathAndQuery.length);
  return { ...target, pathAndQuery: checked, url: origin + checked };
}

interface Host {
  /** As in a URL: an IPv6 address is in brackets. */
  readonly text: string;
  readonly kind: IpAddressKind | "name";
}

function splitAuthority(authority: string): { readonly host: string; readonly port?: number } {
  const [, host = "", portText] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(authority) ?? [];
  if (portText === undefined) return { host };
  // Parsers disagree about an empty port and about leading zeros.
  if (!/^[1-9]\d{0,4}$/.test(portText)) throw new TargetRefused("port");
  return { host, port: Number(portText) };
}

/** @throws TargetRefused `host`, also for an IPv4 address in octal, hexadecimal or fewer than four parts. */
function readHost(host: string): Host {
  const text = host.startsWith("[") ? host : host.toLowerCase().replace(/\.$/, "");
  const address = findAddress(text);
  if (address !== undefined) return address;
  const labels = text.split(".");
  const isName =
    text.length <= 253 &&
    // A final hyphen would allow `xn--localhost-`, which some parsers decode to `localhost`.
    labels.every((label) => NAME_LABEL.test(label)) &&
    // URL parsers read a host whose last label is a number, also a hexadecimal one, as an address.
    /^(?!0x[0-9a-f]*$).*[a-z]/.test(labels.at(-1) ?? "");
  if (!isName) throw new TargetRefused("host");
  return { text, kind: "name" };
}

/** @throws TargetRefused */
function requireAllowed(host: Host, policy: TargetPolicy): void {
  if (host.kind === "reserved") throw new TargetRefused("reserved-address");
  if (policy.allowPrivate) return;
  if (host.kind === "name" ? isPrivateName(host.text) : host.kind !== "global") {
    throw new TargetRefused(host.kind === "name" ? "private-name" : "private-address");
  }
}

function isPrivateName(name: string): boolean {
  const labels = name.split(".");
  return (
    labels.length === 1 ||
    PRIVATE_TOP_LABELS.has(labels.at(-1) ?? "") ||
    PRIVATE_TOP_LABELS.has(labels.slice(-2).join("."))
  );
}

function isOwn(
  { host, port }: { readonly host: Host; readonly port: number },
  own: string,
  { allowPrivate }: TargetPolicy,
): boolean {
  const [, text = "", ownPort] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(own.toLowerCase()) ?? [];
  const name = text.replace(/\.$/, "");
  if (name === "") return false;
  if (host.text === name || host.text.endsWith(`.${name}`)) {
    return !allowPrivate || ownPort === undefined || port === Number(ownPort);
  }
  // A port of this machine has many names: 127.0.0.1, 127.1.2.3, [::1], localhost and its subdomains.
  if (ownPort !== undefined && isLoopback(host.text) && isLoopback(name)) return port === Number(ownPort);
  // Previews of a Worker answer at `<version>-<name>.<account>.workers.dev`.
  return name.endsWith(".workers.dev") && host.text.endsWith(`-${name}`);
}

function isLoopback(host: string): boolean {
  if (host === "localhost" || host.endsWith(".localhost")) return true;
  return findAddress(host)?.kind === "loopback";
}

function findAddress(host: string): Host | undefined {
  const isBracketed = host.startsWith("[");
  const address = parseIpAddress(isBracketed ? host.slice(1, -1) : host);
  if (address === undefined || isBracketed !== (address.version === 6)) return undefined;
  const text = formatIpAddress(address);
  return { text: isBracketed ? `[${text}]` : text, kind: kindOfIpAddress(address) };
}

/** @throws TargetRefused `path` if a URL parser would change it */
function readPathAndQuery(text: string): string {
  const queryStart = text.indexOf("?");
  const path = (queryStart === -1 ? text : text.slice(0, queryStart)) || "/";
  if (!PATH_AND_QUERY.test(text)) throw new TargetRefused("path");
  if (path.split("/").some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment))) throw new TargetRefused("path");
  // `fetch` encodes an apostrophe in the query like this; signatures over the path must cover what is sent.
  const query = queryStart === -1 ? "" : text.slice(queryStart).replaceAll("'", "%27");
  // Some clients send the question mark of an empty query, others do not.
  return query === "?" ? path : path + query;
}
