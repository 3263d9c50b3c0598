/** Rows of the list of objects: folders, objects and versions, and which of them are selected. */
import type { ListedFolder, ListedObject, ListedVersion } from "../../api/s3/listing.ts";

export type Row = ListedFolder | ListedObject | ListedVersion;

export function rowKey(row: Row): string {
  return row.kind === "version" ? `version ${row.versionId} ${row.key}` : `${row.kind} ${row.key}`;
}

/** The part of a key that the list of its folder shows. */
export function nameBelow(prefix: string, key: string): string {
  const name = key.slice(prefix.length);
  return name === "" ? "(this folder)" : name;
}

/** The last part: `a/b/` is `b/`. */
export function lastPart(key: string): string {
  return /[^/]*\/?$/.exec(key)?.[0] || key;
}

/** The folders of a prefix, from the outermost one: `a/`, `a/b/`. */
export function foldersOf(prefix: string): readonly string[] {
  const parts = prefix.split("/").slice(0, -1);
  return parts.map((_part, index) => `${parts.slice(0, index + 1).join("/")}/`);
}

/** Where a key of the folder `from` has to be after a copy of its folder or object to `to`. */
export function targetKey(key: string, from: string, to: string): string {
  return `${to}${key.slice(from.length)}`;
}

export function describeSelection(rows: readonly Row[]): string {
  const folders = rows.filter(({ kind }) => kind === "folder").length;
  const objects = rows.filter(({ kind }) => kind === "object").length;
  const versions = rows.length - folders - objects;
  const part = (count: number, name: string) =>
    count === 0 ? [] : [`${count.toLocaleString("en")} ${name}${count === 1 ? "" : "s"}`];
  return [...part(folders, "folder"), ...part(objects, "object"), ...part(versions, "version")].join(", ");
}
