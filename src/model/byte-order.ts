/**
 * Order of strings by their UTF-8 bytes, which is how S3 and R2 sort keys.
 *
 * JavaScript compares UTF-16 code units; the two differ only where a surrogate (part of a character above U+FFFF)
 * meets a unit in U+E000..U+FFFF, which UTF-8 sorts first.
 */
export function compareBytes(left: string, right: string): number {
  const shorter = Math.min(left.length, right.length);
  for (let index = 0; index < shorter; index++) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a !== b) return lift(a) - lift(b);
  }
  return left.length - right.length;
}

/** Moves surrogates above every other code unit. */
function lift(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
