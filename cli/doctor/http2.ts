/** One HTTP/2 request on a connection of its own, with a time limit. */
import {
  type ClientHttp2Session,
  connect,
  constants,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from "node:http2";
import { isIP } from "node:net";
import { connect as connectTls } from "node:tls";
import { Interrupted } from "./check.ts";
import { type Answer, type Destination, type Limits, NoAnswer, type Outgoing } from "./http.ts";

/** @returns undefined if the server does not offer HTTP/2. @throws NoAnswer */
export async function openHttp2({ host, port }: Destination, limits: Limits): Promise<ClientHttp2Session | undefined> {
  const { ca, timeoutMs } = limits;
  const socket = connectTls({
    host,
    port,
    ALPNProtocols: ["h2", "http/1.1"],
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca !== undefined && { ca }),
  });
  await new Promise<void>((resolve, reject) => {
    socket.setTimeout(timeoutMs, () => end(new NoAnswer("timeout", `no answer within ${timeoutMs / 1000} s`)));
    socket.once("error", (error) => end(new NoAnswer(String(Reflect.get(error, "code") ?? "error"), error.message)));
    socket.once("secureConnect", () => {
      socket.setTimeout(0);
      resolve();
    });
    function end(error: Error) {
      socket.destroy();
      reject(error);
    }
  });
  if (socket.alpnProtocol !== "h2") {
    socket.destroy();
    return undefined;
  }
  const session = connect(`https://${isIP(host) === 6 ? `[${host}]` : host}:${port}`, {
    createConnection: () => socket,
  });
  // Each stream reports it as well.
  session.on("error", () => {});
  return session;
}

/** @throws NoAnswer, Interrupted */
export async function exchangeHttp2(session: ClientHttp2Session, sent: Outgoing, limits: Limits): Promise<Answer> {
  const { host = "", ...headers } = sent.headers;
  const start = performance.now();
  const stream = session.request(
    { ":method": sent.method, ":path": sent.path, ":authority": host, ...headers },
    { endStream: sent.body === undefined },
  );
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let received: IncomingHttpHeaders & IncomingHttpStatusHeader = {};
    const end = (error: Error) => {
      stream.close(constants.NGHTTP2_CANCEL);
      reject(error);
    };
    const timer = setTimeout(
      () => end(new NoAnswer("timeout", `no answer within ${limits.timeoutMs / 1000} s`)),
      limits.timeoutMs,
    );
    const interrupt = () => end(new Interrupted());
    limits.signal.addEventListener("abort", interrupt);
    stream.on("response", (given) => {
      received = given;
    });
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    stream.on("error", (error) => reject(new NoAnswer(String(Reflect.get(error, "code") ?? "error"), error.message)));
    stream.on("close", () => {
      clearTimeout(timer);
      limits.signal.removeEventListener("abort", interrupt);
      const { ":status": status, ...given } = received;
      if (status === undefined) return reject(new NoAnswer("cut-off", "the stream ended without an answer"));
      resolve({
        status,
        headers: Object.fromEntries(Object.entries(given).map(([name, value]) => [name, String(value ?? "")])),
        body: Buffer.concat(pieces),
        milliseconds: performance.now() - start,
        isContinued: false,
      });
    });
    if (sent.body !== undefined) stream.end(sent.body);
  });
}
