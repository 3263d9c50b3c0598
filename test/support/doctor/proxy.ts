/** A reverse proxy that passes requests unchanged, except for one fault. */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as requestUpstream,
  type ServerResponse,
} from "node:http";
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import type { AddressInfo, Socket } from "node:net";

export interface Passed {
  readonly method: string;
  /** As in the request line. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly isHttp2: boolean;
}

export interface Given {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

export interface Fault {
  /** What is sent on instead. */
  request?(passed: Passed): Partial<Passed>;
  /** Answers instead of the server; null: never. */
  answer?(passed: Passed): Given | null | undefined;
  /** What the client gets instead. */
  response?(given: Given, passed: Passed): Given;
}

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

export interface Proxy {
  readonly endpoint: string;
  close(): Promise<void>;
}

/**
 * Listens on a free port of 127.0.0.1. A client's `Host` is passed on.
 * @param certificate speaks HTTP/2 and HTTP/1.1 over TLS
 */
export async function startProxy(port: number, fault: Fault, certificate?: Certificate): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const handle = (incoming: Incoming, outgoing: Outgoing) => {
    pass(port, fault, { incoming, outgoing }).catch(() => incoming.socket.destroy());
  };
  const server =
    certificate === undefined ? createServer(handle) : createSecureServer({ ...certificate, allowHTTP1: true }, handle);
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address() as AddressInfo;
  return {
    endpoint: `http${certificate === undefined ? "" : "s"}://127.0.0.1:${address.port}`,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Incoming = IncomingMessage | Http2ServerRequest;
type Outgoing = ServerResponse | Http2ServerResponse;

interface Pair {
  readonly incoming: Incoming;
  readonly outgoing: Outgoing;
}

async function pass(port: number, fault: Fault, { incoming, outgoing }: Pair): Promise<void> {
  const { method = "", url: path = "" } = incoming;
  const headers = withoutPseudoHeaders(incoming.headers);
  const passed: Passed = {
    method,
    path,
    headers,
    body: await read(incoming),
    isHttp2: incoming.httpVersionMajor === 2,
  };
  const own = fault.answer?.(passed);
  if (own === null) return;
  const answer = own ?? (await forward(port, { ...passed, ...fault.request?.(passed) }));
  const { status, headers: given, body } = fault.response?.(answer, passed) ?? answer;
  for (const [name, value] of Object.entries(given)) if (value !== undefined) outgoing.setHeader(name, value);
  outgoing.statusCode = status;
  if (method === "HEAD") outgoing.end();
  else {
    // Node would add the length of a body that ends with the head.
    if ("flushHeaders" in outgoing) outgoing.flushHeaders();
    outgoing.end(body);
  }
}

function withoutPseudoHeaders(given: IncomingHttpHeaders): IncomingHttpHeaders {
  const { ":authority": host, ...headers } = given as IncomingHttpHeaders & { readonly ":authority"?: string };
  const kept = Object.entries(headers).filter(([name]) => !name.startsWith(":"));
  return { ...Object.fromEntries(kept), ...(host !== undefined && { host }) };
}

function forward(port: number, { method, path, headers, body }: Passed): Promise<Given> {
  return new Promise((resolve, reject) => {
    // The proxy has answered `Expect` itself.
    const { expect: _, connection: __, ...kept } = headers;
    const sent = requestUpstream({ host: "127.0.0.1", port, method, path, headers: kept, setHost: false });
    sent.on("error", reject);
    sent.on("response", async (received) => {
      // Node decides about these itself.
      const { connection: _, "transfer-encoding": __, "keep-alive": ___, ...given } = received.headers;
      resolve({ status: received.statusCode ?? 0, headers: given, body: await read(received) });
    });
    // Node would add a length to an upload that has none.
    for (const name of ["content-length", "transfer-encoding"])
      if (headers[name] === undefined) sent.removeHeader(name);
    sent.end(body);
  });
}

async function read(stream: Incoming): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
