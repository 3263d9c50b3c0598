/** What the admin API answered, for people. */

/** One table for a list, one `name  value` line per field for anything else. */
export function formatAnswer(answer: unknown): string {
  if (!isRecord(answer)) return "";
  const list = Object.values(answer).find(Array.isArray);
  return list === undefined ? formatFields(answer) : formatTable(list.filter(isRecord));
}

function formatFields(record: Record<string, unknown>): string {
  const width = Math.max(0, ...Object.keys(record).map((name) => name.length));
  return Object.entries(record)
    .map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}\n`)
    .join("");
}

function formatTable(records: readonly Record<string, unknown>[]): string {
  const [first] = records;
  if (first === undefined) return "(none)\n";
  const columns = Object.keys(first);
  const rows = [columns, ...records.map((record) => columns.map((column) => printable(record[column])))];
  const widths = columns.map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, index) => cell.padEnd(widths[index] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

// A display name is somebody else's text: control characters must not reach the terminal.
function printable(value: unknown): string {
  return String(value ?? "").replace(/[\u0000-\u001f\u007f-\u009f]/g, "?");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
