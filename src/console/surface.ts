/**
 * The console's host: its static files and `/config.json`, for GET and HEAD, and nothing else. Nothing of a bucket is served
 * here, whatever its name is, and no file of the console is served on another host.
 */
import type { Incoming } from "../identify.ts";
import { isHost } from "../protocol/addressing.ts";
import { securityHeaders } from "./headers.ts";
import { type ConsoleFile, readPack } from "./pack.ts";
import type { ConsoleSettings } from "./settings.ts";

export interface ConsoleSite {
  readonly settings: ConsoleSettings;
  readonly region: string;
  readonly pack: ArrayBuffer;
}

let opened: { readonly pack: ArrayBuffer; readonly files: ReadonlyMap<string, ConsoleFile> } | undefined;

/** Whether the request is to the console's host, on whatever port. */
export function isConsoleRequest({ request, url }: Incoming, settings: ConsoleSettings): boolean {
  return isHost(url, request.headers.get("host"), settings.domain);
}

/** @param incoming a request for which `isConsoleRequest` is true */
export function handleConsole(incoming: Incoming, { settings, region, pack }: ConsoleSite): Response {
  const { request, url, log } = incoming;
  log.operation = "Console";
  const always = { ...securityHeaders(settings), "x-amz-request-id": log.requestId, date: new Date().toUTCString() };
  const { method } = request;
  if (method !== "GET" && method !== "HEAD") {
    return plain(
      "The console answers GET and HEAD only.\n",
      { status: 405, headers: { ...always, allow: "GET, HEAD" } },
      method,
    );
  }
  // Another port or plain HTTP is another origin, to which the S3 endpoint gives nothing.
  if (`${url.scheme}://${hostHeader(incoming)}` !== settings.origin) {
    return plain("", { status: 307, headers: { ...always, location: `${settings.origin}/` } }, method);
  }
  if (url.path === "/config.json") {
    const headers = { ...always, "cache-control": REVALIDATED, "content-type": "application/json" };
    const body = `${JSON.stringify({ s3Endpoint: settings.s3Endpoint, region })}\n`;
    return sent(body, { status: 200, headers }, method);
  }
  if (opened?.pack !== pack) opened = { pack, files: readPack(pack) };
  const file = opened.files.get(url.path === "/" ? "/index.html" : url.path);
  if (file === undefined) return plain("The console has no such page.\n", { status: 404, headers: always }, method);
  return serveFile(file, incoming, always);
}

// `no-transform`: Cloudflare's edge would rewrite pages for some settings of a zone.
const REVALIDATED = "no-cache, no-transform";
const IMMUTABLE = "public, max-age=31536000, immutable, no-transform";

function serveFile(file: ConsoleFile, { request, client }: Incoming, always: Record<string, string>): Response {
  // Both codings have the same tag, so it is a weak one.
  const etag = `W/"${file.hash}"`;
  const headers: Record<string, string> = {
    ...always,
    "cache-control": file.isImmutable ? IMMUTABLE : REVALIDATED,
    "content-type": file.contentType,
    etag,
    vary: "Accept-Encoding",
  };
  if (matches(request.headers.get("if-none-match"), file.hash)) return new Response(null, { status: 304, headers });
  const { gzipped } = file;
  if (!acceptsGzip(client.acceptEncoding ?? request.headers.get("accept-encoding"))) {
    const body = new Response(gzipped).body?.pipeThrough(new DecompressionStream("gzip")) ?? null;
    return sent(body, { status: 200, headers }, request.method);
  }
  headers["content-encoding"] = "gzip";
  headers["content-length"] = String(gzipped.byteLength);
  return sent(gzipped, { status: 200, headers }, request.method);
}

interface Outcome {
  readonly status: number;
  readonly headers: Record<string, string>;
}

function plain(text: string, { status, headers }: Outcome, method: string): Response {
  const all = { ...headers, "cache-control": "no-store", "content-type": "text/plain; charset=utf-8" };
  return sent(text, { status, headers: all }, method);
}

function sent(body: BodyInit | null, init: Outcome, method: string): Response {
  return new Response(method === "HEAD" ? null : body, { ...init, encodeBody: "manual" });
}

/** RFC 9110, 13.1.2: a list of tags, compared weakly. */
function matches(condition: string | null, hash: string): boolean {
  if (condition === null) return false;
  return condition.split(",").some((tag) => tag.trim().replace(/^W\//, "") === `"${hash}"` || tag.trim() === "*");
}

/** RFC 9110, 12.5.3. */
function acceptsGzip(accepted: string | null): boolean {
  const weights = new Map<string, string>();
  for (const coding of (accepted ?? "").toLowerCase().split(",")) {
    const [name = "", ...parameters] = coding.split(";").map((part) => part.trim());
    weights.set(name, parameters.find((part) => part.startsWith("q="))?.slice(2) ?? "1");
  }
  return Number(weights.get("gzip") ?? weights.get("*") ?? 0) > 0;
}

function hostHeader({ request, url }: Incoming): string {
  return (request.headers.get("host") ?? url.host).trim().toLowerCase();
}
