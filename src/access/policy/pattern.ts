/**
 * Text of a policy with wildcards and policy variables (IAM User Guide, "Policy elements: Variables and tags").
 *
 * A variable's value is put in as plain characters: a `*` in a user's name or in a Referer matches a `*` and nothing
 * else. Matching walks segment by segment between the `*` and never goes back behind one that has matched, so no pattern
 * costs more than its length times the text's.
 */
import type { LookUp } from "./condition-keys.ts";

/** `*` */
const ANY = Symbol("*");
/** `?` */
const ONE = Symbol("?");

interface Variable {
  readonly key: string;
  readonly fallback: string | undefined;
}

type Resolved = string | typeof ANY | typeof ONE;
type Piece = Resolved | Variable;

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

/** A pattern that is just this text. */
export function literalPattern(source: string): Pattern {
  return { source, pieces: source === "" ? [] : [source], isFixed: true };
}

/** The keys of its variables. */
export function variablesOf(pattern: Pattern): readonly string[] {
  return pattern.pieces.flatMap((piece) => (isVariable(piece) ? [piece.key] : []));
}

/** Undefined if a variable has no value in this request: then nothing can be said to match. */
export function matchesPattern(pattern: Pattern, text: string, lookUp: LookUp): boolean | undefined {
  const pieces = resolve(pattern, lookUp);
  return pieces && matches(pieces, text);
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
  return patternParts.every((part, index) => matches(part, textParts[index]?.join("") ?? ""));
}

/** Whether the pattern can match the text, and whether it can match something that begins with it. */
export function reach(pattern: Pattern, text: string): { readonly exactly: boolean; readonly beyond: boolean } {
  const steps = pattern.pieces.flatMap((piece): (string | typeof ANY | typeof ONE)[] => {
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
function resolve(pattern: Pattern, lookUp: LookUp): readonly Resolved[] | undefined {
  const resolved: Resolved[] = [];
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

function matches(pieces: readonly Resolved[], text: string): boolean {
  const [first = [], ...rest] = splitAtAny(pieces);
  const last = rest.pop();
  let at = matchForward(first, text, 0);
  if (at === undefined) return false;
  if (last === undefined) return at === text.length;
  for (const segment of rest) {
    at = find(segment, text, at);
    if (at === undefined) return false;
  }
  const end = matchBackward(last, text);
  return end !== undefined && end >= at;
}

type Segment = readonly (string | typeof ONE)[];

function splitAtAny(pieces: readonly Resolved[]): Segment[] {
  const segments: (string | typeof ONE)[][] = [[]];
  for (const piece of pieces) {
    if (piece === ANY) segments.push([]);
    else segments.at(-1)?.push(piece);
  }
  return segments;
}

/** Where the segment ends if it begins here. */
function matchForward(segment: Segment, text: string, from: number): number | undefined {
  let at = from;
  for (const piece of segment) {
    if (piece === ONE) {
      if (at >= text.length) return undefined;
      at += isPairAt(text, at) ? 2 : 1;
    } else {
      if (!text.startsWith(piece, at)) return undefined;
      at += piece.length;
    }
  }
  return at;
}

/** Where the segment begins if it ends with the text. */
function matchBackward(segment: Segment, text: string): number | undefined {
  let at = text.length;
  for (const piece of segment.toReversed()) {
    if (piece === ONE) {
      if (at <= 0) return undefined;
      at -= isPairAt(text, at - 2) ? 2 : 1;
    } else {
      if (at < piece.length || !text.startsWith(piece, at - piece.length)) return undefined;
      at -= piece.length;
    }
  }
  return at;
}

/** Where the first occurrence of the segment ends. */
function find(segment: Segment, text: string, from: number): number | undefined {
  const [only, ...others] = segment;
  if (typeof only === "string" && others.length === 0) {
    const found = text.indexOf(only, from);
    return found === -1 ? undefined : found + only.length;
  }
  for (let start = from; start <= text.length; start += isPairAt(text, start) ? 2 : 1) {
    const end = matchForward(segment, text, start);
    if (end !== undefined) return end;
  }
  return undefined;
}

/** `?` stands for a character, which may be two UTF-16 units. */
function isPairAt(text: string, at: number): boolean {
  return (text.codePointAt(at) ?? 0) > 0xffff;
}

function splitArn(pieces: readonly Resolved[]): Resolved[][] {
  const parts: Resolved[][] = [[]];
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
