/** Where an R2 listing begins. R2's `startAfter` is exclusive, and lists a common prefix again if it equals it or is below it. */

const HIGHEST_CHARACTER = "\u{10FFFF}";
const FIRST_AFTER_SURROGATES = 0xe000;
const LAST_BEFORE_SURROGATES = 0xd7ff;

/** After everything with this prefix, except keys that continue with the highest character. */
export function behind(r2Prefix: string): string {
  return r2Prefix + HIGHEST_CHARACTER;
}

/** Before this key and everything that begins with it; keys of the one before with the highest character may follow. */
export function justBefore(r2Key: string): string {
  const last = [...r2Key.slice(-2)].at(-1) ?? "";
  const rest = r2Key.slice(0, r2Key.length - last.length);
  const codePoint = last.codePointAt(0) ?? 0;
  if (codePoint === 0) return rest;
  const lower = codePoint === FIRST_AFTER_SURROGATES ? LAST_BEFORE_SURROGATES : codePoint - 1;
  return behind(rest + String.fromCodePoint(lower));
}
