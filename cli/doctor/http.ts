/** One HTTP/1.1 request whose path and headers are sent as they are, with a time limit. Follows nothing and repeats nothing. */
import { Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps, Agent as TlsAgent } from "node:https";
import { isIP } from "node:net";
import type { TLSSocket } from "node:tls";
import { Interrupted } from "./check.ts";

/** Of an answer; a longer one is cut off. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export interface Outgoing {
  readonly method: string;
  /** As in the request line, with its query. */
  readonly path: string;
  /** With `host`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Sends the body without its length. */
  readonly isChunked?: boolean;
  /** Sends the body only once the server asks for it, or after this time. */
  readonly awaitContinueMs?: number;
}

/** Where a request goes. */
export interface Destination {
  readonly isTls: boolean;
  /** To connect to, and to compare with the certificate. */
  readonly host: string;
  readonly port: number;
}

export interface Limits {
  readonly timeoutMs: number;
  /** How much more time an upload is given. */
  readonly msPerMib: number;
  readonly signal: AbortSignal;
  /** PEM of certificate authorities, in addition to those that Node trusts. */
  readonly ca?: string;
}

export interface Answer {
  readonly status: number;
  /** Lower-case names; repeated ones are joined. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Until the last byte. */
  readonly milliseconds: number;
  /** Whether the server asked for the body of a request with `Expect: 100-continue`. */
  readonly isContinued: boolean;
  readonly tls?: TlsFacts;
}

export interface TlsFacts {
  readonly protocol: string;
  readonly expiresAt: Date | undefined;
  readonly issuer: string;
}

/** No answer, or a part of one. */
export class NoAnswer extends Error {
  /** `timeout`, or the code of Node's error. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export type Agents = ReturnType<typeof openAgents>;

export function openAgents(ca?: string) {
  const plain = new Agent({ keepAlive: true, maxSockets: 8 });
  // A resumed session does not show the certificate.
  const tls = new TlsAgent({ keepAlive: true, maxSockets: 8, maxCachedSessions: 0, ...(ca !== undefined && { ca }) });
  return {
    plain,
    tls,
    close(): void {
      plain.destroy();
      tls.destroy();
    },
  };
}

/** @throws NoAnswer, Interrupted */
export async function exchange(
  { destination, agents }: { readonly destination: Destination; readonly agents: Agents },
  outgoing: Outgoing,
  limits: Limits,
): Promise<Answer> {
  const { isTls, host, port } = destination;
  const { method, path, headers, body, isChunked = false, awaitContinueMs } = outgoing;
  const length = body !== undefined && !isChunked ? { "content-length": String(body.byteLength) } : {};
  const options = {
    host,
    port,
    method,
    path,
    agent: isTls ? agents.tls : agents.plain,
    headers: { ...headers, ...length, ...(awaitContinueMs !== undefined && { expect: "100-continue" }) },
    setHost: false,
    // A name only, as the TLS extension has it.
    ...(isIP(host) === 0 && { servername: host }),
  };
  const start = performance.now();
  const sent = isTls ? requestHttps(options) : requestHttp(options);
  return new Promise((resolve, reject) => {
    let isContinued = false;
    const allowedMs = limits.timeoutMs + ((body?.byteLength ?? 0) / 2 ** 20) * limits.msPerMib;
    const timer = setTimeout(() => end(new NoAnswer("timeout", `no answer within ${seconds(allowedMs)}`)), allowedMs);
    const interrupt = () => end(new Interrupted());
    let end = (error: Error): void => {
      sent.destroy();
      reject(error);
    };
    const release = () => {
      clearTimeout(timer);
      limits.signal.removeEventListener("abort", interrupt);
      end = () => {};
    };
    limits.signal.addEventListener("abort", interrupt, { once: true });
    if (limits.signal.aborted) interrupt();
    sent.on("error", (error) => {
      end(noAnswer(error));
      release();
    });
    sent.on("close", release);
    sent.on("continue", () => {
      isContinued = true;
    });
    sent.on("response", (received) => {
      // Afterwards the socket belongs to another request.
      const tls = isTls ? { tls: tlsFactsOf(received.socket as TLSSocket) } : {};
      const pieces: Buffer[] = [];
      let size = 0;
      received.on("data", (piece: Buffer) => {
        size += piece.byteLength;
        pieces.push(piece);
        if (size > MAX_ANSWER_BYTES) end(new NoAnswer("too-long", "an answer without end"));
      });
      received.on("error", (error) => end(noAnswer(error)));
      received.on("aborted", () => end(new NoAnswer("cut-off", "the answer was cut off")));
      received.on("end", () => {
        resolve({
          status: received.statusCode ?? 0,
          headers: joined(received),
          body: Buffer.concat(pieces),
          milliseconds: performance.now() - start,
          isContinued,
          ...tls,
        });
        release();
        // An answer that came before the end of the upload leaves the connection unusable.
        if (!sent.writableFinished) sent.destroy();
      });
    });
    sendBody(sent, body, awaitContinueMs);
  });
}

function sendBody(sent: ClientRequest, body: Uint8Array | undefined, awaitContinueMs: number | undefined): void {
  if (awaitContinueMs === undefined) {
    sent.end(body);
    return;
  }
  sent.flushHeaders();
  let isSent = false;
  const send = () => {
    clearTimeout(timer);
    if (!isSent && !sent.destroyed) sent.end(body);
    isSent = true;
  };
  const timer = setTimeout(send, awaitContinueMs);
  sent.once("continue", send);
  // A final answer without a 100 means that the body is not wanted.
  sent.once("response", send);
  sent.once("close", () => clearTimeout(timer));
}

function joined({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : (value ?? "")]),
  );
}

function tlsFactsOf(socket: TLSSocket): TlsFacts {
  const { valid_to: validTo, issuer } = socket.getPeerCertificate();
  const expiresAt = validTo === undefined ? undefined : new Date(validTo);
  const names: unknown[] = [issuer?.O, issuer?.CN].flat();
  return {
    protocol: socket.getProtocol() ?? "",
    expiresAt,
    issuer: names.filter((name) => typeof name === "string").join(", "),
  };
}

function noAnswer(error: Error): NoAnswer {
  const code: unknown = Reflect.get(error, "code");
  return new NoAnswer(typeof code === "string" ? code : "error", error.message.split("\n")[0] ?? "");
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
