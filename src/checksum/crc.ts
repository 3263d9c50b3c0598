/**
 * The two CRCs of S3 that the platform does not compute synchronously: CRC-32C (`x-amz-checksum-crc32c`; Castagnoli,
 * RFC 3720 appendix B.4) and CRC-64/NVME (`x-amz-checksum-crc64nvme`; NVM Express NVM Command Set 1.0, "64b CRC").
 *
 * Eight bytes are taken at a time from eight tables ("slicing-by-8", Kounavis and Berry 2005), which is about six times
 * as fast as one byte at a time.
 */

/** The polynomial 0x1EDC6F41 with its bits reversed. */
export const CRC32C_POLYNOMIAL = 0x82f63b78;

/** Table k, entry b, at index 256 k + b: the effect of byte b followed by k zero bytes. */
const CRC32C_TABLES = buildCrc32cTables();

function buildCrc32cTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ CRC32C_POLYNOMIAL : crc >>> 1;
    tables[byte] = crc;
  }
  for (let index = 256; index < tables.length; index++) {
    const previous = tables[index - 256] ?? 0;
    tables[index] = (previous >>> 8) ^ (tables[previous & 0xff] ?? 0);
  }
  return tables;
}

/** CRC-32C of `bytes`, continuing from the CRC of the bytes before (0 at the start). Unsigned 32 bits. */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  const { before, words, after } = splitAtWords(bytes);
  return ~crc32cOfBytes(crc32cOfWords(crc32cOfBytes(~previous, before), words), after) >>> 0;
}

function crc32cOfBytes(register: number, bytes: Uint8Array): number {
  let crc = register;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC32C_TABLES[(crc ^ byte) & 0xff] as number);
  return crc;
}

/** `as number`, here and below: every index is in range by construction, and a check per byte would cost half the speed. */
function crc32cOfWords(register: number, words: Uint32Array): number {
  const t = CRC32C_TABLES;
  let crc = register;
  for (let i = 0; i < words.length; i += 2) {
    const low = crc ^ (words[i] as number);
    const high = words[i + 1] as number;
    crc =
      (t[1792 + (low & 0xff)] as number) ^
      (t[1536 + ((low >>> 8) & 0xff)] as number) ^
      (t[1280 + ((low >>> 16) & 0xff)] as number) ^
      (t[1024 + (low >>> 24)] as number) ^
      (t[768 + (high & 0xff)] as number) ^
      (t[512 + ((high >>> 8) & 0xff)] as number) ^
      (t[256 + ((high >>> 16) & 0xff)] as number) ^
      (t[high >>> 24] as number);
  }
  return crc;
}

/**
 * The middle of the bytes as an even number of words from an aligned start. Words are read in the platform's order, which is
 * little-endian wherever V8 runs.
 */
function splitAtWords(bytes: Uint8Array): { before: Uint8Array; words: Uint32Array; after: Uint8Array } {
  const start = Math.min((4 - (bytes.byteOffset & 3)) & 3, bytes.length);
  const count = 2 * Math.floor((bytes.length - start) / 8);
  return {
    before: bytes.subarray(0, start),
    words: count === 0 ? new Uint32Array() : new Uint32Array(bytes.buffer, bytes.byteOffset + start, count),
    after: bytes.subarray(start + 4 * count),
  };
}

/** The polynomial 0xAD93D23594C93659 with its bits reversed. */
export const CRC64NVME_POLYNOMIAL = 0x9a6c9329ac4bc9b5n;

/** As for CRC-32C. Filled for the first checksum, because most isolates compute none. */
const CRC64_TABLES = new BigUint64Array(8 * 256);
let hasCrc64Tables = false;

function fillCrc64Tables(): void {
  const t = CRC64_TABLES;
  for (let byte = 0; byte < 256; byte++) {
    let crc = BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ CRC64NVME_POLYNOMIAL : crc >> 1n;
    t[byte] = crc;
  }
  for (let index = 256; index < t.length; index++) {
    const previous = t[index - 256] ?? 0n;
    t[index] = (previous >> 8n) ^ (t[Number(previous & 0xffn)] ?? 0n);
  }
  hasCrc64Tables = true;
}

/**
 * Running CRC-64/NVME. The exclusive or of entries of a `BigUint64Array` that goes into another is one machine instruction
 * each; other arithmetic with `bigint` is not, so the bytes of the register are read through a second view of its memory. That
 * takes two thirds of the time of a register in two 32-bit halves (0.7 ms per MiB).
 */
export class Crc64Nvme {
  readonly #register = BigUint64Array.of(0xffff_ffff_ffff_ffffn);
  readonly #halves = new Uint32Array(this.#register.buffer);

  constructor() {
    if (!hasCrc64Tables) fillCrc64Tables();
  }

  update(bytes: Uint8Array): void {
    const { before, words, after } = splitAtWords(bytes);
    this.#updateBytes(before);
    this.#updateWords(words);
    this.#updateBytes(after);
  }

  /** The 8 big-endian bytes; more bytes may follow afterwards. */
  digest(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, ~(this.#register[0] as bigint));
    return bytes;
  }

  #updateBytes(bytes: Uint8Array): void {
    const register = this.#register;
    for (const byte of bytes) {
      const index = ((this.#halves[0] as number) ^ byte) & 0xff;
      register[0] = ((register[0] as bigint) >> 8n) ^ (CRC64_TABLES[index] as bigint);
    }
  }

  #updateWords(words: Uint32Array): void {
    const t = CRC64_TABLES;
    const register = this.#register;
    const halves = this.#halves;
    for (let i = 0; i < words.length; i += 2) {
      const low = (halves[0] as number) ^ (words[i] as number);
      const high = (halves[1] as number) ^ (words[i + 1] as number);
      register[0] =
        (t[1792 + (low & 0xff)] as bigint) ^
        (t[1536 + ((low >>> 8) & 0xff)] as bigint) ^
        (t[1280 + ((low >>> 16) & 0xff)] as bigint) ^
        (t[1024 + (low >>> 24)] as bigint) ^
        (t[768 + (high & 0xff)] as bigint) ^
        (t[512 + ((high >>> 8) & 0xff)] as bigint) ^
        (t[256 + ((high >>> 16) & 0xff)] as bigint) ^
        (t[high >>> 24] as bigint);
    }
  }
}
