/**
 * Text of a policy with wildcards and policy variables (IAM User Guide, "Policy elements: Variables and tags").
 *
 * A variable's value is put in as plain characters: a `*` in a user's name or in a Referer matches a `*` and nothing
 * else.
 */
import type { LookUp } from "./condition-keys.ts";
import { ANY, type GlobPiece, matchesAllBelow, matchesGlob, matchesSomeBelow, ONE } from "./glob.ts";

interface Variable {
  readonly key: string;
  readonly fallback: string | undefined;
}

type Piece = GlobPiece | Variable;

export interface Pattern {
  /** As written in the policy. */
  readonly source: string;
  readonly pieces: readonly Piece[];
  /** Neither wildcard nor variable. */
  readonly isFixed: boolean;
}

export interface PatternSyntax {
  readonly wildcards: boolean;
  /** `${…}` has a meaning from version 2012-10-17 on; before, it is text. */
  readonly variables: boolean;
}

/** `${*}`, `${?}`, `${$}`, `${aws:username}`, `${aws:username, 'nobody'}` */
const VARIABLE = /\$\{(?:([*?$])|([^,{}']+)(?:,\s*'([^']*)'\s*)?)\}/y;
const KEY = /^[a-z0-9-]+:[^\s]/i;

/** Undefined if a `${` begins nothing that is a variable. */
export function parsePattern(source: string, { wildcards, variables }: PatternSyntax): Pattern | undefined {
  const pieces: Piece[] = [];
  let literal = "";
  const push = (piece: Piece) => {
    if (literal !== "") pieces.push(literal);
    literal = "";
    // `**` is `*`.
    if (piece !== ANY || pieces.at(-1) !== ANY) pieces.push(piece);
  };
  for (let at = 0; at < source.length; at++) {
    const character = source.charAt(at);
    if (wildcards && character === "*") push(ANY);
    else if (wildcards && character === "?") push(ONE);
    else if (variables && character === "$" && source.charAt(at + 1) === "{") {
      VARIABLE.lastIndex = at;
      const [whole, escaped, name, fallback] = VARIABLE.exec(source) ?? [];
      const key = name?.trim();
      if (whole === undefined) return undefined;
      if (escaped !== undefined) literal += escaped;
      else if (key !== undefined && KEY.test(key)) push({ key, fallback });
      else return undefined;
      at += whole.length - 1;
    } else literal += character;
  }
  if (literal !== "") pieces.push(literal);
  return { source, pieces, isFixed: pieces.every((piece) => typeof piece === "string") };
}

/** The keys of its variables. */
export function variablesOf(pattern: Pattern): readonly string[] {
  return pattern.pieces.flatMap((piece) => (isVariable(piece) ? [piece.key] : []));
}

/** Undefined if a variable has no value in this request: then nothing can be said to match. */
export function matchesPattern(pattern: Pattern, text: string, lookUp: LookUp): boolean | undefined {
  const pieces = resolve(pattern, lookUp);
  return pieces && matchesGlob(pieces, text);
}

/** Whether the pattern matches something that begins with the text. A variable without a value may be anything. */
export function touchesBelow(pattern: Pattern, prefix: string, lookUp: LookUp): boolean {
  const pieces = resolve(pattern, lookUp) ?? pattern.pieces.map((piece) => (isVariable(piece) ? ANY : piece));
  return matchesSomeBelow(pieces, prefix);
}

/** Whether the pattern matches all that begins with the text. One with a variable that has no value does not. */
export function coversBelow(pattern: Pattern, prefix: string, lookUp: LookUp): boolean {
  const pieces = resolve(pattern, lookUp);
  return pieces !== undefined && matchesAllBelow(pieces, prefix);
}

/**
 * The text of a pattern that was parsed without wildcards.
 * Undefined if a variable has no value in this request.
 */
export function textOfPattern(pattern: Pattern, lookUp: LookUp): string | undefined {
  return resolve(pattern, lookUp)
    ?.filter((piece) => typeof piece === "string")
    .join("");
}

/**
 * As ArnEquals and ArnLike compare: each of the six parts for itself, the last one keeping its colons.
 * Undefined if a variable has no value in this request.
 */
export function matchesArnPattern(pattern: Pattern, text: string, lookUp: LookUp): boolean | undefined {
  const pieces = resolve(pattern, lookUp);
  if (pieces === undefined) return undefined;
  const patternParts = splitArn(pieces);
  const textParts = splitArn([text]);
  if (patternParts.length !== 6 || textParts.length !== 6) return false;
  return patternParts.every((part, index) => matchesGlob(part, textParts[index]?.join("") ?? ""));
}

/** Whether the pattern can match the text, and whether it can match something that begins with it. */
export function reach(pattern: Pattern, text: string): { readonly exactly: boolean; readonly beyond: boolean } {
  const steps = pattern.pieces.flatMap((piece): GlobPiece[] => {
    if (typeof piece === "string") return [...piece];
    // A variable may become anything.
    return [typeof piece === "symbol" ? piece : ANY];
  });
  const close = (states: Set<number>) => {
    for (const state of states) if (steps[state] === ANY) states.add(state + 1);
    return states;
  };
  let states = close(new Set([0]));
  for (const character of text) {
    const next = new Set<number>();
    for (const state of states) {
      const step = steps[state];
      if (step === ANY) next.add(state);
      else if (step === ONE || step === character) next.add(state + 1);
    }
    states = close(next);
  }
  return { exactly: states.has(steps.length), beyond: states.size > 0 };
}

function isVariable(piece: Piece): piece is Variable {
  return typeof piece === "object";
}

/** Only single values can be put in: which of several would be a guess. */
function resolve(pattern: Pattern, lookUp: LookUp): readonly GlobPiece[] | undefined {
  const resolved: GlobPiece[] = [];
  for (const piece of pattern.pieces) {
    if (!isVariable(piece)) {
      resolved.push(piece);
      continue;
    }
    const values = lookUp(piece.key);
    const value = values === undefined ? piece.fallback : values.length === 1 ? values[0] : undefined;
    if (value === undefined) return undefined;
    resolved.push(value);
  }
  return resolved;
}

function splitArn(pieces: readonly GlobPiece[]): GlobPiece[][] {
  const parts: GlobPiece[][] = [[]];
  for (const piece of pieces) {
    if (typeof piece !== "string") {
      parts.at(-1)?.push(piece);
      continue;
    }
    // From the sixth part on colons are text.
    const texts = piece.split(":");
    const ends = texts.splice(0, Math.min(texts.length - 1, 6 - parts.length));
    for (const end of ends) {
      parts.at(-1)?.push(end);
      parts.push([]);
    }
    parts.at(-1)?.push(texts.join(":"));
  }
  return parts;
}
