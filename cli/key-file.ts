/**
 * Exports of the keys of SSE-KMS: a JSON file with the keys, each sealed with AES-256-GCM, and the parameters of scrypt, which
 * derives the key of the export from the operator's passphrase. The Worker gets the derived key, never the passphrase.
 */
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { deriveKeys, isScrypt, SCRYPT, type Scrypt } from "./passphrase.ts";

const FORMAT = "workers-s3 kms export";
const VERSION = 1;
/** The admin API takes 100 keys at a time. */
const BATCH = 100;

interface KeyFile {
  readonly format: typeof FORMAT;
  readonly version: typeof VERSION;
  readonly scrypt: Scrypt;
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

function derive(passphrase: string, scrypt: Scrypt): string {
  const [key = Buffer.of()] = deriveKeys({ name: "KMS_PASSPHRASE", text: passphrase }, scrypt, 1);
  return key.toString("base64");
}

function parse(text: string): KeyFile {
  let file: Partial<KeyFile>;
  try {
    file = (JSON.parse(text) as Partial<KeyFile> | null) ?? {};
  } catch {
    throw new Error("The file is no export of keys.");
  }
  const { format, version, scrypt, keys } = file;
  if (format !== FORMAT || version !== VERSION || !isScrypt(scrypt) || !Array.isArray(keys)) {
    throw new Error("The file is no export of keys, or of another version.");
  }
  return { format, version, scrypt, keys };
}

function listOf(answer: unknown, name: string): readonly unknown[] {
  const value: unknown = typeof answer === "object" && answer !== null ? Reflect.get(answer, name) : undefined;
  return Array.isArray(value) ? value : [];
}
