interface Entry<Value> {
  readonly value: Value;
  readonly expiresAt: number;
  /** From then on the entry is to be renewed, before it expires. */
  renewAt: number;
  readonly weight: number;
}

interface NewEntry<Value> {
  readonly value: Value;
  /** Towards `maxWeight`; absent: 0. */
  readonly weight?: number;
}

/**
 * A cache of one isolate with a short lifetime. Bounded: the oldest entry is removed first.
 * The clock is a parameter; in production it only advances with I/O, so entries live slightly longer.
 */
export class TtlCache<Value> {
  readonly #entries = new Map<string, Entry<Value>>();
  readonly #ttlMs: number;
  readonly #renewMs: number;
  readonly #maxEntries: number;
  readonly #maxWeight: number;
  #weight = 0;

  /**
   * @param options.maxWeight of all entries together, in what `set` is given; absent: any
   * @param options.renewMs the age at which an entry in use is to be renewed; absent: never
   */
  constructor(options: { ttlMs: number; maxEntries: number; maxWeight?: number; renewMs?: number }) {
    this.#ttlMs = options.ttlMs;
    this.#renewMs = options.renewMs ?? Number.POSITIVE_INFINITY;
    this.#maxEntries = options.maxEntries;
    this.#maxWeight = options.maxWeight ?? Number.POSITIVE_INFINITY;
  }

  /** `{ value }`, so that a cached absence differs from a missing entry. Its caller renews it from `renewAt` on. */
  get(key: string, now: number): { readonly value: Value; readonly renewAt: number } | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.expiresAt > now) return entry;
    this.delete(key);
    return undefined;
  }

  set(key: string, { value, weight = 0 }: NewEntry<Value>, now: number): void {
    this.delete(key);
    this.#entries.set(key, { value, expiresAt: now + this.#ttlMs, renewAt: now + this.#renewMs, weight });
    this.#weight += weight;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxEntries && this.#weight <= this.#maxWeight) return;
      this.delete(oldest);
    }
  }

  /** Takes note that the entry is being renewed, so that no other caller does the same. */
  beginRenewal(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) entry.renewAt = Number.POSITIVE_INFINITY;
  }

  delete(key: string): void {
    this.#weight -= this.#entries.get(key)?.weight ?? 0;
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
    this.#weight = 0;
  }
}
