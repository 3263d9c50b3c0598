/** `form-data; name="key"; filename="a.txt"`: a header's value and its parameters (RFC 2045, 5.1; RFC 7578, 4.2). */

export interface ParameterizedValue {
  /** In lower case. */
  readonly value: string;
  /** By lower-case name. */
  readonly parameters: ReadonlyMap<string, string>;
}

// One after the other, so that nothing inside one parameter's quotes can pass for the next.
const PARAMETER = /[ \t]*;[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*)))?/sy;

/** Undefined if it is not of that shape or names a parameter twice. */
export function parseParameters(header: string): ParameterizedValue | undefined {
  const text = header.trimEnd();
  const [value = ""] = text.split(";", 1);
  const parameters = new Map<string, string>();
  PARAMETER.lastIndex = value.length;
  while (PARAMETER.lastIndex < text.length) {
    const match = PARAMETER.exec(text);
    if (match === null) return undefined;
    const [, name, quoted, plain = ""] = match;
    if (name === undefined) continue;
    const key = name.toLowerCase();
    if (parameters.has(key)) return undefined;
    parameters.set(key, quoted === undefined ? plain : unquote(quoted));
  }
  return { value: value.trim().toLowerCase(), parameters };
}

/** Only the quote is taken out of its escape: some browsers send `C:\dir\file` with nothing escaped. */
function unquote(text: string): string {
  return text.replaceAll('\\"', '"');
}
