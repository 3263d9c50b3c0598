/**
 * Matching with `*` and `?`, in time linear in the text, so that no policy can make requests expensive.
 *
 * The segments between the `*` are searched from left to right, each behind the one before, without backtracking.
 */
import type { Effort } from "./effort.ts";

/** `*`: any run of characters, including none. */
export const ANY = Symbol("*");
/** `?`: one character. */
export const ONE = Symbol("?");

export type GlobPiece = string | typeof ANY | typeof ONE;

/** A text to be matched, and the account of what that costs. */
interface Subject {
  readonly text: string;
  readonly effort: Effort;
}

export function matchesGlob(pieces: readonly GlobPiece[], text: string, effort: Effort): boolean {
  effort.spend(pieces.length);
  const subject: Subject = { text, effort };
  const first = pieces.indexOf(ANY);
  if (first === -1) return stepForward(pieces, subject) === text.length;
  const last = pieces.lastIndexOf(ANY);
  let at = stepForward(pieces, subject);
  const end = at === undefined ? undefined : stepBackward(pieces, subject);
  if (at === undefined || end === undefined) return false;
  for (let from = first + 1; from <= last; ) {
    const to = pieces.indexOf(ANY, from);
    at = find(pieces.slice(from, to), subject, at);
    if (at === undefined) return false;
    from = to + 1;
  }
  return at <= end;
}

/**
 * Whether any text that begins with `prefix` matches: what follows the first `*` of the pattern can always be added.
 */
export function matchesSomeBelow(pieces: readonly GlobPiece[], prefix: string, effort: Effort): boolean {
  effort.spend(pieces.length);
  let at = 0;
  for (const piece of pieces) {
    if (piece === ANY || at >= prefix.length) return true;
    if (piece === ONE) {
      at += isPairAt(prefix, at) ? 2 : 1;
    } else {
      if (!piece.startsWith(prefix.slice(at, at + piece.length))) return false;
      at += piece.length;
    }
  }
  return at >= prefix.length;
}

/** Whether every text that begins with `prefix` matches. Always false for patterns that end in `*?`. */
export function matchesAllBelow(pieces: readonly GlobPiece[], prefix: string, effort: Effort): boolean {
  return pieces.at(-1) === ANY && matchesGlob(pieces, prefix, effort);
}

/** Where the pieces before the first `*` end if the text begins with them. */
function stepForward(pieces: readonly GlobPiece[], { text, effort }: Subject): number | undefined {
  let at = 0;
  for (const piece of pieces) {
    if (piece === ANY) break;
    if (piece === ONE) {
      if (at >= text.length) return undefined;
      at += isPairAt(text, at) ? 2 : 1;
    } else {
      if (at + piece.length > text.length) return undefined;
      if (!text.startsWith(piece, at)) return undefined;
      effort.spend(piece.length >>> 3);
      at += piece.length;
    }
  }
  return at;
}

/** Where the pieces behind the last `*` begin if the text ends with them. */
function stepBackward(pieces: readonly GlobPiece[], { text, effort }: Subject): number | undefined {
  let at = text.length;
  for (let index = pieces.length - 1; index >= 0; index--) {
    const piece = pieces[index];
    if (piece === undefined || piece === ANY) break;
    if (piece === ONE) {
      if (at <= 0) return undefined;
      at -= isPairAt(text, at - 2) ? 2 : 1;
    } else {
      if (at < piece.length || !text.startsWith(piece, at - piece.length)) return undefined;
      effort.spend(piece.length >>> 3);
      at -= piece.length;
    }
  }
  return at;
}

/** Up to this length the platform's search is the fastest, although it may compare every character with every other. */
const SHORT = 3;
/** Characters whose positions fit into one number. */
const WORD = 32;

/** Where the first occurrence of the segment from `start` on ends. */
function find(segment: readonly GlobPiece[], subject: Subject, start: number): number | undefined {
  const [first] = segment;
  if (first === undefined) return start;
  if (segment.length > 1 || typeof first !== "string" || (first.length > SHORT && first.length <= WORD)) {
    return findInParallel(segment, subject, start);
  }
  const { text, effort } = subject;
  if (start + first.length > text.length) return undefined;
  const end = first.length <= SHORT ? endOfShort(first, text, start) : findText(first, text, start);
  const passed = (end ?? text.length) - start;
  effort.spend(first.length <= SHORT ? passed >>> 1 : 4 * passed);
  return end;
}

function endOfShort(wanted: string, text: string, start: number): number | undefined {
  const found = text.indexOf(wanted, start);
  return found === -1 ? undefined : found + wanted.length;
}

/** Knuth-Morris-Pratt: examines no character of the text more than twice, for any pair of texts. */
function findText(wanted: string, text: string, start: number): number | undefined {
  const { length } = wanted;
  /** For each position, the length of the longest prefix of `wanted` that ends there. */
  const borders = new Int32Array(length);
  for (let place = 1, border = 0; place < length; place++) {
    const code = wanted.charCodeAt(place);
    while (border > 0 && wanted.charCodeAt(border) !== code) border = borders[border - 1] ?? 0;
    if (wanted.charCodeAt(border) === code) border++;
    borders[place] = border;
  }
  for (let at = start, matched = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    while (matched > 0 && wanted.charCodeAt(matched) !== code) matched = borders[matched - 1] ?? 0;
    if (wanted.charCodeAt(matched) === code) matched++;
    if (matched === length) return at + 1;
  }
  return undefined;
}

const ASCII = 128;
/** Cost of the masks of one number, in characters. */
const PREPARATION = 500;

/**
 * Shift-And: bit i of the state is set if the first i + 1 characters of the segment end at this position. So each
 * character of the text costs a 32nd of the segment's length, for any pair of texts.
 */
function findInParallel(segment: readonly GlobPiece[], { text, effort }: Subject, start: number): number | undefined {
  const characters = segment.flatMap((piece): readonly (string | symbol)[] =>
    typeof piece === "string" ? [...piece] : [ONE],
  );
  if (start + characters.length > text.length) return undefined;
  const masks = masksOf(characters);
  const end = masks.words === 1 ? findWord(masks, text, start) : findWords(masks, text, start);
  effort.spend(((end ?? text.length) - start + PREPARATION) * masks.words);
  return end;
}

/** For a segment that fits into one number, which is nearly always the case. */
function findWord({ ascii, rare, others, lastBit }: Masks, text: string, start: number): number | undefined {
  const other = others[0] ?? 0;
  let state = 0;
  for (let at = start; at < text.length; at++) {
    let code = text.charCodeAt(at);
    if (code >= 0xd800) code = text.codePointAt(at) ?? 0;
    const mask = code < ASCII ? (ascii[code] ?? 0) : (rare.get(code)?.[0] ?? other);
    state = ((state << 1) | 1) & mask;
    if (code > 0xffff) at++;
    if ((state & lastBit) !== 0) return at + 1;
  }
  return undefined;
}

function findWords({ ascii, rare, others, words, lastBit }: Masks, text: string, start: number): number | undefined {
  const state = new Int32Array(words);
  for (let at = start; at < text.length; at++) {
    const code = text.codePointAt(at) ?? 0;
    const table = code < ASCII ? ascii : (rare.get(code) ?? others);
    const offset = code < ASCII ? code * words : 0;
    let carry = 1;
    for (let word = 0; word < words; word++) {
      const bits = state[word] ?? 0;
      state[word] = ((bits << 1) | carry) & (table[offset + word] ?? 0);
      carry = bits >>> 31;
    }
    if (code > 0xffff) at++;
    if (((state[words - 1] ?? 0) & lastBit) !== 0) return at + 1;
  }
  return undefined;
}

/** A segment, prepared for Shift-And. */
interface Masks {
  /** How many numbers a state takes. */
  readonly words: number;
  /** In the last number: set once the whole segment has been found. */
  readonly lastBit: number;
  readonly ascii: Int32Array;
  readonly rare: ReadonlyMap<number, Int32Array>;
  readonly others: Int32Array;
}

/**
 * For each character, the positions in the segment where it may occur: ASCII characters in one array, others in a map,
 * and all remaining ones share the positions of `?`.
 */
function masksOf(characters: readonly (string | symbol)[]): Masks {
  const words = (characters.length + WORD - 1) >>> 5;
  const others = new Int32Array(words);
  for (const [place, character] of characters.entries()) {
    if (typeof character === "symbol") set(others, place >>> 5, place);
  }
  const ascii = new Int32Array(ASCII * words);
  if (words === 1) ascii.fill(others[0] ?? 0);
  else for (let code = 0; code < ASCII; code++) ascii.set(others, code * words);
  const rare = new Map<number, Int32Array>();
  for (const [place, character] of characters.entries()) {
    if (typeof character === "symbol") continue;
    const code = character.codePointAt(0) ?? 0;
    if (code < ASCII) {
      set(ascii, code * words + (place >>> 5), place);
      continue;
    }
    const mask = rare.get(code) ?? new Int32Array(others);
    set(mask, place >>> 5, place);
    rare.set(code, mask);
  }
  return { words, lastBit: 1 << ((characters.length - 1) & 31), ascii, rare, others };
}

function set(masks: Int32Array, word: number, place: number): void {
  masks[word] = (masks[word] ?? 0) | (1 << (place & 31));
}

/** `?` matches one character, which may be two UTF-16 units. */
function isPairAt(text: string, at: number): boolean {
  return (text.codePointAt(at) ?? 0) > 0xffff;
}
