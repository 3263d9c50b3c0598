/** Formats answers of the admin API for the terminal. */

/** One line of name and value for each field, then a table for the list among them, if any. */
export function formatAnswer(answer: unknown): string {
  if (!isRecord(answer)) return "";
  const isList = (value: unknown) => Array.isArray(value) && value.every(isRecord);
  const list = Object.entries(answer).find(([, value]) => isList(value));
  const fields = Object.entries(answer).filter((entry) => entry[0] !== list?.[0]);
  const text = formatFields(Object.fromEntries(fields));
  if (list === undefined) return text;
  const table = formatTable((list[1] as unknown[]).filter(isRecord));
  return text === "" ? table : `${text}\n${table}`;
}

function formatFields(record: Record<string, unknown>): string {
  const width = Math.max(0, ...Object.keys(record).map((name) => name.length));
  return Object.entries(record)
    .map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}\n`)
    .join("");
}

/** Tables with an empty line between them. */
export function formatTables(tables: readonly (readonly Record<string, unknown>[])[]): string {
  return tables.map(formatTable).join("\n");
}

function formatTable(records: readonly Record<string, unknown>[]): string {
  if (records.length === 0) return "(none)\n";
  const columns = [...new Set(records.flatMap((record) => Object.keys(record)))];
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

// A display name may be chosen by another account. Its control characters must not reach the terminal.
export function printable(value: unknown): string {
  return String(value ?? "").replace(/[\u0000-\u001f\u007f-\u009f]/g, "?");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether an answer of `remote check` contains a failed step. */
export function hasFailedStep(answer: unknown): boolean {
  if (!isRecord(answer) || !Array.isArray(answer.steps)) return false;
  return answer.steps.some((step) => isRecord(step) && step.outcome !== "ok");
}

/** A warning to print in addition to the answer, if any. */
export function findWarning(answer: unknown): string | undefined {
  if (!isRecord(answer) || !Array.isArray(answer.namedBy)) return undefined;
  const buckets = answer.namedBy.map(printable).join(", ");
  return `Warning: buckets still replicate to the removed remote, which fails from now on: ${buckets}`;
}
