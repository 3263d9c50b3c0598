/** Addresses and ranges as IpAddress and NotIpAddress compare them (RFC 4632, RFC 4291). */
import { ipv4Value, ipv6Groups } from "../../model/ip-address.ts";

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
