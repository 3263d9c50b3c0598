/**
 * Every request to a bucket with access logs becomes lines here, whatever surface has answered it and however: `surface.ts` passes
 * each answer through `noteRequest`. For a bucket without access logs that is one comparison.
 */
import type { LoggedAction, LoggedBucket } from "../model/logged-bucket.ts";
import { type Pieces, StreamPieces } from "../model/pieces.ts";
import type { RawUrl } from "../protocol/request-target.ts";
import type { Client } from "../protocol/s3-request.ts";
import type { RequestLog } from "../request-log.ts";
import { hostId } from "../response.ts";
import { formatLine } from "./line.ts";
import { LineBuffer, type LineBufferOptions, type LogEntry } from "./line-buffer.ts";
import { linesOfRequest, type SentAnswer } from "./request-lines.ts";

/** A request as the surfaces have it. */
interface Noted {
  readonly request: Request;
  readonly url: RawUrl;
  readonly client: Client;
  readonly log: RequestLog;
}

export class AccessLogs {
  readonly #buffer: LineBuffer;
  readonly #waitUntil: LineBufferOptions["waitUntil"];

  constructor(options: LineBufferOptions) {
    this.#buffer = new LineBuffer(options);
    this.#waitUntil = options.waitUntil;
  }

  /** Logs an answered request. @returns the answer to send: if its body is a stream, one that is watched to its end */
  noteRequest(noted: Noted, response: Response): Response {
    const { log } = noted;
    if (log.logged === undefined && log.copiedFrom === undefined) {
      if (log.findLogged !== undefined) this.#waitUntil(this.#noteFailed(noted, response, log.findLogged));
      return response;
    }
    const answer = { status: response.status, headers: response.headers, turnAroundMs: Date.now() - log.startedAt };
    if (response.body === null || log.textBytes !== undefined) {
      this.#add(noted, { ...answer, bytesSent: log.textBytes ?? 0 });
      return response;
    }
    const { status, statusText, headers } = response;
    const stated = headers.get("content-length");
    const length = stated === null ? undefined : Number(stated);
    const { readable, writable } = length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length);
    const sent = send(new StreamPieces(response.body, length), writable.getWriter());
    this.#waitUntil(sent.then((bytesSent) => this.#add(noted, { ...answer, bytesSent })));
    return new Response(readable, { status, statusText, headers, encodeBody: "manual" });
  }

  /** Logs what the lifecycle has done in a bucket. */
  noteActions(bucket: LoggedBucket | undefined, requestId: string, actions: readonly LoggedAction[]): void {
    if (bucket === undefined || actions.length === 0) return;
    const time = Date.now();
    const common = { bucket, time, requester: "AmazonS3", requestId, requestUri: undefined, hostId: hostId(requestId) };
    this.#buffer.add(actions.map((action) => ({ bucket, time, line: formatLine({ ...common, ...action }) })));
  }

  /** Sends what is waiting. */
  flush(): Promise<void> {
    return this.#buffer.flush();
  }

  #add(noted: Noted, answer: SentAnswer): void {
    const entries: readonly LogEntry[] = linesOfRequest(noted, answer);
    this.#buffer.add(entries);
  }

  /** The request failed before its bucket was read, and is answered: an error document without a stream. */
  async #noteFailed(
    noted: Noted,
    { status, headers }: Response,
    findLogged: () => Promise<LoggedBucket | undefined>,
  ): Promise<void> {
    const turnAroundMs = Date.now() - noted.log.startedAt;
    const logged = await findLogged().catch(() => undefined);
    if (logged === undefined) return;
    noted.log.logged = logged;
    this.#add(noted, { status, headers, turnAroundMs, bytesSent: noted.log.textBytes ?? 0 });
  }
}

/**
 * Sends a body unchanged, in large pieces: the platform's own pump does not say how far it has come, and cannot pump what it has
 * pumped before. @returns the number of bytes that were sent, also if the client left before the end
 */
async function send(pieces: Pieces, writer: WritableStreamDefaultWriter<Uint8Array>): Promise<number> {
  let bytesSent = 0;
  try {
    for (let piece = await pieces.next(); piece !== undefined; piece = await pieces.next()) {
      await writer.write(piece);
      bytesSent += piece.byteLength;
    }
    await writer.close();
  } catch (error) {
    // The one that failed is closed already; the client's connection ends as it would have without the log.
    await Promise.allSettled([pieces.cancel(error), writer.abort(error)]);
  }
  return bytesSent;
}
