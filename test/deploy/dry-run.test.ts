import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";

const script = join(import.meta.dirname, "../../scripts/deploy.ts");

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "deploy-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

it("deploy --dry-run prints its steps and bundles the Worker without an account", { timeout: 60_000 }, async () => {
  const { code, stdout } = await deploy(["--dry-run", "--outdir", directory]);
  expect(code, stdout).toBe(0);
  expect(stdout).toContain("1. check login, permissions, R2 and addresses");
  expect(stdout).toContain("2. D1 database workers-s3");
  expect(stdout).toContain("--dry-run: exiting now.");
  expect(existsSync(join(directory, "index.js"))).toBe(true);
});

function deploy(args: string[]): Promise<{ code: number; stdout: string }> {
  return new Promise((resolve) => {
    // A home without a wrangler login, and no token.
    const env = { PATH: process.env.PATH, HOME: directory, CI: "1" };
    execFile(process.execPath, [script, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout: `${stdout}${stderr}` });
    });
  });
}
