/**
 * XXH3 of inputs of up to 240 bytes, with seed 0 (xxHash specification, "for small inputs" and "for medium inputs"),
 * and the parts that XXH3 of longer inputs uses too.
 */
import { avalanche64, PRIME32_2, PRIME64_1, PRIME64_2, PRIME64_4, rotateLeft, toU64 } from "./xxh-common.ts";

export const SHORT_BYTES = 240;

/** The default secret of the specification. */
export const SECRET: Uint8Array<ArrayBuffer> = secretBytes(
  "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f" +
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c" +
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8" +
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364" +
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e" +
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e",
);

const PRIME_MX1 = 0x165667919e3779f9n;
const PRIME_MX2 = 0x9fb21c651e98df25n;
const LOW_32 = 0xffff_ffffn;

function secretBytes(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: hex.length / 2 }, (_, index) =>
    Number.parseInt(hex.slice(2 * index, 2 * index + 2), 16),
  );
}

export function avalanche3(value: bigint): bigint {
  let mixed = value ^ (value >> 37n);
  mixed = toU64(mixed * PRIME_MX1);
  return mixed ^ (mixed >> 32n);
}

/** The exclusive or of both halves of the 128-bit product. */
export function foldedProduct(a: bigint, b: bigint): bigint {
  const product = a * b;
  return toU64(product) ^ (product >> 64n);
}

/** Reads little-endian words at any byte offset. */
class Words {
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u32(at: number): bigint {
    return BigInt(this.#view.getUint32(at, true));
  }

  u64(at: number): bigint {
    return this.#view.getBigUint64(at, true);
  }
}

const secret = new Words(SECRET);

/** The exclusive or of two adjacent words of the secret. */
function secretPair(at: number): bigint {
  return secret.u64(at) ^ secret.u64(at + 8);
}

export function hashShort64(input: Uint8Array): bigint {
  const size = input.length;
  const words = new Words(input);
  if (size === 0) return avalanche64(secretPair(56));
  if (size <= 3) return avalanche64(secret.u32(0) ^ secret.u32(4) ^ combine3(input));
  if (size <= 8) {
    let value = secretPair(8) ^ (words.u32(size - 4) | (words.u32(0) << 32n));
    value ^= rotateLeft(value, 49n) ^ rotateLeft(value, 24n);
    value = toU64(value * PRIME_MX2);
    value ^= (value >> 35n) + BigInt(size);
    value = toU64(value * PRIME_MX2);
    return value ^ (value >> 28n);
  }
  if (size <= 16) {
    const low = secretPair(24) ^ words.u64(0);
    const high = secretPair(40) ^ words.u64(size - 8);
    return avalanche3(toU64(BigInt(size) + swap64(low) + high + foldedProduct(low, high)));
  }
  let sum = BigInt(size) * PRIME64_1;
  const mix = (at: number, secretByte: number) => {
    sum += mixStep(words, at, secretByte);
  };
  if (size <= 128) {
    for (let i = (size - 1) >> 5; i >= 0; i--) {
      mix(16 * i, 32 * i);
      mix(size - 16 * i - 16, 32 * i + 16);
    }
    return avalanche3(toU64(sum));
  }
  for (let i = 0; i < 8; i++) mix(16 * i, 16 * i);
  sum = avalanche3(toU64(sum));
  for (let i = 8; i < size >> 4; i++) mix(16 * i, 16 * (i - 8) + 3);
  mix(size - 16, 119);
  return avalanche3(toU64(sum));
}

export function hashShort128(input: Uint8Array): [high: bigint, low: bigint] {
  const size = input.length;
  const words = new Words(input);
  if (size === 0) return [avalanche64(secretPair(80)), avalanche64(secretPair(64))];
  if (size <= 3) {
    const combined = combine3(input);
    const turned = Number(swap32(combined));
    const rotated = BigInt(((turned << 13) | (turned >>> 19)) >>> 0);
    return [
      avalanche64(secret.u32(8) ^ secret.u32(12) ^ rotated),
      avalanche64(secret.u32(0) ^ secret.u32(4) ^ combined),
    ];
  }
  if (size <= 8) return hash4To8(words, size);
  if (size <= 16) return hash9To16(words, size);
  const sums: [bigint, bigint] = [toU64(BigInt(size) * PRIME64_1), 0n];
  const mix = (first: number, second: number, secretByte: number) => {
    sums[0] = toU64(sums[0] + mixStep(words, first, secretByte)) ^ toU64(words.u64(second) + words.u64(second + 8));
    sums[1] = toU64(sums[1] + mixStep(words, second, secretByte + 16)) ^ toU64(words.u64(first) + words.u64(first + 8));
  };
  if (size <= 128) {
    for (let i = (size - 1) >> 5; i >= 0; i--) mix(16 * i, size - 16 * i - 16, 32 * i);
  } else {
    for (let i = 0; i < 4; i++) mix(32 * i, 32 * i + 16, 32 * i);
    sums[0] = avalanche3(sums[0]);
    sums[1] = avalanche3(sums[1]);
    for (let i = 4; i < size >> 5; i++) mix(32 * i, 32 * i + 16, 32 * (i - 4) + 3);
    // The last two are mixed in the opposite order.
    mix(size - 16, size - 32, 103);
  }
  const high = sums[0] * PRIME64_1 + sums[1] * PRIME64_4 + BigInt(size) * PRIME64_2;
  return [toU64(-avalanche3(toU64(high))), avalanche3(toU64(sums[0] + sums[1]))];
}

function hash4To8(words: Words, size: number): [high: bigint, low: bigint] {
  const value = secretPair(16) ^ (words.u32(0) | (words.u32(size - 4) << 32n));
  const product = value * toU64(PRIME64_1 + BigInt(size << 2));
  const high = toU64((product >> 64n) + (toU64(product) << 1n));
  let low = toU64(product) ^ (high >> 3n);
  low ^= low >> 35n;
  low = toU64(low * PRIME_MX2);
  low ^= low >> 28n;
  return [avalanche3(high), low];
}

function hash9To16(words: Words, size: number): [high: bigint, low: bigint] {
  const last = words.u64(size - 8);
  const first = secretPair(32) ^ words.u64(0) ^ last;
  const second = secretPair(48) ^ last;
  const product = first * PRIME64_1;
  const high = toU64((product >> 64n) + second + (second & LOW_32) * (PRIME32_2 - 1n));
  const low = toU64(product + (BigInt(size - 1) << 54n)) ^ swap64(high);
  const whole = ((high << 64n) | low) * PRIME64_2;
  return [avalanche3(toU64(whole >> 64n)), avalanche3(toU64(whole))];
}

function mixStep(words: Words, at: number, secretByte: number): bigint {
  return foldedProduct(words.u64(at) ^ secret.u64(secretByte), words.u64(at + 8) ^ secret.u64(secretByte + 8));
}

/** One to three bytes and their number in 32 bits. */
function combine3(input: Uint8Array): bigint {
  const size = input.length;
  const byte = (at: number) => BigInt(input[at] ?? 0);
  return byte(size - 1) | (BigInt(size) << 8n) | (byte(0) << 16n) | (byte(size >> 1) << 24n);
}

function swap32(value: bigint): bigint {
  return swap64(value) >> 32n;
}

function swap64(value: bigint): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, value);
  return view.getBigUint64(0, true);
}
