/**
 * Signed requests to the endpoint. Keys are only in this object, which sign-out drops; no cookie, storage or URL has them.
 * Presigned URLs contain a signature, and the session token of temporary credentials, as they do with every S3 client.
 */
import { AwsV4Signer } from "aws4fetch";
import type { Config } from "../config.ts";
import { sha256 } from "./digest.ts";
import { ApiError, endsSession, isTemporary, NetworkError } from "./errors.ts";
import { sendWithProgress } from "./send.ts";
import { formatQuery, type Query } from "./urls.ts";
import { findElement, findText, parseXml } from "./xml.ts";

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export type Service = "s3" | "iam" | "sts" | "sns";

export interface ApiRequest {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE" | "PATCH";
  /** Percent-encoded. */
  readonly path: string;
  readonly service?: Service;
  readonly query?: Query;
  readonly headers?: Readonly<Record<string, string>>;
  /** Is hashed, and the hash is signed. */
  readonly body?: string | Blob;
  /** Sends the hash as `x-amz-checksum-sha256` too: S3 keeps it with objects, and asks for one with some documents. */
  readonly hasChecksum?: boolean;
  readonly signal?: AbortSignal;
  /** Number of bytes that were sent. */
  readonly onSent?: (bytes: number) => void;
}

export interface PresignRequest {
  readonly method?: "GET" | "PUT";
  readonly path: string;
  readonly query?: Query;
  readonly expiresInSeconds: number;
}

const MAX_ATTEMPTS = 4;

export class ApiClient {
  readonly config: Config;
  readonly #credentials: Credentials;
  readonly #onSessionEnd: (error: unknown) => void;
  /** Signing keys of aws4fetch. */
  readonly #cache = new Map<string, ArrayBuffer>();

  constructor(config: Config, credentials: Credentials, onSessionEnd: (error: unknown) => void) {
    this.config = config;
    this.#credentials = credentials;
    this.#onSessionEnd = onSessionEnd;
  }

  get accessKeyId(): string {
    return this.#credentials.accessKeyId;
  }

  get isTemporary(): boolean {
    return this.#credentials.sessionToken !== undefined;
  }

  /** Sends the request, again after temporary failures unless it is a POST. @throws ApiError, NetworkError */
  async send(request: ApiRequest): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#sendOnce(request);
      } catch (error) {
        if (endsSession(error)) this.#onSessionEnd(error);
        const isLast = attempt === MAX_ATTEMPTS || request.method === "POST" || request.method === "PATCH";
        if (isLast || !isTemporary(error) || request.signal?.aborted) throw error;
        await pause(200 * 2 ** attempt * (0.5 + Math.random()), request.signal);
      }
    }
  }

  /** Sends the request and reads the answer as XML; undefined without a body. */
  async sendForXml(request: ApiRequest): Promise<Element | undefined> {
    const text = await (await this.send(request)).text();
    return text === "" ? undefined : parseXml(text);
  }

  async sendForText(request: ApiRequest): Promise<string> {
    return (await this.send(request)).text();
  }

  async presign({ method = "GET", path, query = {}, expiresInSeconds }: PresignRequest): Promise<string> {
    const signer = new AwsV4Signer({
      ...this.#signing("s3"),
      method,
      url: `${this.config.s3Endpoint}${path}${formatQuery({ ...query, "X-Amz-Expires": expiresInSeconds })}`,
      signQuery: true,
    });
    const { url } = await signer.sign();
    // URLSearchParams writes a space as +, which is a plus sign to programs that decode only percent-encoding.
    return url.href.replace(/\?.*/, (query) => query.replace(/\+/g, "%20"));
  }

  async #sendOnce({ service = "s3", ...request }: ApiRequest): Promise<Response> {
    const { method, path, query = {}, headers = {}, body, hasChecksum = false, signal, onSent } = request;
    const hash = service === "s3" ? await hashHeaders(body ?? "", hasChecksum) : {};
    const signer = new AwsV4Signer({
      ...this.#signing(service),
      method,
      url: `${this.config.s3Endpoint}${path}${formatQuery(query)}`,
      headers: { ...headers, ...hash },
      // The hash of a body to S3 is in a header.
      ...(typeof body === "string" && { body }),
    });
    const signed = await signer.sign();
    const init = { method, headers: signed.headers, body: body ?? null, signal: signal ?? null };
    const response =
      onSent === undefined ? await fetchPlain(signed.url, init) : await sendWithProgress(signed.url, init, onSent);
    if (!response.ok) throw await readFailure(response);
    return response;
  }

  #signing(service: Service) {
    const { accessKeyId, secretAccessKey, sessionToken } = this.#credentials;
    return {
      accessKeyId,
      secretAccessKey,
      ...(sessionToken !== undefined && { sessionToken }),
      service,
      region: this.config.region,
      cache: this.#cache,
      datetime: formatAmzDate(Date.now() + this.config.clockOffsetMs),
    };
  }
}

async function fetchPlain(url: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, {
      ...init,
      mode: "cors",
      credentials: "omit",
      cache: "no-store",
      redirect: "error",
      referrerPolicy: "no-referrer",
    });
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    throw new NetworkError(cause);
  }
}

/** S3 and S3 Control answer with `<Error>`, the query APIs with `<ErrorResponse>`, the admin API with JSON. */
async function readFailure(response: Response): Promise<ApiError> {
  const { status, headers } = response;
  const text = await response.text().catch(() => "");
  const requestId = headers.get("x-amz-request-id") ?? headers.get("x-amzn-requestid") ?? undefined;
  return new ApiError({ status, requestId, ...(readError(text) ?? withoutBody(status)) });
}

type CodeAndMessage = { readonly code: string; readonly message: string };

function readError(text: string): CodeAndMessage | undefined {
  try {
    if (text.startsWith("{")) {
      const { code, message } = JSON.parse(text).error ?? {};
      return code === undefined ? undefined : { code: String(code), message: String(message) };
    }
    const root = parseXml(text);
    const error = root.localName === "Error" ? root : findElement(root, "Error");
    const code = error && findText(error, "Code");
    if (error === undefined || code === undefined) return undefined;
    return { code, message: findText(error, "Message") ?? "" };
  } catch {
    return undefined;
  }
}

const OF_STATUS: Readonly<Record<number, string>> = {
  403: "AccessDenied",
  404: "NotFound",
  405: "MethodNotAllowed",
  412: "PreconditionFailed",
};

/** Answers to HEAD have no body. */
function withoutBody(status: number): CodeAndMessage {
  return { code: OF_STATUS[status] ?? `HTTP ${status}`, message: `The endpoint answered with status ${status}.` };
}

function formatAmzDate(time: number): string {
  return new Date(time).toISOString().replace(/[:-]|\.\d{3}/g, "");
}

async function hashHeaders(body: string | Blob, hasChecksum: boolean): Promise<Record<string, string>> {
  const digest = await sha256(body);
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return {
    "x-amz-content-sha256": hex,
    ...(hasChecksum && { "x-amz-checksum-sha256": btoa(String.fromCharCode(...digest)) }),
  };
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
