/** Which object stands at a key, by what writing it anew changes and a change of its tags, its ACL or its class does not. */
import { describeEntry, lastModifiedOf } from "./entry.ts";

/** Plain data, so that it passes to a Durable Object and can be kept there. */
export interface ObjectIdentity {
  /** Without quotes. */
  readonly etag: string;
  /** Milliseconds since 1970. */
  readonly lastModified: number;
}

/** Null for a key without an object. */
export function identityOf(found: R2Object | null): ObjectIdentity | null {
  if (found === null) return null;
  const { etag, record, isTombstone } = describeEntry(found);
  if (isTombstone) return null;
  if (record.d !== undefined) return { etag: record.d[0], lastModified: record.d[1] };
  return { etag, lastModified: lastModifiedOf(found, record).getTime() };
}

export function isSameObject(left: ObjectIdentity | null, right: ObjectIdentity | null): boolean {
  return left?.etag === right?.etag && left?.lastModified === right?.lastModified;
}
