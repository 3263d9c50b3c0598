/**
 * What the model of S3 remembers. It follows the API reference and the user guide ("How S3 Versioning works", "Working with delete
 * markers", "Adding objects to versioning-suspended buckets", "Locking objects with Object Lock"), not the code in src.
 *
 * Ids that the service chooses are symbols here, `§v1` for a version, `§u1` for an upload. The comparison of the first answer
 * that contains one binds it to the real id.
 */
import { createHash } from "node:crypto";
import type { Attributes, CallerName, CannedAcl, Mode, Tag, VersionRef } from "./commands.ts";
import type { Policy } from "./policies.ts";

export interface VersionRetention {
  readonly mode: Mode;
  /** Index into RETAIN_UNTIL; -1: the bucket's default, which ends before all of these. */
  readonly until: number;
}

export interface Part {
  readonly number: number;
  readonly body: string;
}

export interface ObjectVersion {
  /** `null` or a symbol. */
  readonly id: string;
  /** Another number for each object; the same after a copy onto itself that changes the class only. */
  readonly identity: number;
  readonly isMarker: boolean;
  readonly owner: CallerName;
  readonly body: string;
  readonly etag: string;
  readonly contentType: string;
  readonly meta: string | undefined;
  readonly isInfrequent: boolean;
  readonly partSizes: readonly number[] | undefined;
  tags: readonly Tag[];
  acl: CannedAcl;
  retention: VersionRetention | undefined;
  hold: boolean | undefined;
}

export interface Upload {
  readonly id: string;
  readonly bucket: Bucket;
  readonly key: string;
  readonly owner: CallerName;
  readonly attributes: Attributes;
  readonly parts: Map<number, Part>;
  /** The object at the key when it was begun (`identity`). */
  readonly before: number | undefined;
  state: "open" | "completed" | "aborted";
  /** What completed it, to recognise a repeated request. */
  completion: { readonly request: string; readonly etag: string; readonly versionId: string | undefined } | undefined;
}

export interface Bucket {
  readonly name: string;
  readonly owner: CallerName;
  versioning: "never" | "Enabled" | "Suspended";
  /** Object lock, which cannot be taken away again. */
  hasLock: boolean;
  defaultRetention: Mode | undefined;
  acl: CannedAcl;
  policy: Policy | undefined;
  /** Newest first. */
  readonly versions: Map<string, ObjectVersion[]>;
  /** All ids that a key ever had, newest first. */
  readonly ids: Map<string, string[]>;
  /** The ids of all delete markers that there ever were. */
  readonly markers: Set<string>;
  /** Keys that were deleted on a condition while the bucket was not versioned: no object, but seen by common prefixes. */
  readonly tombstones: Set<string>;
}

export class World {
  readonly buckets = new Map<string, Bucket>();
  /** Newest first. */
  readonly uploads: Upload[] = [];
  readonly #prefix: string;
  readonly #isKnown: (id: string) => boolean;
  #symbols = 0;
  #identities = 0;

  /** @param isKnown whether an answer has contained the id: a quiet DeleteObjects does not say which delete markers it made */
  constructor(prefix: string, isKnown: (id: string) => boolean) {
    this.#prefix = prefix;
    this.#isKnown = isKnown;
  }

  nameOf(bucket: number): string {
    return `${this.#prefix}-${bucket}`;
  }

  get prefix(): string {
    return this.#prefix;
  }

  newSymbol(kind: "v" | "u"): string {
    this.#symbols += 1;
    return `§${kind}${this.#symbols}`;
  }

  newIdentity(): number {
    this.#identities += 1;
    return this.#identities;
  }

  uploadOf(number: number): Upload | undefined {
    return this.uploads.length === 0 ? undefined : this.uploads[number % this.uploads.length];
  }

  /** The version id that a request names. */
  versionIdOf(bucketName: string, key: string, version: VersionRef | undefined): string | undefined {
    if (version === undefined || version === "null") return version;
    const bucket = this.buckets.get(bucketName);
    if (version === "foreign") {
      for (const [other, ids] of bucket?.ids ?? []) {
        const id = ids.find((each) => each !== "null" && this.#isKnown(each));
        if (other !== key && id !== undefined) return id;
      }
      return undefined;
    }
    const ids = (bucket?.ids.get(key) ?? []).filter((id) => id === "null" || this.#isKnown(id));
    return ids.length === 0 ? undefined : ids[version % ids.length];
  }
}

export function newBucket(name: string, owner: CallerName, hasLock: boolean): Bucket {
  return {
    name,
    owner,
    versioning: hasLock ? "Enabled" : "never",
    hasLock,
    defaultRetention: undefined,
    acl: "private",
    policy: undefined,
    versions: new Map(),
    ids: new Map(),
    markers: new Set(),
    tombstones: new Set(),
  };
}

/** The newest version, which may be a delete marker. */
export function newestOf(bucket: Bucket, key: string): ObjectVersion | undefined {
  return bucket.versions.get(key)?.[0];
}

/** The object that requests without a version id are about. */
export function currentOf(bucket: Bucket, key: string): ObjectVersion | undefined {
  const newest = newestOf(bucket, key);
  return newest?.isMarker === false ? newest : undefined;
}

export function findVersion(bucket: Bucket, key: string, versionId: string): ObjectVersion | undefined {
  return bucket.versions.get(key)?.find(({ id }) => id === versionId);
}

/** The id that a new version of the bucket has. */
export function newVersionId(world: World, bucket: Bucket): string {
  return bucket.versioning === "Enabled" ? world.newSymbol("v") : "null";
}

/** Adds an object or a delete marker; where versions are not kept, it replaces the null version. */
export function addVersion(bucket: Bucket, key: string, version: ObjectVersion): void {
  const kept = (bucket.versions.get(key) ?? []).filter(({ id }) => version.id !== "null" || id !== "null");
  bucket.versions.set(key, [version, ...kept]);
  const ids = (bucket.ids.get(key) ?? []).filter((id) => id !== version.id);
  bucket.ids.set(key, [version.id, ...ids]);
  bucket.tombstones.delete(key);
  if (version.isMarker && version.id !== "null") bucket.markers.add(version.id);
}

export function removeVersion(bucket: Bucket, key: string, versionId: string): void {
  const versions = bucket.versions.get(key) ?? [];
  const left = versions.filter(({ id }) => id !== versionId);
  if (left.length === 0) bucket.versions.delete(key);
  else bucket.versions.set(key, left);
}

export function newMarker(id: string, owner: CallerName): ObjectVersion {
  return {
    id,
    identity: 0,
    isMarker: true,
    owner,
    body: "",
    etag: "",
    contentType: "",
    meta: undefined,
    isInfrequent: false,
    partSizes: undefined,
    tags: [],
    acl: "private",
    retention: undefined,
    hold: undefined,
  };
}

export function md5(text: string): string {
  return createHash("md5").update(text).digest("hex");
}

/** "The ETag … is not an MD5 digest of the object data": that of the parts' digests, and their number. */
export function etagOfParts(parts: readonly Part[]): string {
  const hash = createHash("md5");
  for (const { body } of parts) hash.update(createHash("md5").update(body).digest());
  return `${hash.digest("hex")}-${parts.length}`;
}
