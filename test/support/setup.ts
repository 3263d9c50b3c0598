/** A deployment that has only a SETUP_CODE, and requests to its set-up. */
import type { Env } from "../../src/env.ts";
import { secondEnv } from "./second-deployment.ts";
import { type Keys, keysOn } from "./setup-page.ts";
import { handDirectly } from "./worker.ts";

export { keysOn };

export const CODE = "correct-horse battery 47";
export const SETUP_URL = "http://s3.localhost:8787/-/setup";

/** Bindings of a new isolate of that deployment. */
export function codeEnv(settings: Parameters<typeof secondEnv>[0] = {}): Env {
  const none = { ROOT_ACCESS_KEY_ID: "", ROOT_SECRET_ACCESS_KEY: "", SEAL_KEY: "" };
  return secondEnv({ ...none, SETUP_CODE: CODE, ...settings });
}

export interface Visit {
  readonly env?: Env;
  readonly method?: string;
  readonly url?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** The client's address. */
  readonly from?: string;
}

export function visit({
  env = codeEnv(),
  method = "GET",
  url = SETUP_URL,
  from,
  ...more
}: Visit = {}): Promise<Response> {
  const headers = { ...(from !== undefined && { "cf-connecting-ip": from }), ...more.headers };
  const init = { method, headers, ...(more.body !== undefined && { body: more.body }) };
  return handDirectly(new Request(url, init), env);
}

/** Sends the form. */
export function submit(code: string, options: Visit = {}): Promise<Response> {
  const headers = { "content-type": "application/x-www-form-urlencoded", ...options.headers };
  return visit({ ...options, method: "POST", headers, body: new URLSearchParams({ code }).toString() });
}

/** Sets the deployment up. */
export async function setUp(options: Visit = {}): Promise<Keys> {
  const page = await (await submit(CODE, options)).text();
  const keys = keysOn(page);
  if (keys === undefined) throw new Error(`The set-up shows no keys: ${page}`);
  return keys;
}
