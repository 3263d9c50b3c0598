/** Addresses and ranges as IpAddress and NotIpAddress compare them (RFC 4632, RFC 4291). */

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
  const address = parts.length > 3 ? undefined : parseV4([...parts, "0", "0", "0"].slice(0, 4).join("."));
  return address === undefined ? undefined : range(4, address, parts.length * 8);
}

function parseAddress(text: string): { version: 4 | 6; bits: bigint } | undefined {
  if (!text.includes(":")) {
    const bits = parseV4(text);
    return bits === undefined ? undefined : { version: 4, bits };
  }
  const bits = parseV6(text);
  if (bits === undefined) return undefined;
  return bits >> 32n === MAPPED_PREFIX ? { version: 4, bits: bits & 0xffffffffn } : { version: 6, bits };
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split(".");
  // No leading zeros: some read them as octal.
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) {
    return undefined;
  }
  return parts.reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = [readGroups(halves[0] ?? "", halves.length === 1), readGroups(halves[1] ?? "", true)];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  return groups.reduce((bits, group) => (bits << 16n) | BigInt(group), 0n);
}

/** 16-bit groups; the last two of an address may be written as IPv4. */
function readGroups(text: string, mayEndInV4: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const v4 = mayEndInV4 && index === parts.length - 1 ? parseV4(part) : undefined;
    if (v4 === undefined) return undefined;
    groups.push(Number(v4 >> 16n), Number(v4 & 0xffffn));
  }
  return groups;
}
