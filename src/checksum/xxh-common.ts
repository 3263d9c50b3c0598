/**
 * Shared by XXH64 and XXH3: arithmetic modulo 2^64, and the buffer that collects the input. The loop over every byte
 * computes in halves of 32 bits, which takes a fifth of the time of `bigint` until the engine has optimized it. The few
 * steps at the end compute in `bigint`.
 */

/** The upper 32 bits of the product of two unsigned 32-bit values. `Math.imul` is the lower. */
export function mulHigh(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const left = Math.imul(a1, b0);
  const right = Math.imul(a0, b1);
  const middle = (Math.imul(a0, b0) >>> 16) + (left & 0xffff) + (right & 0xffff);
  return (Math.imul(a1, b1) + (left >>> 16) + (right >>> 16) + (middle >>> 16)) | 0;
}

/** 1 if a 32-bit sum has overflowed: it is then less than the added value. */
export function carry(sum: number, added: number): number {
  return sum >>> 0 < added >>> 0 ? 1 : 0;
}

export const PRIME32_1 = 0x9e3779b1n;
export const PRIME32_2 = 0x85ebca77n;
export const PRIME32_3 = 0xc2b2ae3dn;
export const PRIME64_1 = 0x9e3779b185ebca87n;
export const PRIME64_2 = 0xc2b2ae3d27d4eb4fn;
export const PRIME64_3 = 0x165667b19e3779f9n;
export const PRIME64_4 = 0x85ebca77c2b2ae63n;
export const PRIME64_5 = 0x27d4eb2f165667c5n;

export function toU64(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}

export function rotateLeft(value: bigint, bits: bigint): bigint {
  return toU64(value << bits) | (value >> (64n - bits));
}

/** The final mix of XXH64; XXH3 uses it for its shortest inputs. */
export function avalanche64(value: bigint): bigint {
  let mixed = value ^ (value >> 33n);
  mixed = toU64(mixed * PRIME64_2);
  mixed ^= mixed >> 29n;
  mixed = toU64(mixed * PRIME64_3);
  return mixed ^ (mixed >> 32n);
}

/** A `bigint` of at most 64 bits as two signed 32-bit halves, the lower one first. */
export function toHalves(value: bigint): [low: number, high: number] {
  return [Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n))];
}

/** 64 bits of an array that holds halves, the lower one first. */
export function fromHalves(halves: Int32Array, index: number): bigint {
  const low = halves[2 * index] ?? 0;
  const high = halves[2 * index + 1] ?? 0;
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

/** The canonical form of an xxHash value: its most significant byte first. */
export function bigEndian(...values: readonly bigint[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => {
    view.setBigUint64(8 * index, value);
  });
  return bytes;
}

/** A multiple of every block size of the xxHash family, small enough for a fast cache. */
export const BUFFER_BYTES = 16 * 1024;

/**
 * Collects bytes into blocks that begin at an aligned address, so that a hash can read them as 32-bit words. A full
 * buffer is consumed only when more bytes follow, because some hashes treat the last block differently. Words have the
 * platform's byte order, which is little-endian on every platform of V8.
 */
export class BlockBuffer {
  readonly bytes = new Uint8Array(BUFFER_BYTES);
  readonly words = new Int32Array(this.bytes.buffer);
  /** How many bytes of the buffer are filled. */
  filled = 0;
  /** Bytes of the whole input so far. */
  total = 0;
  readonly #consume: () => void;

  /** @param consume consumes the whole buffer */
  constructor(consume: () => void) {
    this.#consume = consume;
  }

  append(input: Uint8Array): void {
    this.total += input.length;
    for (let taken = 0; taken < input.length; ) {
      if (this.filled === BUFFER_BYTES) {
        this.#consume();
        this.filled = 0;
      }
      const piece = input.subarray(taken, taken + BUFFER_BYTES - this.filled);
      this.bytes.set(piece, this.filled);
      this.filled += piece.length;
      taken += piece.length;
    }
  }
}
