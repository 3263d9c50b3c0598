import { expect, it } from "vitest";
import { formatNumber, formatPage, formatTable } from "../../../bench/markdown.ts";

it.each([
  [0, "0"],
  [0.1234, "0.123"],
  [1.5, "1.5"],
  [2, "2"],
  [45.678, "45.7"],
  [100, "100"],
  [1234.5, "1235"],
  [0.00001, "0"],
  [-2.5, "-2.5"],
])("%d is written as %s", (value, text) => {
  expect(formatNumber(value)).toBe(text);
});

it("an empty cell is one space, and a table without rows is nothing", () => {
  expect(formatTable(["a", ""], [["b", ""]])).toBe("| a | |\n|-|-|\n| b | |");
  expect(formatTable(["a"], [])).toBe("");
});

it("paragraphs and items of lists are broken at 128 characters, tables and headings are not", () => {
  const long = "word ".repeat(40).trim();
  const item = `- ${long}\n- b`;
  const page = formatPage([`# ${long}`, "", long, item, `| ${long} |`]);
  const line = "word ".repeat(25).trim();
  const rest = "word ".repeat(15).trim();
  expect(page).toBe(`# ${long}\n\n${line}\n${rest}\n\n- ${line}\n  ${rest}\n- b\n\n| ${long} |\n`);
});

it("code is not broken", () => {
  const start = "word ".repeat(25);
  expect(formatPage([`${start}\`npm run dev\`, 2`])).toBe(`${start.trim()}\n\`npm run dev\`, 2\n`);
});
