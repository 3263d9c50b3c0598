/** Where Miniflare keeps the R2 buckets of a local server. */
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { databaseFile } from "./local-files.ts";
import type { BucketBinding } from "./worker-config.ts";

/** The name under which Miniflare keeps a bucket: its name on the account, or the name of its binding where it has none. */
export function localBucketId({ binding, bucketName }: BucketBinding): string {
  return bucketName ?? binding;
}

/**
 * Moves the objects of a bucket that was stored under the name of its binding to the folder of the name it has now. A folder
 * that already holds objects is left as it is.
 * @param folder the storage of Miniflare
 */
export function adoptUnnamedBuckets(folder: string, buckets: readonly BucketBinding[]): void {
  for (const bucket of buckets) {
    const [from, to] = [bucket.binding, localBucketId(bucket)].map((id) => filesOf(folder, id));
    if (from === undefined || to === undefined || from.index === to.index) continue;
    if (!existsSync(from.index)) continue;
    if (existsSync(to.index)) {
      if (hasFiles(to.blobs)) continue;
      for (const suffix of PARTS) rmSync(to.index + suffix, { force: true });
    }
    // The index is moved last, and its main file at the end: after a crash in between, the next start continues.
    if (existsSync(from.blobs)) {
      rmSync(to.blobs, { recursive: true, force: true });
      renameSync(from.blobs, to.blobs);
    }
    for (const suffix of PARTS) {
      if (existsSync(from.index + suffix)) renameSync(from.index + suffix, to.index + suffix);
    }
  }
}

/** The suffixes of the files of an SQLite database. */
const PARTS = ["-wal", "-shm", ""];

interface BucketFiles {
  /** A folder of bodies. */
  readonly blobs: string;
  /** The SQLite database of keys and metadata. */
  readonly index: string;
}

function filesOf(folder: string, id: string): BucketFiles {
  return { blobs: join(folder, "r2", id), index: databaseFile(folder, "r2", id) };
}

function hasFiles(folder: string): boolean {
  return existsSync(folder) && readdirSync(folder, { recursive: true, withFileTypes: true }).some((e) => e.isFile());
}
