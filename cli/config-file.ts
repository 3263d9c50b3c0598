/**
 * Exports of the configuration: a JSON file with pages, which the Worker has sealed, and a MAC of all of it. The keys of both are
 * derived from the operator's passphrase on this machine; the Worker gets that of the pages.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { AdminRequest } from "./arguments.ts";
import { deriveKeys, isScrypt, type Passphrase, SCRYPT, type Scrypt } from "./passphrase.ts";

const FORMAT = "workers-s3 configuration";
const VERSION = 1;

interface ConfigFile {
  readonly format: typeof FORMAT;
  readonly version: typeof VERSION;
  readonly exportId: string;
  readonly scrypt: Scrypt;
  readonly pages: readonly string[];
  /** HMAC-SHA-256 of everything above, in base64. */
  readonly mac: string;
}

export type Send = (request: AdminRequest) => Promise<unknown>;

/** Fails if the file exists: it may be the only copy of another configuration. Its mode is 0600. */
export async function exportConfig(path: string, passphrase: Passphrase, send: Send): Promise<unknown> {
  if (existsSync(path)) throw new Error(`${path} exists already.`);
  const scrypt = { ...SCRYPT, salt: randomBytes(16).toString("base64") };
  const [wrappingKey, macKey] = keysOf(passphrase, scrypt);
  const exportId = textOf(await send({ method: "POST", path: "/-/admin/config/exports" }), "exportId");
  const base = `/-/admin/config/exports/${exportId}`;
  const pages: string[] = [];
  const unavailable: unknown[] = [];
  let rows = 0;
  try {
    for (let after: unknown; after !== null; ) {
      const body = { wrappingKey, page: pages.length, ...(after !== undefined && { after }) };
      const answer = await send({ method: "POST", path: `${base}/pages`, body });
      pages.push(textOf(answer, "sealed"));
      rows += Number(field(answer, "rows"));
      const lost = field(answer, "unavailable");
      if (Array.isArray(lost)) unavailable.push(...lost);
      after = field(answer, "after");
      if (after === undefined) throw new Error("The Worker's answer is no page of an export.");
    }
  } finally {
    // Left alone, the Worker removes it a day later.
    await send({ method: "DELETE", path: base }).catch(() => undefined);
  }
  const file = { format: FORMAT, version: VERSION, exportId, scrypt, pages } as const;
  const text = JSON.stringify({ ...file, mac: macOf(file, macKey) });
  writeFileSync(path, `${text}\n`, { mode: 0o600, flag: "wx" });
  return { file: path, rows, pages: pages.length, ...(unavailable.length > 0 && { unavailable }) };
}

/** Sends nothing unless the whole file is as it was written. Can be repeated after any failure. */
export async function restoreConfig(path: string, passphrase: Passphrase, send: Send): Promise<unknown> {
  const file = parse(readFileSync(path, "utf8"));
  const [wrappingKey, macKey] = keysOf(passphrase, file.scrypt);
  const [expected, found] = [macOf(file, macKey), file.mac].map((mac) => Buffer.from(mac, "base64"));
  if (expected === undefined || found?.length !== expected.length || !timingSafeEqual(expected, found)) {
    throw new Error("The passphrase is not that of the export, or the file was changed. Nothing has been restored.");
  }
  const base = `/-/admin/config/restores/${encodeURIComponent(file.exportId)}`;
  for (const [page, sealed] of file.pages.entries()) {
    const answer = await send({ method: "POST", path: `${base}/pages`, body: { wrappingKey, page, sealed } });
    if (field(answer, "isRestored") === true) return restoredBefore(path);
  }
  const answer = await send({ method: "POST", path: `${base}/apply` });
  return field(answer, "isRestored") === true ? restoredBefore(path) : field(answer, "restored");
}

function restoredBefore(path: string) {
  return { file: path, outcome: "restored before; nothing was changed" };
}

function keysOf(passphrase: Passphrase, scrypt: Scrypt): [wrappingKey: string, macKey: Buffer] {
  const [wrappingKey = Buffer.of(), macKey = Buffer.of()] = deriveKeys(passphrase, scrypt, 2);
  return [wrappingKey.toString("base64"), macKey];
}

function macOf({ format, version, exportId, scrypt, pages }: Omit<ConfigFile, "mac">, key: Buffer): string {
  const { N, r, p, salt } = scrypt;
  const hmac = createHmac("sha256", key).update(JSON.stringify([format, version, exportId, N, r, p, salt]));
  // Each with its length, so that no two lists have the same text.
  for (const page of pages) hmac.update(`\n${page.length} `).update(page);
  return hmac.digest("base64");
}

function parse(text: string): ConfigFile {
  let file: Partial<ConfigFile>;
  try {
    file = (JSON.parse(text) as Partial<ConfigFile> | null) ?? {};
  } catch {
    throw new Error("The file is no export of a configuration, or is not complete.");
  }
  const { format, version, exportId, scrypt, pages, mac } = file;
  const hasPages = Array.isArray(pages) && pages.length > 0 && pages.every((page) => typeof page === "string");
  const isExport = format === FORMAT && version === VERSION && typeof exportId === "string" && typeof mac === "string";
  if (!isExport || !hasPages || !isScrypt(scrypt)) {
    throw new Error("The file is no export of a configuration, or of another version.");
  }
  return { format, version, exportId, scrypt, pages, mac };
}

function textOf(answer: unknown, name: string): string {
  const value = field(answer, name);
  if (typeof value !== "string") throw new Error(`The Worker's answer has no ${name}.`);
  return value;
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
