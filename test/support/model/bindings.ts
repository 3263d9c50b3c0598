/** Which real id a symbol of the model has turned out to be. */
export class Bindings {
  readonly #real = new Map<string, string>();
  readonly #names = new Map<string, string>();

  /** Binds a symbol on its first occurrence. @returns whether the text is what the model expects there */
  accepts(expected: string, actual: string): boolean {
    if (expected === "§any") return actual !== "";
    if (expected === "§date") return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(actual);
    if (!expected.startsWith("§")) return expected === actual;
    const known = this.#real.get(expected);
    if (known !== undefined) return known === actual;
    // A new id must be new.
    if (actual === "" || actual === "null" || this.#names.has(actual)) return false;
    this.#real.set(expected, actual);
    this.#names.set(actual, expected);
    return true;
  }

  has(symbol: string): boolean {
    return this.#real.has(symbol);
  }

  /** What requests name. A symbol without a real id is one that no answer has contained. */
  realOf(text: string): string {
    return this.#real.get(text) ?? text;
  }

  nameOf(real: string): string {
    return this.#names.get(real) ?? real;
  }
}
