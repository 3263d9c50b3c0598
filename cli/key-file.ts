/**
 * Exports of the keys of SSE-KMS: a JSON file with the keys, each sealed with AES-256-GCM, and the parameters of scrypt, which
 * derives the key of the export from the operator's passphrase. The Worker gets the derived key, never the passphrase.
 */
import { randomBytes, scryptSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { UsageError } from "./commands.ts";

const FORMAT = "workers-s3 kms export";
const VERSION = 1;
/** 128 MiB of memory and about half a second for each guess. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1 };
const MIN_PASSPHRASE = 12;
/** The admin API takes 100 keys at a time. */
const BATCH = 100;

interface KeyFile {
  readonly format: typeof FORMAT;
  readonly version: typeof VERSION;
  readonly scrypt: typeof SCRYPT & { readonly salt: string };
  readonly keys: readonly unknown[];
}

type Call = (body: unknown) => Promise<unknown>;

/** Fails if the file exists: it may be the only copy of other keys. Its mode is 0600. */
export async function exportTo(path: string, passphrase: string, call: Call): Promise<unknown> {
  const scrypt = { ...SCRYPT, salt: randomBytes(16).toString("base64") };
  const answer = await call({ wrappingKey: derive(passphrase, scrypt) });
  const [keys, unavailable] = [listOf(answer, "keys"), listOf(answer, "unavailable")];
  const file: KeyFile = { format: FORMAT, version: VERSION, scrypt, keys };
  writeFileSync(path, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600, flag: "wx" });
  return { file: path, exported: keys.length, ...(unavailable.length > 0 && { unavailable }) };
}

export async function importFrom(path: string, passphrase: string, call: Call): Promise<unknown> {
  const file = parse(readFileSync(path, "utf8"));
  const wrappingKey = derive(passphrase, file.scrypt);
  const outcome = { imported: 0, skipped: [] as unknown[] };
  for (let start = 0; start < file.keys.length; start += BATCH) {
    const answer = await call({ wrappingKey, keys: file.keys.slice(start, start + BATCH) });
    outcome.imported += listOf(answer, "imported").length;
    outcome.skipped.push(...listOf(answer, "skipped"));
  }
  return outcome.skipped.length > 0 ? outcome : { imported: outcome.imported };
}

function derive(passphrase: string, { salt, N, r, p }: KeyFile["scrypt"]): string {
  if (passphrase.length < MIN_PASSPHRASE) {
    throw new UsageError(`KMS_PASSPHRASE must be set, to ${MIN_PASSPHRASE} characters or more.`);
  }
  const options = { N, r, p, maxmem: 256 * N * r };
  return scryptSync(passphrase.normalize("NFC"), Buffer.from(salt, "base64"), 32, options).toString("base64");
}

function parse(text: string): KeyFile {
  let file: Partial<KeyFile>;
  try {
    file = (JSON.parse(text) as Partial<KeyFile> | null) ?? {};
  } catch {
    throw new Error("The file is no export of keys.");
  }
  const { format, version, scrypt, keys } = file;
  const isExport = format === FORMAT && version === VERSION && typeof scrypt?.salt === "string" && Array.isArray(keys);
  // Other parameters could be a request for any amount of memory.
  if (!isExport || scrypt.N !== SCRYPT.N || scrypt.r !== SCRYPT.r || scrypt.p !== SCRYPT.p) {
    throw new Error("The file is no export of keys, or of another version.");
  }
  return { format, version, scrypt, keys };
}

function listOf(answer: unknown, name: string): readonly unknown[] {
  const value: unknown = typeof answer === "object" && answer !== null ? Reflect.get(answer, name) : undefined;
  return Array.isArray(value) ? value : [];
}
