/**
 * How a signer may have written a header's value. White space is all they differ in: AWS's description makes runs of
 * spaces one space, botocore and the JavaScript SDK do so with tabs as well, a few signers leave the value alone.
 */
export type Spelling = (value: string) => string;

/** HTTP's white space around a value. Other blanks are part of it. */
export const trimmed: Spelling = (value) => {
  let [start, end] = [0, value.length];
  while (start < end && isBlank(value, start)) start++;
  // By hand: an expression that looks for blanks at the end begins anew at each of those before it.
  while (end > start && isBlank(value, end - 1)) end--;
  return value.slice(start, end);
};
export const collapsed: Spelling = (value) => trimmed(value).replaceAll(/ {2,}/g, " ");
const blanksCollapsed: Spelling = (value) => trimmed(value).replaceAll(/[ \t]+/g, " ");

function isBlank(value: string, at: number): boolean {
  const character = value.charAt(at);
  return character === " " || character === "\t";
}

/** Repeated headers are signed joined by `,`, but the platform joins them by `, `. Dates have a comma of their own. */
const joined: Spelling = (value) => (/^[A-Z][a-z]{2}, \d/.test(value) ? value : value.replaceAll(", ", ","));

/** Those of them that differ on these values. @param usual the likeliest, which comes first */
export function spellingsOf(values: readonly string[], usual: Spelling): readonly Spelling[] {
  const plain = [usual, collapsed, blanksCollapsed, trimmed];
  const spellings = [
    ...plain,
    ...plain.map(
      (spelling): Spelling =>
        (value) =>
          joined(spelling(value)),
    ),
  ];
  const seen = new Set<string>();
  return spellings.filter((spelling) => {
    const spelled = values.map(spelling).join("\n");
    return !seen.has(spelled) && seen.add(spelled);
  });
}
