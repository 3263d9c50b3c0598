/** The versions of a bucket, as they are listed: by key, and newest first within a key. */
import type { ListedObject, Tag } from "./object.ts";
import type { ObjectLock } from "./object-lock.ts";
import type { VersionToken } from "./version.ts";

/** A version of an object, or a delete marker, as clients see it. */
export interface VersionItem extends ListedObject {
  /** `null`, or the token. */
  readonly versionId: string;
  readonly isLatest: boolean;
  readonly isDeleteMarker: boolean;
}

/** All that its entry or record says about it. */
export interface ListedVersion extends VersionItem {
  readonly token: VersionToken;
  /** Last-Modified of the next newer version, or when this one was kept, if that is later; absent for the latest one. */
  readonly noncurrentSince?: Date;
  readonly tags: readonly Tag[];
  readonly lock?: ObjectLock;
  /** Whether a customer's key encrypts its bytes. */
  readonly hasCustomerKey: boolean;
  /** Counts changes of tags, ACL and locks. */
  readonly revision: number;
  /** Random, new with every write. */
  readonly writeId: string;
}

/** A position between two versions. */
export interface VersionMarker {
  /** Empty: before everything. */
  readonly key: string;
  /**
   * Only versions of the key that are older than this one, and later keys. Absent: only later keys. A common prefix that
   * contains or equals the key is then skipped as a whole. `null` stands for the token of the null version.
   */
  readonly token?: VersionToken | undefined;
}

export interface VersionQuery {
  readonly prefix: string;
  /** Empty: no grouping. */
  readonly delimiter: string;
  readonly after: VersionMarker;
  /** 0..1000, versions and common prefixes together. */
  readonly maxKeys: number;
}

export interface VersionPage<Item extends VersionItem = ListedVersion> {
  readonly versions: readonly Item[];
  /** UTF-8 byte order. */
  readonly commonPrefixes: readonly string[];
  /** Where the next page begins; undefined on the last one. A page may be short, or empty, if much had to be passed over. */
  readonly next: VersionMarker | undefined;
}
