/**
 * Texts of policies: wildcards and policy variables ("IAM JSON policy elements: Resource", "Variables and tags"). A text becomes
 * a regular expression for one request; the value of a variable is plain text in it.
 */

/** The values of a condition key in one request; undefined if the request does not have the key. */
export type Values = (key: string) => readonly string[] | undefined;

export interface TextRules {
  /** Of version 2012-10-17 or later. */
  readonly variables: boolean;
  readonly wildcards: boolean;
  readonly ignoreCase?: boolean;
}

/** `${*}`, `${aws:username}`, `${aws:username, 'default'}` */
const VARIABLE = /^\$\{(?:([*?$])|([^,'}]+?)\s*(?:,\s*'([^']*)'\s*)?)\}/;

/** Undefined if a variable has no value: "There is no equal or like value." */
export function matcherOf(text: string, rules: TextRules, values: Values): RegExp | undefined {
  let source = "";
  let rest = text;
  while (rest !== "") {
    const variable = rules.variables ? VARIABLE.exec(rest) : null;
    if (variable !== null) {
      const value = variable[1] ?? variableOf(variable[2] ?? "", variable[3], values);
      if (value === undefined) return undefined;
      source += literally(value);
      rest = rest.slice(variable[0].length);
      continue;
    }
    const [character = ""] = rest;
    if (rules.wildcards && character === "*") source += ".*";
    else if (rules.wildcards && character === "?") source += ".";
    else source += literally(character);
    rest = rest.slice(character.length);
  }
  return new RegExp(`^${source}$`, rules.ignoreCase === true ? "sui" : "su");
}

/** "You can't use a multivalued condition key as a variable." */
function variableOf(key: string, fallback: string | undefined, values: Values): string | undefined {
  const found = values(key);
  if (found === undefined) return fallback;
  return found.length === 1 ? found[0] : undefined;
}

function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
