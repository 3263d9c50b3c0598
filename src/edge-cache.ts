/**
 * Public objects and pages in the cache of the data center that answers, for a limited time (`EDGE_CACHE`). A hit costs no call
 * to R2 or D1, so nothing is checked: what is stored, and for which requests it counts, is decided here, by default against.
 *
 * - Stored is the whole 200 of a GET by a caller without any signature, if the authorizer would let everyone have it whatever
 *   else the request contains (`RequestLog.isForEveryone`), and if its Cache-Control lets shared caches keep it for a stated
 *   time (RFC 9111).
 * - The key is all that such an answer may depend on: surface, scheme, host, path and query as sent, and Origin. A request with
 *   anything else that S3 gives a meaning to is not answered from here.
 * - Conditions and ranges are answered from the whole object; where the answer would be an error, S3 gives it.
 *
 * The headers are kept as one text, because the platform's cache changes those it knows, and with the time at which they were
 * stored: the limit is applied here and not left to the platform.
 */
import { waitUntil } from "cloudflare:workers";
import type { Incoming } from "./identify.ts";
import { inTime } from "./model/deadline.ts";
import { sharedLifetimeSeconds } from "./protocol/cache-control.ts";
import { evaluateReadConditions } from "./protocol/conditions.ts";
import type { RequestLog } from "./request-log.ts";
import { type S3Response, toHttpResponse } from "./response.ts";

const CACHE_NAME = "workers-s3-public-1";
const RECORD_HEADER = "x-record";
/** Larger objects are not stored: while one is copied, it is in memory. */
export const MAX_CACHED_BYTES = 8 * 1024 * 1024;
/** Objects that an isolate copies into the cache at the same time. */
const MAX_STORES = 4;
/** A cache that has not answered by then is passed over. */
const MAX_MATCH_MS = 2_000;
/** Longer ones are not keys; the platform allows 16 KB. */
const MAX_KEY_LENGTH = 8 * 1024;

/** One range with a start, or the last bytes. Everything else in a Range header is S3's to judge. */
const SIMPLE_RANGE = /^bytes=(?:(\d{1,15})-(\d{1,15})?|-[1-9]\d{0,14})$/;
const CONDITIONS = ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"];
/** Requests with them are answered by S3. */
const REFUSED_HEADERS = /^(?:authorization|if-range|x-amz-.*|access-control-.*)$/;
/** Belong to one answer. */
const OWN_HEADERS = ["x-amz-request-id", "x-amz-id-2", "date"];
/** A 304 has no body to describe. */
const BODY_HEADERS = /^(?:content-.*|accept-ranges|x-amz-.*)$/;

export interface EdgeCacheOptions {
  readonly isWebsite: boolean;
  /** The longest time for which an answer is kept; 0: none is kept. */
  readonly maxSeconds: number;
}

interface StoredRecord {
  /** In milliseconds since 1970. */
  readonly at: number;
  readonly seconds: number;
  /** False: the URL is a bucket's, whose HEAD asks for the bucket and not for what GET returns. */
  readonly answersHead: boolean;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** For the access log of the bucket, if it has one. */
  readonly logged?: Pick<RequestLog, "key" | "logged" | "isWebsite"> | undefined;
}

/** Keys whose objects are being copied, and since when. */
const underWay = new Map<string, number>();
/** A copy that has not ended by then has died with its request. */
const MAX_STORE_MS = 60_000;

/** Answers from the cache, or with what `handle` answers, which is then stored if it may be. */
export async function throughEdgeCache(
  incoming: Incoming,
  options: EdgeCacheOptions,
  handle: () => Promise<Response>,
): Promise<Response> {
  if (options.maxSeconds === 0) return handle();
  const { method } = incoming.request;
  if (method !== "GET" && method !== "HEAD") return removeWritten(incoming, options, await handle());
  const key = readKey(incoming, options);
  if (key === undefined) return handle();
  return (await findStored(key, incoming, options)) ?? keep(key, incoming, { response: await handle(), ...options });
}

/** Undefined for a request that must not be answered from the cache. */
function readKey(incoming: Incoming, options: EdgeCacheOptions): string | undefined {
  const { method, headers } = incoming.request;
  for (const name of headers.keys()) if (REFUSED_HEADERS.test(name)) return undefined;
  // A query on the S3 host asks for something else than the object, or is a signature.
  if (!options.isWebsite && incoming.url.query !== "") return undefined;
  const range = headers.get("range");
  if (range !== null && (method === "HEAD" || !isSimpleRange(range))) return undefined;
  // CORS rules may allow one of the methods only.
  if (method === "HEAD" && headers.has("origin")) return undefined;
  return keyOf(incoming, options, headers.get("origin"));
}

function isSimpleRange(range: string): boolean {
  const match = SIMPLE_RANGE.exec(range);
  return match !== null && (match[2] === undefined || Number(match[1]) <= Number(match[2]));
}

/** A URL on the request's own host, as the platform advises, whose query is the key. */
function keyOf({ request, url }: Incoming, { isWebsite }: EdgeCacheOptions, origin: string | null): string | undefined {
  const parts = [isWebsite, url.scheme, url.host, request.headers.get("host"), url.path, url.query, origin];
  const key = `https://${url.host}/?${encodeURIComponent(JSON.stringify(parts))}`;
  return key.length > MAX_KEY_LENGTH ? undefined : key;
}

async function findStored(key: string, incoming: Incoming, options: EdgeCacheOptions): Promise<Response | undefined> {
  const { request, log } = incoming;
  const range = request.headers.get("range");
  const found = await match(key, range);
  if (found === undefined) return undefined;
  const stored = answerFrom(found, incoming, options);
  const answer = stored?.answer;
  // What is not sent is not read.
  if (answer?.body === undefined || request.method === "HEAD") await found.body?.cancel();
  if (answer === undefined) return undefined;
  log.operation = `edge-cache:${request.method}`;
  log.caller = "anonymous";
  Object.assign(log, stored?.logged);
  return toHttpResponse(answer, incoming);
}

/** Undefined, too, if the cache fails or hangs, or a key of this host is no URL: S3 needs no cache. */
async function match(key: string, range: string | null): Promise<Response | undefined> {
  try {
    const request = new Request(key, { headers: range === null ? {} : { range } });
    const found = caches.open(CACHE_NAME).then((cache) => cache.match(request));
    return await inTime(found, { ms: MAX_MATCH_MS, what: "cache match", free: (late) => late?.body?.cancel() });
  } catch {
    return undefined;
  }
}

interface StoredAnswer {
  readonly answer: S3Response;
  readonly logged: StoredRecord["logged"];
}

/** Undefined if S3 has to answer: the record is too old, or the answer would be an error. */
function answerFrom(
  found: Response,
  { request }: Incoming,
  { maxSeconds }: EdgeCacheOptions,
): StoredAnswer | undefined {
  const record = parseRecord(found.headers.get(RECORD_HEADER));
  if (record === undefined || found.body === null) return undefined;
  if (request.method === "HEAD" && !record.answersHead) return undefined;
  const { logged } = record;
  const now = new Date();
  const age = Math.floor((now.getTime() - record.at) / 1000);
  if (age < 0 || age >= Math.min(record.seconds, maxSeconds)) return undefined;
  const headers: Record<string, string> = { ...Object.fromEntries(record.headers), age: String(age) };
  const subject = { etag: headers.etag?.slice(1, -1) ?? "", lastModified: new Date(headers["last-modified"] ?? 0) };
  switch (evaluateReadConditions({ headers: request.headers, now }, subject)) {
    case "precondition-failed":
      return undefined;
    case "not-modified":
      return { answer: { status: 304, headers: withoutBodyHeaders(headers) }, logged };
    case "proceed":
  }
  const isPart = request.headers.has("range");
  const { body } = found;
  if (!isPart) return found.status === 200 ? { answer: { status: 200, headers, body }, logged } : undefined;
  const contentRange = found.headers.get("content-range");
  const length = found.headers.get("content-length");
  if (found.status !== 206 || contentRange === null || length === null) return undefined;
  const partHeaders = { ...headers, "content-range": contentRange, "content-length": length };
  return { answer: { status: 206, headers: partHeaders, body }, logged };
}

function withoutBodyHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !BODY_HEADERS.test(name)));
}

/** Stores the answer after it is sent, if it may be. */
function keep(
  key: string,
  { request, log }: Incoming,
  { response, maxSeconds }: EdgeCacheOptions & { readonly response: Response },
): Response {
  const { headers, body } = response;
  const seconds = Math.min(sharedLifetimeSeconds(headers.get("cache-control")), maxSeconds);
  const length = Number(headers.get("content-length") ?? 0);
  const isWhole = request.method === "GET" && response.status === 200 && !request.headers.has("range");
  const isConditional = CONDITIONS.some((name) => request.headers.has(name));
  if (!isWhole || isConditional || log.isForEveryone !== true || seconds <= 0 || body === null) return response;
  // The platform would decode a coded body.
  if (headers.has("content-encoding") || headers.has("set-cookie")) return response;
  if (length === 0 || length > MAX_CACHED_BYTES || !mayBegin(key)) return response;

  const [sent, copied] = body.tee();
  const kept = [...headers].filter(([name]) => !OWN_HEADERS.includes(name));
  const record = { at: Date.now(), seconds, answersHead: log.key !== undefined, headers: kept, ...loggedIn(log) };
  waitUntil(store(key, copied, { record, length }));
  return new Response(sent.pipeThrough(new FixedLengthStream(length)), { status: 200, headers });
}

/** What a later answer from the cache needs to be logged. A page of a website on the S3 host counts as one. */
function loggedIn({ key, logged, isWebsite, operation }: RequestLog): Pick<StoredRecord, "logged"> {
  if (logged === undefined) return {};
  const isPage = isWebsite === true || operation?.startsWith("website:") === true;
  return { logged: { logged, isWebsite: isPage, ...(key !== undefined && { key }) } };
}

function mayBegin(key: string): boolean {
  const oldest = Date.now() - MAX_STORE_MS;
  for (const [other, since] of underWay) if (since < oldest) underWay.delete(other);
  return !underWay.has(key) && underWay.size < MAX_STORES;
}

async function store(
  key: string,
  copied: ReadableStream,
  { record, length }: { readonly record: StoredRecord; readonly length: number },
): Promise<void> {
  underWay.set(key, record.at);
  try {
    const bytes = await new Response(copied).arrayBuffer();
    if (bytes.byteLength !== length) return;
    const headers = {
      "cache-control": `public, max-age=${record.seconds}`,
      "content-type": "application/octet-stream",
      [RECORD_HEADER]: encodeURIComponent(JSON.stringify(record)),
    };
    const cache = await caches.open(CACHE_NAME);
    await cache.put(key, new Response(bytes, { headers }));
  } catch {
    // Nothing depends on it.
  } finally {
    underWay.delete(key);
  }
}

/** After a change through the same URL: the cache of this data center forgets what it has for it. */
async function removeWritten(incoming: Incoming, options: EdgeCacheOptions, response: Response): Promise<Response> {
  const { request, url } = incoming;
  if (!response.ok || options.isWebsite || request.method === "OPTIONS") return response;
  for (const scheme of ["http", "https"] as const) {
    const key = keyOf({ ...incoming, url: { ...url, scheme, query: "" } }, options, null);
    if (key !== undefined) waitUntil(remove(key));
  }
  return response;
}

async function remove(key: string): Promise<void> {
  try {
    const cache = await caches.open(CACHE_NAME);
    await cache.delete(key);
  } catch {
    // The limit of its time ends what is stored.
  }
}

function parseRecord(text: string | null): StoredRecord | undefined {
  if (text === null) return undefined;
  try {
    return JSON.parse(decodeURIComponent(text)) as StoredRecord;
  } catch {
    return undefined;
  }
}
