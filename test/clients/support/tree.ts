/** A directory tree as users have it: nested, with empty files and names that need escaping. */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";

/** File names that every client takes. Each needs escaping in a URL, in XML, in a query or in a signature. */
export const ODD_NAMES = [
  "a name with spaces.txt",
  "plus+plus.txt",
  "percent%20twenty%2F.txt",
  "ünï cödé.txt",
  "日本語 😀.txt",
  "amp&ersand.txt",
  "equals=sign.txt",
  "<angle>.xml",
  "semi;colon,comma.txt",
  "question?mark.txt",
  "hash#tag.txt",
  "quote'and\"double.txt",
  "paren(1)[2]{3}.txt",
  "bang!star*.txt",
  "at@dollar$colon:.txt",
  "tilde~caret^pipe|tick`.txt",
  ".hidden",
] as const;

const FOLDERS = ["", "nested/", "nested/deeper still/a+b&c=d/ünï/"] as const;

export interface TreeOptions {
  /** Adds files that clients upload in parts. */
  readonly largeFileBytes?: number;
}

/** Fills `root`. The bytes depend only on the name. */
export function makeTree(root: string, options: TreeOptions = {}): void {
  for (const folder of FOLDERS) {
    for (const name of ODD_NAMES) writeTreeFile(root, folder + name, 20 + name.length);
    writeTreeFile(root, `${folder}empty.bin`, 0);
    writeTreeFile(root, `${folder}one.bin`, 1);
  }
  writeTreeFile(root, "sizes/1-MiB-and-a-byte.bin", 1024 * 1024 + 1);
  writeTreeFile(root, "sizes/5-MiB.bin", 5 * 1024 * 1024);
  if (options.largeFileBytes !== undefined) writeTreeFile(root, "sizes/large.bin", options.largeFileBytes);
}

export function writeTreeFile(root: string, path: string, sizeBytes: number): void {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, pseudoRandomBytes(path, sizeBytes));
}

/** Bytes that do not compress and do not repeat at any block length, the same for the same seed. */
export function pseudoRandomBytes(seed: string, sizeBytes: number): Buffer {
  const bytes = createHash("shake256", { outputLength: Math.max(1, Math.min(sizeBytes, 65_537)) })
    .update(seed)
    .digest();
  const repeated = Buffer.alloc(sizeBytes, bytes);
  // Swapped and repeated blocks must be detected.
  for (let offset = 0; offset + 4 <= sizeBytes; offset += 65_537) repeated.writeUInt32BE(offset, offset);
  return repeated;
}

/** Size and SHA-256 of each file below `root`, by its relative path with `/`; to be compared with `toEqual`. */
export function readTree(root: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = readFileSync(path);
    const name = relative(root, path).replaceAll(sep, "/");
    files[name] = `${bytes.length} ${createHash("sha256").update(bytes).digest("hex")}`;
  }
  return files;
}
