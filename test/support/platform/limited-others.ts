/** What D1, Durable Objects and queues refuse and their simulators accept. */
import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { Around, PlatformCall } from "./intercept.ts";

/** D1 "Limits". */
const MAX_PARAMETERS = 100;
const MAX_SQL_BYTES = 100_000;
const MAX_VALUE_BYTES = 2_000_000;
/** Durable Objects "Limits": arguments and result of a call. */
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;
/** Queues "Limits": 1 KB is 1,000 bytes, and about 100 bytes of a message are the platform's. */
const MAX_QUEUE_MESSAGE_BYTES = 128_000 - 100;
const MAX_QUEUE_BATCH = 100;
const MAX_QUEUE_BATCH_BYTES = 256_000;
const MAX_DELAY_SECONDS = 43_200;

const encoder = new TextEncoder();
const sizeOf = (text: string) => (text.length * 3 <= MAX_SQL_BYTES ? 0 : encoder.encode(text).byteLength);

export async function limitD1({ statements = [] }: PlatformCall, make: Parameters<Around>[1]): Promise<unknown> {
  for (const { sql, values } of statements) {
    if (values.length > MAX_PARAMETERS) throw new Error("D1_ERROR: too many SQL variables: SQLITE_ERROR");
    if (sizeOf(sql) > MAX_SQL_BYTES) throw new Error("D1_ERROR: statement too long: SQLITE_TOOBIG");
    for (const value of values) requireValue(value);
  }
  const answer = await make();
  for (const result of Array.isArray(answer) ? answer : [answer]) {
    const rows: unknown[] = result?.results ?? [result];
    for (const row of rows) if (typeof row === "object" && row !== null) Object.values(row).forEach(requireValue);
  }
  return answer;
}

function requireValue(value: unknown): void {
  const bytes = typeof value === "string" ? sizeOf(value) : value instanceof ArrayBuffer ? value.byteLength : 0;
  if (bytes > MAX_VALUE_BYTES) throw new Error("D1_ERROR: string or blob too big: SQLITE_TOOBIG");
}

/** Calls under way by object, and all that were made. */
const underWay = new Map<string, number>();
let calls = 0;
/** "Durable Object lifecycle": an object may lose what it has in memory between any two calls. Each how manieth call finds it so. */
const RESTARTED_EACH = 4;

export async function limitObjects(
  { object = "", parameters }: PlatformCall,
  make: Parameters<Around>[1],
): Promise<unknown> {
  requireMessage(parameters);
  if (calls++ % RESTARTED_EACH === 0 && !underWay.has(object)) {
    await evictDurableObject(env.UPLOADS.getByName(object)).catch(() => undefined);
  }
  underWay.set(object, (underWay.get(object) ?? 0) + 1);
  try {
    const answer = await make();
    requireMessage(answer);
    return answer;
  } finally {
    const left = (underWay.get(object) ?? 1) - 1;
    if (left === 0) underWay.delete(object);
    else underWay.set(object, left);
  }
}

function requireMessage(message: unknown): void {
  if (JSON.stringify(message ?? null).length > MAX_MESSAGE_BYTES) {
    throw new Error("Serialized RPC arguments or return values are limited to 32MiB");
  }
}

export function limitQueue({ method, parameters }: PlatformCall, make: Parameters<Around>[1]): Promise<unknown> {
  const [first, options] = parameters as [unknown, { readonly delaySeconds?: number } | undefined];
  const bodies = method === "send" ? [first] : [...(first as Iterable<{ body: unknown }>)].map(({ body }) => body);
  const sizes = bodies.map((body) => encoder.encode(JSON.stringify(body)).byteLength);
  if (sizes.some((bytes) => bytes > MAX_QUEUE_MESSAGE_BYTES)) {
    throw new Error("Queue send failed: message length exceeds limit of 128000 bytes");
  }
  if (method === "sendBatch") {
    const bytes = sizes.reduce((sum, each) => sum + each + 100, 0);
    if (bodies.length === 0 || bodies.length > MAX_QUEUE_BATCH) {
      throw new Error(`Queue sendBatch failed: batch message count of ${bodies.length} exceeds limit of 100`);
    }
    if (bytes > MAX_QUEUE_BATCH_BYTES)
      throw new Error("Queue sendBatch failed: batch size exceeds limit of 256000 bytes");
  }
  const delay = options?.delaySeconds ?? 0;
  if (delay > MAX_DELAY_SECONDS) throw new Error(`Queue ${method} failed: invalid delaySeconds ${delay}`);
  return make();
}
