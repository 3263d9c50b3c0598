/** Exports and restores of the configuration through the admin API, as the command makes them. */
import type { Env } from "../../src/env.ts";
import { type SendOptions, send } from "./request.ts";
import { testEnv } from "./s3.ts";

export const WRAPPING_KEY = Buffer.alloc(32, 7).toString("base64");

export interface AdminAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly text: string;
}

export async function admin(path: string, body: object | undefined, options: SendOptions = {}): Promise<AdminAnswer> {
  const target = { bucket: "-", key: `admin/${path}`, method: "POST" };
  const response = await send({ ...target, ...(body && { body: JSON.stringify(body) }), ...options });
  const text = await response.text();
  return { status: response.status, text, body: text.startsWith("{") ? JSON.parse(text) : {} };
}

export interface Exported {
  readonly exportId: string;
  readonly pages: readonly string[];
  readonly rows: number;
  readonly unavailable: readonly string[];
}

/** @param between is called after each page */
export async function exportConfig(env: Env = testEnv, between?: () => Promise<unknown>): Promise<Exported> {
  const begun = await admin("config/exports", undefined, { env });
  if (begun.status !== 201) throw new Error(`export: ${begun.status} ${begun.text}`);
  const exportId = String(begun.body.exportId);
  const pages: string[] = [];
  const unavailable: string[] = [];
  let rows = 0;
  for (let after: unknown; after !== null; ) {
    const body = { wrappingKey: WRAPPING_KEY, page: pages.length, after };
    const answer = await admin(`config/exports/${exportId}/pages`, body, { env });
    if (answer.status !== 200) throw new Error(`page: ${answer.status} ${answer.text}`);
    pages.push(String(answer.body.sealed));
    rows += Number(answer.body.rows);
    unavailable.push(...(answer.body.unavailable as string[]));
    after = answer.body.after;
    await between?.();
  }
  await admin(`config/exports/${exportId}`, undefined, { env, method: "DELETE" });
  return { exportId, pages, rows, unavailable };
}

export function sendPage(
  { exportId }: Exported,
  page: { readonly page: number; readonly sealed: string; readonly wrappingKey?: string },
  env: Env,
): Promise<AdminAnswer> {
  return admin(`config/restores/${exportId}/pages`, { wrappingKey: WRAPPING_KEY, ...page }, { env });
}

export function applyRestore({ exportId }: Exported, env: Env): Promise<AdminAnswer> {
  return admin(`config/restores/${exportId}/apply`, undefined, { env });
}

/** All of it, which must succeed. Returns how many rows of each table were restored. */
export async function restoreConfig(exported: Exported, env: Env): Promise<Record<string, number>> {
  for (const [page, sealed] of exported.pages.entries()) {
    const { status, text } = await sendPage(exported, { page, sealed }, env);
    if (status !== 200) throw new Error(`page ${page}: ${status} ${text}`);
  }
  const { status, text, body } = await applyRestore(exported, env);
  if (status !== 200) throw new Error(`apply: ${status} ${text}`);
  return body.restored as Record<string, number>;
}
