import { describe, expect, test } from "vitest";
import { combineCrc } from "../../../src/checksum/combine.ts";
import { formatBase64, formatHex, parseBase64, parseHex } from "../../../src/checksum/digests.ts";
import { createHasher } from "../../../src/checksum/hasher.ts";

const text = (value: string) => new TextEncoder().encode(value);

function digest(algorithm: Parameters<typeof createHasher>[0], ...pieces: Uint8Array[]) {
  const hasher = createHasher(algorithm);
  for (const piece of pieces) hasher.update(piece);
  return hasher.digest();
}

/** Reproducible noise. */
function noise(length: number, seed = 1): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state >>> 24;
  });
}

/** Bit by bit, straight from the definition: an independent check of the tables. */
function slowCrc(bytes: Uint8Array, width: bigint, polynomial: bigint): string {
  const ones = (1n << width) - 1n;
  let crc = ones;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ polynomial : crc >> 1n;
  }
  return (crc ^ ones).toString(16).padStart(Number(width) / 4, "0");
}

describe("published check values of 123456789", () => {
  test.each([
    ["CRC32", "cbf43926"],
    ["CRC32C", "e3069283"],
    ["CRC64NVME", "ae8b14860a799888"],
    ["MD5", "25f9e794323b453885f5181f1b624d0b"],
    ["SHA1", "f7c3bc1d808e04732adf679965ccc34ca7ae3441"],
    ["SHA256", "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"],
    [
      "SHA512",
      "d9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274ad27fcd5811b313d681f7e55ec02d73d499c95455b6b5bb503acf574fba8ffe85",
    ],
    ["XXHASH64", "8cb841db40e6ae83"],
    ["XXHASH3", "72dcb18b67a17dff"],
    ["XXHASH128", "33119477ede5dcd5e9716427681d5860"],
  ] as const)("%s", (algorithm, expected) => {
    expect(formatHex(digest(algorithm, text("123456789")))).toBe(expected);
    expect(formatHex(digest(algorithm, text("1"), text(""), text("2345678"), text("9")))).toBe(expected);
  });
});

describe("tables against the bitwise definition", () => {
  test.each([0, 1, 7, 8, 9, 15, 16, 17, 255, 1000])("%i bytes, at any offset in their buffer", (length) => {
    for (const offset of [0, 1, 2, 3, 4, 5]) {
      const bytes = noise(length + offset).subarray(offset);
      expect(formatHex(digest("CRC32C", bytes))).toBe(slowCrc(bytes, 32n, 0x82f63b78n));
      expect(formatHex(digest("CRC64NVME", bytes))).toBe(slowCrc(bytes, 64n, 0x9a6c9329ac4bc9b5n));
    }
  });
});

describe("combineCrc", () => {
  test.each(["CRC32", "CRC32C", "CRC64NVME"] as const)("%s of a concatenation", (algorithm) => {
    for (const [a, b] of [
      [0, 0],
      [0, 5],
      [5, 0],
      [1, 1],
      [1000, 1],
      [3, 70_001],
    ] as const) {
      const first = noise(a, 7);
      const second = noise(b, 9);
      expect(
        combineCrc(algorithm, digest(algorithm, first), { digest: digest(algorithm, second), sizeBytes: b }),
      ).toEqual(digest(algorithm, first, second));
    }
  });

  test.each([
    ["CRC32", 0xedb88320n, 32n],
    ["CRC32C", 0x82f63b78n, 32n],
    ["CRC64NVME", 0x9a6c9329ac4bc9b5n, 64n],
  ] as const)("%s of parts of any size up to 5 GiB is the sum of its definition", (algorithm, polynomial, bits) => {
    const one = 1n << (bits - 1n);
    const times = (a: bigint, b: bigint) => {
      let product = 0n;
      for (let bit = one, shifted = b; bit !== 0n; bit >>= 1n) {
        if (a & bit) product ^= shifted;
        shifted = shifted & 1n ? (shifted >> 1n) ^ polynomial : shifted >> 1n;
      }
      return product;
    };
    const powerOfX = (n: bigint): bigint => {
      if (n === 0n) return one;
      const half = powerOfX(n / 2n);
      const even = times(half, half);
      return n % 2n === 0n ? even : times(even, one >> 1n);
    };
    const toNumber = (bytes: Uint8Array) => BigInt(`0x${formatHex(bytes)}`);
    const bytes = Number(bits / 8n);
    for (const length of [
      1,
      255,
      5 * 2 ** 20,
      5 * 2 ** 20 + 1,
      123_456_789,
      2 ** 32 - 1,
      5 * 2 ** 30 - 1,
      5 * 2 ** 30,
    ]) {
      const [a, b] = [noise(bytes, length), noise(bytes, length + 1)];
      const expected = times(toNumber(a), powerOfX(BigInt(length) * 8n)) ^ toNumber(b);
      expect(toNumber(combineCrc(algorithm, a, { digest: b, sizeBytes: length })), String(length)).toBe(expected);
    }
  });

  test("lengths beyond 32 bits: 2^33 zero bytes appended in one step and in two", () => {
    const zeros = (n: number) => {
      // Doubling: the checksum of 2n zeros from that of n.
      let length = 1;
      let sum = digest("CRC64NVME", new Uint8Array(1));
      while (length < n) {
        sum = combineCrc("CRC64NVME", sum, { digest: sum, sizeBytes: length });
        length *= 2;
      }
      return sum;
    };
    const half = 2 ** 32;
    const a = digest("CRC64NVME", text("a"));
    const append = { digest: zeros(half), sizeBytes: half };
    const inOne = combineCrc("CRC64NVME", a, { digest: zeros(2 ** 33), sizeBytes: 2 ** 33 });
    const inTwo = combineCrc("CRC64NVME", combineCrc("CRC64NVME", a, append), append);
    expect(inOne).toEqual(inTwo);
  });

  test("10,000 parts of one size have the checksum of the whole", () => {
    const part = noise(100);
    let sum = digest("CRC64NVME", part);
    for (let i = 1; i < 10_000; i++)
      sum = combineCrc("CRC64NVME", sum, { digest: digest("CRC64NVME", part), sizeBytes: 100 });
    const whole = new Uint8Array(10_000 * 100);
    for (let i = 0; i < 10_000; i++) whole.set(part, i * 100);
    expect(sum).toEqual(digest("CRC64NVME", whole));
  });
});

describe("digest texts", () => {
  test("base64 must be padded, standard and of the right length", () => {
    expect(parseBase64("4waSgw==", 4)).toEqual(Uint8Array.of(0xe3, 0x06, 0x92, 0x83));
    for (const bad of ["", "4waSgw", "4waSgw=", "4waSg===", "4waS", "4waSgwAA", "4w-_gw==", " 4waSgw==", "ä===AAA="]) {
      expect(parseBase64(bad, 4), bad).toBeUndefined();
    }
    expect(formatBase64(Uint8Array.of(0xe3, 0x06, 0x92, 0x83))).toBe("4waSgw==");
  });

  test("hex must be lower case and of the right length", () => {
    expect(parseHex("00ff", 2)).toEqual(Uint8Array.of(0, 255));
    for (const bad of ["00f", "00FF", "00fg", "00ff0", ""]) expect(parseHex(bad, 2), bad).toBeUndefined();
  });
});
