/** What R2 refuses and the simulator accepts. */

import { r2ErrorCode } from "../../../src/storage/platform-errors.ts";
import type { Around, PlatformCall } from "./intercept.ts";
import type { Invocation } from "./invocation.ts";
import { platformNow, SECOND } from "./platform-clock.ts";

/** R2 "Limits". */
const MAX_KEY_BYTES = 1_024;
const MAX_METADATA_BYTES = 8_192;
/** R2 "Workers API reference", `delete`. */
const MAX_DELETED_KEYS = 1_000;
/**
 * "Workers API reference", `list`: with `include`, a page may have fewer objects than were asked for. Which part of them the
 * calls of an invocation get, one after the other.
 */
const PARTS_OF_PAGE = [0.5, 1, 0.9, 0.25];

const encoder = new TextEncoder();

/** When each key was last written. */
const written = new Map<string, number>();
const MAX_REMEMBERED = 10_000;

export async function limitR2(
  call: PlatformCall,
  make: Parameters<Around>[1],
  invocation: Invocation,
): Promise<unknown> {
  const [first, , options] = call.parameters;
  if (call.method === "list") return make([shorten(first as R2ListOptions | undefined, invocation)]);
  const keys = Array.isArray(first) ? first.map(String) : [String(first)];
  for (const key of keys) requireKey(call, key);
  if (call.method !== "put" && call.method !== "delete") return make();
  if (keys.length > MAX_DELETED_KEYS) throw new Error(`delete: ${keys.length} keys (10022)`);
  requireMetadata(options as R2PutOptions | undefined);
  const names = keys.map((key) => `${call.binding}/${key}`);
  takeTurn(call, names);
  try {
    return await make();
  } catch (error) {
    // Refused for another reason.
    if (r2ErrorCode(error) !== undefined) for (const name of names) written.delete(name);
    throw error;
  }
}

function requireKey({ method }: PlatformCall, key: unknown): void {
  const bytes = encoder.encode(String(key)).byteLength;
  if (bytes === 0 || bytes > MAX_KEY_BYTES) {
    throw new Error(`${method}: The specified object name is not valid. (10020)`);
  }
}

function requireMetadata(options: R2PutOptions | undefined): void {
  const entries = Object.entries(options?.customMetadata ?? {});
  const bytes = entries.reduce((sum, [name, value]) => sum + encoder.encode(name + value).byteLength, 0);
  if (bytes > MAX_METADATA_BYTES) {
    throw new Error("put: Your metadata headers exceed the maximum allowed metadata size. (10012)");
  }
}

/**
 * R2 "Limits", "Maximum concurrent writes to the same object name (key)": 1 per second; "Error codes": 10058. Whether a put
 * counts whose condition does not hold is not documented; here it does.
 */
function takeTurn({ method }: PlatformCall, names: readonly string[]): void {
  const now = platformNow();
  if (names.some((name) => now - (written.get(name) ?? Number.NEGATIVE_INFINITY) < SECOND)) {
    throw new Error(`${method}: Reduce your concurrent request rate for the same object. (10058)`);
  }
  for (const name of names) {
    written.delete(name);
    written.set(name, now);
  }
  for (const oldest of written.keys()) {
    if (written.size <= MAX_REMEMBERED) break;
    written.delete(oldest);
  }
}

function shorten(options: R2ListOptions | undefined, invocation: Invocation): R2ListOptions | undefined {
  if (options?.include === undefined || options.include.length === 0) return options;
  const part = PARTS_OF_PAGE[invocation.lists++ % PARTS_OF_PAGE.length] ?? 1;
  const { limit = 1000 } = options;
  return { ...options, limit: limit < 1 || limit > 1000 ? limit : Math.max(1, Math.floor(limit * part)) };
}
