/** Numbers of bytes as people write them: `10GB` is 10,000,000,000 and `10GiB` is 10,737,418,240. */

const DECIMAL = ["", "k", "M", "G", "T", "P"];
const SIZE = /^(\d{1,16}(?:\.\d{1,6})?) ?(?:([kmgtp]?)(i?)b?)$/i;

/** Undefined for a text that is not a size, and for one above 2^53 - 1. */
export function parseSize(text: string): number | undefined {
  const [, digits = "", unit = "", binary = ""] = SIZE.exec(text) ?? [];
  if (digits === "" || (unit === "" && binary !== "")) return undefined;
  const power = DECIMAL.findIndex((each) => each.toLowerCase() === unit.toLowerCase());
  const bytes = Math.round(Number(digits) * (binary === "" ? 1000 : 1024) ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

export function formatSize(bytes: number): string {
  let [value, power] = [bytes, 0];
  // What would be rounded to 1,000 of a unit is shown in the next one.
  for (; value >= 999.5 && power < DECIMAL.length - 1; power++) value /= 1000;
  return power === 0 ? `${bytes} B` : `${value.toPrecision(3)} ${DECIMAL[power]}B`;
}
