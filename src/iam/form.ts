/** The body of a query API request: `application/x-www-form-urlencoded`, read whole before the signature is checked. */
import { S3Error } from "../errors.ts";
import { decodeUtf8 } from "../protocol/percent-encoding.ts";
import { parseQuery } from "../protocol/query.ts";
import { IamError } from "./errors.ts";

/** Room for any policy document; nothing is verified yet while this is read, so it is small. */
export const MAX_BODY_BYTES = 64 * 1024;

/** @throws IamError `InvalidInput` beyond `MAX_BODY_BYTES` */
export async function readBody(body: ReadableStream<Uint8Array> | null): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  const reader = body?.getReader();
  for (let next = await reader?.read(); next?.value !== undefined; next = await reader?.read()) {
    size += next.value.byteLength;
    if (size > MAX_BODY_BYTES) {
      await reader?.cancel();
      throw new IamError("InvalidInput", `The request body must not be longer than ${MAX_BODY_BYTES} bytes.`);
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
 * Parameters by name. One that stands twice would leave it to chance which one counts, so it is refused.
 * @throws IamError `MalformedQueryString`, `InvalidQueryParameter`
 */
export function parseForm(bytes: Uint8Array): ReadonlyMap<string, string> {
  const text = decodeUtf8(bytes);
  if (text === undefined) throw malformed();
  const parameters = new Map<string, string>();
  for (const [name, value] of parse(text)) {
    if (parameters.has(name)) throw new IamError("InvalidQueryParameter", `The parameter ${name} is given twice.`);
    parameters.set(name, value);
  }
  return parameters;
}

function parse(text: string): readonly (readonly [string, string])[] {
  try {
    return parseQuery(text).entries;
  } catch (error) {
    if (error instanceof S3Error) throw malformed(error);
    throw error;
  }
}

function malformed(cause?: unknown): IamError {
  return new IamError("MalformedQueryString", "The query string contains a syntax error.", { cause });
}
