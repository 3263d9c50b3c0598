/** Load on one server, and what it costs. */
import { Connection, type WireRequest } from "./connection.ts";
import { requireSuccess } from "./http-client.ts";
import { cpuMsOf } from "./processes.ts";
import type { Server } from "./servers.ts";

export interface LoadOptions {
  readonly connections: number;
  readonly requests: readonly WireRequest[];
  /** For how long the requests are repeated. Without it each is sent once. */
  readonly durationMs?: number;
}

export interface Load {
  readonly count: number;
  readonly tookMs: number;
  /** Of the server's processes, if the system says. */
  readonly cpuMs: number | undefined;
  readonly latenciesMs: readonly number[];
}

/** Each connection sends its next request when it has the answer. @throws Error for any status other than 2xx */
export async function applyLoad({ port, pid }: Server, options: LoadOptions): Promise<Load> {
  const { requests, durationMs } = options;
  const connections = Array.from({ length: options.connections }, () => new Connection(port));
  const latenciesMs: number[] = [];
  let next = 0;
  const cpuBefore = cpuMsOf(pid);
  const start = performance.now();
  const isOver = () => (durationMs === undefined ? next >= requests.length : performance.now() - start >= durationMs);
  try {
    await Promise.all(
      connections.map(async (connection) => {
        while (!isOver()) {
          const request = requests[next++ % requests.length];
          if (request === undefined) return;
          const sentAt = performance.now();
          requireSuccess(request.label, await connection.send(request));
          latenciesMs.push(performance.now() - sentAt);
        }
      }),
    );
    const tookMs = performance.now() - start;
    const cpuAfter = cpuMsOf(pid);
    const cpuMs = cpuBefore === undefined || cpuAfter === undefined ? undefined : cpuAfter - cpuBefore;
    return { count: latenciesMs.length, tookMs, cpuMs, latenciesMs };
  } finally {
    for (const connection of connections) connection.close();
  }
}

/** Runs `count` pieces of work, several at a time. */
export async function inParallel(concurrency: number, count: number, run: (index: number) => Promise<unknown>) {
  let next = 0;
  const worker = async () => {
    while (next < count) await run(next++);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}
