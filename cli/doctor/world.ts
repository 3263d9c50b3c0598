/** What checks share: the endpoint, signed requests, the temporary bucket, and its removal. */
import { randomBytes } from "node:crypto";
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";
import { elementOf, elementsOf, errorOf, explain, explainSilence } from "./blame.ts";
import { Ended, fail, type Verdict } from "./check.ts";
import {
  type Agents,
  type Answer,
  type Destination,
  exchange,
  type Limits,
  NoAnswer,
  type Outgoing,
  openAgents,
} from "./http.ts";
import {
  encodePath,
  encodeQuery,
  type Keys,
  md5Base64,
  presign,
  type Signed,
  sha256,
  signHeaders,
  UNSIGNED,
} from "./sign.ts";

export interface WorldOptions {
  readonly endpoint: URL;
  readonly keys: Keys;
  /** Without an answer, a request is given up after this time. */
  readonly timeoutMs: number;
  /** How much more time an upload is given. */
  readonly msPerMib: number;
  /** Bytes that the check of the request size sends at most. */
  readonly uploadBytes: number;
  /** How long the check of the queues waits. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
  /** PEM of certificate authorities, in addition to those that Node trusts. */
  readonly ca?: string;
}

export interface S3Request {
  readonly method?: string;
  /** Null: none. Absent: the temporary bucket. */
  readonly bucket?: string | null;
  readonly key?: string;
  /** The path as it is sent, if it is not that of bucket and key. */
  readonly path?: string;
  /** The path that is signed, if it is not the one that is sent. */
  readonly signedPath?: string;
  /** Encoded, without `?`. */
  readonly query?: string;
  /** Lower-case names; all are signed. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent and not signed. */
  readonly unsignedHeaders?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly by?: "header" | "query" | "anonymous";
  /** Value of x-amz-content-sha256, if it is not the hash of the body. */
  readonly payloadHash?: string;
  readonly isChunked?: boolean;
  readonly awaitContinueMs?: number;
  /** Another host of the deployment, with its port if it is not the scheme's. */
  readonly host?: string;
  readonly destination?: Destination;
  readonly userAgent?: string;
  /** The coding of the answer is part of what is checked. */
  readonly isRaw?: boolean;
}

/** An answer whose body is decoded, if something has compressed it on its way. */
export interface Received extends Answer {
  /** The coding that was removed. */
  readonly coding?: string;
}

/** What the admin API says about the deployment. */
export interface Facts {
  readonly region: string;
  readonly s3Domains: readonly string[];
  readonly websiteDomains: readonly string[];
  readonly configTtlSeconds: number;
  readonly edgeCacheSeconds: number;
  readonly customerKeysOverHttp: boolean;
  readonly database: { readonly milliseconds: number; readonly region: string | null };
  readonly schedules: Readonly<Record<string, string | null>>;
}

export const USER_AGENT = "workers-s3-doctor/1";
/** No check makes as many objects. */
const MAX_PAGES = 10;
const RETRY_MAX_BYTES = 256 * 1024;
const NEVER = new AbortController().signal;

export class World {
  readonly options: WorldOptions;
  readonly bucket = `doctor-${randomBytes(8).toString("hex")}`;
  readonly destination: Destination;
  /** Of the admin API, once its check has read them. */
  facts: Facts | undefined;
  isBucketCreated = false;
  /** What was sent in bodies. */
  sentBytes = 0;
  readonly #agents: Agents;
  readonly #undo: (() => Promise<unknown>)[] = [];
  #signal: AbortSignal;
  #polls = 0;

  constructor(options: WorldOptions) {
    this.options = options;
    const { protocol, hostname, port } = options.endpoint;
    const isTls = protocol === "https:";
    this.destination = { isTls, host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || (isTls ? 443 : 80)) };
    this.#agents = openAgents(options.ca);
    this.#signal = options.signal;
  }

  /** Whether the endpoint is this machine. */
  get isLocal(): boolean {
    return /^(localhost|127\.[\d.]+|::1)$|\.localhost$/.test(this.destination.host);
  }

  get limits(): Limits {
    const { timeoutMs, msPerMib, ca } = this.options;
    return { timeoutMs, msPerMib, signal: this.#signal, ...(ca !== undefined && { ca }) };
  }

  /** @throws NoAnswer, Interrupted */
  async send(request: S3Request): Promise<Received> {
    const outgoing = this.prepare(request);
    const { destination = this.destination } = request;
    const { limits } = this;
    const attempt = () => {
      this.sentBytes += outgoing.body?.byteLength ?? 0;
      return exchange({ destination, agents: this.#agents }, outgoing, limits);
    };
    const answer = await attempt().catch((error: unknown) => {
      // A connection that was idle may have been closed by the other side.
      const isClosed = error instanceof NoAnswer && ["ECONNRESET", "EPIPE"].includes(error.code);
      if (!isClosed || (outgoing.body?.byteLength ?? 0) > RETRY_MAX_BYTES) throw error;
      return attempt();
    });
    return request.isRaw ? answer : decoded(answer);
  }

  /** @throws Ended with a failure for another status */
  async expect(request: S3Request, status: number, what: string): Promise<Received> {
    const answer = await this.send(request);
    if (answer.status !== status) throw new Ended(unexpected(answer, what));
    return answer;
  }

  put(key: string, body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}): Promise<Received> {
    return this.expect({ method: "PUT", key, body, headers }, 200, `PUT of "${key}"`);
  }

  get(key: string, options: Omit<S3Request, "key"> = {}): Promise<Received> {
    return this.expect({ key, ...options }, 200, `GET of "${key}"`);
  }

  /** A configuration or another document of S3. */
  document(method: string, query: string, xml: string): S3Request {
    return { method, query, body: xml, headers: { "content-md5": md5Base64(Buffer.from(xml)) } };
  }

  /** A call of the admin API. A cache on the way does not know the query. */
  admin(method: string, path: string): Promise<Received> {
    return this.send({ method, bucket: null, path: `/-/admin${path}`, query: `n=${++this.#polls}` });
  }

  presigned(key: string): string {
    const path = `/${this.bucket}/${encodePath(key)}`;
    const signable = { method: "GET", path, query: "", headers: { host: this.#hostHeader() } };
    return `${path}?${presign(signable, this.options.keys, new Date())}`;
  }

  async pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(end, ms);
      const signal = this.#signal;
      function end() {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve();
      }
      signal.addEventListener("abort", end);
      if (signal.aborted) end();
    });
  }

  /** To be called at the end, whatever happens. */
  undo(work: () => Promise<unknown>): void {
    this.#undo.push(work);
  }

  /** Removes what was made. @returns what could not be removed */
  async cleanUp(): Promise<string[]> {
    this.#signal = NEVER;
    const left: string[] = [];
    for (const work of this.#undo.splice(0)) await work().catch((error: unknown) => left.push(reasonOf(error)));
    if (this.isBucketCreated) {
      await this.#removeBucket().catch((error: unknown) => left.push(`bucket ${this.bucket}: ${reasonOf(error)}`));
    }
    this.#agents.close();
    return left;
  }

  async #removeBucket(): Promise<void> {
    // Requests that were given up may still take effect for a moment.
    for (let attempt = 1; ; attempt++) {
      if (codeOf(await this.send({ query: `uploads&max-uploads=1&n=${attempt}` })) === "NoSuchBucket") return;
      await this.#empty();
      const answer = await this.send({ method: "DELETE" });
      if (answer.status === 204 || codeOf(answer) === "NoSuchBucket") return;
      if (codeOf(answer) !== "BucketNotEmpty" || attempt === 3) throw new Ended(unexpected(answer, "DeleteBucket"));
      await this.pause(1000);
    }
  }

  async #empty(): Promise<void> {
    for (const { key, uploadId } of await this.#uploads()) {
      await this.expect({ method: "DELETE", key, query: `uploadId=${encodeQuery(uploadId)}` }, 204, "abort");
    }
    // Keys are named in the body, since paths may be rewritten.
    for (let page = 1; ; page++) {
      const listed = await this.expect({ query: `list-type=2&n=${page}` }, 200, "listing");
      const keys = elementsOf(listed.body.toString(), "Key");
      if (keys.length === 0 || page > MAX_PAGES) return;
      const objects = keys.map((key) => `<Object><Key>${escapeXml(key)}</Key></Object>`).join("");
      const xml = `<Delete><Quiet>true</Quiet>${objects}</Delete>`;
      await this.expect(this.document("POST", "delete", xml), 200, "deletion");
    }
  }

  async #uploads(): Promise<{ readonly key: string; readonly uploadId: string }[]> {
    const page = (await this.expect({ query: "uploads" }, 200, "listing of uploads")).body.toString();
    return (page.match(/<Upload>.*?<\/Upload>/gs) ?? []).flatMap((upload) => {
      const [key, uploadId] = [elementOf(upload, "Key"), elementOf(upload, "UploadId")];
      return key === undefined || uploadId === undefined ? [] : [{ key, uploadId }];
    });
  }

  #hostHeader(): string {
    return this.options.endpoint.host;
  }

  /** The signed request, for a protocol of its own. */
  prepare(request: S3Request): Outgoing {
    const { method = "GET", query = "", by = "header", isChunked, awaitContinueMs, userAgent = USER_AGENT } = request;
    const body = typeof request.body === "string" ? Buffer.from(request.body) : request.body;
    const path = request.path ?? this.#pathOf(request);
    const { path: raw = path, signedPath = raw } = request;
    const host = request.host ?? this.#hostHeader();
    const common = {
      method,
      ...(body !== undefined && { body }),
      ...(isChunked !== undefined && { isChunked }),
      ...(awaitContinueMs !== undefined && { awaitContinueMs }),
    };
    const agent = userAgent === "" ? {} : { "user-agent": userAgent };
    const extra = { ...agent, ...request.unsignedHeaders };
    if (by === "anonymous") {
      return { ...common, path: target(raw, query), headers: { host, ...request.headers, ...extra } };
    }
    const headers = { host, ...request.headers };
    if (by === "query") {
      const signed = presign({ method, path: signedPath, query, headers }, this.options.keys, new Date());
      return { ...common, path: target(raw, signed), headers: { ...headers, ...extra } };
    }
    const signed = this.sign({ ...request, headers }, signedPath, body);
    return { ...common, path: target(raw, query), headers: { ...signed.headers, ...extra } };
  }

  /** The headers of a request, for bodies that depend on its signature. */
  sign({ method = "GET", query = "", headers = {}, payloadHash }: S3Request, path: string, body?: Uint8Array): Signed {
    return signHeaders(
      {
        method,
        path,
        query,
        headers: { host: this.#hostHeader(), ...headers },
        payloadHash: payloadHash ?? (body === undefined ? UNSIGNED : sha256(body)),
      },
      this.options.keys,
      new Date(),
    );
  }

  #pathOf({ bucket = this.bucket, key, host }: S3Request): string {
    // On its own host a bucket is not part of the path.
    const start = host !== undefined || bucket === null ? "" : `/${bucket}`;
    return key === undefined ? start || "/" : `${start}/${encodePath(key)}`;
  }
}

/** A failure that says what came instead. */
export function unexpected(answer: Received, what: string): Verdict {
  const { what: came, remedy } = explain(answer);
  return fail(`${what}: ${came}`, remedy);
}

/** @param host for messages */
export function silent(error: NoAnswer, host: string): Verdict {
  const { what, remedy } = explainSilence(error, host);
  return fail(what, remedy);
}

export function codeOf(answer: Answer): string {
  return errorOf(answer)?.code ?? "";
}

export function escapeXml(text: string): string {
  return text.replace(/[&<>\u0000-\u001f]/g, (character) => `&#${character.codePointAt(0)};`);
}

function reasonOf(error: unknown): string {
  if (error instanceof Ended) return error.verdict.detail;
  return error instanceof Error ? error.message : String(error);
}

function target(path: string, query: string): string {
  return query === "" ? path : `${path}?${query}`;
}

/** A few bytes may decode to very many. */
const DECODED = { maxOutputLength: 64 * 1024 * 1024 };

const DECODERS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: (bytes) => gunzipSync(bytes, DECODED),
  br: (bytes) => brotliDecompressSync(bytes, DECODED),
  deflate: (bytes) => inflateSync(bytes, DECODED),
  zstd: (bytes) => zstdDecompressSync(bytes, DECODED),
};

function decoded(answer: Answer): Received {
  const coding = answer.headers["content-encoding"]?.trim().toLowerCase() ?? "";
  const decode = DECODERS[coding];
  if (decode === undefined) return answer;
  try {
    return { ...answer, body: answer.body.byteLength === 0 ? answer.body : decode(answer.body), coding };
  } catch {
    return answer;
  }
}
