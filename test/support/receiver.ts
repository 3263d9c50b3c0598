/**
 * Vitest's global setup of the `worker` project: a server on 127.0.0.1 that behaves as receivers of outgoing requests do,
 * mostly the faulty ones. `const { origin, tls } = inject("receiver")`; the path says what happens.
 *
 * | path | what happens |
 * |-|-|
 * | `/echo` | 200 with what came in, as JSON of type `Received` |
 * | `/status/<number>` | that status, with a body and `Location: /echo` |
 * | `/early` | 403 before the request's body has been read |
 * | `/silent` | nothing |
 * | `/drip-headers`, `/drip-body` | a byte every 20 ms, without end |
 * | `/endless` | 200 with a body without end |
 * | `/zeros` | 200 with 64 MiB of zeros, compressed |
 * | `/reset`, `/broken-body` | the connection is reset before the answer, or after 10 of 100 bytes of it |
 * | `/garbage` | an answer that is not HTTP |
 * | `/inbox?id=` | POST: 200, and it is kept; GET: all that was kept, as JSON of type `Received[]` |
 * | `/count?id=` | how many requests with `id=` in their query came, and whether the last connection is closed |
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import type { TestProject } from "vitest/node";

/** Below those that systems give away (RFC 6335, and 32768 on Linux), so that no other test's server comes to listen there. */
const CLOSED_PORT = 28_657;

export interface ReceiverAccess {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  /** `https://127.0.0.1:<port>` that accepts connections and sends nothing. */
  readonly mute: string;
  /** `http://127.0.0.1:<port>` where no server listens. */
  readonly closed: string;
}

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

declare module "vitest" {
  interface ProvidedContext {
    receiver: ReceiverAccess;
  }
}

const seen = new Map<string, { count: number; isClosed: boolean }>();

const inboxes = new Map<string, Received[]>();

type Behaviour = (response: ServerResponse, request: IncomingMessage, socket: Socket) => unknown;

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  async echo(response, request) {
    const { method, url, headers } = request;
    const body = (await buffer(request).catch(() => undefined))?.toString("latin1");
    response.setHeader("set-cookie", "session=1").end(JSON.stringify({ method, url, headers, body }));
  },
  async inbox(response, request) {
    const kept = inboxes.get(idOf(request)) ?? [];
    const { method = "", url = "", headers } = request;
    if (method === "GET") return response.end(JSON.stringify(kept));
    const body = (await buffer(request)).toString();
    inboxes.set(idOf(request), [...kept, { method, url, headers: headers as Received["headers"], body }]);
    return response.end();
  },
  status(response, request) {
    const status = Number(request.url?.split("/")[2]);
    response.writeHead(status, { location: "/echo" }).end(status === 304 ? undefined : "body");
  },
  early: (response) => response.writeHead(403, { connection: "close" }).end("no"),
  silent: () => undefined,
  "drip-headers"(_response, _request, socket) {
    socket.write("HTTP/1.1 200 OK\r\nX-Slow: ");
    drip(socket);
  },
  "drip-body"(response, _request, socket) {
    response.writeHead(200, { "content-length": "1000000" }).flushHeaders();
    drip(socket);
  },
  endless(response) {
    const block = Buffer.alloc(65_536, "x");
    const more = () => {
      while (!response.destroyed && response.write(block));
    };
    response.on("drain", more);
    more();
  },
  zeros: (response) => response.setHeader("content-encoding", "gzip").end(gzipSync(Buffer.alloc(64 * 1024 * 1024))),
  reset: (_response, _request, socket) => socket.resetAndDestroy(),
  "broken-body"(response, _request, socket) {
    response.writeHead(200, { "content-length": "100" });
    response.write("0123456789", () => setTimeout(() => socket.resetAndDestroy(), 50));
  },
  garbage: (_response, _request, socket) => socket.end("220 mail.example ESMTP\r\n"),
  count(response, request) {
    response.end(JSON.stringify(seen.get(idOf(request)) ?? { count: 0, isClosed: false }));
  },
};

const idOf = (request: IncomingMessage) => /[?&]id=([^&]*)/.exec(request.url ?? "")?.[1] ?? "";

function drip(socket: Socket): void {
  const timer = setInterval(() => socket.write("x"), 20);
  socket.on("close", () => clearInterval(timer));
}

function receive(request: IncomingMessage, response: ServerResponse): void {
  const [, name = ""] = /^\/([a-z-]+)/.exec(request.url ?? "") ?? [];
  const id = idOf(request);
  if (id !== "" && name !== "count" && name !== "inbox") {
    const entry = { count: (seen.get(id)?.count ?? 0) + 1, isClosed: false };
    seen.set(id, entry);
    request.socket.on("close", () => {
      entry.isClosed = true;
    });
  }
  const behaviour = BEHAVIOURS[name];
  if (behaviour === undefined) response.writeHead(404).end();
  else void behaviour(response, request, request.socket);
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = createServer(receive);
  server.on("connection", (socket: Socket) => socket.on("error", () => undefined));
  const sockets = new Set<Socket>();
  const mute = createTcpServer((socket) => {
    sockets.add(socket.on("error", () => undefined).on("close", () => sockets.delete(socket)));
  });
  project.provide("receiver", {
    origin: `http://127.0.0.1:${await listen(server)}`,
    mute: `https://127.0.0.1:${await listen(mute)}`,
    closed: `http://127.0.0.1:${CLOSED_PORT}`,
  });
  return async () => {
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    await Promise.all([server, mute].map((each) => new Promise((resolve) => each.close(resolve))));
  };
}
