/** Listings of an adopted bucket: R2's own, one call for each of its pages. Every object belongs to the bucket's owner there. */
import type { GrantedBucket } from "../../access/authorize.ts";
import { compareBytes } from "../../model/byte-order.ts";
import type { VersionItem, VersionPage, VersionQuery } from "../../model/listed-version.ts";
import type { ListedObject, ListPage, ListQuery } from "../../model/object.ts";
import { NULL_VERSION_ID } from "../../model/version.ts";
import { CountedStore, commonPrefixOf, R2_PAGE } from "../r2/listed-items.ts";
import { storageClassOf } from "./adopted-object.ts";

/** R2 calls of one listing, whose pages may be short. A page that would take more ends early. */
const MAX_CALLS = 20;

/** @throws S3Error */
export async function listAdopted(store: R2Bucket, { ownerId }: GrantedBucket, query: ListQuery): Promise<ListPage> {
  const { prefix, delimiter, after, maxKeys } = query;
  const isPast = after !== "" && !after.startsWith(prefix) && compareBytes(after, prefix) > 0;
  if (maxKeys === 0 || isPast) return { objects: [], commonPrefixes: [], isTruncated: false, last: "" };
  const counted = new CountedStore(store, MAX_CALLS);
  const objects: ListedObject[] = [];
  const commonPrefixes: string[] = [];
  // A marker in a common prefix continues after all of it, but R2 lists a prefix again if the listing starts inside it.
  const passed = commonPrefixOf(after, query);
  let start: R2ListOptions = after === "" || compareBytes(after, prefix) < 0 ? {} : { startAfter: after };
  let last = "";
  for (;;) {
    const room = maxKeys - objects.length - commonPrefixes.length;
    const limit = Math.min(room, R2_PAGE);
    const page = await counted.list({ prefix, ...(delimiter !== "" && { delimiter }), ...start, limit });
    for (const found of page.objects) objects.push(toListedObject(found, ownerId));
    commonPrefixes.push(...page.delimitedPrefixes.filter((name) => name !== passed));
    last = latest(last, page.objects.at(-1)?.key, page.delimitedPrefixes.at(-1));
    const isFull = objects.length + commonPrefixes.length >= maxKeys;
    if (!page.truncated || isFull || counted.left === 0) {
      return { objects, commonPrefixes, isTruncated: page.truncated, last };
    }
    start = { cursor: page.cursor };
  }
}

/** The objects, as their only versions. @throws S3Error */
export async function listAdoptedVersions(
  store: R2Bucket,
  bucket: GrantedBucket,
  query: VersionQuery,
): Promise<VersionPage<VersionItem>> {
  const page = await listAdopted(store, bucket, { ...query, after: query.after.key });
  const token = page.objects.at(-1)?.key === page.last ? NULL_VERSION_ID : undefined;
  return {
    versions: page.objects.map((object) => ({
      ...object,
      versionId: NULL_VERSION_ID,
      isLatest: true,
      isDeleteMarker: false,
    })),
    commonPrefixes: page.commonPrefixes,
    next: page.isTruncated ? { key: page.last, token } : undefined,
  };
}

function toListedObject(found: R2Object, ownerId: string): ListedObject {
  const { key, size: sizeBytes, etag, uploaded: lastModified } = found;
  return { key, sizeBytes, etag, lastModified, storageClass: storageClassOf(found), ownerId };
}

/** In UTF-8 byte order. */
function latest(...names: readonly (string | undefined)[]): string {
  return names.reduce<string>(
    (last, name) => (name !== undefined && (last === "" || compareBytes(name, last) > 0) ? name : last),
    "",
  );
}
