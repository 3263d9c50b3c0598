/** IP addresses as they stand in URLs, in one spelling each, and what kind of place an address is. Pure. */

import { ipv4Value, ipv6Groups } from "../model/ip-address.ts";

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
