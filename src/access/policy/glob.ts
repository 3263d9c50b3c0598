/**
 * Matching with `*` and `?`, in time linear in the text: no policy can be written that makes requests expensive.
 *
 * The parts between the `*` are looked for from left to right, each behind the one before, and nothing is ever taken back.
 */

/** `*`: any run of characters, also none. */
export const ANY = Symbol("*");
/** `?`: one character. */
export const ONE = Symbol("?");

export type GlobPiece = string | typeof ANY | typeof ONE;

export function matchesGlob(pieces: readonly GlobPiece[], text: string): boolean {
  if (shortestMatch(pieces) > text.length) return false;
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

/** Whether some text that begins with `prefix` matches: what follows the first `*` of the pattern can always be added. */
export function matchesSomeBelow(pieces: readonly GlobPiece[], prefix: string): boolean {
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

/** Whether every text that begins with `prefix` matches. Of patterns that end in `*?` it is never said. */
export function matchesAllBelow(pieces: readonly GlobPiece[], prefix: string): boolean {
  return pieces.at(-1) === ANY && matchesGlob(pieces, prefix);
}

function shortestMatch(pieces: readonly GlobPiece[]): number {
  return pieces.reduce(
    (length, piece) => length + (typeof piece === "string" ? piece.length : Number(piece === ONE)),
    0,
  );
}

type Segment = readonly (string | typeof ONE)[];

function splitAtAny(pieces: readonly GlobPiece[]): Segment[] {
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

/** Up to here the platform's search, which may compare each character of one with each of the other, is the fastest. */
const SHORT = 32;

/** Where the first occurrence of the segment ends. */
function find(segment: Segment, text: string, from: number): number | undefined {
  const [only, ...others] = segment;
  if (only === undefined) return from;
  if (typeof only === "string" && others.length === 0 && only.length <= SHORT) {
    const found = text.indexOf(only, from);
    return found === -1 ? undefined : found + only.length;
  }
  return findInParallel(segment, text, from);
}

/**
 * Shift-And: bit i of the state says whether the segment's first i + 1 characters end here. So each character of the
 * text costs a 32nd of the segment's length, whatever the two look like.
 */
function findInParallel(segment: Segment, text: string, from: number): number | undefined {
  const { masks, others, length } = masksOf(segment);
  const state = new Int32Array(others.length);
  const last = { word: (length - 1) >>> 5, bit: 1 << ((length - 1) & 31) };
  let at = from;
  for (const character of text.slice(from)) {
    const mask = masks.get(character) ?? others;
    let carry = 1;
    // By index: an iterator here is ten times as slow.
    for (let word = 0; word < state.length; word++) {
      const bits = state[word] ?? 0;
      state[word] = ((bits << 1) | carry) & (mask[word] ?? 0);
      carry = bits >>> 31;
    }
    at += character.length;
    if (((state[last.word] ?? 0) & last.bit) !== 0) return at;
  }
  return undefined;
}

/** For each character the places of the segment it may stand in; for all `others` those of `?`. */
function masksOf(segment: Segment): {
  readonly masks: ReadonlyMap<string, Int32Array>;
  readonly others: Int32Array;
  readonly length: number;
} {
  const characters = segment.flatMap((piece): Segment => (piece === ONE ? [ONE] : [...piece]));
  const others = new Int32Array((characters.length + 31) >>> 5);
  const set = (mask: Int32Array, place: number) => {
    mask[place >>> 5] = (mask[place >>> 5] ?? 0) | (1 << (place & 31));
  };
  for (const [place, character] of characters.entries()) if (character === ONE) set(others, place);
  const masks = new Map<string, Int32Array>();
  for (const [place, character] of characters.entries()) {
    if (character === ONE) continue;
    const mask = masks.get(character) ?? new Int32Array(others);
    set(mask, place);
    masks.set(character, mask);
  }
  return { masks, others, length: characters.length };
}

/** `?` stands for a character, which may be two UTF-16 units. */
function isPairAt(text: string, at: number): boolean {
  return (text.codePointAt(at) ?? 0) > 0xffff;
}
