/**
 * JSON in which every name of an object occurs once.
 *
 * `JSON.parse` silently keeps the last of several equal names. In a policy this would drop what its author wrote,
 * typically the first of two `StringEquals` blocks, and leave a statement wider than it reads. Therefore equal names
 * are refused.
 */

/** A string, punctuation, or a number or word. In valid JSON these cover everything except white space. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g;

/** A policy needs six levels; deeper ones would exhaust the stack of the functions that walk them. */
const MAX_DEPTH = 32;

/** Undefined if the text is not JSON, is nested too deeply, or has an object that repeats a name. */
export function parseStrictJson(text: string): { readonly value: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isPlain(text) ? { value } : undefined;
  } catch {
    return undefined;
  }
}

function isPlain(json: string): boolean {
  /** The names in each open object; undefined for an array. */
  const open: (Set<string> | undefined)[] = [];
  let previous = "";
  for (const [token] of json.matchAll(TOKEN)) {
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(undefined);
    else if (token === "}" || token === "]") open.pop();
    else if (token === ":") {
      const name = String(JSON.parse(previous));
      const names = open.at(-1);
      if (names?.has(name)) return false;
      names?.add(name);
    }
    if (open.length > MAX_DEPTH) return false;
    previous = token;
  }
  return true;
}

/** The value as an object; undefined if it is something else. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return value as Record<string, unknown>;
}

/** A string, or a list of them, as a list; undefined if it is something else. */
export function asStrings(value: unknown): readonly string[] | undefined {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.every((item) => typeof item === "string") ? list : undefined;
}
