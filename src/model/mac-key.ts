/** An HMAC-SHA-256 key for values that the deployment issues and must recognise later. It is derived when it is first used. */
const ALGORITHM = "HMAC";

export class MacKey {
  readonly #derive: () => Promise<CryptoKey>;
  // Not a promise: one request must not wait for I/O of another.
  #derived: CryptoKey | undefined;

  /** @param derive makes the key, for `sign` and `verify`; called once, or once by each of the first uses at the same time */
  constructor(derive: () => Promise<CryptoKey>) {
    this.#derive = derive;
  }

  async sign(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(await crypto.subtle.sign(ALGORITHM, await this.#key(), toBuffer(bytes)));
  }

  async verify(bytes: Uint8Array, mac: Uint8Array): Promise<boolean> {
    return crypto.subtle.verify(ALGORITHM, await this.#key(), toBuffer(mac), toBuffer(bytes));
  }

  /**
   * Whether a claimed MAC equals the expected one, for truncated MACs, which `verify` cannot check. The platform compares
   * MACs of both, so the duration reveals neither.
   */
  async matches(expected: Uint8Array, claimed: Uint8Array): Promise<boolean> {
    return this.verify(claimed, await this.sign(expected));
  }

  async #key(): Promise<CryptoKey> {
    this.#derived ??= await this.#derive();
    return this.#derived;
  }
}

/** A copy in memory that is not shared, as WebCrypto requires. */
function toBuffer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}
