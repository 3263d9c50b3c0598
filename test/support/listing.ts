/** Shared by the tests of the three listings: their buckets, and pages computed from keys by S3's definition. */
import { putObject } from "./request.ts";
import { createBucket } from "./s3.ts";
import { all, type Element, textIn, texts } from "./xml.ts";

/** Sorted by UTF-8 bytes. */
export const HOSTILE_KEYS = [
  "\u0001",
  " ",
  "/",
  "//x",
  "007",
  "a",
  "a b",
  "a%20b",
  "a&b<c>\"d'",
  "a+b",
  "a/",
  "a/b",
  "a/b/c",
  "a\\b",
  "b/1",
  "b/2",
  "c=d?e#f",
  "~",
  "ünï/x",
  "\u{ffee}",
  "\u{1f600}/y",
];

export async function bucketOf(keys: readonly string[]): Promise<string> {
  const bucket = await createBucket();
  await Promise.all(keys.map((key) => putObject(bucket, key)));
  return bucket;
}

export interface Page {
  readonly root: Element;
  readonly keys: readonly string[];
  readonly prefixes: readonly string[];
}

export function readPage(root: Element, item: "Contents" | "Version" = "Contents"): Page {
  return { root, keys: texts(root, item, "Key"), prefixes: texts(root, "CommonPrefixes", "Prefix") };
}

/** Names of the direct children that are not items. */
export function headNames(root: Element): string[] {
  return root.children
    .map(({ name }) => name)
    .filter((name) => !["Contents", "Version", "CommonPrefixes"].includes(name));
}

export function textsIn(root: Element, names: readonly string[]): Record<string, string | undefined> {
  return Object.fromEntries(names.map((name) => [name, textIn(root, name)]));
}

export function firstItem(root: Element, item: "Contents" | "Version" = "Contents"): Element | undefined {
  return all(root, item)[0];
}

/** Decodes `encoding-type=url`, a form encoding. */
export function decodeListed(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}
