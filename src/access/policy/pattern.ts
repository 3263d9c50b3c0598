/**
 * Text of a policy with wildcards and policy variables (IAM User Guide, "Policy elements: Variables and tags").
 *
 * The value of a variable is inserted as plain characters: a `*` in a user's name or in a Referer matches only a `*`.
 */
import { Effort } from "./effort.ts";
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
  /** The pieces, if none of them is a variable. */
  readonly glob: readonly GlobPiece[] | undefined;
  /** True if the pattern has neither wildcards nor variables. */
  readonly isFixed: boolean;
  /** The condition keys of its variables. */
  readonly variables: readonly string[];
}

/** The values of a key, at least one; undefined if the request does not have the key. */
export type LookUp = (key: string) => readonly string[] | undefined;

/** The part of a request that patterns are matched with. */
export interface Reading {
  readonly lookUp: LookUp;
  readonly effort: Effort;
}

export interface PatternSyntax {
  readonly wildcards: boolean;
  /** `${…}` is a variable from version 2012-10-17 on, and plain text before. */
  readonly variables: boolean;
}

/** `${*}`, `${?}`, `${$}`, `${aws:username}`, `${aws:username, 'nobody'}` */
const VARIABLE = /\$\{(?:([*?$])|([^,{}']+)(?:,\s*'([^']*)'\s*)?)\}/y;
const KEY = /^[a-z0-9-]+:[^\s]/i;

/** Undefined if a `${` does not begin a variable. */
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
  return toPattern(source, pieces);
}

/** The pattern with the values inserted. Undefined if a variable has no value in this request. */
export function resolvePattern(pattern: Pattern, { lookUp }: Pick<Reading, "lookUp">): Pattern | undefined {
  if (pattern.variables.length === 0) return pattern;
  const pieces = resolve(pattern, lookUp);
  return pieces && toPattern(pattern.source, pieces);
}

function toPattern(source: string, pieces: readonly Piece[]): Pattern {
  const glob = pieces.filter((piece): piece is GlobPiece => !isVariable(piece));
  return {
    source,
    pieces,
    glob: glob.length === pieces.length ? glob : undefined,
    isFixed: pieces.every((piece) => typeof piece === "string"),
    variables: pieces.filter(isVariable).map(({ key }) => key),
  };
}

/** Undefined if a variable has no value in this request, so that the result is unknown. */
export function matchesPattern(pattern: Pattern, text: string, { lookUp, effort }: Reading): boolean | undefined {
  const pieces = resolve(pattern, lookUp);
  return pieces && matchesGlob(pieces, text, effort);
}

/** Whether the pattern matches the text. A variable without a value matches anything. */
export function mayMatchPattern(pattern: Pattern, text: string, { lookUp, effort }: Reading): boolean {
  return matchesGlob(resolveLoosely(pattern, lookUp), text, effort);
}

/** Whether the pattern matches any text that begins with the prefix. A variable without a value matches anything. */
export function touchesBelow(pattern: Pattern, prefix: string, { lookUp, effort }: Reading): boolean {
  return matchesSomeBelow(resolveLoosely(pattern, lookUp), prefix, effort);
}

/** Whether the pattern matches every text that begins with the prefix. False if a variable has no value. */
export function coversBelow(pattern: Pattern, prefix: string, { lookUp, effort }: Reading): boolean {
  const pieces = resolve(pattern, lookUp);
  return pieces !== undefined && matchesAllBelow(pieces, prefix, effort);
}

/**
 * Whether the text equals a pattern that was parsed without wildcards, ignoring case. Undefined if a variable has no
 * value in this request.
 */
export function equalsIgnoringCase(pattern: Pattern, text: string, { lookUp, effort }: Reading): boolean | undefined {
  const pieces = resolve(pattern, lookUp)?.filter((piece) => typeof piece === "string");
  if (pieces === undefined) return undefined;
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  effort.spend(pieces.length);
  // A change of case makes a letter at most three times as long: longer patterns cannot match and are not joined.
  if (length > 3 * text.length) return false;
  effort.spend(length);
  return pieces.join("").toLowerCase() === text.toLowerCase();
}

/**
 * Compares as ArnEquals and ArnLike do: each of the six parts separately; the last part may contain colons. Undefined
 * if a variable has no value in this request.
 */
export function matchesArnPattern(pattern: Pattern, text: string, { lookUp, effort }: Reading): boolean | undefined {
  const pieces = resolve(pattern, lookUp);
  if (pieces === undefined) return undefined;
  const patternParts = splitArn(pieces);
  const textParts = splitArn([text]);
  if (patternParts.length !== 6 || textParts.length !== 6) return false;
  return patternParts.every((part, index) => matchesGlob(part, textParts[index]?.join("") ?? "", effort));
}

function isVariable(piece: Piece): piece is Variable {
  return typeof piece === "object";
}

/** Whether the pattern can match the text, and whether it can match a text that begins with it, in any request. */
export function reach(pattern: Pattern, text: string): { readonly exactly: boolean; readonly beyond: boolean } {
  const pieces = pattern.pieces.map((piece) => (isVariable(piece) ? ANY : piece));
  const effort = new Effort();
  return { exactly: matchesGlob(pieces, text, effort), beyond: matchesSomeBelow(pieces, text, effort) };
}

/** A variable is resolved only if its key has one value: choosing one of several would be a guess. */
function resolve({ pieces, glob }: Pattern, lookUp: LookUp): readonly GlobPiece[] | undefined {
  if (glob !== undefined) return glob;
  const resolved: GlobPiece[] = [];
  for (const piece of pieces) {
    const value = isVariable(piece) ? textOf(piece, lookUp) : piece;
    if (value === undefined) return undefined;
    resolved.push(value);
  }
  return resolved;
}

function resolveLoosely({ pieces }: Pattern, lookUp: LookUp): readonly GlobPiece[] {
  return pieces.map((piece) => (isVariable(piece) ? (textOf(piece, lookUp) ?? ANY) : piece));
}

function textOf({ key, fallback }: Variable, lookUp: LookUp): string | undefined {
  const values = lookUp(key);
  if (values === undefined) return fallback;
  return values.length === 1 ? values[0] : undefined;
}

function splitArn(pieces: readonly GlobPiece[]): GlobPiece[][] {
  const parts: GlobPiece[][] = [[]];
  for (const piece of pieces) {
    if (typeof piece !== "string") {
      parts.at(-1)?.push(piece);
      continue;
    }
    let from = 0;
    // In the sixth part colons are plain text.
    while (parts.length < 6) {
      const colon = piece.indexOf(":", from);
      if (colon === -1) break;
      parts.at(-1)?.push(piece.slice(from, colon));
      parts.push([]);
      from = colon + 1;
    }
    parts.at(-1)?.push(piece.slice(from));
  }
  return parts;
}
