/** CORS configurations for tests. */
import { createHash } from "node:crypto";
import { type SendOptions, send } from "./request.ts";

export const VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";

/** A document of rules, each given by its child elements. */
export function corsDocument(...rules: string[]): string {
  return `<CORSConfiguration>${rules.map((rule) => `<CORSRule>${rule}</CORSRule>`).join("")}</CORSConfiguration>`;
}

export function contentMd5(text: string): Record<string, string> {
  return { "content-md5": createHash("md5").update(text).digest("base64") };
}

export async function putCors(bucket: string, body: string, options: SendOptions = {}): Promise<Response> {
  return send({ method: "PUT", bucket, query: "cors", body, headers: contentMd5(body), ...options });
}

/** PutBucketCors, which must succeed. */
export async function configureCors(bucket: string, ...rules: string[]): Promise<void> {
  const response = await putCors(bucket, corsDocument(...rules));
  if (response.status !== 200) throw new Error(`PutBucketCors: ${response.status} ${await response.text()}`);
  await response.body?.cancel();
}

/** `Vary` and all headers that begin with `Access-Control-`. */
export function corsHeadersOf(response: Response): Record<string, string> {
  const entries = [...response.headers].filter(([name]) => name === "vary" || name.startsWith("access-control-"));
  return Object.fromEntries(entries);
}
