/**
 * The request target as the client sent it, and its query decoded.
 *
 * `new URL()` removes dot segments and encodes again, which changes keys and breaks signatures, so the text is split by
 * hand. Code that needs the path or the query takes it from here, never from `URL`.
 */
import { percentDecode } from "./percent-encoding.ts";

export interface RawUrl {
  readonly scheme: "http" | "https";
  /** Host with port, in lower case. */
  readonly host: string;
  /** Starts with `/`; still percent-encoded. */
  readonly path: string;
  /** Without the `?`; empty if absent; still percent-encoded. */
  readonly query: string;
}

export function parseRawUrl(url: string): RawUrl {
  const schemeEnd = url.indexOf("://");
  const authorityStart = schemeEnd + 3;
  const fragment = url.indexOf("#", authorityStart);
  const text = fragment === -1 ? url : url.slice(0, fragment);
  const queryStart = text.indexOf("?", authorityStart);
  const pathEnd = queryStart === -1 ? text.length : queryStart;
  const slash = text.indexOf("/", authorityStart);
  const pathStart = slash === -1 || slash > pathEnd ? pathEnd : slash;
  return {
    scheme: url.slice(0, schemeEnd).toLowerCase() === "https" ? "https" : "http",
    host: text.slice(authorityStart, pathStart).toLowerCase(),
    path: text.slice(pathStart, pathEnd) || "/",
    query: queryStart === -1 ? "" : text.slice(queryStart + 1),
  };
}

/**
 * How `+` is read. AWS reads it as a space, but some signers sign it as a plus sign, so the authenticator tries both.
 */
export type PlusReading = "plus-is-space" | "plus-is-plus";

/** The decoded query: order and repetitions are kept, and names are case-sensitive, as in S3. */
export class Query {
  readonly entries: readonly (readonly [name: string, value: string])[];
  readonly #first: ReadonlyMap<string, string>;

  constructor(entries: readonly (readonly [string, string])[]) {
    this.entries = entries;
    const first = new Map<string, string>();
    for (const [name, value] of entries) if (!first.has(name)) first.set(name, value);
    this.#first = first;
  }

  has(name: string): boolean {
    return this.#first.has(name);
  }

  /** First value of the parameter; a parameter without `=` has the empty value. */
  get(name: string): string | undefined {
    return this.#first.get(name);
  }

  getAll(name: string): string[] {
    return this.entries.filter((entry) => entry[0] === name).map((entry) => entry[1]);
  }
}

/**
 * Parses the raw query text.
 * @throws S3Error `InvalidURI` on a malformed escape.
 */
export function parseQuery(raw: string, plus: PlusReading = "plus-is-space"): Query {
  const decode = (text: string) => percentDecode(plus === "plus-is-space" ? text.replaceAll("+", " ") : text);
  const entries: [string, string][] = [];
  for (const part of raw.split("&")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    if (equals === -1) entries.push([decode(part), ""]);
    else entries.push([decode(part.slice(0, equals)), decode(part.slice(equals + 1))]);
  }
  return new Query(entries);
}
