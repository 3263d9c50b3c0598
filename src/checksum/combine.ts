/**
 * The CRC of a concatenation from the CRCs of its pieces, without their bytes. S3's full-object checksum of a
 * multipart upload is exactly that ("Checking object integrity", full object checksums).
 *
 * Appending n bytes multiplies the CRC of the bytes before by x^(8n) modulo the CRC's polynomial, so the result is crcA
 * · x^(8n) + crcB; initial value and final inversion cancel out. Polynomials are bit-reversed: the highest bit is the
 * coefficient of x^0.
 *
 * Multiplication by a power of x is linear, so each byte is looked up, in a table for each power 8 · 2^k. A length
 * takes one such step for each of its set bits: 10,000 parts of 10,000 different sizes take some million look-ups.
 */
import type { ChecksumAlgorithm } from "../model/checksum.ts";
import { CRC32C_POLYNOMIAL, CRC64NVME_POLYNOMIAL } from "./crc.ts";

export type CombinableAlgorithm = "CRC32" | "CRC32C" | "CRC64NVME";

export function isCombinable(algorithm: ChecksumAlgorithm): algorithm is CombinableAlgorithm {
  return algorithm === "CRC32" || algorithm === "CRC32C" || algorithm === "CRC64NVME";
}

/** A value of up to 64 bits in two halves; a value of 32 bits is in `low`. */
interface Halves {
  readonly high: number;
  readonly low: number;
}

/** A multiplication as a table: 256 entries for each byte of the value, the lowest byte first. */
interface Multiplication {
  readonly high: Uint32Array;
  readonly low: Uint32Array;
}

interface Field {
  readonly bytes: 4 | 8;
  readonly polynomial: Halves;
  /** Entry k multiplies by x^(8 · 2^k). Built on first use; the 43 entries for the longest object take 0.7 MB. */
  readonly powers: Multiplication[];
}

const FIELDS: Readonly<Record<CombinableAlgorithm, Field>> = {
  CRC32: field(4, 0xedb88320n),
  CRC32C: field(4, BigInt(CRC32C_POLYNOMIAL)),
  CRC64NVME: field(8, CRC64NVME_POLYNOMIAL),
};

function field(bytes: 4 | 8, polynomial: bigint): Field {
  return { bytes, polynomial: { high: Number(polynomial >> 32n), low: Number(polynomial & 0xffffffffn) }, powers: [] };
}

/** The table of a multiplication, from the products of the single bits. */
function tabulate(bytes: number, ofBit: (bit: number) => Halves): Multiplication {
  const high = new Uint32Array(bytes * 256);
  const low = new Uint32Array(bytes * 256);
  for (let bit = 0; bit < bytes * 8; bit++) {
    const place = (bit >> 3) * 256;
    const value = 1 << (bit & 7);
    const image = ofBit(bit);
    // Entries of the bytes whose highest bit is this one; those of lower bytes are already filled.
    for (let rest = 0; rest < value; rest++) {
      high[place + value + rest] = image.high ^ (high[place + rest] ?? 0);
      low[place + value + rest] = image.low ^ (low[place + rest] ?? 0);
    }
  }
  return { high, low };
}

/**
 * A value that is multiplied in place, because an object for each of millions of products would cost most of the time.
 */
class Register implements Halves {
  high: number;
  low: number;

  constructor({ high, low }: Halves) {
    this.high = high;
    this.low = low;
  }

  multiply(by: Multiplication): void {
    let high = 0;
    let low = 0;
    for (let place = 0, half = this.low; place < by.low.length; place += 256, half >>>= 8) {
      if (place === 1024) half = this.high;
      const index = place + (half & 0xff);
      high ^= by.high[index] ?? 0;
      low ^= by.low[index] ?? 0;
    }
    this.high = high;
    this.low = low;
  }
}

/** Twice the same multiplication, of one bit. */
function multiplyTwice(by: Multiplication, value: Halves): Halves {
  const register = new Register(value);
  register.multiply(by);
  register.multiply(by);
  return register;
}

function bitAt(bit: number): Halves {
  return bit < 32 ? { high: 0, low: 1 << bit } : { high: 1 << (bit - 32), low: 0 };
}

/** Multiplies by x^8: appends one byte of zeros. */
function appendByte({ polynomial }: Field, value: Halves): Halves {
  let { high, low } = value;
  for (let bit = 0; bit < 8; bit++) {
    const isOdd = (low & 1) === 1;
    low = (low >>> 1) | (high << 31);
    high >>>= 1;
    if (isOdd) {
      high ^= polynomial.high;
      low ^= polynomial.low;
    }
  }
  return { high, low };
}

function power(f: Field, k: number): Multiplication {
  for (let known = f.powers.length; known <= k; known++) {
    const half = f.powers[known - 1];
    const ofBit = (bit: number) => (half === undefined ? appendByte(f, bitAt(bit)) : multiplyTwice(half, bitAt(bit)));
    f.powers.push(tabulate(f.bytes, ofBit));
  }
  const found = f.powers[k];
  if (found === undefined) throw new RangeError(`no power ${k}`);
  return found;
}

function read({ bytes }: Field, digest: Uint8Array): Halves {
  const view = new DataView(digest.buffer, digest.byteOffset, bytes);
  return bytes === 4 ? { high: 0, low: view.getUint32(0) } : { high: view.getUint32(0), low: view.getUint32(4) };
}

/** The appended bytes: their big-endian digest, as in `x-amz-checksum-*`, and their number, 0 to 2^53 - 1. */
export interface AppendedCrc {
  readonly digest: Uint8Array;
  readonly sizeBytes: number;
}

/**
 * Checksum of A followed by B.
 * @param first big-endian digest of A, as in `x-amz-checksum-*`
 * @param second digest and length of B
 */
export function combineCrc(
  algorithm: CombinableAlgorithm,
  first: Uint8Array,
  second: AppendedCrc,
): Uint8Array<ArrayBuffer> {
  const f = FIELDS[algorithm];
  const register = new Register(read(f, first));
  for (let rest = second.sizeBytes, k = 0; rest > 0; rest = Math.floor(rest / 2), k++) {
    if (rest % 2 === 1) register.multiply(power(f, k));
  }
  const added = read(f, second.digest);
  const bytes = new Uint8Array(f.bytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(f.bytes - 4, register.low ^ added.low);
  if (f.bytes === 8) view.setUint32(0, register.high ^ added.high);
  return bytes;
}
