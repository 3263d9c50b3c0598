/**
 * The console's files as one module of the Worker: a line of JSON that lists them, and their bytes, each with gzip.
 * `scripts/pack-console.ts` writes it.
 *
 * They are no static assets of the platform: with those, its router is called before the Worker, and removes dot segments
 * from the path of every request, which changes keys of S3 and breaks their signatures.
 */

export interface PackedFile {
  /** Path of the URL, with its slash. */
  readonly path: string;
  readonly contentType: string;
  /** Of its content, for the entity tag. */
  readonly hash: string;
  /** Whether its name contains a hash of its content. */
  readonly isImmutable: boolean;
  /** Bytes in the pack. */
  readonly length: number;
}

export interface ConsoleFile extends Omit<PackedFile, "path" | "length"> {
  readonly gzipped: Uint8Array<ArrayBuffer>;
}

const NEWLINE = 10;

/** Files by path. */
export function readPack(pack: ArrayBuffer): ReadonlyMap<string, ConsoleFile> {
  const bytes = new Uint8Array(pack);
  const end = bytes.indexOf(NEWLINE);
  const listed = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end))) as readonly PackedFile[];
  const files = new Map<string, ConsoleFile>();
  let start = end + 1;
  for (const { path, length, ...file } of listed) {
    files.set(path, { ...file, gzipped: bytes.subarray(start, start + length) });
    start += length;
  }
  return files;
}
