/**
 * CRC-64/NVME (NVM Express NVM Command Set 1.0, "64b CRC"), which S3 offers as `x-amz-checksum-crc64nvme`.
 *
 * JavaScript has no 64-bit integers outside BigInt, which is far too slow per byte, so the register is two 32-bit
 * halves. Slicing-by-8 as in `crc32c.ts`: eight message bytes meet exactly the eight bytes of the register.
 */

/** The polynomial 0xAD93D23594C93659 with its bits reversed. */
export const CRC64NVME_POLYNOMIAL = 0x9a6c9329ac4bc9b5n;

/**
 * Table k, entry b: the effect of byte b followed by k zero bytes. Lower half at 2 (256 k + b), upper half next to it,
 * so that both come with one cache line.
 */
const TABLES = buildTables();

function buildTables(): Int32Array {
  const polynomialHigh = Number(CRC64NVME_POLYNOMIAL >> 32n) | 0;
  const polynomialLow = Number(CRC64NVME_POLYNOMIAL & 0xffffffffn) | 0;
  const t = new Int32Array(2 * 8 * 256);
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
  return t;
}

/** Running CRC-64/NVME. */
export class Crc64Nvme {
  #high = -1;
  #low = -1;

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
    const t = TABLES;
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
    const t = TABLES;
    let high = this.#high;
    let low = this.#low;
    // `as number`: every index is in range by construction, and a check per byte would cost half the speed.
    for (let i = 0; i < words.length; i += 2) {
      low ^= words[i] as number;
      high ^= words[i + 1] as number;
      // 510 is 2 · 255: the byte is cut out where it already counts double.
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
