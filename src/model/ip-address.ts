/**
 * IP addresses and ranges as text. Parsing is strict: a spelling that two parsers could read as different addresses is
 * refused.
 */

export interface IpAddress {
  readonly version: 4 | 6;
  /** 32 or 128 bits, unsigned. */
  readonly bits: bigint;
}

const WIDTH = { 4: 32, 6: 128 } as const;

/**
 * Dotted decimal, or an IPv6 address without brackets (RFC 4291, section 2.2).
 * @returns undefined for anything else, an IPv6 zone included
 */
export function parseIpAddress(text: string): IpAddress | undefined {
  if (!text.includes(":")) {
    const value = parseDottedDecimal(text);
    return value === undefined ? undefined : { version: 4, bits: BigInt(value) };
  }
  const groups = parseGroups(text);
  return groups && { version: 6, bits: groups.reduce((bits, group) => (bits << 16n) | BigInt(group), 0n) };
}

/**
 * Dotted decimal, or RFC 5952 (section 4: the longest run of two or more zero groups, the first of equals, is `::`).
 */
export function formatIpAddress({ version, bits }: IpAddress): string {
  const size = version === 4 ? 8n : 16n;
  const count = version === 4 ? 4 : 8;
  const groups = Array.from({ length: count }, (_, index) =>
    BigInt.asUintN(Number(size), bits >> (size * BigInt(count - 1 - index))),
  );
  if (version === 4) return groups.join(".");
  let longest = { start: 0, length: 1 };
  for (let start = 0; start < count; start++) {
    let length = 0;
    while (groups[start + length] === 0n) length++;
    if (length > longest.length) longest = { start, length };
  }
  const hex = groups.map((group) => group.toString(16));
  if (longest.length < 2) return hex.join(":");
  return `${hex.slice(0, longest.start).join(":")}::${hex.slice(longest.start + longest.length).join(":")}`;
}

/** A part with a leading zero is refused: some parsers read it as octal. */
function parseDottedDecimal(text: string): number | undefined {
  if (!/^(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})$/.test(text)) return undefined;
  const parts = text.split(".").map(Number);
  if (parts.some((part) => part > 255)) return undefined;
  return parts.reduce((value, part) => value * 256 + part, 0);
}

/** Eight groups of 16 bits. `::` is one or more zero groups; the last two groups may be dotted decimal. */
function parseGroups(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, index) => parseHalf(half, index === halves.length - 1));
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === 8 ? head : undefined;
  if (tail === undefined || head.length + tail.length > 7) return undefined;
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

function parseHalf(text: string, mayEndDotted: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (/^[0-9A-Fa-f]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const dotted = mayEndDotted && index === parts.length - 1 ? parseDottedDecimal(part) : undefined;
    if (dotted === undefined) return undefined;
    groups.push(Math.floor(dotted / 0x10000), dotted % 0x10000);
  }
  return groups;
}

export interface IpRange {
  readonly version: 4 | 6;
  /** The first `prefixLength` bits of an address in the range. */
  readonly prefix: bigint;
  readonly prefixLength: number;
}

/**
 * A range of the conditions IpAddress and NotIpAddress (RFC 4632, RFC 4291): `203.0.113.0/24`, `2001:db8::/32`, a
 * single address, or `10.2.*` (the reference system's console). Bits behind the prefix are ignored, as AWS ignores
 * them. An IPv4 address written as IPv6 (`::ffff:192.0.2.1`) counts as IPv4.
 */
export function parseIpRange(text: string): IpRange | undefined {
  if (text.endsWith(".*")) return parseWildcard(text);
  const [addressText = "", lengthText, ...others] = text.split("/");
  const written = parseIpAddress(addressText);
  if (written === undefined || others.length > 0) return undefined;
  if (lengthText !== undefined && !/^\d{1,3}$/.test(lengthText)) return undefined;
  const width = WIDTH[written.version];
  const length = lengthText === undefined ? width : Number(lengthText);
  if (length > width) return undefined;
  const address = unmapped(written);
  // Of an IPv4-mapped address the first 96 bits are the mapping; a shorter prefix would cover other IPv6 addresses.
  const prefixLength = written.version === address.version ? length : length - 96;
  return prefixLength < 0 ? undefined : rangeOf(address, prefixLength);
}

/** False for a text that is not an address. */
export function isInRange(addressText: string, range: IpRange): boolean {
  const address = parseIpAddress(addressText);
  return address !== undefined && contains(range, unmapped(address));
}

function contains({ version, prefix, prefixLength }: IpRange, address: IpAddress): boolean {
  return version === address.version && address.bits >> BigInt(WIDTH[version] - prefixLength) === prefix;
}

function rangeOf({ version, bits }: IpAddress, prefixLength: number): IpRange {
  return { version, prefix: bits >> BigInt(WIDTH[version] - prefixLength), prefixLength };
}

function parseWildcard(text: string): IpRange | undefined {
  const parts = text.slice(0, -2).split(".");
  const value = parts.length > 3 ? undefined : parseDottedDecimal([...parts, "0", "0", "0"].slice(0, 4).join("."));
  return value === undefined ? undefined : rangeOf({ version: 4, bits: BigInt(value) }, parts.length * 8);
}

/** RFC 4291, section 2.5.5.2: `::ffff:0:0/96` holds the IPv4 addresses. */
function unmapped(address: IpAddress): IpAddress {
  const isMapped = address.version === 6 && address.bits >> 32n === 0xffffn;
  return isMapped ? { version: 4, bits: BigInt.asUintN(32, address.bits) } : address;
}

/**
 * - `global`: everything else. TEST-NET-1 to 3 and 2001:db8::/32 are included: they are not routed, and examples use
 *   them.
 * - `private`: RFC 1918, RFC 6598 (carrier-grade NAT) and RFC 4193.
 * - `reserved`: special-purpose addresses, link-local ones with their metadata services included.
 */
export type IpAddressKind = "global" | "loopback" | "private" | "reserved";

/**
 * The first range that holds an address decides. Sources: IANA's special-purpose address registries for IPv4 and IPv6.
 * Of IPv6 only 2000::/3 is global unicast. 6to4 (2002::/16), Teredo and the other assignments of 2001::/23, NAT64 and
 * IPv4-mapped addresses are reserved whatever address they contain.
 */
const KINDS: readonly (readonly [range: string, kind: IpAddressKind])[] = [
  ["0.0.0.0/8", "reserved"],
  ["10.0.0.0/8", "private"],
  ["100.64.0.0/10", "private"],
  ["127.0.0.0/8", "loopback"],
  ["169.254.0.0/16", "reserved"],
  ["172.16.0.0/12", "private"],
  ["192.0.0.0/24", "reserved"],
  ["192.88.99.0/24", "reserved"],
  ["192.168.0.0/16", "private"],
  ["198.18.0.0/15", "reserved"],
  // Multicast, class E and the broadcast address.
  ["224.0.0.0/3", "reserved"],
  ["0.0.0.0/0", "global"],
  ["::1/128", "loopback"],
  ["fc00::/7", "private"],
  ["2001::/23", "reserved"],
  ["2002::/16", "reserved"],
  ["2000::/3", "global"],
  ["::/0", "reserved"],
];

// Parsed for the first address, so that no isolate parses them at its start.
let ranges: readonly { readonly range: IpRange | undefined; readonly kind: IpAddressKind }[] | undefined;

export function kindOfIpAddress(address: IpAddress): IpAddressKind {
  ranges ??= KINDS.map(([text, kind]) => ({ range: parseIpRange(text), kind }));
  return ranges.find(({ range }) => range !== undefined && contains(range, address))?.kind ?? "reserved";
}
