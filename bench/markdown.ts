/** Markdown that is the same however it is computed. */

const WIDTH = 128;

/** One row of a table. */
export type Cells = readonly string[];

export function formatTable(head: Cells, rows: readonly Cells[]): string {
  if (rows.length === 0) return "";
  const line = (cells: Cells) => `|${cells.map((cell) => (cell === "" ? " |" : ` ${cell} |`)).join("")}`;
  return [line(head), `|${"-|".repeat(head.length)}`, ...rows.map(line)].join("\n");
}

/** A page from headings, paragraphs, lists and tables. Paragraphs and items of lists are broken into lines of one width. */
export function formatPage(blocks: readonly string[]): string {
  return blocks
    .flatMap((block) => block.split("\n\n"))
    .filter((block) => block !== "")
    .map((block) =>
      /^[|#]/.test(block)
        ? block
        : block
            .split(/\n(?=- )/)
            .map(fill)
            .join("\n"),
    )
    .join("\n\n")
    .concat("\n");
}

function fill(text: string): string {
  const indent = text.startsWith("- ") ? "  " : "";
  const lines: string[] = [];
  // Code stays on one line.
  for (const word of text.match(/(?:`[^`]*`|\S)+/g) ?? []) {
    const last = lines.at(-1);
    if (last === undefined) lines.push(word);
    else if (last.length + 1 + word.length <= WIDTH) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(indent + word);
  }
  return lines.join("\n");
}

/** Three significant digits, and all digits before the point. */
export function formatNumber(value: number): string {
  if (value === 0) return "0";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value
    .toFixed(Math.min(digits, 3))
    .replace(/(\.\d*?)0+$/, "$1")
    .replace(/\.$/, "");
}
