/** Changes of what is stored that no request makes. */

import { env } from "cloudflare:workers";
import { createHash } from "node:crypto";

export type RecordJson = { [name: string]: unknown };

export async function idOf(bucket: string): Promise<string> {
  const row = await env.DB.prepare("SELECT id FROM buckets WHERE name = ?1").bind(bucket).first<{ id: string }>();
  return row?.id ?? "";
}

/** The R2 key of an entry whose key is not long. */
export async function entryOf(bucket: string, key = "k"): Promise<string> {
  return `${await idOf(bucket)}/${key}`;
}

/** R2 keys of the records of a bucket, newest first. */
export async function recordsOf(bucket: string): Promise<string[]> {
  const page = await env.STORE.list({ prefix: `~v/${await idOf(bucket)}/` });
  return page.objects.map(({ key }) => key);
}

export async function recordAt(r2Key: string): Promise<RecordJson> {
  return JSON.parse((await env.STORE.head(r2Key))?.customMetadata?.s3 ?? "{}");
}

export interface Damage {
  /** Default: the same. */
  readonly at?: string;
  readonly record?: (record: RecordJson) => RecordJson | string;
  readonly body?: (text: string) => string;
  /** Default: as it was. */
  readonly mark?: "sha384" | "sha512" | "none";
}

/** Puts an R2 object again, with another record or body. */
export async function damage(r2Key: string, { at = r2Key, record, body, mark }: Damage): Promise<void> {
  const found = await env.STORE.get(r2Key);
  if (found === null) throw new Error(`there is no ${r2Key}`);
  const before = new Uint8Array(await found.arrayBuffer());
  const bytes = body === undefined ? before : new TextEncoder().encode(body(new TextDecoder().decode(before)));
  const present = JSON.parse(found.customMetadata?.s3 ?? "{}") as RecordJson;
  const changed = record?.(present) ?? present;
  const s3 = typeof changed === "string" ? changed : JSON.stringify(changed);
  const { sha384, sha512 } = found.checksums;
  const marked = mark ?? (sha384 !== undefined ? "sha384" : sha512 !== undefined ? "sha512" : "none");
  await env.STORE.put(at, bytes, {
    ...(found.httpMetadata && { httpMetadata: found.httpMetadata }),
    customMetadata: found.customMetadata?.s3 === undefined ? (found.customMetadata ?? {}) : { s3 },
    ...(marked !== "none" && { [marked]: createHash(marked).update(bytes).digest("hex") }),
  });
}

/** R2 keys of the blobs of the set that an entry's manifest names. */
export async function blobsOf(r2Key: string): Promise<string[]> {
  const { f } = (await recordAt(r2Key)) as { f?: { b: string } };
  const page = await env.STORE.list({ prefix: `~b/${f?.b}/` });
  return page.objects.map(({ key }) => key);
}

/** Puts a blob again. */
export async function replaceBlob(r2Key: string, change: { bytes?: string; entry?: string }): Promise<void> {
  const found = await env.STORE.get(r2Key);
  if (found === null) throw new Error(`there is no ${r2Key}`);
  const bytes = await found.arrayBuffer();
  const entry = change.entry === undefined ? {} : { entry: change.entry };
  await env.STORE.put(r2Key, change.bytes ?? bytes, { customMetadata: { ...found.customMetadata, ...entry } });
}

export async function sql(statement: string, ...values: (string | number | null)[]): Promise<void> {
  await env.DB.prepare(statement)
    .bind(...values)
    .run();
}
