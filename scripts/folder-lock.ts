/** Keeps two servers from using the same data: each would run its own Durable Objects, unaware of the other's. */
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive } from "./processes.ts";

/** The lock is held until this process ends. @throws Error with a sentence for the person who starts a second server */
export function lockFolder(folder: string): void {
  const path = join(folder, "server.pid");
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, String(process.pid));
  try {
    const holder = readHolder(path);
    if (holder !== undefined && holder !== process.pid && isAlive(holder)) throw inUse(folder, holder, path);
    // A server that was killed leaves its file behind.
    if (holder !== process.pid) rmSync(path, { force: true });
    if (holder !== process.pid) linkSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
  process.on("exit", () => {
    if (readHolder(path) === process.pid) rmSync(path, { force: true });
  });
}

function readHolder(path: string): number | undefined {
  try {
    return Number(readFileSync(path, "utf8")) || undefined;
  } catch {
    return undefined;
  }
}

function inUse(folder: string, holder: number, path: string): Error {
  return new Error(
    `${folder} is in use by another server (process ${holder}); choose another folder with --persist-to. ` +
      `If that process is not a server, remove ${path}.`,
  );
}
