/** IP addresses as text, read strictly: what one reader takes for another address than the next is none. */

/** Dotted decimal as a number. A part with a leading zero would be octal to some, so it is no address here. */
export function ipv4Value(text: string): number | undefined {
  if (!/^(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})$/.test(text)) return undefined;
  const parts = text.split(".").map(Number);
  if (parts.some((part) => part > 255)) return undefined;
  return parts.reduce((value, part) => value * 256 + part, 0);
}

/** RFC 4291, section 2.2: eight groups, `::` for one or more zero groups, dotted decimal for the last two. */
export function ipv6Groups(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, index) => groupsOf(half, index === halves.length - 1));
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === 8 ? head : undefined;
  if (tail === undefined || head.length + tail.length > 7) return undefined;
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

function groupsOf(text: string, mayEndDotted: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const dotted = mayEndDotted && index === parts.length - 1 ? ipv4Value(part) : undefined;
    if (dotted === undefined) return undefined;
    groups.push(Math.floor(dotted / 0x10000), dotted % 0x10000);
  }
  return groups;
}

/**
 * - `global`: anybody's. TEST-NET-1 to 3 and 2001:db8::/32 count as global: they lead nowhere, and examples use them.
 * - `private`: loopback, RFC 1918, RFC 6598 (carrier-grade NAT), RFC 4193. Allowed where a policy says so.
 * - `reserved`: everything else, link-local with its metadata services included. Never allowed.
 */
export type AddressKind = "global" | "loopback" | "private" | "reserved";

export interface IpAddress {
  /** Canonical: dotted decimal, or RFC 5952 in brackets. */
  readonly text: string;
  readonly kind: AddressKind;
}

type Range4 = readonly [first: string, prefixBits: number, kind: AddressKind];

/** IANA IPv4 Special-Purpose Address Registry, less what is globally reachable or leads nowhere. */
const RANGES_4: readonly Range4[] = [
  ["0.0.0.0", 8, "reserved"],
  ["10.0.0.0", 8, "private"],
  ["100.64.0.0", 10, "private"],
  ["127.0.0.0", 8, "loopback"],
  ["169.254.0.0", 16, "reserved"],
  ["172.16.0.0", 12, "private"],
  ["192.0.0.0", 24, "reserved"],
  ["192.88.99.0", 24, "reserved"],
  ["192.168.0.0", 16, "private"],
  ["198.18.0.0", 15, "reserved"],
  // Multicast, class E and the broadcast address.
  ["224.0.0.0", 3, "reserved"],
];

/** Strict dotted decimal. */
export function parseIpv4(text: string): IpAddress | undefined {
  const value = ipv4Value(text);
  if (value === undefined) return undefined;
  for (const [first, bits, kind] of RANGES_4) {
    const size = 2 ** (32 - bits);
    const start = ipv4Value(first) ?? 0;
    if (value >= start && value < start + size) return { text, kind };
  }
  return { text, kind: "global" };
}

/** @param text what stands between the brackets; a zone is no part of an address in a URL. */
export function parseIpv6(text: string): IpAddress | undefined {
  const groups = ipv6Groups(text);
  if (groups === undefined) return undefined;
  return { text: `[${formatIpv6(groups)}]`, kind: kindOfIpv6(groups) };
}

/**
 * Only 2000::/3 is global unicast. Inside it stand addresses that wrap another one (6to4, Teredo) and the other
 * protocol assignments of 2001::/23; outside it `::ffff:0:0/96` and 64:ff9b::/96 do. What they wrap is not looked at:
 * nobody has to name a receiver that way.
 */
function kindOfIpv6(groups: readonly number[]): AddressKind {
  const [first = 0, second = 0] = groups;
  if (groups.slice(0, 7).every((group) => group === 0) && groups[7] === 1) return "loopback";
  if ((first & 0xfe00) === 0xfc00) return "private";
  if ((first & 0xe000) !== 0x2000) return "reserved";
  if (first === 0x2002 || (first === 0x2001 && second < 0x200)) return "reserved";
  return "global";
}

/** RFC 5952, section 4: the longest run of two or more zero groups, the first of equals, becomes `::`. */
function formatIpv6(groups: readonly number[]): string {
  let longest = { start: 0, length: 1 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > longest.length) longest = { start, length };
  }
  const hex = groups.map((group) => group.toString(16));
  if (longest.length < 2) return hex.join(":");
  return `${hex.slice(0, longest.start).join(":")}::${hex.slice(longest.start + longest.length).join(":")}`;
}

export interface IpRange {
  readonly version: 4 | 6;
  /** The bits that count, the first `prefixLength` of them. */
  readonly prefix: bigint;
  readonly prefixLength: number;
}

const WIDTH = { 4: 32, 6: 128 } as const;
const MAPPED_PREFIX = 0xffffn;

/**
 * `203.0.113.0/24`, `2001:db8::/32`, a single address, or (the reference system's console) `10.2.*`. Bits behind the
 * prefix are ignored, as AWS ignores them. IPv4 written as IPv6 (`::ffff:192.0.2.1`) is IPv4.
 */
export function parseIpRange(text: string): IpRange | undefined {
  if (text.endsWith(".*")) return parseStar(text);
  const [addressText = "", lengthText, ...others] = text.split("/");
  const address = parseAddress(addressText);
  if (address === undefined || others.length > 0) return undefined;
  if (lengthText !== undefined && !/^\d{1,3}$/.test(lengthText)) return undefined;
  const written = addressText.includes(":") ? 6 : 4;
  const width = WIDTH[written];
  const length = lengthText === undefined ? width : Number(lengthText);
  if (length > width) return undefined;
  // The address may have become IPv4, where a shorter prefix than the mapping's would mean all of IPv6.
  const prefixLength = written === address.version ? length : length - 96;
  if (prefixLength < 0) return undefined;
  return range(address.version, address.bits, prefixLength);
}

/** An address that is not one is in no range. */
export function isInRange(addressText: string, { version, prefix, prefixLength }: IpRange): boolean {
  const address = parseAddress(addressText);
  if (address === undefined || address.version !== version) return false;
  return address.bits >> BigInt(WIDTH[version] - prefixLength) === prefix;
}

function range(version: 4 | 6, bits: bigint, prefixLength: number): IpRange {
  return { version, prefix: bits >> BigInt(WIDTH[version] - prefixLength), prefixLength };
}

function parseStar(text: string): IpRange | undefined {
  const parts = text.slice(0, -2).split(".");
  const address = parts.length > 3 ? undefined : ipv4Value([...parts, "0", "0", "0"].slice(0, 4).join("."));
  return address === undefined ? undefined : range(4, BigInt(address), parts.length * 8);
}

function parseAddress(text: string): { version: 4 | 6; bits: bigint } | undefined {
  if (!text.includes(":")) {
    const value = ipv4Value(text);
    return value === undefined ? undefined : { version: 4, bits: BigInt(value) };
  }
  const groups = ipv6Groups(text);
  if (groups === undefined) return undefined;
  const bits = groups.reduce((sum, group) => (sum << 16n) | BigInt(group), 0n);
  return bits >> 32n === MAPPED_PREFIX ? { version: 4, bits: bits & 0xffffffffn } : { version: 6, bits };
}
