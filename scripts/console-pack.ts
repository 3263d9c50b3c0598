/** Builds the console and packs its files into one module of the Worker, in the format of `src/console/pack.ts`. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, extname, join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import type { PackedFile } from "../src/console/pack.ts";
import { buildConsole } from "./build-console.ts";
import { projectRoot } from "./wrangler.ts";

/** The name under which the Worker imports the pack. */
export const PACK_PATH: string = join(projectRoot, "dist/console.bin");

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".woff2": "font/woff2",
};

/** As esbuild names files by their content. */
const HASHED_NAME = /-[A-Z0-9]{8}\.[a-z0-9]+$/;

/** Builds the console in a folder of its own. */
export async function buildConsolePack(): Promise<Uint8Array<ArrayBuffer>> {
  const folder = mkdtempSync(join(tmpdir(), "workers-s3-console-"));
  try {
    await buildConsole(folder);
    return packFolder(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes the module for wrangler and the tests, whole or not at all: several may build at the same time. */
export async function writeConsolePack(): Promise<void> {
  const pack = await buildConsolePack();
  mkdirSync(dirname(PACK_PATH), { recursive: true });
  const unfinished = `${PACK_PATH}.${process.pid}`;
  writeFileSync(unfinished, pack);
  renameSync(unfinished, PACK_PATH);
}

/** All files below the folder, in the order of their names. @throws Error for a file of an unknown type */
export function packFolder(folder: string): Uint8Array<ArrayBuffer> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && extname(entry.name) !== ".map")
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)).replaceAll("\\", "/"))
    .sort();
  const packed = paths.map((path) => packFile(path, readFileSync(join(folder, path))));
  const list = `${JSON.stringify(packed.map(({ file }) => file))}\n`;
  return new Uint8Array(Buffer.concat([Buffer.from(list), ...packed.map(({ gzipped }) => gzipped)]));
}

function packFile(path: string, content: Buffer): { readonly file: PackedFile; readonly gzipped: Buffer } {
  const contentType = CONTENT_TYPES[extname(path)];
  if (contentType === undefined) throw new Error(`The console's file ${path} has no content type.`);
  const gzipped = gzipSync(content, { level: 9 });
  const hash = createHash("sha256").update(content).digest("base64url").slice(0, 22);
  const isImmutable = HASHED_NAME.test(path);
  return { file: { path: `/${path}`, contentType, hash, isImmutable, length: gzipped.byteLength }, gzipped };
}
