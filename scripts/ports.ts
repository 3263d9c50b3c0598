/** Ports of this machine. */
import { randomInt } from "node:crypto";
import { createServer, type Server } from "node:net";

/**
 * Ports that no system assigns by itself (RFC 6335 assigns from 49152, Linux from 32768): a port of those could go to an
 * outgoing connection of any program before the server that it was found for listens.
 */
const LOWEST = 10_000;
const HIGHEST = 28_000;
const ATTEMPTS = 50;

/** A port of 127.0.0.1 that is free at the moment. @throws Error if many in a row are in use */
export async function findFreePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(LOWEST, HIGHEST);
    const server = await listen(port, "127.0.0.1").catch(() => undefined);
    if (server === undefined) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
  throw new Error("No free port.");
}

/** @param command the command that takes another port @throws Error with one sentence */
export async function requireFreePort(port: number, ip: string, command: string): Promise<void> {
  const server = await listen(port, ip === "*" ? "::" : ip).catch((cause: unknown) => {
    throw new Error(`${explain(cause, `${ip}:${port}`)}; choose another with \`${command}\`.`, { cause });
  });
  await new Promise((resolve) => server.close(resolve));
}

function explain(cause: unknown, place: string): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "EADDRINUSE") return `${place} is in use by another program`;
  if (code === "EACCES") return `${place} is not permitted for this user`;
  return `${place} cannot be listened on (${String(code ?? cause)})`;
}

function listen(port: number, host: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(port, host, () => resolve(server));
  });
}
