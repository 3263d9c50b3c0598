/**
 * Annotations: blobs of a set of their own, which the record of the version names (`A`). A version that is deleted or replaced
 * without being kept takes the name of the set with it, and the sweep of blob sets removes what no version names.
 *
 * A new set gets its first annotation before its version names it. Then annotations come and go without a change of the entry.
 */

import type { GrantedBucket } from "../../access/authorize.ts";
import { formatBase64 } from "../../checksum/digests.ts";
import { createHasher } from "../../checksum/hasher.ts";
import { S3Error } from "../../errors.ts";
import { type Annotation, MAX_ANNOTATION_BYTES, MAX_ANNOTATIONS } from "../../model/annotation.ts";
import type { Checksum } from "../../model/checksum.ts";
import { type ContentKey, isSameEncryption } from "../../model/encryption.ts";
import type { StoredObject } from "../../model/object.ts";
import type { ObjectBody } from "../../model/object-body.ts";
import { newBlobSetId, newOpaqueETag } from "../../model/random-ids.ts";
import { NULL_VERSION_ID } from "../../model/version.ts";
import { bytesOf } from "../platform/reading.ts";
import { callR2 } from "../platform-errors.ts";
import { blobKey, ownedBy } from "./blobs.ts";
import { entryKey, type RegionStores, storeOf } from "./entry-place.ts";
import { keyOption } from "./keyed-blobs.ts";
import type { EntryChange, Objects } from "./objects.ts";
import { putBytes, readBody, requireStored } from "./write.ts";

/** Before the name, so that the key of an annotation is no key of another blob. */
const PREFIX = "a.";
const DEFAULT_ALGORITHM = "CRC64NVME";
/** Of one page. */
const MAX_LIST_CALLS = 20;
/** An invocation may wait for six answers at a time. */
const PARALLEL = 6;

/** The annotations of a version. */
export interface AnnotationSet {
  readonly bucket: GrantedBucket;
  /** Undefined: there are none. */
  readonly id: string | undefined;
  /** Of the version. */
  readonly contentKey?: ContentKey | undefined;
}

export interface NewAnnotation {
  readonly name: string;
  readonly body: ObjectBody;
  /** Of the version that it is put to; throws if it must not be. @param isReplaced whether it has one of this name */
  check(object: StoredObject, isReplaced: boolean): void;
  keyOf(object: StoredObject): Promise<ContentKey | undefined>;
}

export interface AnnotationQuery {
  readonly prefix: string;
  /** Only names after this one (UTF-8 byte order). */
  readonly after: string;
  readonly limit: number;
}

export interface AnnotationPage {
  readonly annotations: readonly Annotation[];
  /** `after` of the next page. */
  readonly next: string | undefined;
}

/** Where the annotations of a version are copied to: a set that no version names yet. */
interface AnnotationTarget {
  readonly bucket: GrantedBucket;
  readonly key: string;
  /** `null` or an id, if the version exists. */
  readonly versionId?: string | undefined;
  readonly contentKey: ContentKey | undefined;
}

/** Annotations that have been copied for another encryption of their version. */
export interface MovedAnnotations {
  /** Of the new set. */
  readonly id: string;
  /** Once the version names it: takes over what was put to the old set, or deleted from it, since it was copied. */
  finish(): Promise<void>;
}

export class Annotations {
  readonly #stores: RegionStores;
  readonly #objects: Objects;

  constructor(stores: RegionStores, objects: Objects) {
    this.#stores = stores;
    this.#objects = objects;
  }

  /**
   * Undefined if there is no such version. Four R2 calls; the first annotation of a version also changes its entry. ETag and
   * Last-Modified of the object stay.
   * @throws S3Error `AnnotationLimitExceeded`, `EntityTooLarge`, `InvalidRequest` for no bytes, `UnsupportedMediaType`;
   *   whatever `check` throws and the body's verification finds; `ConditionalRequestConflict`
   */
  async put(
    change: EntryChange,
    { name, body, check, keyOf }: NewAnnotation,
  ): Promise<{ readonly object: StoredObject; readonly annotation: Annotation } | undefined> {
    const { bucket, key, versionId, ticket } = change;
    const object = await this.#objects.head(bucket, { key, versionId });
    if (object === undefined) return undefined;
    const names = object.annotations === undefined ? [] : await this.#names(bucket, object.annotations);
    const isReplaced = names.includes(name);
    check(object, isReplaced);
    if (!isReplaced && names.length >= MAX_ANNOTATIONS) throw new S3Error("AnnotationLimitExceeded");
    const bytes = await readText(body);
    const contentKey = await keyOf(object);
    const stored = { bytes, checksum: checksumOf(body, bytes), contentKey };
    const version = { ...change, versionId: object.versionId };
    if (object.annotations !== undefined) {
      const annotation = await this.#store(version, { id: object.annotations, name }, stored);
      const again = await this.#movedFrom(object, version);
      if (again === undefined) return { object, annotation };
      const moved = { bytes, checksum: stored.checksum, contentKey: await keyOf(again.object) };
      return { object: again.object, annotation: await this.#store(version, { id: again.id, name }, moved) };
    }
    const id = newBlobSetId();
    let annotation = await this.#store(version, { id, name }, stored);
    let named = id;
    const rewritten = await this.#objects.rewrite({ bucket, key, versionId: object.versionId, ticket }, (present) => {
      check(present, false);
      if (!isSameEncryption(present.encryption, object.encryption)) {
        throw new S3Error("SlowDown", { cause: new Error("another object has taken the place of this one") });
      }
      if (present.annotations !== undefined) named = present.annotations;
      return present.annotations === undefined ? { ...present, annotations: id } : undefined;
    });
    if (rewritten === undefined) return undefined;
    // Another call has named a set first.
    if (named !== id) annotation = await this.#store(version, { id: named, name }, stored);
    return { object, annotation };
  }

  /** The set that the version has by now, if its encryption was changed after `object` was read. */
  async #movedFrom(
    { versionId, etag, lastModified, annotations }: StoredObject,
    { bucket, key }: EntryChange,
  ): Promise<{ readonly object: StoredObject; readonly id: string } | undefined> {
    const object = await this.#objects.head(bucket, { key, versionId }).catch(orAbsent);
    if (object?.annotations === undefined || object.annotations === annotations) return undefined;
    const isSame = object.etag === etag && object.lastModified.getTime() === lastModified.getTime();
    return isSame ? { object, id: object.annotations } : undefined;
  }

  /** One R2 call. @throws S3Error `NoSuchAnnotation` */
  async open(
    { bucket, id, contentKey }: AnnotationSet,
    name: string,
  ): Promise<{ readonly annotation: Annotation; readonly body: ReadableStream<Uint8Array> }> {
    const found =
      id === undefined ? null : await callR2(storeOf(this.#stores, bucket).get(keyOf(id, name), keyOption(contentKey)));
    if (found === null) throw noSuchAnnotation(name);
    return { annotation: describe(found), body: found.body };
  }

  /** One R2 call; more where R2 lists fewer at a time because of their metadata, and then a page may be short. */
  async list({ bucket, id }: AnnotationSet, { prefix, after, limit }: AnnotationQuery): Promise<AnnotationPage> {
    const annotations: Annotation[] = [];
    if (id === undefined) return { annotations, next: undefined };
    const store = storeOf(this.#stores, bucket);
    let last = after;
    for (let calls = 0; calls < MAX_LIST_CALLS; calls++) {
      const page = await callR2(
        store.list({
          prefix: keyOf(id, prefix),
          limit: limit - annotations.length,
          include: ["customMetadata"],
          ...(last !== "" && { startAfter: keyOf(id, last) }),
        }),
      );
      annotations.push(...page.objects.map(describe));
      last = annotations.at(-1)?.name ?? last;
      if (!page.truncated) return { annotations, next: undefined };
      if (annotations.length >= limit) break;
    }
    return { annotations, next: last };
  }

  /**
   * Undefined if there is no such version. Four R2 calls.
   * @throws S3Error `NoSuchAnnotation`; whatever `check` throws
   */
  async delete(
    change: EntryChange,
    { name, check }: { readonly name: string; readonly check: (object: StoredObject) => void },
  ): Promise<StoredObject | undefined> {
    const { bucket, key, versionId } = change;
    const object = await this.#objects.head(bucket, { key, versionId });
    if (object === undefined) return undefined;
    check(object);
    const { annotations: id } = object;
    const store = storeOf(this.#stores, bucket);
    const found = id === undefined ? null : await callR2(store.head(keyOf(id, name)));
    if (id === undefined || found === null) throw noSuchAnnotation(name);
    await callR2(store.delete(keyOf(id, name)));
    const moved = await this.#movedFrom(object, change);
    if (moved !== undefined) await callR2(store.delete(keyOf(moved.id, name)));
    return object;
  }

  /**
   * Copies all annotations into a new set, for a version of `key` that is still to be put; undefined if there are none. Two R2
   * calls for each, and two listings.
   * @param limited writes them, if their bytes may be added
   * @throws S3Error `ConditionalRequestConflict` if they are changed meanwhile; whatever `limited` throws
   */
  async copy(
    source: AnnotationSet,
    target: AnnotationTarget,
    limited: (bytes: number, write: () => Promise<unknown>) => Promise<unknown>,
  ): Promise<string | undefined> {
    if (source.id === undefined) return undefined;
    const before = await this.#listed(source.bucket, source.id);
    if (before.length === 0) return undefined;
    const id = newBlobSetId();
    const bytes = before.reduce((sum, { size }) => sum + size, 0);
    await limited(bytes, () => this.#copyEach(before, source, { ...target, id }));
    const after = await this.#listed(source.bucket, source.id);
    if (versionsOf(after) !== versionsOf(before)) throw changedMeanwhile(target.key);
    return id;
  }

  /**
   * Copies all annotations of a version into a new set, with the key that the version is about to get; undefined if there never
   * was one. The old set may change until the version names the new one, and `finish` takes that over.
   */
  async move(source: AnnotationSet, target: AnnotationTarget): Promise<MovedAnnotations | undefined> {
    const { bucket, id: sourceId } = source;
    if (sourceId === undefined) return undefined;
    const id = newBlobSetId();
    const copied = await this.#copyEach(await this.#listed(bucket, sourceId), source, { ...target, id });
    const finish = async () => {
      const present = await this.#listed(bucket, sourceId);
      const kept = new Set(present.map(({ key }) => nameOf(key)));
      const changed = present.filter(({ key, version }) => copied.get(nameOf(key))?.from !== version);
      const gone = [...copied.keys()].filter((name) => !kept.has(name));
      if (changed.length + gone.length === 0) return;
      // What has been changed in the new set is newer.
      const listed = await this.#listed(target.bucket, id);
      const moved = new Map(listed.map(({ key, version }) => [nameOf(key), version]));
      const isAsCopied = (name: string) => moved.get(name) === copied.get(name)?.to;
      await this.#copyEach(
        changed.filter(({ key }) => isAsCopied(nameOf(key))),
        source,
        { ...target, id },
      );
      const store = storeOf(this.#stores, target.bucket);
      for (const name of gone.filter(isAsCopied)) await callR2(store.delete(keyOf(id, name)));
    };
    return { id, finish };
  }

  /** By name: which R2 version was copied, and which one its copy is. */
  async #copyEach(
    listed: readonly R2Object[],
    source: AnnotationSet,
    { id, key, versionId, ...target }: AnnotationTarget & { readonly id: string },
  ): Promise<ReadonlyMap<string, { readonly from: string; readonly to: string }>> {
    const copied = new Map<string, { readonly from: string; readonly to: string }>();
    const from = storeOf(this.#stores, source.bucket);
    const owner = ownerOf({ bucket: target.bucket, key, versionId });
    const waiting = [...listed];
    const lane = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const found = await callR2(from.get(next.key, keyOption(source.contentKey)));
        // The caller finds out that it has been deleted.
        if (found === null) continue;
        const bytes = await bytesOf(from, found);
        const { name, checksum } = describe(found);
        const stored = { bytes, checksum, contentKey: target.contentKey };
        const { version } = await this.#put({ bucket: target.bucket, owner }, { id, name }, stored);
        copied.set(name, { from: found.version, to: version });
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, lane));
    return copied;
  }

  async #names(bucket: GrantedBucket, id: string): Promise<readonly string[]> {
    return (await this.#listed(bucket, id)).map(({ key }) => nameOf(key));
  }

  /** Without metadata R2 lists 1,000 objects in one call. A set has more only if several calls have added the last one. */
  async #listed(bucket: GrantedBucket, id: string): Promise<readonly R2Object[]> {
    const store = storeOf(this.#stores, bucket);
    const listed: R2Object[] = [];
    for (let cursor: string | undefined, isFirst = true; isFirst || cursor !== undefined; isFirst = false) {
      const page = await callR2(store.list({ prefix: keyOf(id, ""), ...(cursor && { cursor }) }));
      listed.push(...page.objects);
      cursor = page.truncated ? page.cursor : undefined;
    }
    return listed;
  }

  async #store(
    change: EntryChange,
    at: { readonly id: string; readonly name: string },
    stored: Stored,
  ): Promise<Annotation> {
    return describe(await this.#put({ bucket: change.bucket, owner: ownerOf(change) }, at, stored));
  }

  async #put(
    { bucket, owner }: { readonly bucket: GrantedBucket; readonly owner: Record<string, string> },
    { id, name }: { readonly id: string; readonly name: string },
    { bytes, checksum, contentKey }: Stored,
  ): Promise<R2Object> {
    // What R2 says about the bytes of an encrypted blob is not relied on (`keyed-blobs.ts`).
    const etag = contentKey === undefined ? undefined : newOpaqueETag();
    const customMetadata = {
      ...owner,
      ...(etag !== undefined && { etag }),
      ...(checksum !== undefined && { checksum: JSON.stringify(checksum) }),
    };
    const at = { store: storeOf(this.#stores, bucket), r2Key: keyOf(id, name) };
    return requireStored(await putBytes(at, { bytes }, { customMetadata, ...keyOption(contentKey) }));
  }
}

interface Stored {
  readonly bytes: Uint8Array;
  readonly checksum: Checksum | undefined;
  readonly contentKey: ContentKey | undefined;
}

/** The metadata of the blobs of a version's annotations. */
function ownerOf({ bucket, key, versionId }: Omit<EntryChange, "ticket">): Record<string, string> {
  const version = versionId === NULL_VERSION_ID ? undefined : versionId;
  return ownedBy({ entry: entryKey(bucket.id, key), version });
}

function orAbsent(error: unknown): undefined {
  if (error instanceof S3Error && error.status < 500) return undefined;
  throw error;
}

function keyOf(id: string, name: string): string {
  return blobKey(id, PREFIX + name);
}

function nameOf(r2Key: string): string {
  return r2Key.slice(r2Key.indexOf(`/${PREFIX}`) + 1 + PREFIX.length);
}

function describe(found: R2Object): Annotation {
  const { etag = found.etag, checksum } = found.customMetadata ?? {};
  return {
    name: nameOf(found.key),
    etag,
    sizeBytes: found.size,
    lastModified: found.uploaded,
    checksum: checksum === undefined ? undefined : (JSON.parse(checksum) as Checksum),
  };
}

/** @throws S3Error */
async function readText(body: ObjectBody): Promise<Uint8Array> {
  const { sizeBytes } = body;
  if (sizeBytes > MAX_ANNOTATION_BYTES) {
    const details = { ProposedSize: String(sizeBytes), MaxSizeAllowed: String(MAX_ANNOTATION_BYTES) };
    throw new S3Error("EntityTooLarge", { details });
  }
  if (sizeBytes === 0) throw new S3Error("InvalidRequest", { message: "The annotation payload must not be empty." });
  const bytes = await readBody(body);
  try {
    new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new S3Error("UnsupportedMediaType");
  }
  return bytes;
}

/** Once the body has been read. */
function checksumOf({ checksum }: ObjectBody, bytes: Uint8Array): Checksum {
  if (checksum.when === "before") return checksum.checksum;
  if (checksum.when === "after") return checksum.value();
  const hasher = createHasher(DEFAULT_ALGORITHM);
  hasher.update(bytes);
  return { algorithm: DEFAULT_ALGORITHM, value: formatBase64(hasher.digest()), type: "FULL_OBJECT" };
}

function versionsOf(listed: readonly R2Object[]): string {
  return JSON.stringify(listed.map(({ key, version }) => [key, version]));
}

function noSuchAnnotation(name: string): S3Error {
  return new S3Error("NoSuchAnnotation", { details: { AnnotationName: name } });
}

function changedMeanwhile(key: string): S3Error {
  return new S3Error("ConditionalRequestConflict", {
    message: "The annotations of the source were changed during the copy. Please try again.",
    details: { Key: key },
  });
}
