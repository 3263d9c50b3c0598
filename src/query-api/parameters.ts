/** The form's parameters as sent; each API reads them with its own constraints and refusals. */
export class FormParameters {
  readonly #values: ReadonlyMap<string, string>;

  constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  /** Text as sent; undefined if absent. */
  find(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** Of all parameters that are or belong to `name`: lists and maps have one for each of their parts. */
  entriesOf(name: string): readonly (readonly [rest: string, value: string])[] {
    return [...this.#values].flatMap(([full, value]) =>
      full === name || full.startsWith(`${name}.`) ? [[full.slice(name.length + 1), value] as const] : [],
    );
  }
}
