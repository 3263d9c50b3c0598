import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  completeDevVars,
  ensureDevVars,
  formatEnvFile,
  overlaySecrets,
  readDevVars,
} from "../../../scripts/dev-vars.ts";

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "dev-vars-"));
  path = join(directory, ".dev.vars");
});

afterEach(() => rmSync(directory, { recursive: true }));

describe("ensureDevVars", () => {
  it("creates AWS-shaped keys and a seal key, readable by the owner only", () => {
    const variables = ensureDevVars(path);
    expect(variables.ROOT_ACCESS_KEY_ID).toMatch(/^AKIA[A-Z2-7]{16}$/);
    expect(variables.ROOT_SECRET_ACCESS_KEY).toMatch(/^[A-Za-z0-9]{40}$/);
    expect(variables.SEAL_KEY).toMatch(/^[0-9a-f]{64}$/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual([".dev.vars"]);
  });

  it("gives the same answer on the second start", () => {
    expect(ensureDevVars(path)).toEqual(ensureDevVars(path));
  });

  it("keeps existing keys and other variables, and adds what is missing", () => {
    writeFileSync(path, "# mine\nROOT_ACCESS_KEY_ID=AKIAMINE\nOTHER=x", { mode: 0o644 });
    const variables = ensureDevVars(path);
    expect(variables).toMatchObject({ ROOT_ACCESS_KEY_ID: "AKIAMINE", OTHER: "x" });
    expect(variables.SEAL_KEY).toMatch(/^[0-9a-f]{64}$/);
    expect(readFileSync(path, "utf8")).toMatch(/^# mine\nROOT_ACCESS_KEY_ID=AKIAMINE\nOTHER=x\nROOT_SECRET/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("leaves a complete file untouched", () => {
    const text = "ROOT_ACCESS_KEY_ID=a\nROOT_SECRET_ACCESS_KEY=b\nSEAL_KEY=c";
    writeFileSync(path, text);
    chmodSync(path, 0o640);
    ensureDevVars(path);
    expect(readFileSync(path, "utf8")).toBe(text);
    expect(statSync(path).mode & 0o777).toBe(0o640);
  });
});

describe("completeDevVars", () => {
  it("replaces an empty value by appending a later line, which wins", () => {
    const text = completeDevVars("ROOT_ACCESS_KEY_ID=\nROOT_SECRET_ACCESS_KEY=b\nSEAL_KEY=c\n", () => "made");
    expect(parseEnv(text)).toEqual({ ROOT_ACCESS_KEY_ID: "made", ROOT_SECRET_ACCESS_KEY: "b", SEAL_KEY: "c" });
  });
});

describe("readDevVars", () => {
  it("is empty where there is no file", () => {
    expect(readDevVars(path)).toEqual({});
  });
});

describe("overlaySecrets", () => {
  const file = { ROOT_ACCESS_KEY_ID: "file", ROOT_SECRET_ACCESS_KEY: "file", SEAL_KEY: "file", OTHER: "file" };

  it("prefers the environment over the file for secrets only", () => {
    const environment = { ROOT_ACCESS_KEY_ID: "env", SEAL_KEY: "env", OTHER: "env", PATH: "/bin" };
    expect(overlaySecrets(file, environment)).toEqual({
      ROOT_ACCESS_KEY_ID: "env",
      ROOT_SECRET_ACCESS_KEY: "file",
      SEAL_KEY: "env",
      OTHER: "file",
    });
  });

  it("ignores empty environment variables", () => {
    expect(overlaySecrets(file, { SEAL_KEY: "" })).toEqual(file);
  });
});

describe("formatEnvFile", () => {
  it("keeps quotation marks and hashes", () => {
    const variables = { A: "a'b#c", B: 'a"b', C: "plain/+=" };
    expect(parseEnv(formatEnvFile(variables))).toEqual(variables);
  });

  it("escapes the dollar that wrangler would expand", () => {
    expect(formatEnvFile({ A: "x$HOME" })).toBe("A='x\\$HOME'\n");
  });
});
