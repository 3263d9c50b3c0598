/** Keeps two servers from the same data: each would have Durable Objects of its own, which know nothing of the other's. */
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive } from "./processes.ts";

/** Held until this process ends. @throws Error in a sentence for the person who starts the second server */
export function lockFolder(folder: string): void {
  const path = join(folder, "server.pid");
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, String(process.pid));
  try {
    const holder = readHolder(path);
    if (holder !== undefined && holder !== process.pid && isAlive(holder)) throw inUse(folder, holder, path);
    // What a server has left that was killed.
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
      `If that process is no server, remove ${path}.`,
  );
}
