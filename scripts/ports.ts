/** Ports of this machine. */
import { createServer, type Server } from "node:net";

/** A port that is free at the moment. */
export async function findFreePort(): Promise<number> {
  const server = await listen(0, "127.0.0.1");
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("No free port.");
  return address.port;
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
