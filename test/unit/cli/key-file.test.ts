import { mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parseInvocation } from "../../../cli/arguments.ts";
import { UsageError } from "../../../cli/commands.ts";
import { exportTo, importFrom } from "../../../cli/key-file.ts";

const folder = mkdtempSync(join(tmpdir(), "kms-"));
const PASSPHRASE = "correct horse battery";
const KEYS = Array.from({ length: 101 }, (_, index) => ({ id: String(index), sealed: "x" }));

it("an export is written once, readable by its owner only, and imported with the same derived key", async () => {
  const path = join(folder, "keys.json");
  const bodies: Record<string, unknown>[] = [];
  const answer = async (body: unknown) => {
    bodies.push(body as Record<string, unknown>);
    const { keys } = body as { keys?: readonly { id: string }[] };
    if (keys === undefined) return { keys: KEYS, unavailable: ["arn"] };
    return { imported: keys.slice(1).map(({ id }) => id), skipped: keys.slice(0, 1).map(({ id }) => id) };
  };
  expect(await exportTo(path, PASSPHRASE, answer)).toEqual({ file: path, exported: 101, unavailable: ["arn"] });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readFileSync(path, "utf8")).not.toContain(PASSPHRASE);
  await expect(exportTo(path, PASSPHRASE, answer)).rejects.toThrow(/EEXIST/);

  bodies.splice(1);
  expect(await importFrom(path, PASSPHRASE, answer)).toEqual({ imported: 99, skipped: ["0", "100"] });
  expect(bodies.map(({ keys }) => (keys as unknown[] | undefined)?.length)).toEqual([undefined, 100, 1]);
  expect(new Set(bodies.map(({ wrappingKey }) => wrappingKey)).size).toBe(1);
  expect(bodies[0]?.wrappingKey).toMatch(/^[A-Za-z0-9+/]{43}=$/);
  await importFrom(path, `${PASSPHRASE}!`, answer);
  expect(new Set(bodies.map(({ wrappingKey }) => wrappingKey)).size).toBe(2);
});

it("a short passphrase, and a file that is no export, are refused before any call", async () => {
  const call = () => Promise.reject(new Error("called"));
  await expect(exportTo(join(folder, "short"), "short", call)).rejects.toThrow(UsageError);
  const scrypt = { N: 2 ** 30, r: 8, p: 1, salt: "AAAA" };
  for (const text of [
    "",
    "{}",
    "null",
    JSON.stringify({ format: "workers-s3 kms export", version: 1, scrypt, keys: [] }),
  ]) {
    const path = join(folder, "other.json");
    writeFileSync(path, text);
    await expect(importFrom(path, PASSPHRASE, call)).rejects.toThrow(/no export of keys/);
  }
});

const requestOf = (line: string) => {
  const invocation = parseInvocation(line.split(" "));
  if (invocation === "help") throw new Error("not help");
  return invocation;
};

it.each([
  ["kms list", { method: "GET", path: "/-/admin/kms" }],
  ["kms create a/b", { method: "POST", path: "/-/admin/kms", body: { alias: "a/b" } }],
  ["kms create a --account 1", { method: "POST", path: "/-/admin/kms", body: { alias: "a", accountId: "1" } }],
  ["kms disable a", { method: "PATCH", path: "/-/admin/kms", body: { key: "a", status: "Disabled" } }],
  ["kms enable a", { method: "PATCH", path: "/-/admin/kms", body: { key: "a", status: "Enabled" } }],
])("%s", (line, request) => {
  expect(requestOf(line).request).toEqual(request);
});

it("kms export and import name their file", () => {
  expect(requestOf("kms export f").file).toEqual({ action: "kms-export", path: "f" });
  expect(requestOf("kms import f").file).toEqual({ action: "kms-import", path: "f" });
  for (const line of ["kms export", "kms create", "kms create a --account 1,2", "kms list --account 1"]) {
    expect(() => requestOf(line)).toThrow(UsageError);
  }
});
