import { mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type AdminRequest, parseInvocation } from "../../../cli/arguments.ts";
import { UsageError } from "../../../cli/commands.ts";
import { exportConfig, restoreConfig } from "../../../cli/config-file.ts";
import type { Passphrase } from "../../../cli/passphrase.ts";

const folder = mkdtempSync(join(tmpdir(), "config-"));
const PASSPHRASE: Passphrase = { name: "CONFIG_PASSPHRASE", text: "correct horse battery" };
const PAGES = ["cGFnZSAw", "cGFnZSAx", "cGFnZSAy"];

/** The Worker's answers, and the requests. */
function worker(answers: Readonly<Record<string, unknown>> = {}) {
  const requests: AdminRequest[] = [];
  const send = async (request: AdminRequest) => {
    requests.push(request);
    const [name = ""] = request.path.split("/").slice(-1);
    if (name in answers) return answers[name];
    if (name === "exports") return { exportId: "abc" };
    if (name === "apply") return { restored: { buckets: 3 } };
    if (!request.path.includes("/exports/")) return { page: 0 };
    const { page = 0 } = (request.body ?? {}) as { page?: number };
    const after = page === 2 ? null : { source: "t", number: page + 1, piece: 0 };
    return { sealed: PAGES[page], rows: 10, unavailable: page === 1 ? ["access_keys X"] : [], after };
  };
  return { requests, send };
}

const bodies = ({ requests }: ReturnType<typeof worker>) =>
  requests.map(({ method, path, body }) => [method, path.slice("/-/admin/config/".length), body]);

const path = join(folder, "config.json");

it("an export is written once, readable by its owner only, and restored with the same derived key", async () => {
  const source = worker();
  const answer = await exportConfig(path, PASSPHRASE, source.send);
  expect(answer).toEqual({ file: path, rows: 30, pages: 3, unavailable: ["access_keys X"] });
  const wrappingKey = expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/);
  const after = (number: number) => ({ source: "t", number, piece: 0 });
  expect(bodies(source)).toEqual([
    ["POST", "exports", undefined],
    ["POST", "exports/abc/pages", { wrappingKey, page: 0 }],
    ["POST", "exports/abc/pages", { wrappingKey, page: 1, after: after(1) }],
    ["POST", "exports/abc/pages", { wrappingKey, page: 2, after: after(2) }],
    ["DELETE", "exports/abc", undefined],
  ]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const used = String(Reflect.get(source.requests[1]?.body ?? {}, "wrappingKey"));
  for (const secret of [PASSPHRASE.text, used]) expect(readFileSync(path, "utf8")).not.toContain(secret);
  const again = worker();
  await expect(exportConfig(path, PASSPHRASE, again.send)).rejects.toThrow(/exists already/);
  expect(again.requests).toEqual([]);

  const target = worker();
  expect(await restoreConfig(path, PASSPHRASE, target.send)).toEqual({ buckets: 3 });
  expect(bodies(target)).toEqual([
    ...PAGES.map((sealed, page) => ["POST", "restores/abc/pages", { wrappingKey: used, page, sealed }]),
    ["POST", "restores/abc/apply", undefined],
  ]);
});

it("nothing is sent with another passphrase, or if the file is cut or altered anywhere", async () => {
  const { requests, send } = worker();
  const text = readFileSync(path, "utf8");
  const file = JSON.parse(text) as { pages: string[]; scrypt: object };
  const damaged = join(folder, "damaged.json");
  const refuse = async (content: string, passphrase = PASSPHRASE) => {
    writeFileSync(damaged, content);
    await expect(restoreConfig(damaged, passphrase, send), content.slice(0, 300)).rejects.toThrow(
      /was changed|no export/,
    );
  };
  await refuse(text, { ...PASSPHRASE, text: `${PASSPHRASE.text}!` });
  for (const length of [0, 1, text.length / 2, text.length - 3]) await refuse(text.slice(0, length));
  for (const change of [
    { version: 2 },
    { format: "other" },
    { exportId: "abd" },
    { pages: PAGES.slice(0, -1) },
    { pages: [PAGES[1], PAGES[0], PAGES[2]] },
    { pages: [] },
    { pages: [1] },
    { scrypt: { ...file.scrypt, N: 2 ** 30 } },
    { scrypt: { ...file.scrypt, salt: "AAAA" } },
  ]) {
    await refuse(JSON.stringify({ ...file, ...change }));
  }
  expect(requests).toEqual([]);
});

it("says that a configuration was restored before", async () => {
  const before = { file: path, outcome: "restored before; nothing was changed" };
  const { send } = worker({ apply: { isRestored: true } });
  expect(await restoreConfig(path, PASSPHRASE, send)).toEqual(before);
});

it("a page that fails ends the export, writes no file, and is removed from the Worker", async () => {
  const { requests, send } = worker({ pages: {} });
  const other = join(folder, "none.json");
  await expect(exportConfig(other, PASSPHRASE, send)).rejects.toThrow(/no sealed/);
  expect(requests.at(-1)).toEqual({ method: "DELETE", path: "/-/admin/config/exports/abc" });
  expect(() => readFileSync(other)).toThrow(/ENOENT/);
});

it("a short passphrase is refused before any call", async () => {
  const { requests, send } = worker();
  const short: Passphrase = { ...PASSPHRASE, text: "short" };
  await expect(exportConfig(join(folder, "short"), short, send)).rejects.toThrow(UsageError);
  await expect(restoreConfig(path, short, send)).rejects.toThrow(/CONFIG_PASSPHRASE must be set/);
  expect(requests).toEqual([]);
});

it("the commands name their file", () => {
  for (const [line, action] of [
    ["export-config", "config-export"],
    ["restore-config", "config-restore"],
  ]) {
    const invocation = parseInvocation([line ?? "", "f"]);
    expect(invocation).toMatchObject({ file: { action, path: "f" } });
    expect(() => parseInvocation([line ?? ""])).toThrow(UsageError);
  }
});
