/**
 * The CRC of a concatenation from the CRCs of its pieces, without their bytes. S3's full-object checksum of a
 * multipart upload is exactly that ("Checking object integrity", full object checksums).
 *
 * Appending n bytes multiplies the CRC of what came before by x^(8n) modulo the CRC's polynomial, so the result is
 * crcA · x^(8n) + crcB; initial value and final inversion cancel out. Polynomials are kept bit-reversed: the highest
 * bit stands for x^0.
 */
import type { ChecksumAlgorithm } from "../model/checksum.ts";
import { CRC32C_POLYNOMIAL } from "./crc32c.ts";
import { CRC64NVME_POLYNOMIAL } from "./crc64nvme.ts";

export type CombinableAlgorithm = "CRC32" | "CRC32C" | "CRC64NVME";

export function isCombinable(algorithm: ChecksumAlgorithm): algorithm is CombinableAlgorithm {
  return algorithm === "CRC32" || algorithm === "CRC32C" || algorithm === "CRC64NVME";
}

interface Field {
  readonly bytes: number;
  readonly one: bigint;
  readonly polynomial: bigint;
  /** Entry k is x^(2^k). */
  readonly powers: bigint[];
  /** x^(8n) by n: the parts of an upload are nearly all of one size. */
  readonly shifts: Map<number, bigint>;
}

const FIELDS: Readonly<Record<CombinableAlgorithm, Field>> = {
  CRC32: field(4, 0xedb88320n),
  CRC32C: field(4, BigInt(CRC32C_POLYNOMIAL)),
  CRC64NVME: field(8, CRC64NVME_POLYNOMIAL),
};

const MAX_REMEMBERED_SHIFTS = 64;

function field(bytes: number, polynomial: bigint): Field {
  const one = 1n << BigInt(8 * bytes - 1);
  return { bytes, one, polynomial, powers: [one >> 1n], shifts: new Map() };
}

function multiply({ one, polynomial }: Field, a: bigint, b: bigint): bigint {
  let product = 0n;
  let shifted = b;
  for (let bit = one; bit !== 0n; bit >>= 1n) {
    if (a & bit) product ^= shifted;
    shifted = shifted & 1n ? (shifted >> 1n) ^ polynomial : shifted >> 1n;
  }
  return product;
}

function power(f: Field, k: number): bigint {
  for (let known = f.powers.length; known <= k; known++) {
    const half = f.powers[known - 1] ?? f.one;
    f.powers.push(multiply(f, half, half));
  }
  return f.powers[k] ?? f.one;
}

/** x^(8n). `n` may exceed 32 bits: objects go up to 5 TiB. */
function shift(f: Field, n: number): bigint {
  const remembered = f.shifts.get(n);
  if (remembered !== undefined) return remembered;
  let result = f.one;
  // 8 n = n · 2^3, hence bit k of n stands for x^(2^(k + 3)).
  for (let rest = n, k = 3; rest > 0; rest = Math.floor(rest / 2), k++) {
    if (rest % 2 === 1) result = multiply(f, result, power(f, k));
  }
  if (f.shifts.size >= MAX_REMEMBERED_SHIFTS) f.shifts.clear();
  f.shifts.set(n, result);
  return result;
}

function toBigInt(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/**
 * Checksum of A followed by B.
 * @param a big-endian digest of A, as in `x-amz-checksum-*`
 * @param b big-endian digest of B
 * @param lengthB length of B in bytes, 0 to 2^53 - 1
 */
export function combineCrc(
  algorithm: CombinableAlgorithm,
  a: Uint8Array,
  b: Uint8Array,
  lengthB: number,
): Uint8Array<ArrayBuffer> {
  const f = FIELDS[algorithm];
  let value = multiply(f, toBigInt(a), shift(f, lengthB)) ^ toBigInt(b);
  const bytes = new Uint8Array(f.bytes);
  for (let i = f.bytes - 1; i >= 0; i--, value >>= 8n) bytes[i] = Number(value & 0xffn);
  return bytes;
}
