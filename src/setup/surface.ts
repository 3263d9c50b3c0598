/**
 * `/-/setup`: makes the keys of a deployment for the caller that knows its SETUP_CODE, and shows them in that one answer. Anyone
 * can reach it, so without the code it reveals only that the deployment has no keys, which every other answer says too.
 */
import type { Incoming } from "../identify.ts";
import { parseIpAddress } from "../model/ip-address.ts";
import { newAccessKeyId, newSealKey, newSecretAccessKey } from "../model/random-ids.ts";
import { isSetupCode, type Secrets } from "../secret-shapes.ts";
import { ATTEMPTS_WINDOW_MS, type SetupSecrets } from "../storage/d1/setup-secrets.ts";
import { toS3Error } from "../storage/platform-errors.ts";
import { formPage, keysPage, SETUP_PATH, textPage } from "./page.ts";

const MAX_BODY_BYTES = 4096;

const REFUSED = "This is not the SETUP_CODE of this deployment.";
const TOO_MANY = "Too many attempts. Try again in ten minutes, or set the secrets of the Worker instead.";
const CLOSED = "This deployment has been set up. Its keys were shown once, and are not shown again.";
const IN_USE =
  "The database was used by an earlier deployment, so new keys would not open what it holds. Set the secrets ROOT_ACCESS_KEY_ID, " +
  "ROOT_SECRET_ACCESS_KEY and SEAL_KEY of the Worker to those of the earlier deployment.";
const INSECURE =
  "The set-up is offered over HTTPS only. A code that was sent without is no longer secret: choose another one.";

interface Pending {
  readonly setup: SetupSecrets;
  /** Whether requests without TLS are answered. */
  readonly acceptsHttp: boolean;
}

export function isSetup(path: string): boolean {
  return path === SETUP_PATH;
}

/** The answer of a deployment that has its keys. */
export function closedSetup(incoming: Incoming): Response {
  incoming.log.operation = "Setup";
  return answer(incoming, { status: 409, text: CLOSED });
}

/** The answer of a deployment without keys. */
export async function handleSetup(incoming: Incoming, pending: Pending): Promise<Response> {
  const { request, url, log } = incoming;
  log.operation = "Setup";
  const isRead = request.method === "GET" || request.method === "HEAD";
  if (url.scheme === "http" && !pending.acceptsHttp) {
    if (!isRead) return answer(incoming, { status: 403, text: INSECURE });
    return new Response(null, { status: 308, headers: { location: `https://${url.host}${SETUP_PATH}` } });
  }
  if (isRead) return answer(incoming, { status: 200, form: undefined });
  if (request.method !== "POST") {
    return answer(incoming, { status: 405, text: "The set-up takes GET and POST." }, { allow: "GET, HEAD, POST" });
  }
  try {
    return await attempt(incoming, pending.setup);
  } catch (error) {
    const failure = toS3Error(error);
    log.code = failure.code;
    log.cause = failure.cause;
    return answer(incoming, { status: failure.status, text: failure.message });
  }
}

async function attempt(incoming: Incoming, setup: SetupSecrets): Promise<Response> {
  const code = await readCode(incoming.request);
  // It cannot be the code, and costs nothing.
  if (code === undefined || !isSetupCode(code)) return answer(incoming, { status: 403, form: REFUSED });
  const now = new Date();
  if (!(await setup.admit(clientOf(incoming), now))) {
    return answer(incoming, { status: 429, text: TOO_MANY }, { "retry-after": String(ATTEMPTS_WINDOW_MS / 1000) });
  }
  const proof = await setup.verify(code);
  if (proof === undefined) return answer(incoming, { status: 403, form: REFUSED });
  const secrets: Secrets = {
    ROOT_ACCESS_KEY_ID: newAccessKeyId(),
    ROOT_SECRET_ACCESS_KEY: newSecretAccessKey(),
    SEAL_KEY: newSealKey(),
  };
  const made = await setup.make(proof, secrets, now);
  switch (made) {
    case "made":
      return answer(incoming, { status: 200, secrets });
    case "made-before":
      return answer(incoming, { status: 409, text: CLOSED });
    case "in-use":
      return answer(incoming, { status: 409, text: IN_USE });
    default:
      return made satisfies never;
  }
}

/** An IPv6 client has the whole of a /64. */
function clientOf({ client }: Incoming): string {
  const parsed = parseIpAddress(client.address ?? "");
  if (parsed === undefined) return "unknown";
  return parsed.version === 4 ? `${parsed.bits}` : `${parsed.bits >> 64n}/64`;
}

/** From a form or a JSON document; undefined if the body is neither, or too large. */
async function readCode(request: Request): Promise<string | undefined> {
  const text = await readText(request);
  const type = request.headers.get("content-type") ?? "";
  if (text === undefined) return undefined;
  if (!type.startsWith("application/json")) return new URLSearchParams(text).get("code") ?? undefined;
  try {
    const { code } = JSON.parse(text) as { readonly code?: unknown };
    return typeof code === "string" ? code : undefined;
  } catch {
    return undefined;
  }
}

async function readText({ body }: Request): Promise<string | undefined> {
  if (body === null) return undefined;
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body as ReadableStream<Uint8Array>) {
    size += piece.byteLength;
    if (size > MAX_BODY_BYTES) return undefined;
    pieces.push(piece);
  }
  return new Blob(pieces).text();
}

/** The form with its problem, a text, or the keys. */
type Content = { readonly status: number } & (
  | { readonly form: string | undefined }
  | { readonly text: string }
  | { readonly secrets: Secrets }
);

/** As a page, or for callers that ask for it as JSON. */
function answer(incoming: Incoming, content: Content, more: Record<string, string> = {}): Response {
  const { request, url, log } = incoming;
  const { status } = content;
  const nonce = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))));
  const headers = {
    ...more,
    "cache-control": "no-store",
    "content-security-policy": `default-src 'none'; style-src 'nonce-${nonce}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex",
  };
  if (status >= 400) log.code ??= String(status);
  if (/\bapplication\/json\b/.test(request.headers.get("accept") ?? "")) {
    return Response.json(documentOf(content, `${url.scheme}://${url.host}`), { status, headers });
  }
  const body = request.method === "HEAD" ? null : pageOf(content, nonce, `${url.scheme}://${url.host}`);
  return new Response(body, { status, headers: { ...headers, "content-type": "text/html; charset=utf-8" } });
}

function pageOf(content: Content, nonce: string, endpoint: string): string {
  if ("secrets" in content) return keysPage(nonce, content.secrets, endpoint);
  return "text" in content ? textPage(nonce, content.text) : formPage(nonce, content.form);
}

function documentOf(content: Content, endpoint: string): object {
  if ("text" in content) return { message: content.text };
  if ("form" in content) return { message: content.form ?? "POST the SETUP_CODE as `code`." };
  const {
    ROOT_ACCESS_KEY_ID: accessKeyId,
    ROOT_SECRET_ACCESS_KEY: secretAccessKey,
    SEAL_KEY: sealKey,
  } = content.secrets;
  return { endpoint, accessKeyId, secretAccessKey, sealKey };
}
