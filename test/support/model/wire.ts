/** Sends the requests of a history to the Worker, each signed by its caller, and reads the answers whole. */
import type { Env } from "../../../src/env.ts";
import type { TestAccount } from "../accounts.ts";
import { encode, HOST, pathOf } from "../request.ts";
import { type Key, ROOT } from "../s3.ts";
import { sign } from "../signer.ts";
import { handDirectly } from "../worker.ts";
import type { CallerName } from "./commands.ts";

export interface WireRequest {
  readonly by: CallerName;
  readonly method: string;
  readonly bucket?: string;
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: string;
}

export interface WireAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** The accounts behind the names of callers. */
export interface Callers {
  readonly canonicalIds: Readonly<Record<CallerName, string>>;
  readonly accountIds: Readonly<Record<CallerName, string>>;
  readonly keys: Readonly<Record<CallerName, Key | undefined>>;
}

/** Objects of all anonymous callers belong to this id (Access control list overview). */
const ANONYMOUS_ID = "65a011a29cdf8ec533ec3d1ccaae921c";

export function callersOf(owner: Pick<TestAccount, "accountId" | "canonicalId">, other: TestAccount): Callers {
  return {
    canonicalIds: { owner: owner.canonicalId, other: other.canonicalId, anonymous: ANONYMOUS_ID },
    accountIds: { owner: owner.accountId, other: other.accountId, anonymous: "" },
    keys: { owner: ROOT, other, anonymous: undefined },
  };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export async function sendToWorker(request: WireRequest, callers: Callers, env: Env): Promise<WireAnswer> {
  const { by, method, bucket, key, query = {}, headers = {}, body } = request;
  const path = pathOf({ ...(bucket !== undefined && { bucket }), ...(key !== undefined && { key }) });
  const parameters = Object.entries(query).map(([name, value]) => `${encode(name)}=${encode(value)}`);
  const url = `http://${HOST}${path}${parameters.length === 0 ? "" : `?${parameters.join("&")}`}`;
  const sent: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) sent[name] = value;
  const caller = callers.keys[by];
  const signed =
    caller === undefined
      ? sent
      : sign({ method, url, headers: sent, payloadHash: "UNSIGNED-PAYLOAD", key: caller }).headers;
  const init = { method, headers: signed, ...(body !== undefined && { body: encoder.encode(body) }) };
  const response = await handDirectly(new Request(url, init), env);
  return { status: response.status, headers: response.headers, text: decoder.decode(await response.arrayBuffer()) };
}
