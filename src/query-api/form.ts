/** The body of a query API request: `application/x-www-form-urlencoded`, read whole before the signature is checked. */
import { S3Error } from "../errors.ts";
import { decodeUtf8 } from "../protocol/percent-encoding.ts";
import { parseQuery } from "../protocol/request-target.ts";
import { QueryError } from "./errors.ts";

/**
 * @param maxBytes small, because the body is read before anything is verified
 * @throws S3Error `EntityTooLarge`
 */
export async function readBody(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  const reader = body?.getReader();
  for (let next = await reader?.read(); next?.value !== undefined; next = await reader?.read()) {
    size += next.value.byteLength;
    if (size > maxBytes) {
      await reader?.cancel();
      throw new S3Error("EntityTooLarge", { message: `The request body must not be longer than ${maxBytes} bytes.` });
    }
    pieces.push(next.value);
  }
  const whole = new Uint8Array(size);
  let filled = 0;
  for (const piece of pieces) {
    whole.set(piece, filled);
    filled += piece.byteLength;
  }
  return whole;
}

/**
 * Parameters by name. A repeated parameter is refused, because it would be ambiguous.
 * @throws S3Error `InvalidURI` if the form cannot be decoded; QueryError `InvalidQueryParameter`
 */
export function parseForm(bytes: Uint8Array): ReadonlyMap<string, string> {
  const text = decodeUtf8(bytes);
  if (text === undefined) throw new S3Error("InvalidURI");
  return parametersOf(parseQuery(text).entries);
}

/** @throws QueryError `InvalidQueryParameter` */
export function parametersOf(entries: Iterable<readonly [string, string]>): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const [name, value] of entries) {
    if (parameters.has(name)) {
      throw new QueryError("InvalidQueryParameter", `The parameter ${name.slice(0, 128)} is given twice.`, {
        status: 400,
      });
    }
    parameters.set(name, value);
  }
  return parameters;
}

/** The parameters of a form as sent; each API reads them with its own constraints. */
export class FormParameters {
  readonly #values: ReadonlyMap<string, string>;

  constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  /** Text as sent; undefined if absent. */
  find(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** All parameters that are `name` or one of its members: lists and maps have one parameter per member. */
  entriesOf(name: string): readonly (readonly [rest: string, value: string])[] {
    return [...this.#values].flatMap(([full, value]) =>
      full === name || full.startsWith(`${name}.`) ? [[full.slice(name.length + 1), value] as const] : [],
    );
  }
}
