/** An object that has been found; its bytes, or its manifest, have not been read yet. */
import { S3Error } from "../../errors.ts";
import { type ResolvedRange, resolveRange, type Selection } from "../../model/byte-range.ts";
import { type ContentKey, requireUnlocked } from "../../model/encryption.ts";
import type { StoredObject } from "../../model/object.ts";
import type { Pieces } from "../../model/pieces.ts";
import { bytesOf, storedPieces } from "../platform/reading.ts";
import { callR2 } from "../platform-errors.ts";
import { TtlCache } from "../ttl-cache.ts";
import { type BlobReader, type BlobSlices, readSlices, streamSlices } from "./blob-reading.ts";
import { type BlobRef, blobSlices, decodeManifest, type Manifest, toBlobRefs } from "./blobs.ts";
import { describeEntry, type Entry } from "./entry.ts";

/** Manifests never change, so an isolate may cache them. Long ones have 10,000 parts. */
const manifests = new TtlCache<Manifest>({ ttlMs: 60 * 60 * 1000, maxEntries: 16 });

export class OpenedObject {
  readonly object: StoredObject;
  /** For storage only: the R2 object and where it was found. */
  readonly origin: { readonly store: R2Bucket; readonly found: R2ObjectBody; readonly entry: Entry };
  #range: ResolvedRange | "unsatisfiable" | undefined;
  #isSpent = false;
  #contentKey: ContentKey | undefined;

  private constructor(origin: OpenedObject["origin"], object: StoredObject) {
    this.origin = origin;
    this.object = object;
  }

  static open(
    origin: OpenedObject["origin"],
    object: StoredObject,
    selection: Selection | undefined,
  ): OpenedObject | Promise<OpenedObject> {
    const opened = new OpenedObject(origin, object);
    if (selection === undefined) return opened;
    if (selection.kind === "part") return opened.#selectPart(selection.partNumber);
    opened.#range = resolveRange(selection, object.sizeBytes);
    return opened;
  }

  /** Only the manifest may know where a part is, and it is the body of this entry, which can be read once. */
  async #selectPart(partNumber: number): Promise<OpenedObject> {
    this.#range = partRange(await this.#partSizes(), partNumber);
    return this;
  }

  /** Gives the key of an encrypted object, without which its bytes are not read. */
  unlock(contentKey: ContentKey | undefined): void {
    this.#contentKey = contentKey;
  }

  get contentKey(): ContentKey | undefined {
    return this.#contentKey;
  }

  /** New with every write and every change of the object. */
  get writeId(): string {
    return this.origin.entry.record.w;
  }

  /** The range to serve; undefined if the whole object was requested. */
  get range(): ResolvedRange | "unsatisfiable" | undefined {
    return this.#range;
  }

  /**
   * The bytes of `range`, or all of them, for an answer: of an inline object R2's own stream, at once, if it holds these
   * bytes. To be called once, unless `content` or `discard` is.
   */
  body(reader: BlobReader = "answer"): ReadableStream<Uint8Array> | Promise<ReadableStream<Uint8Array>> {
    return this.origin.entry.isManifest ? this.#joined(reader) : this.#inlineBody();
  }

  /** The same bytes, for a put. To be called once, unless `body` or `discard` is. */
  async content(): Promise<Pieces> {
    const content = this.origin.entry.isManifest ? readSlices(await this.#slices()) : this.#inlineBody();
    return storedPieces(this.origin.store, await content);
  }

  async #joined(reader: BlobReader): Promise<ReadableStream<Uint8Array>> {
    return streamSlices(await this.#slices(), reader);
  }

  /** The pieces of a manifest object's blobs. @throws S3Error `InvalidRequest` for an encrypted object without its key */
  async #slices(): Promise<BlobSlices> {
    const { store, entry } = this.origin;
    const contentKey = requireUnlocked(this.object, this.#contentKey);
    const range = this.#satisfiableRange() ?? { offset: 0, length: entry.sizeBytes };
    return { store, slices: blobSlices(await this.#blobs(), range), contentKey };
  }

  #inlineBody(): ReadableStream<Uint8Array> | Promise<ReadableStream<Uint8Array>> {
    const { found } = this.origin;
    const range = this.#satisfiableRange();
    this.#isSpent = true;
    return range === undefined || serves(found, range) ? found.body : this.#otherBody(range);
  }

  async #otherBody(range: ResolvedRange): Promise<ReadableStream<Uint8Array>> {
    await this.origin.found.body.cancel();
    return (await this.#again(range)).body;
  }

  /** @throws S3Error `InvalidRange` */
  #satisfiableRange(): ResolvedRange | undefined {
    if (this.#range === "unsatisfiable") throw new S3Error("InvalidRange");
    return this.#range;
  }

  /** Cancels the body, if it has not been read. */
  async discard(): Promise<void> {
    if (this.#isSpent) return;
    this.#isSpent = true;
    await this.origin.found.body.cancel();
  }

  /** The manifest of a manifest object. */
  async manifest(): Promise<Manifest> {
    const { found } = this.origin;
    const known = manifests.get(found.etag, Date.now());
    if (known !== undefined) {
      await this.discard();
      return known.value;
    }
    const isWhole = !this.#isSpent && serves(found, { offset: 0, length: found.size });
    if (!isWhole) await this.discard();
    this.#isSpent = true;
    const bytes = await bytesOf(this.origin.store, isWhole ? found : await this.#entryAgain());
    const manifest = decodeManifest(new TextDecoder().decode(bytes));
    manifests.set(found.etag, { value: manifest }, Date.now());
    return manifest;
  }

  async #blobs(): Promise<BlobRef[]> {
    const facts = this.origin.entry.record.f;
    if (facts?.p === undefined) {
      const manifest = await this.manifest();
      return toBlobRefs(manifest.b, manifest.p);
    }
    await this.discard();
    return toBlobRefs(facts.b, facts.p);
  }

  /** An object that was not uploaded in parts is its own only part. */
  async #partSizes(): Promise<number[]> {
    const { record, sizeBytes } = this.origin.entry;
    if (record.f?.k === undefined) return [sizeBytes];
    return (record.f.p ?? (await this.manifest()).p).map(([, partBytes]) => partBytes);
  }

  /** The entry of a manifest, read again. It may have been rewritten with the same blobs, to change tags or ACL. */
  async #entryAgain(): Promise<R2ObjectBody> {
    const { store, found, entry } = this.origin;
    const object = await callR2(store.get(found.key));
    if (object === null || describeEntry(object).record.f?.b !== entry.record.f?.b) {
      await object?.body.cancel();
      throw new S3Error("SlowDown");
    }
    return object;
  }

  /** The bytes of the same write, read again. If they were overwritten, the client's retry reads the new object. */
  async #again(range: ResolvedRange): Promise<R2ObjectBody> {
    const { store, found } = this.origin;
    const options = { onlyIf: { etagMatches: found.etag }, range: { ...range } };
    const object = await callR2<R2ObjectBody | R2Object | null>(store.get(found.key, options));
    if (object === null || !isReadable(object)) throw new S3Error("SlowDown");
    return object;
  }
}

/** The range of a part, by its position among the parts, 1 being the first. */
export function partRange(sizes: readonly number[], partNumber: number): ResolvedRange | "unsatisfiable" {
  const length = sizes[partNumber - 1];
  if (length === undefined) return "unsatisfiable";
  return { offset: sizes.slice(0, partNumber - 1).reduce((sum, size) => sum + size, 0), length };
}

/** Whether R2's answer holds exactly these bytes. */
function serves(found: R2ObjectBody, wanted: ResolvedRange): boolean {
  // R2 sets all three properties; those that do not apply are undefined.
  const { offset = 0, length, suffix }: { offset?: number; length?: number; suffix?: number } = found.range ?? {};
  if (suffix !== undefined) return wanted.length === suffix && wanted.offset + suffix === found.size;
  return wanted.offset === offset && wanted.length === (length ?? found.size - offset);
}

/** R2 answers without a body when `onlyIf` did not hold. */
function isReadable(object: R2ObjectBody | R2Object): object is R2ObjectBody {
  return "body" in object;
}
