/** The client that measures: requests that are signed and serialized before the clock starts, on keep-alive connections. */
import { AwsClient } from "aws4fetch";
import { type Answer, Connection, type WireRequest } from "./connection.ts";

/** A request that is ready to be sent, with its signature. */
export interface PreparedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** In pieces where the same bytes are repeated to make a large body. */
  readonly body?: Buffer | readonly Buffer[];
}

/** What an SDK sends besides what it signs. */
const AGENT_HEADERS = {
  "user-agent": "aws-sdk-js/3.1175.0",
  accept: "*/*",
  "amz-sdk-invocation-id": "3f0c2c1e-6f0e-4d6e-9a55-000000000000",
  "amz-sdk-request": "attempt=1; max=3",
};

/** The bytes of a request to a server on this machine. */
export function serialize(port: number, { method, path, headers = {}, body }: PreparedRequest): WireRequest {
  const pieces = body === undefined ? [] : Buffer.isBuffer(body) ? [body] : [...body];
  const all: Record<string, string> = { host: `127.0.0.1:${port}`, ...AGENT_HEADERS, ...headers };
  if (body !== undefined) all["content-length"] = String(pieces.reduce((sum, piece) => sum + piece.length, 0));
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  const label = `${method} ${path}`;
  const [first, ...others] = pieces;
  // A small request is one packet.
  const isSmall = first !== undefined && others.length === 0 && first.length <= 64 * 1024;
  return { method, label, pieces: isSmall ? [Buffer.concat([head, first])] : [head, ...pieces] };
}

/** @throws Error with the answer for any status other than 2xx */
export function requireSuccess(label: string, answer: Answer): Answer {
  if (answer.status < 200 || answer.status > 299) {
    throw new Error(`${label}: ${answer.status} ${answer.text().slice(0, 500)}`);
  }
  return answer;
}

/** As many connections as there are requests in flight. */
export class HttpClient {
  readonly #port: number;
  readonly #idle: Connection[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  /** Resolves when the last byte of the answer has arrived; rejects for any status other than 2xx. */
  async send(prepared: PreparedRequest): Promise<Answer> {
    return requireSuccess(`${prepared.method} ${prepared.path}`, await this.exchange(prepared));
  }

  async exchange(prepared: PreparedRequest): Promise<Answer> {
    const connection = this.#idle.pop() ?? new Connection(this.#port);
    const answer = await connection.send(serialize(this.#port, prepared));
    this.#idle.push(connection);
    return answer;
  }

  close(): void {
    for (const connection of this.#idle.splice(0)) connection.close();
  }
}

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export type Sign = (request: PreparedRequest) => Promise<PreparedRequest>;

/** Signs for S3. The payload hash is `x-amz-content-sha256`, or `UNSIGNED-PAYLOAD` without that header. */
export function makeSigner(port: number, credentials: Credentials): Sign {
  const client = new AwsClient({ ...credentials, service: "s3", region: "us-east-1", retries: 0 });
  return async ({ method, path, headers = {}, body }) => {
    const signed = await client.sign(`http://127.0.0.1:${port}${path}`, { method, headers });
    return { method, path, headers: Object.fromEntries(signed.headers), ...(body !== undefined && { body }) };
  };
}
