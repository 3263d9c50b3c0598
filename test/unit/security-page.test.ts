/** SECURITY.md names a test for every class of holes, and each of these tests exists. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const page = readFileSync("SECURITY.md", "utf8");
const [, classes = ""] = page.split("## Classes of holes known from other servers");
const rows = classes
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .slice(1)
  .map((line) => line.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "")));

describe("the classes of holes in SECURITY.md", () => {
  it.each(rows)("%s", (_class, seenIn, closedBy, tests = "") => {
    expect(seenIn).not.toBe("");
    expect(closedBy).not.toBe("");
    const named = tests.split("; ").map((test) => /^`([^`]+)` "(.+)"$/.exec(test));
    for (const match of named) {
      const [, path = "", name = ""] = match ?? [];
      expect(readFileSync(path, "utf8"), `${path} has no test "${name}"`).toContain(name);
    }
  });

  it("has a row for each of at least twenty classes, each once", () => {
    const names = rows.map(([name]) => name);
    expect(names.length).toBeGreaterThanOrEqual(20);
    expect(new Set(names).size).toBe(names.length);
  });
});
