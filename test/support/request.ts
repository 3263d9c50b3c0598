/** Requests by bucket and key in either addressing style, to the real Worker. */
import { AwsClient } from "aws4fetch";
import type { Env } from "../../src/env.ts";
import { type Key, ROOT } from "./s3.ts";
import { handDirectly } from "./worker.ts";

export { handDirectly };

export const STYLES = ["path", "virtual-host"] as const;
export type Style = (typeof STYLES)[number];

export const HOST = "s3.localhost:8787";

export interface Target {
  readonly bucket?: string;
  /** Decoded, as the client means it. */
  readonly key?: string;
  /** As sent, without `?`. */
  readonly query?: string;
  readonly style?: Style;
  /** Absent: http. */
  readonly scheme?: "http" | "https";
}

export interface SendOptions extends Target {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Null: anonymous. */
  readonly as?: Key | null;
  /** Bindings to use instead of the Worker's own. */
  readonly env?: Env;
}

/** UriEncode as AWS defines it, independent of the one in src. */
export function encode(text: string): string {
  let encoded = "";
  for (const byte of new TextEncoder().encode(text)) {
    const character = String.fromCharCode(byte);
    encoded += /[A-Za-z0-9._~-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

/** The path of a target as in the request line, and in `Resource` of an error document. */
export function pathOf({ bucket, key, style = "path" }: Target): string {
  const name = style === "path" && bucket !== undefined ? `/${encode(bucket)}` : "";
  return `${name}${key === undefined ? "" : `/${key.split("/").map(encode).join("/")}`}` || "/";
}

export function urlOf(target: Target): string {
  const { bucket, style = "path", query, scheme = "http" } = target;
  const host = style === "virtual-host" && bucket !== undefined ? `${bucket}.${HOST}` : HOST;
  return `${scheme}://${host}${pathOf(target)}${query === undefined ? "" : `?${query}`}`;
}

/** Signs with aws4fetch and calls the Worker. */
export async function send(options: SendOptions): Promise<Response> {
  const { method = "GET", headers = {}, body, as = ROOT, env } = options;
  const init = { method, headers: { ...headers }, ...(body !== undefined && { body }) };
  const url = urlOf(options);
  const request =
    as === null
      ? new Request(url, init)
      : await new AwsClient({ ...as, service: "s3", region: "us-east-1", retries: 0 }).sign(url, init);
  return handDirectly(request, env);
}

/** A presigned URL, used by a caller without a key. */
export async function presign(options: SendOptions & { readonly expiresInSeconds?: number }): Promise<string> {
  const { method = "GET", as = ROOT, expiresInSeconds = 900 } = options;
  const url = urlOf(options);
  const separator = url.includes("?") ? "&" : "?";
  const client = new AwsClient({ ...(as ?? ROOT), service: "s3", region: "us-east-1", retries: 0 });
  const signed = await client.sign(`${url}${separator}X-Amz-Expires=${expiresInSeconds}`, {
    method,
    aws: { signQuery: true },
  });
  return signed.url;
}

/** Puts an object and returns its ETag, unquoted. */
export async function putObject(
  bucket: string,
  key: string,
  body: string | Uint8Array = "content",
  options: SendOptions = {},
): Promise<string> {
  const response = await send({ ...options, method: "PUT", bucket, key, body });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`PutObject ${key}: ${response.status} ${text}`);
  return (response.headers.get("etag") ?? "").replaceAll('"', "");
}
