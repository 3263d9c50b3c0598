/** The client that measures: keep-alive connections, directly on the socket. */
import { Agent, request as sendRequest } from "node:http";
import { AwsClient } from "aws4fetch";

/** A request that is ready to be sent, with its signature. */
export interface PreparedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly sizeBytes: number;
  text(): string;
}

export class HttpClient {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  /** Resolves when the last byte of the answer has arrived; rejects for any status other than 2xx. */
  async send(prepared: PreparedRequest): Promise<Answer> {
    const answer = await this.exchange(prepared);
    if (answer.status < 200 || answer.status > 299) {
      throw new Error(`${prepared.method} ${prepared.path}: ${answer.status} ${answer.text().slice(0, 500)}`);
    }
    return answer;
  }

  exchange({ method, path, headers, body }: PreparedRequest): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sent = sendRequest(
        {
          ...{ agent: this.#agent, host: "127.0.0.1", port: this.#port, method, path },
          headers: { ...headers, ...(body !== undefined && { "content-length": String(body.length) }) },
        },
        (response) => {
          const chunks: Buffer[] = [];
          let sizeBytes = 0;
          response.on("data", (chunk: Buffer) => {
            sizeBytes += chunk.length;
            // Large bodies are counted and discarded.
            if (sizeBytes < 1024 * 1024) chunks.push(chunk);
          });
          response.on("error", reject);
          response.on("end", () => {
            const text = () => Buffer.concat(chunks).toString("utf8");
            resolve({ status: response.statusCode ?? 0, headers: response.headers, sizeBytes, text });
          });
        },
      );
      sent.on("error", reject);
      sent.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
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
