/**
 * R2 in memory, for tests that make so many requests that the simulator would take most of their time. It has what the Worker
 * uses: conditional puts, ranges, digests, listings with delimiters. With `MODEL_STORE=simulator` the histories of
 * test/worker/model use the simulator instead.
 *
 * Every method takes its effect in one step and answers later, so calls of several requests interleave between their steps only.
 */
import { createHash } from "node:crypto";

interface Stored {
  readonly key: string;
  readonly version: string;
  readonly bytes: Uint8Array;
  readonly etag: string;
  readonly uploaded: Date;
  readonly digests: Readonly<Record<string, ArrayBuffer>>;
  readonly httpMetadata: R2HTTPMetadata;
  readonly customMetadata: Record<string, string>;
  readonly storageClass: string;
}

const DIGESTS = ["sha1", "sha256", "sha384", "sha512"] as const;
/** The simulator lists so many rows with metadata at most. */
const ROWS_WITH_METADATA = 100;
const PAGE = 1000;

export class MemoryR2 {
  /** The objects below each first folder, which is a bucket's: listings need not look at the others. */
  readonly #folders = new Map<string, Map<string, Stored>>();
  readonly #now: () => Date;
  #versions = 0;

  /** @param now the time of uploads */
  constructor(now: () => Date = () => new Date()) {
    this.#now = now;
  }

  async head(key: string): Promise<R2Object | null> {
    const found = this.#find(key);
    return found === undefined ? null : describe(found, true);
  }

  async get(key: string, options: R2GetOptions = {}): Promise<R2ObjectBody | R2Object | null> {
    const found = this.#find(key);
    if (found === undefined) return null;
    if (!holds(conditionOf(options), found)) return describe(found, true);
    const range = resolve(options.range, found) ?? { offset: 0, length: found.bytes.byteLength };
    return withBody(describe(found, true), found.bytes.slice(range.offset, range.offset + range.length), range);
  }

  async put(key: string, value: unknown, options: R2PutOptions = {}): Promise<R2Object | null> {
    if (new TextEncoder().encode(key).byteLength > 1024)
      throw new Error("put: The specified object name is not valid. (10020)");
    const bytes = await bytesOf(value);
    const digests: Record<string, ArrayBuffer> = {};
    const etag = createHash("md5").update(bytes).digest("hex");
    if (options.md5 !== undefined && hexOf(options.md5) !== etag) throw badDigest("MD5", hexOf(options.md5), etag);
    for (const name of DIGESTS) {
      const expected = options[name];
      if (expected === undefined) continue;
      const digest = createHash(name).update(bytes).digest("hex");
      if (hexOf(expected) !== digest) throw badDigest(name.replace("sha", "SHA-"), hexOf(expected), digest);
      digests[name] = bufferOf(digest);
    }
    if (!holds(conditionOf(options), this.#find(key))) return null;
    this.#versions += 1;
    const stored: Stored = {
      key,
      version: `v${this.#versions}`,
      bytes,
      etag,
      uploaded: this.#now(),
      digests,
      httpMetadata: { ...(options.httpMetadata as R2HTTPMetadata | undefined) },
      customMetadata: { ...options.customMetadata },
      storageClass: options.storageClass ?? "Standard",
    };
    const folder = this.#folders.get(folderOf(key)) ?? new Map<string, Stored>();
    this.#folders.set(folderOf(key), folder.set(key, stored));
    return describe(stored, true);
  }

  async delete(keys: string | string[]): Promise<void> {
    for (const key of typeof keys === "string" ? [keys] : keys) this.#folders.get(folderOf(key))?.delete(key);
  }

  async list(options: R2ListOptions = {}): Promise<R2Objects> {
    const { prefix = "", delimiter = "", cursor, startAfter = "", include = [] } = options;
    const limit = Math.min(options.limit ?? PAGE, include.length === 0 ? PAGE : ROWS_WITH_METADATA);
    const folder = folderOf(prefix);
    const folders =
      folder === "" ? [...this.#folders.values()] : [this.#folders.get(folder) ?? new Map<string, Stored>()];
    const sorted = folders
      .flatMap((each) => [...each.values()])
      .filter(({ key }) => key.startsWith(prefix))
      .sort((left, right) => compare(left.key, right.key));
    const objects: R2Object[] = [];
    const delimitedPrefixes: string[] = [];
    const after = cursor ?? startAfter;
    for (const stored of sorted) {
      const { key } = stored;
      if (after !== "" && compare(key, after) <= 0) continue;
      const end = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
      const group = end < 0 ? undefined : key.slice(0, end + delimiter.length);
      // The cursor of a page that ends with a prefix passes over all of it.
      if (group !== undefined && (group === delimitedPrefixes.at(-1) || cursor?.startsWith(group) === true)) continue;
      if (objects.length + delimitedPrefixes.length === limit) {
        const last = [objects.at(-1)?.key ?? "", delimitedPrefixes.at(-1) ?? ""].sort(compare).at(-1) ?? "";
        return { objects, delimitedPrefixes, truncated: true, cursor: last };
      }
      if (group === undefined) objects.push(describe(stored, include.length > 0));
      else delimitedPrefixes.push(group);
    }
    return { objects, delimitedPrefixes, truncated: false };
  }

  #find(key: string): Stored | undefined {
    return this.#folders.get(folderOf(key))?.get(key);
  }
}

/** `<bucket id>/` or `~v/<bucket id>/`; empty if the text is shorter. */
function folderOf(text: string): string {
  return /^(?:~[a-z]\/[^/]*|(?!~[a-z]\/)[^/]*)\//.exec(text)?.[0] ?? "";
}

const METHODS = ["head", "get", "put", "delete", "list"] as const;

/**
 * Lets the bucket use memory until the returned function is called. The binding itself is changed, because Durable Objects have the
 * same one.
 */
export function useMemory(bucket: R2Bucket, memory = new MemoryR2()): () => void {
  for (const name of METHODS) {
    Object.defineProperty(bucket, name, { value: memory[name].bind(memory), configurable: true, writable: true });
  }
  return () => {
    for (const name of METHODS) Reflect.deleteProperty(bucket, name);
  };
}

function describe(stored: Stored, withMetadata: boolean): R2Object {
  const { key, version, bytes, etag, uploaded, digests, httpMetadata, customMetadata, storageClass } = stored;
  return {
    key,
    version,
    size: bytes.byteLength,
    etag,
    httpEtag: `"${etag}"`,
    uploaded,
    checksums: { md5: bufferOf(etag), ...digests, toJSON: () => ({ md5: etag, ...hexDigests(digests) }) },
    storageClass,
    ...(withMetadata && { httpMetadata: { ...httpMetadata }, customMetadata: { ...customMetadata } }),
    writeHttpMetadata: () => {
      throw new Error("not used");
    },
  };
}

function hexDigests(digests: Stored["digests"]): Record<string, string> {
  return Object.fromEntries(Object.entries(digests).map(([name, digest]) => [name, hexOf(digest)]));
}

interface Served {
  readonly offset: number;
  readonly length: number;
}

/** The body is a stream that can be read once, as of the platform. */
function withBody(object: R2Object, bytes: Uint8Array, range: Served): R2ObjectBody {
  const response = new Response(bytes);
  return Object.defineProperties(
    { ...object, range },
    {
      body: { get: () => response.body },
      bodyUsed: { get: () => response.bodyUsed },
      bytes: { value: () => response.bytes() },
      arrayBuffer: { value: () => response.arrayBuffer() },
      text: { value: () => response.text() },
      json: { value: () => response.json() },
      blob: { value: () => response.blob() },
    },
  ) as unknown as R2ObjectBody;
}

function conditionOf({ onlyIf }: { onlyIf?: R2Conditional | Headers }): R2Conditional {
  if (onlyIf instanceof Headers) throw new Error("conditions are objects");
  return onlyIf ?? {};
}

/** As documented for R2Conditional: an ETag condition that holds wins over a time that does not. */
function holds(condition: R2Conditional, found: Stored | undefined): boolean {
  const { etagMatches, etagDoesNotMatch, uploadedBefore, uploadedAfter } = condition;
  if (found === undefined)
    return etagMatches === undefined && uploadedAfter === undefined && uploadedBefore === undefined;
  const is = (etag: string) => etag === "*" || etag === found.etag;
  const time = found.uploaded.getTime();
  if (etagMatches !== undefined && !is(etagMatches)) return false;
  if (etagDoesNotMatch !== undefined && is(etagDoesNotMatch)) return false;
  if (uploadedBefore !== undefined && etagMatches === undefined && time >= uploadedBefore.getTime()) return false;
  return uploadedAfter === undefined || etagDoesNotMatch !== undefined || time > uploadedAfter.getTime();
}

/** A header that cannot be satisfied is answered with the whole object, a range object with an error. */
function resolve(range: R2Range | Headers | undefined, { bytes }: Stored): Served | undefined {
  const size = bytes.byteLength;
  if (range === undefined) return undefined;
  if (range instanceof Headers) {
    const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(range.get("range") ?? "") ?? [];
    if (first === "") return last === "" ? undefined : suffix(Number(last), size);
    const end = last === "" ? size : Math.min(size, Number(last) + 1);
    return Number(first) < end ? { offset: Number(first), length: end - Number(first) } : undefined;
  }
  if ("suffix" in range) return suffix(range.suffix, size);
  const { offset = 0, length = size } = range;
  if (offset >= size) throw new Error("get: The requested range is not satisfiable (10039)");
  return { offset, length: Math.min(size - offset, length) };
}

function suffix(length: number, size: number): Served {
  return { offset: Math.max(0, size - length), length: Math.min(size, length) };
}

async function bytesOf(value: unknown): Promise<Uint8Array> {
  if (value instanceof Uint8Array) return value.slice();
  return new Response(value as BodyInit | null).bytes();
}

function hexOf(digest: ArrayBuffer | ArrayBufferView | string): string {
  if (typeof digest === "string") return digest;
  const bytes = ArrayBuffer.isView(digest) ? digest : new Uint8Array(digest);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

function bufferOf(hex: string): ArrayBuffer {
  return new Uint8Array(Buffer.from(hex, "hex")).buffer;
}

function badDigest(name: string, provided: string, calculated: string): Error {
  const text = `The ${name} checksum you specified did not match what we received.`;
  return new Error(
    `put: ${text}\nYou provided a ${name} checksum with value: ${provided}\nActual ${name} was: ${calculated} (10037)`,
  );
}

/** UTF-8 and UTF-16 order characters beyond U+FFFF differently. */
function compare(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}
