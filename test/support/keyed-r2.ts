/**
 * R2 as it is with `ssecKey`, which the simulator ignores: an object that was put with a key is read with that key only, its
 * bytes are changed by the key, its ETag is not the MD5 of what was put, and no digest may be relied on.
 */
import { createHash } from "node:crypto";
import type { Env } from "../../src/env.ts";
import { testEnv } from "./worker.ts";

export interface KeyedCall {
  readonly method: "get" | "put";
  readonly r2Key: string;
  /** In base64; undefined without one. */
  readonly key: string | undefined;
}

export interface KeyedStore {
  readonly store: R2Bucket;
  /** Calls of blobs and entries, in order. */
  readonly calls: KeyedCall[];
}

/** One for all that use the same store: what was put through one of them is read through another. */
const fingerprints = new Map<string, string>();

export function keyedStore(raw: R2Bucket, region = "us-east-1"): KeyedStore {
  const calls: KeyedCall[] = [];
  const nameOf = (r2Key: string) => `${region} ${r2Key}`;
  const note = (method: KeyedCall["method"], r2Key: string, options: R2GetOptions | R2PutOptions | undefined) => {
    const key = keyIn(options);
    calls.push({ method, r2Key, key: key && Buffer.from(key).toString("base64") });
    return key;
  };
  const get = async (r2Key: string, options?: R2GetOptions) => {
    const key = note("get", r2Key, options);
    const expected = fingerprints.get(nameOf(r2Key));
    if ((await raw.head(r2Key)) === null) return null;
    if (fingerprintOf(key) !== expected) throw new Error(`get: the key of ${r2Key} is missing or wrong (10062)`);
    const found = (await raw.get(r2Key, withoutKey(options))) as R2ObjectBody | R2Object | null;
    return found === null || key === undefined || !("body" in found) ? found : decrypted(found, key);
  };
  const put = async (r2Key: string, value: BodyInit | null, options: R2PutOptions = {}) => {
    const key = note("put", r2Key, options);
    if (key === undefined) {
      const stored = await raw.put(r2Key, value as ArrayBuffer, options);
      if (stored !== null) fingerprints.delete(nameOf(r2Key));
      return stored;
    }
    if (options.md5 !== undefined || options.sha256 !== undefined) throw new Error("a digest was left to R2");
    const bytes = await new Response(value).bytes();
    const stored = await raw.put(r2Key, changedBy(key, bytes, 0), withoutKey(options));
    if (stored !== null) fingerprints.set(nameOf(r2Key), fingerprintOf(key) ?? "");
    return stored;
  };
  const store = new Proxy(raw, {
    get(target, name) {
      if (name === "get") return get;
      if (name === "put") return put;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { store, calls };
}

/** The Worker's bindings with such a store in each region, and keys accepted without TLS. */
export function keyedEnv(): { readonly env: Env; readonly calls: KeyedCall[] } {
  const { store, calls } = keyedStore(testEnv.STORE);
  const other = (testEnv as unknown as { readonly STORE_EU_WEST_1: R2Bucket }).STORE_EU_WEST_1;
  const STORE_EU_WEST_1 = keyedStore(other, "eu-west-1").store;
  return { env: { ...testEnv, STORE: store, STORE_EU_WEST_1, CUSTOMER_KEYS_OVER_HTTP: "true" } as Env, calls };
}

function keyIn(options: { ssecKey?: ArrayBuffer | string } | undefined): Uint8Array | undefined {
  const key = options?.ssecKey;
  if (key === undefined) return undefined;
  if (typeof key === "string" || key.byteLength !== 32) throw new Error("the key is no ArrayBuffer of 32 bytes");
  return new Uint8Array(key);
}

function withoutKey<Options extends { ssecKey?: unknown }>(options: Options | undefined): Omit<Options, "ssecKey"> {
  const { ssecKey: _, ...others } = options ?? ({} as Options);
  return others;
}

function fingerprintOf(key: Uint8Array | undefined): string | undefined {
  return key && createHash("sha256").update(key).digest("hex");
}

/** @param offset of the first byte in the object */
function changedBy(key: Uint8Array, bytes: Uint8Array, offset: number): Uint8Array {
  const changed = bytes.slice();
  for (let index = 0; index < changed.length; index++) {
    changed[index] = (changed[index] ?? 0) ^ (key[(offset + index) % 32] ?? 0) ^ 0xa5;
  }
  return changed;
}

async function decrypted(found: R2ObjectBody, key: Uint8Array): Promise<R2ObjectBody> {
  const { offset = 0 } = (found.range ?? {}) as { readonly offset?: number };
  const bytes = changedBy(key, new Uint8Array(await found.arrayBuffer()), offset);
  return new Proxy(found, {
    get(target, name) {
      if (name === "body") return new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
      if (name === "arrayBuffer") return async () => bytes.slice().buffer;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

export interface CustomerKey {
  /** Base64. */
  readonly key: string;
  /** Base64. */
  readonly md5: string;
}

/** A key of 32 bytes of the same value. */
export function customerKey(value: number): CustomerKey {
  const bytes = Buffer.alloc(32, value);
  return { key: bytes.toString("base64"), md5: createHash("md5").update(bytes).digest("base64") };
}

/** @param of whose key it is */
export function keyHeaders({ key, md5 }: CustomerKey, of: "target" | "source" = "target"): Record<string, string> {
  const prefix = `${of === "source" ? "x-amz-copy-source-" : "x-amz-"}server-side-encryption-customer-`;
  return { [`${prefix}algorithm`]: "AES256", [`${prefix}key`]: key, [`${prefix}key-md5`]: md5 };
}
