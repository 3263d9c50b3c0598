/** A deployment with a console. */
import type { Env } from "../../src/env.ts";
import { countingEnv } from "./counting-env.ts";
import { handDirectly } from "./request.ts";
import { testEnv } from "./s3.ts";

export const CONSOLE_HOST = "console.example.com";
export const CONSOLE_ORIGIN = `https://${CONSOLE_HOST}`;
export const S3_ENDPOINT = "https://s3.example.com";

/** A deployment of its own: the Worker opens its services once for each set of bindings. */
export function openConsole(variables: Partial<Env> = {}): Env {
  return countingEnv({ ...testEnv, CONSOLE_DOMAIN: CONSOLE_HOST, PUBLIC_ORIGIN: S3_ENDPOINT, ...variables }).env;
}

export const consoleEnv: Env = openConsole();

export function ask(path: string, init: RequestInit = {}, origin = CONSOLE_ORIGIN): Promise<Response> {
  return handDirectly(new Request(`${origin}${path}`, { redirect: "manual", ...init }), consoleEnv);
}
