/** The chain of chunk signatures (S3 API, "sigv4-streaming" and "sigv4-streaming-trailers"). */

import { formatHex } from "../../checksum/digest-text.ts";
import { createHasher, type Hasher } from "../../checksum/hasher.ts";
import { S3Error } from "../../errors.ts";
import { verifySignature } from "../sigv4/signing-key.ts";
import { chunkStringToSign, trailerStringToSign } from "../sigv4/string-to-sign.ts";
import type { ChunkSeed } from "./content-sha256.ts";

/** Each signature covers the one before, so no chunk can be changed, dropped, repeated or moved. */
export class ChunkSignatures {
  readonly #seed: ChunkSeed;
  #previous: string;
  #chunk: Hasher = createHasher("SHA256");

  constructor(seed: ChunkSeed) {
    this.#seed = seed;
    this.#previous = seed.signature;
  }

  /** More data of the current chunk. */
  update(data: Uint8Array): void {
    this.#chunk.update(data);
  }

  /**
   * Ends the current chunk.
   * @throws S3Error `SignatureDoesNotMatch`
   */
  async verifyChunk(signature: string): Promise<void> {
    const sha256 = formatHex(this.#chunk.digest());
    this.#chunk = createHasher("SHA256");
    await this.#verify(chunkStringToSign(this.#seed, this.#previous, sha256), signature);
  }

  /**
   * @param canonicalTrailers `name:value\n` each, sorted by name
   * @throws S3Error `SignatureDoesNotMatch`
   */
  async verifyTrailers(canonicalTrailers: string, signature: string): Promise<void> {
    await this.#verify(trailerStringToSign(this.#seed, this.#previous, canonicalTrailers), signature);
  }

  async #verify(stringToSign: string, signature: string): Promise<void> {
    if (!(await verifySignature(this.#seed.signingKey, stringToSign, signature))) {
      throw new S3Error("SignatureDoesNotMatch", {
        message:
          "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
        details: {
          AWSAccessKeyId: this.#seed.accessKeyId,
          StringToSign: stringToSign,
          SignatureProvided: signature,
        },
      });
    }
    this.#previous = signature;
  }
}
