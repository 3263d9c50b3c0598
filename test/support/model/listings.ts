/** ListObjects, ListObjectsV2 and ListObjectVersions in the model, page by page. */
import { isAllowed } from "./access.ts";
import { type Answer, type Document, document, failure, findBucket } from "./answers.ts";
import type { Listing } from "./commands.ts";
import { type Bucket, currentOf, type ObjectVersion, type World } from "./state.ts";

/** A row of a listing: an object or version, or a common prefix. */
type Item =
  | { readonly prefix: string }
  | { readonly key: string; readonly version: ObjectVersion; readonly isLatest: boolean };

export function list(world: World, command: Listing): Answer {
  const found = findBucket(world, world.nameOf(command.bucket));
  if ("answer" in found) return found.answer;
  const bucket = found.value;
  const action = command.op === "ListObjectVersions" ? "s3:ListBucketVersions" : "s3:ListBucket";
  if (!isAllowed(bucket, { caller: command.by, action })) return failure("AccessDenied");
  const items = itemsOf(bucket, command);
  const pages: Answer[] = [];
  let previous: Item | undefined;
  for (let isFirst = true; isFirst || items.length > 0; isFirst = false) {
    const page = items.splice(0, command.maxKeys);
    const last = page.at(-1);
    const hidden = items.length === 0 && last !== undefined && isFollowedByHidden(bucket, command, nameOf(last));
    pages.push(document(pageOf(bucket, command, { page, isTruncated: hidden ? "maybe" : items.length > 0, previous })));
    previous = last;
  }
  const empty = document(pageOf(bucket, command, { page: [], isTruncated: "maybe", previous }));
  return { status: 200, pages, emptyPage: empty };
}

/**
 * Whether only keys without an object, or deleted versions, follow: a listing may say that it is truncated, and its next page is empty ("Bounds of a
 * listing" in docs/storage-schema.md).
 */
function isFollowedByHidden(bucket: Bucket, { op, prefix }: Listing, name: string): boolean {
  if (op === "ListObjectVersions" && bucket.versioning !== "never") {
    return [...bucket.ids].some(([key, ids]) => {
      const isLater = key.startsWith(prefix) && byBytes(key, name) > 0;
      return isLater || (key === name && ids.length > (bucket.versions.get(key)?.length ?? 0));
    });
  }
  // Where versions are kept, a key whose versions have all been deleted by their ids leaves a tombstone.
  const keys = bucket.versioning === "never" ? bucket.versions.keys() : bucket.ids.keys();
  return [...keys, ...bucket.tombstones].some((key) => key.startsWith(prefix) && byBytes(key, name) > 0);
}

/** Keys and common prefixes in the order of their UTF-8 bytes, after the marker. */
function itemsOf(bucket: Bucket, { op, prefix, delimiter, after }: Listing): Item[] {
  const seen = new Set<string>();
  const names = new Set([...bucket.versions.keys(), ...bucket.tombstones]);
  const keys = [...names].filter((key) => key.startsWith(prefix)).sort(byBytes);
  return keys.flatMap((key): Item[] => {
    const rows = rowsOf(bucket, key, op);
    // Without versions a key that was deleted on a condition still shows its common prefix (docs/compatibility.md).
    const isShown = rows.length > 0 || (bucket.versioning === "never" && bucket.tombstones.has(key));
    if (!isShown || byBytes(key, after) <= 0) return [];
    const end = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
    if (end < 0) return rows;
    const group = key.slice(0, end + delimiter.length);
    // A marker below a common prefix continues after all of it (recorded on AWS, for ListObjects).
    if (seen.has(group) || after.startsWith(group)) return [];
    seen.add(group);
    return [{ prefix: group }];
  });
}

function rowsOf(bucket: Bucket, key: string, op: Listing["op"]): Item[] {
  if (op === "ListObjectVersions") {
    return (bucket.versions.get(key) ?? []).map((version, index) => ({ key, version, isLatest: index === 0 }));
  }
  const version = currentOf(bucket, key);
  return version === undefined ? [] : [{ key, version, isLatest: true }];
}

interface Page {
  readonly page: readonly Item[];
  readonly isTruncated: boolean | "maybe";
  /** The last row of the page before. */
  readonly previous: Item | undefined;
}

function pageOf(bucket: Bucket, command: Listing, { page, isTruncated, previous }: Page): Document {
  const { op, prefix, delimiter, maxKeys, after, isUrlEncoded } = command;
  const shown = (text: string) => (isUrlEncoded ? formEncoded(text) : text);
  const last = page.at(-1);
  const next = (text: string) => (isTruncated === "maybe" ? "§maybe" : isTruncated ? text : undefined);
  const common = {
    Name: bucket.name,
    Prefix: shown(prefix),
    MaxKeys: String(maxKeys),
    Delimiter: delimiter === "" ? undefined : shown(delimiter),
    EncodingType: isUrlEncoded ? "url" : undefined,
    IsTruncated: isTruncated === "maybe" ? "§maybe" : String(isTruncated),
    CommonPrefixes: page.flatMap((item) => ("prefix" in item ? [{ Prefix: shown(item.prefix) }] : [])),
  };
  const objects = page.flatMap((item) => ("prefix" in item ? [] : [item]));
  const content = objects.map(({ key, version }) => ({ Key: shown(key), ...contentOf(version) }));
  const position = previous === undefined ? after : nameOf(previous);
  switch (op) {
    case "ListObjects":
      return {
        ...common,
        Marker: shown(position),
        NextMarker:
          delimiter !== "" || isTruncated === "maybe" ? next(last === undefined ? "" : shown(nameOf(last))) : undefined,
        Contents: content.map((row, index) => ({ ...row, Owner: objects[index]?.version.owner })),
      };
    case "ListObjectsV2":
      return {
        ...common,
        KeyCount: String(page.length),
        ContinuationToken: previous === undefined ? undefined : "§any",
        NextContinuationToken: next("§any"),
        StartAfter: previous === undefined && after !== "" ? shown(after) : undefined,
        Contents: content,
      };
    case "ListObjectVersions":
      return {
        ...common,
        KeyMarker: shown(position),
        VersionIdMarker: previous !== undefined && !("prefix" in previous) ? "§any" : "",
        NextKeyMarker: next(last === undefined ? "" : shown(nameOf(last))),
        NextVersionIdMarker: last !== undefined && "prefix" in last ? undefined : next("§any"),
        Row: objects.map(({ key, version, isLatest }) => ({
          Kind: version.isMarker ? "DeleteMarker" : "Version",
          Key: shown(key),
          VersionId: version.id,
          IsLatest: String(isLatest),
          Owner: version.owner,
          ...(!version.isMarker && contentOf(version)),
        })),
      };
    default:
      return op satisfies never;
  }
}

const nameOf = (item: Item): string => ("prefix" in item ? item.prefix : item.key);

function contentOf({ etag, body, isInfrequent }: ObjectVersion) {
  return { ETag: `"${etag}"`, Size: String(body.length), StorageClass: isInfrequent ? "STANDARD_IA" : "STANDARD" };
}

/** `encoding-type=url`: a space is `+`, and a slash stays. */
function formEncoded(text: string): string {
  return encodeURIComponent(text).replaceAll("%20", "+").replaceAll("%2F", "/");
}

/** The keys of the histories have no characters beyond U+FFFF, so the order of UTF-16 is that of UTF-8. */
function byBytes(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
