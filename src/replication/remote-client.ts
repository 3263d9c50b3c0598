/** Requests to a registered endpoint, signed by aws4fetch and sent only through outbound/fetch.ts. */
import { AwsV4Signer } from "aws4fetch";
import { sha256Hex } from "../checksum/hasher.ts";
import type { RemoteCredentials, RemoteDescription } from "../model/replication.ts";
import { type Answered, type CallFailed, callTarget, type StreamBody } from "../outbound/fetch.ts";
import { parseTarget, type Target, type TargetPolicy, TargetRefused, withPath } from "../outbound/target.ts";
import { uriEncode } from "../protocol/percent-encoding.ts";

/** For a request and its answer, in addition to the time for an object's bytes. */
const ANSWER_MS = 60_000;
/** 1 MiB/s. A slower endpoint must not delay others. */
const LEAST_BYTES_PER_MS = (1024 * 1024) / 1000;
/** Error documents and answers about uploads are much shorter. */
const MAX_ANSWER_BYTES = 64 * 1024;

export interface RemoteRequest {
  readonly method: "HEAD" | "PUT" | "POST" | "DELETE";
  readonly key?: string;
  /** Percent-encoded, without `?`. */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer> | StreamBody;
}

/** A request to an endpoint failed. The message is one line for the administrator, without secrets. */
export class RemoteFailure extends Error {
  override readonly name = "RemoteFailure";
  /** Undefined if there was no answer. */
  readonly status: number | undefined;
  /** `Code` of the error document; undefined without one. */
  readonly code: string | undefined;
  /** Why there was no answer; undefined if there was one. */
  readonly unanswered: CallFailed["reason"] | undefined;

  constructor(
    message: string,
    outcome?: { readonly status: number; readonly code: string | undefined } | CallFailed["reason"],
  ) {
    super(message);
    const answer = typeof outcome === "object" ? outcome : undefined;
    this.status = answer?.status;
    this.code = answer?.code;
    this.unanswered = typeof outcome === "string" ? outcome : undefined;
  }
}

export class RemoteClient {
  readonly remote: RemoteDescription;
  readonly #credentials: RemoteCredentials;
  readonly #signingKeys: Map<string, ArrayBuffer>;
  readonly #endpoint: Target;
  readonly #until: Date;

  /**
   * @param opened.signingKeys where keys derived from the secret are kept; clients of one remote can share it
   * @param limits.until no request begins or continues after it, except to clean up
   * @throws RemoteFailure if the endpoint may not be called
   */
  constructor(
    opened: {
      readonly remote: RemoteDescription;
      readonly credentials: RemoteCredentials;
      readonly signingKeys?: Map<string, ArrayBuffer>;
    },
    limits: { readonly policy: TargetPolicy; readonly until: Date },
  ) {
    const { remote, credentials, signingKeys = new Map<string, ArrayBuffer>() } = opened;
    this.remote = remote;
    this.#credentials = credentials;
    this.#signingKeys = signingKeys;
    this.#until = limits.until;
    try {
      this.#endpoint = parseTarget(`${remote.endpoint}/`, limits.policy);
    } catch (error) {
      throw new RemoteFailure(`The endpoint ${remote.endpoint} is not called: ${describe(error)}`);
    }
  }

  /** @returns an answer with a status of 200 to 299. @throws RemoteFailure for everything else */
  async call(bucket: string, request: RemoteRequest): Promise<Answered> {
    const { method, body } = request;
    const target = this.#address(bucket, request);
    const left = this.#until.getTime() - Date.now();
    if (left <= 0 && method !== "DELETE") throw new RemoteFailure("Sending the object takes too long.");
    const outcome = await callTarget(target, {
      method,
      headers: await this.#sign(target, request),
      ...(body !== undefined && { body }),
      timeoutMs: timeoutFor(body, left),
      maxResponseBytes: method === "HEAD" ? 0 : MAX_ANSWER_BYTES,
    });
    if (outcome.kind === "failed") {
      throw new RemoteFailure(`${method}: ${outcome.reason}: ${outcome.message}`, outcome.reason);
    }
    const code = errorCode(outcome);
    // CompleteMultipartUpload can fail after its answer has begun with status 200.
    if (outcome.status >= 200 && outcome.status < 300 && code === undefined) return outcome;
    throw new RemoteFailure(`${method}: ${outcome.status}${code === undefined ? "" : ` ${code}`}`, {
      status: outcome.status,
      code,
    });
  }

  #address(bucket: string, { key, query }: RemoteRequest): Target {
    const path = `/${uriEncode(bucket)}${key === undefined ? "" : `/${uriEncode(key, "keep-slash")}`}`;
    try {
      return withPath(this.#endpoint, query === undefined ? path : `${path}?${query}`);
    } catch (error) {
      throw new RemoteFailure(`The key cannot be sent in a URL: ${describe(error)}`, { status: 400, code: undefined });
    }
  }

  async #sign({ url }: Target, { method, headers, body }: RemoteRequest): Promise<Record<string, string>> {
    const signer = new AwsV4Signer({
      url,
      method,
      headers: {
        ...headers,
        // A stream cannot be hashed before it is sent; the receiver verifies an object's Content-MD5 or checksum.
        "x-amz-content-sha256": typeof body === "object" ? "UNSIGNED-PAYLOAD" : sha256Hex(body ?? ""),
      },
      accessKeyId: this.#credentials.accessKeyId,
      secretAccessKey: this.#credentials.secretAccessKey,
      service: "s3",
      region: this.remote.region,
      cache: this.#signingKeys,
    });
    return Object.fromEntries((await signer.sign()).headers);
  }
}

/** @param leftMs until the end of the attempt; requests without an object's bytes may go beyond it */
function timeoutFor(body: RemoteRequest["body"], leftMs: number): number {
  if (typeof body !== "object") return ANSWER_MS;
  const sizeBytes = body instanceof Uint8Array ? body.byteLength : body.sizeBytes;
  return Math.min(leftMs, ANSWER_MS + Math.ceil(sizeBytes / LEAST_BYTES_PER_MS));
}

function errorCode({ body }: Answered): string | undefined {
  const text = new TextDecoder().decode(body);
  return /^\s*(?:<\?xml[^>]*>\s*)?<Error>.*?<Code>([A-Za-z0-9.]{1,64})<\/Code>/s.exec(text)?.[1];
}

function describe(error: unknown): string {
  return error instanceof TargetRefused ? error.message : String(error);
}

/**
 * Codes for an additional checksum whose algorithm the server does not know: S3 has ten, most other servers fewer. The
 * object matters more than its checksum, and its MD5 still protects the bytes.
 */
export const CHECKSUM_REFUSALS: ReadonlySet<string | undefined> = new Set([
  "InvalidRequest",
  "InvalidArgument",
  "NotImplemented",
]);

/**
 * Sends a request, and sends it again without its optional headers if they may have caused a refusal.
 * @param refusals codes of answers that such headers can cause
 * @throws whatever `send` throws
 */
export async function sendWithOptionalHeaders<Outcome>(
  headers: Readonly<Record<string, string>>,
  refusals: ReadonlySet<string | undefined>,
  send: (headers: Readonly<Record<string, string>>) => Promise<Outcome>,
): Promise<Outcome> {
  try {
    return await send(headers);
  } catch (error) {
    const isRefused = error instanceof RemoteFailure && refusals.has(error.code);
    if (!isRefused || Object.keys(headers).length === 0) throw error;
    return send({});
  }
}
