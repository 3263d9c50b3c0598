import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { prepareLocalVariables, readGivenVariables } from "../../../scripts/local-secrets.ts";
import type { SealedValue } from "../../../scripts/seal-check.ts";
import { openSealer } from "../../../src/storage/sealing.ts";

const SEAL_KEY = "0123456789abcdef".repeat(4);
const OTHER_KEY = "fedcba9876543210".repeat(4);
const rootKeys = "ROOT_ACCESS_KEY_ID=AKIAROOTROOTROOTROOT\nROOT_SECRET_ACCESS_KEY=0123456789abcdef\n";

let folder: string;
let path: string;
let sealed: SealedValue[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "secrets-"));
  path = join(folder, ".dev.vars");
  sealed = [await seal("access-key-secrets", SEAL_KEY), await seal("remote-secrets", SEAL_KEY)];
});
afterEach(() => rmSync(folder, { recursive: true }));

it("creates missing secrets while nothing is sealed", async () => {
  const variables = await prepareLocalVariables([], path);
  expect(variables.SEAL_KEY).toMatch(/^[0-9a-f]{64}$/);
  expect(readFileSync(path, "utf8")).toContain(variables.SEAL_KEY);
});

it("creates no new SEAL_KEY for sealed data", async () => {
  writeFileSync(path, rootKeys);
  await expect(prepareLocalVariables(sealed, path)).rejects.toThrow(/^SEAL_KEY is in neither/);
  expect(readFileSync(path, "utf8")).toBe(rootKeys);
});

it("refuses a SEAL_KEY that opens nothing of what is sealed", async () => {
  writeFileSync(path, `${rootKeys}SEAL_KEY=${OTHER_KEY}\n`);
  await expect(prepareLocalVariables(sealed, path)).rejects.toThrow(/^SEAL_KEY is not the one/);
});

it.each(["access-key-secrets", "remote-secrets"] as const)(
  "takes the right one, also where older %s are sealed under another",
  async (purpose) => {
    writeFileSync(path, `${rootKeys}SEAL_KEY=${SEAL_KEY}\n`);
    const values = [await seal("access-key-secrets", OTHER_KEY), await seal(purpose, SEAL_KEY)];
    expect(await prepareLocalVariables(values, path)).toMatchObject({ SEAL_KEY });
  },
);

it("accepts a malformed one, which the Worker then reports", async () => {
  writeFileSync(path, `${rootKeys}SEAL_KEY=short\n`);
  expect(await prepareLocalVariables(sealed, path)).toMatchObject({ SEAL_KEY: "short" });
});

it("takes the secrets of the command line before those of the file, and writes none of them", async () => {
  const given = readGivenVariables([write("a", `SEAL_KEY=${OTHER_KEY}\nREGION=eu\n`), write("b", rootKeys)], {
    SEAL_KEY,
  });
  expect(await prepareLocalVariables(sealed, path, given)).toEqual({
    ROOT_ACCESS_KEY_ID: "AKIAROOTROOTROOTROOT",
    ROOT_SECRET_ACCESS_KEY: "0123456789abcdef",
    SEAL_KEY,
    REGION: "eu",
  });
  expect(existsSync(path)).toBe(false);
});

it("refuses a SEAL_KEY of the command line that opens nothing of what is sealed", async () => {
  const given = readGivenVariables([write("a", rootKeys)], { SEAL_KEY: OTHER_KEY });
  await expect(prepareLocalVariables(sealed, path, given)).rejects.toThrow(/^SEAL_KEY is not the one/);
});

it("names a file of --env-file that cannot be read", () => {
  expect(() => readGivenVariables([join(folder, "none")], {})).toThrow(
    `Cannot read ${folder}/none, which --env-file names.`,
  );
});

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

it("needs no new root keys for sealed data", async () => {
  writeFileSync(path, `SEAL_KEY=${SEAL_KEY}\n`);
  const variables = await prepareLocalVariables(sealed, path);
  expect(variables.ROOT_ACCESS_KEY_ID).toMatch(/^AKIA/);
});

it("says in one sentence that the file cannot be written", async () => {
  const missing = join(folder, "missing", ".dev.vars");
  await expect(prepareLocalVariables([], missing)).rejects.toThrow(/^Cannot write .*; set ROOT_ACCESS_KEY_ID, .*\.$/);
});

async function seal(purpose: SealedValue["purpose"], key: string): Promise<SealedValue> {
  const sealer = openSealer(Uint8Array.from(Buffer.from(key, "hex")), purpose);
  return { purpose, name: "name", sealed: await sealer.seal("secret", "name") };
}
