/**
 * XXH3 with seed 0 and the default secret, of 64 and of 128 bits (xxHash specification, "XXH3 algorithm overview"),
 * which S3 offers as `x-amz-checksum-xxhash3` and `x-amz-checksum-xxhash128`. `xxh3-short.ts` hashes up to 240 bytes.
 *
 * As in XXH64, each lane is computed over the whole buffer before the next lane. 1.8 ms per MiB.
 */
import {
  BlockBuffer,
  BUFFER_BYTES,
  bigEndian,
  carry,
  fromHalves,
  mulHigh,
  PRIME32_1,
  PRIME32_2,
  PRIME32_3,
  PRIME64_1,
  PRIME64_2,
  PRIME64_3,
  PRIME64_4,
  PRIME64_5,
  toHalves,
  toU64,
} from "./xxh-common.ts";
import { avalanche3, foldedProduct, hashShort64, hashShort128, SECRET, SHORT_BYTES } from "./xxh3-short.ts";

const LANES = 8;
const STRIPE_BYTES = 64;
const WORDS_PER_STRIPE = STRIPE_BYTES / 4;
/** Every stripe uses the secret eight bytes further on; its 192 bytes suffice for 16 stripes. */
const STRIPES_PER_BLOCK = 16;
const WORDS_PER_BLOCK = WORDS_PER_STRIPE * STRIPES_PER_BLOCK;

const SECRET_VIEW = new DataView(SECRET.buffer);
const SECRET_WORDS = new Int32Array(SECRET.buffer);
/** Offsets in the secret: for scrambling in words; for the last stripe and the two final merges in bytes. */
const SCRAMBLE_WORD = 2 * STRIPES_PER_BLOCK;
const LAST_STRIPE_BYTE = SECRET.length - 71;
const MERGE_LOW_BYTE = 11;
const MERGE_HIGH_BYTE = SECRET.length - 75;
const P32_1 = Number(BigInt.asIntN(32, PRIME32_1));

/** A `Hasher` (hasher.ts). */
export class Xxh3 {
  readonly #bits: 64 | 128;
  readonly #lanes = Int32Array.from(
    [PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1].flatMap(toHalves),
  );
  /** The end of the bytes consumed before: the last stripe of the input may begin in it. */
  readonly #previous = new Uint8Array(STRIPE_BYTES);
  readonly #buffer = new BlockBuffer(() => {
    const { words, bytes } = this.#buffer;
    for (let lane = 0; lane < LANES; lane++) this.#consumeLane(lane, words);
    this.#previous.set(bytes.subarray(BUFFER_BYTES - STRIPE_BYTES));
  });

  constructor(bits: 64 | 128) {
    this.#bits = bits;
  }

  update(bytes: Uint8Array): void {
    this.#buffer.append(bytes);
  }

  digest(): Uint8Array<ArrayBuffer> {
    const { bytes, filled, total } = this.#buffer;
    if (total <= SHORT_BYTES) {
      const input = bytes.subarray(0, filled);
      return this.#bits === 64 ? bigEndian(hashShort64(input)) : bigEndian(...hashShort128(input));
    }
    this.#consumeRest();
    const size = BigInt(total);
    const low = this.#merge(toU64(size * PRIME64_1), MERGE_LOW_BYTE);
    if (this.#bits === 64) return bigEndian(low);
    return bigEndian(this.#merge(toU64(~(size * PRIME64_2)), MERGE_HIGH_BYTE), low);
  }

  /** All full blocks except the last, the stripes of the last block except its last, and the last 64 bytes. */
  #consumeRest(): void {
    const { words, bytes, filled } = this.#buffer;
    const stripes = Math.floor((filled - 1) / STRIPE_BYTES);
    const scrambled = stripes - (stripes % STRIPES_PER_BLOCK);
    const last = new Uint8Array(STRIPE_BYTES);
    const fromPrevious = Math.max(0, STRIPE_BYTES - filled);
    last.set(this.#previous.subarray(STRIPE_BYTES - fromPrevious));
    last.set(bytes.subarray(filled - (STRIPE_BYTES - fromPrevious), filled), fromPrevious);
    const blocks = words.subarray(0, WORDS_PER_STRIPE * scrambled);
    const rest = Array.from({ length: stripes - scrambled }, (_, index) => ({
      words: words.subarray(WORDS_PER_STRIPE * (scrambled + index)),
      secret: SECRET_WORDS.subarray(2 * index),
    }));
    rest.push({
      words: new Int32Array(last.buffer),
      secret: new Int32Array(SECRET.slice(LAST_STRIPE_BYTE, LAST_STRIPE_BYTE + STRIPE_BYTES).buffer),
    });
    for (let lane = 0; lane < LANES; lane++) {
      this.#consumeLane(lane, blocks);
      for (const stripe of rest) this.#accumulate(lane, stripe.words, stripe.secret);
    }
  }

  #merge(start: bigint, secretByte: number): bigint {
    let sum = start;
    for (let lane = 0; lane < LANES; lane += 2) {
      const at = secretByte + 8 * lane;
      sum += foldedProduct(
        fromHalves(this.#lanes, lane) ^ SECRET_VIEW.getBigUint64(at, true),
        fromHalves(this.#lanes, lane + 1) ^ SECRET_VIEW.getBigUint64(at + 8, true),
      );
    }
    return avalanche3(toU64(sum));
  }

  /**
   * Accumulates one lane of full blocks and scrambles it after each. `as number`: every index is in range by
   * construction.
   */
  #consumeLane(lane: number, words: Int32Array): void {
    const lanes = this.#lanes;
    const secret = SECRET_WORDS;
    // A lane adds the word of its neighbour and multiplies the halves of its own word.
    const toNeighbour = 2 * ((lane ^ 1) - lane);
    let low = lanes[2 * lane] as number;
    let high = lanes[2 * lane + 1] as number;
    for (let block = 0; block < words.length; block += WORDS_PER_BLOCK) {
      for (let stripe = 0, i = block + 2 * lane; stripe < STRIPES_PER_BLOCK; stripe++, i += WORDS_PER_STRIPE) {
        const wordLow = words[i + toNeighbour] as number;
        const keyLow = (words[i] as number) ^ (secret[2 * (stripe + lane)] as number);
        const keyHigh = (words[i + 1] as number) ^ (secret[2 * (stripe + lane) + 1] as number);
        const product = Math.imul(keyLow, keyHigh);
        const sum = (low + wordLow) | 0;
        low = (sum + product) | 0;
        high =
          (high +
            (words[i + toNeighbour + 1] as number) +
            mulHigh(keyLow, keyHigh) +
            carry(sum, wordLow) +
            carry(low, product)) |
          0;
      }
      low ^= (high >>> 15) ^ (secret[SCRAMBLE_WORD + 2 * lane] as number);
      high ^= secret[SCRAMBLE_WORD + 2 * lane + 1] as number;
      high = (mulHigh(low, P32_1) + Math.imul(high, P32_1)) | 0;
      low = Math.imul(low, P32_1);
    }
    lanes[2 * lane] = low;
    lanes[2 * lane + 1] = high;
  }

  /** Accumulates one lane of one stripe. */
  #accumulate(lane: number, words: Int32Array, secret: Int32Array): void {
    const lanes = this.#lanes;
    const at = 2 * lane;
    const neighbour = 2 * (lane ^ 1);
    const low = lanes[2 * lane] as number;
    const high = lanes[2 * lane + 1] as number;
    const wordLow = words[neighbour] as number;
    const keyLow = (words[at] as number) ^ (secret[at] as number);
    const keyHigh = (words[at + 1] as number) ^ (secret[at + 1] as number);
    const product = Math.imul(keyLow, keyHigh);
    const sum = (low + wordLow) | 0;
    const total = (sum + product) | 0;
    lanes[2 * lane] = total;
    lanes[2 * lane + 1] =
      high + (words[neighbour + 1] as number) + mulHigh(keyLow, keyHigh) + carry(sum, wordLow) + carry(total, product);
  }
}
