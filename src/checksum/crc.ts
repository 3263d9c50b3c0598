/**
 * The two CRCs of S3 that the platform does not compute synchronously: CRC-32C (`x-amz-checksum-crc32c`; Castagnoli,
 * RFC 3720 appendix B.4) and CRC-64/NVME (`x-amz-checksum-crc64nvme`; NVM Express NVM Command Set 1.0, "64b CRC").
 *
 * Eight bytes are taken at a time from eight tables ("slicing-by-8", Kounavis and Berry 2005), which is about six times
 * as fast as one byte at a time. JavaScript has no 64-bit integers outside BigInt, which is far too slow per byte, so
 * the register of CRC-64/NVME is two 32-bit halves: eight message bytes meet exactly its eight bytes.
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
  const t = CRC32C_TABLES;
  let crc = ~previous;
  let i = 0;
  // `as number`: every index below is in range by construction, and a check per byte would cost half the speed.
  for (const end = bytes.length - 7; i < end; i += 8) {
    const low =
      crc ^
      ((bytes[i] as number) |
        ((bytes[i + 1] as number) << 8) |
        ((bytes[i + 2] as number) << 16) |
        ((bytes[i + 3] as number) << 24));
    crc =
      (t[1792 + (low & 0xff)] as number) ^
      (t[1536 + ((low >>> 8) & 0xff)] as number) ^
      (t[1280 + ((low >>> 16) & 0xff)] as number) ^
      (t[1024 + (low >>> 24)] as number) ^
      (t[768 + (bytes[i + 4] as number)] as number) ^
      (t[512 + (bytes[i + 5] as number)] as number) ^
      (t[256 + (bytes[i + 6] as number)] as number) ^
      (t[bytes[i + 7] as number] as number);
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ (t[(crc ^ (bytes[i] as number)) & 0xff] as number);
  return ~crc >>> 0;
}

/** The polynomial 0xAD93D23594C93659 with its bits reversed. */
export const CRC64NVME_POLYNOMIAL = 0x9a6c9329ac4bc9b5n;

/**
 * Table k, entry b: the effect of byte b followed by k zero bytes. Lower half at 2 (256 k + b), upper half next to it,
 * so that one cache line holds both. Filled for the first checksum, because most isolates compute none.
 */
const CRC64_TABLES = new Int32Array(2 * 8 * 256);
let hasCrc64Tables = false;

function fillCrc64Tables(): void {
  const polynomialHigh = Number(CRC64NVME_POLYNOMIAL >> 32n) | 0;
  const polynomialLow = Number(CRC64NVME_POLYNOMIAL & 0xffffffffn) | 0;
  const t = CRC64_TABLES;
  for (let byte = 0; byte < 256; byte++) {
    let high = 0;
    let low = byte;
    for (let bit = 0; bit < 8; bit++) {
      const carry = low & 1;
      low = (low >>> 1) | (high << 31);
      high >>>= 1;
      if (carry) {
        high ^= polynomialHigh;
        low ^= polynomialLow;
      }
    }
    t[2 * byte] = low;
    t[2 * byte + 1] = high;
  }
  for (let index = 512; index < t.length; index += 2) {
    const low = t[index - 512] ?? 0;
    const high = t[index - 511] ?? 0;
    const next = 2 * (low & 0xff);
    t[index] = ((low >>> 8) | (high << 24)) ^ (t[next] ?? 0);
    t[index + 1] = (high >>> 8) ^ (t[next + 1] ?? 0);
  }
  hasCrc64Tables = true;
}

/** Running CRC-64/NVME. */
export class Crc64Nvme {
  #high = -1;
  #low = -1;

  constructor() {
    if (!hasCrc64Tables) fillCrc64Tables();
  }

  update(bytes: Uint8Array): void {
    // Words are read in the platform's order, which is little-endian wherever V8 runs, from an aligned start.
    const aligned = Math.min((4 - (bytes.byteOffset & 3)) & 3, bytes.length);
    const words = 2 * Math.floor((bytes.length - aligned) / 8);
    this.#updateBytes(bytes.subarray(0, aligned));
    if (words > 0) this.#updateWords(new Int32Array(bytes.buffer, bytes.byteOffset + aligned, words));
    this.#updateBytes(bytes.subarray(aligned + 4 * words));
  }

  /** The 8 big-endian bytes; more bytes may follow afterwards. */
  digest(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(8);
    const view = new DataView(bytes.buffer);
    view.setInt32(0, ~this.#high);
    view.setInt32(4, ~this.#low);
    return bytes;
  }

  #updateBytes(bytes: Uint8Array): void {
    const t = CRC64_TABLES;
    let high = this.#high;
    let low = this.#low;
    for (const byte of bytes) {
      const index = 2 * ((low ^ byte) & 0xff);
      low = ((low >>> 8) | (high << 24)) ^ (t[index] as number);
      high = (high >>> 8) ^ (t[index + 1] as number);
    }
    this.#high = high;
    this.#low = low;
  }

  #updateWords(words: Int32Array): void {
    const t = CRC64_TABLES;
    let high = this.#high;
    let low = this.#low;
    // `as number`: every index is in range by construction, and a check per byte would cost half the speed.
    for (let i = 0; i < words.length; i += 2) {
      low ^= words[i] as number;
      high ^= words[i + 1] as number;
      // 510 is 2 · 255: the mask takes the byte already multiplied by two.
      const a = 3584 + ((low << 1) & 510);
      const b = 3072 + ((low >>> 7) & 510);
      const c = 2560 + ((low >>> 15) & 510);
      const d = 2048 + ((low >>> 23) & 510);
      const e = 1536 + ((high << 1) & 510);
      const f = 1024 + ((high >>> 7) & 510);
      const g = 512 + ((high >>> 15) & 510);
      const h = (high >>> 23) & 510;
      low =
        (t[a] as number) ^
        (t[b] as number) ^
        (t[c] as number) ^
        (t[d] as number) ^
        (t[e] as number) ^
        (t[f] as number) ^
        (t[g] as number) ^
        (t[h] as number);
      high =
        (t[a + 1] as number) ^
        (t[b + 1] as number) ^
        (t[c + 1] as number) ^
        (t[d + 1] as number) ^
        (t[e + 1] as number) ^
        (t[f + 1] as number) ^
        (t[g + 1] as number) ^
        (t[h + 1] as number);
    }
    this.#high = high;
    this.#low = low;
  }
}
