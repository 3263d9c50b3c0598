/** One HTTP/1.1 connection of the client that measures: prepared bytes out, an answer in, with as little work as possible. */
import { connect, type Socket } from "node:net";

/** A request as it is sent. */
export interface WireRequest {
  readonly method: string;
  /** The head, and the body in pieces. */
  readonly pieces: readonly Buffer[];
  /** For messages of errors. */
  readonly label: string;
}

export interface Answer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly sizeBytes: number;
  /** The body, if it is shorter than 1 MiB. */
  text(): string;
}

/** Bodies from this size are counted and discarded. */
const MAX_KEPT_BYTES = 1024 * 1024;

interface Pending {
  readonly request: WireRequest;
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

/** How the end of a body is found. */
type Framing = "length" | "chunked" | "close";

export class Connection {
  readonly #port: number;
  #socket: Socket | undefined;
  #pending: Pending | undefined;
  /** Bytes before the end of the head. */
  #early: Buffer | undefined;
  #head = "";
  #framing: Framing = "length";
  /** Of the body, or of the present chunk with its line end. */
  #left = 0;
  #line = "";
  #isLastChunk = false;
  #sizeBytes = 0;
  #kept: Buffer[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  /** One request at a time. Rejects when the server ends the connection within the answer. */
  send(request: WireRequest): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#pending = { request, resolve, reject };
      this.#reset();
      this.#socket ??= this.#open();
      for (const piece of request.pieces) this.#socket.write(piece);
    });
  }

  close(): void {
    this.#pending = undefined;
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #open(): Socket {
    const socket = connect(this.#port, "127.0.0.1");
    socket.setNoDelay(true);
    socket.on("data", (data: Buffer) => {
      if (this.#socket === socket) this.#receive(data);
    });
    socket.on("error", (error) => this.#lose(socket, error));
    socket.on("close", () => this.#lose(socket, new Error("The server closed the connection.")));
    return socket;
  }

  #reset(): void {
    this.#early = undefined;
    this.#head = "";
    this.#line = "";
    this.#isLastChunk = false;
    this.#sizeBytes = 0;
    this.#kept = [];
  }

  #lose(socket: Socket, error: Error): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    if (this.#head !== "" && this.#framing === "close") this.#finish();
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.reject(new Error(`${pending.request.label}: ${error.message}`, { cause: error }));
  }

  #receive(data: Buffer): void {
    if (this.#pending === undefined) return;
    if (this.#head !== "") {
      this.#receiveBody(data);
      return;
    }
    const bytes = this.#early === undefined ? data : Buffer.concat([this.#early, data]);
    const end = bytes.indexOf("\r\n\r\n");
    if (end < 0) {
      this.#early = bytes;
      return;
    }
    this.#early = undefined;
    const head = bytes.toString("latin1", 0, end);
    const rest = bytes.subarray(end + 4);
    // An interim answer, such as 100.
    if (head.charCodeAt(9) === 0x31) {
      if (rest.length > 0) this.#receive(rest);
      return;
    }
    this.#head = head;
    this.#begin();
    this.#receiveBody(rest);
  }

  #begin(): void {
    const status = Number(this.#head.slice(9, 12));
    const length = /\r\ncontent-length: *(\d+)/i.exec(this.#head)?.[1];
    this.#framing = "length";
    if (this.#pending?.request.method === "HEAD" || status === 204 || status === 304) this.#left = 0;
    else if (/\r\ntransfer-encoding: *chunked/i.test(this.#head)) {
      this.#framing = "chunked";
      this.#left = 0;
    } else if (length !== undefined) this.#left = Number(length);
    else this.#framing = "close";
  }

  #receiveBody(data: Buffer): void {
    if (this.#framing === "chunked") {
      this.#receiveChunks(data);
      return;
    }
    this.#keep(data);
    if (this.#framing === "close") return;
    this.#left -= data.length;
    if (this.#left <= 0) this.#finish();
  }

  #receiveChunks(data: Buffer): void {
    for (let at = 0; at < data.length; ) {
      if (this.#left > 0) {
        const piece = data.subarray(at, at + this.#left);
        this.#left -= piece.length;
        at += piece.length;
        this.#keep(this.#left > 0 ? piece : piece.subarray(0, Math.max(0, piece.length - 2)));
        continue;
      }
      const end = data.indexOf(10, at);
      this.#line += data.toString("latin1", at, end < 0 ? data.length : end + 1);
      if (end < 0) return;
      at = end + 1;
      const line = this.#line.trim();
      this.#line = "";
      if (this.#isLastChunk) {
        if (line === "") this.#finish();
      } else if (Number.parseInt(line, 16) === 0) this.#isLastChunk = true;
      else this.#left = Number.parseInt(line, 16) + 2;
    }
  }

  #keep(data: Buffer): void {
    this.#sizeBytes += data.length;
    if (this.#sizeBytes < MAX_KEPT_BYTES) this.#kept.push(data);
  }

  #finish(): void {
    const pending = this.#pending;
    this.#pending = undefined;
    const head = this.#head;
    const kept = this.#kept;
    if (/\r\nconnection: *close/i.test(head) || head.startsWith("HTTP/1.0")) {
      this.#socket?.destroy();
      this.#socket = undefined;
    }
    pending?.resolve({
      status: Number(head.slice(9, 12)),
      get headers() {
        return parseHeaders(head);
      },
      sizeBytes: this.#sizeBytes,
      text: () => Buffer.concat(kept).toString("utf8"),
    });
  }
}

function parseHeaders(head: string): Record<string, string> {
  return Object.fromEntries(
    head
      .split("\r\n")
      .slice(1)
      .map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
  );
}
