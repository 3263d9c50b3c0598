import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "../../..");

it.each([
  ["18.20.8", 1],
  ["20.20.2", 1],
  ["22.17.1", 1],
  ["22.18.0", 0],
  ["24.0.0", 0],
])("Node %s: exit code %d, and one sentence where it is too old", (version, expected) => {
  const code = `Object.defineProperty(process, "versions", { value: { node: "${version}" } });
    require("./scripts/require-node.cjs");`;
  const { status, stderr } = spawnSync(process.execPath, ["-e", code], { cwd: root, encoding: "utf8" });
  expect(status).toBe(expected);
  expect(stderr.split("\n").length - 1).toBe(expected);
});

it("is loaded by every script that users run", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const run = ["start", "dev", "env", "deploy", "admin", "bench", "bench:events"].map((name) => scripts[name]);
  expect(run.filter((command) => !command?.startsWith("node -r ./scripts/require-node.cjs "))).toEqual([]);
});
