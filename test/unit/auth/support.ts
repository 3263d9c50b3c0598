/**
 * A client for tests. It signs according to AWS's documentation, shares no signing code with src, and lets every signed part
 * differ from the sent one.
 */
import { S3Error } from "../../../src/errors.ts";
import type { Account, Credential, FindCredential } from "../../../src/model/caller.ts";
import { parseQuery, parseRawUrl } from "../../../src/protocol/request-target.ts";
import type { S3Request } from "../../../src/protocol/s3-request.ts";
import {
  scopeOf as scopeOfSigning,
  signatureOf as signatureOfParts,
  signingKeyOf as signingKeyOfSigning,
} from "../../support/sigv4.ts";

export { hmacHex, sha256Hex } from "../../support/sigv4.ts";

export const ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE";
export const SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
export const NOW = new Date("2013-05-24T00:00:00Z");
export const TIMESTAMP = "20130524T000000Z";
export const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
export const HOST = "examplebucket.s3.amazonaws.com";

export const ACCOUNT: Account = {
  id: "111122223333",
  canonicalId: "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a",
  displayName: "example",
  isRoot: false,
};

/**
 * Finds the given keys, each like AWS's example key with the given fields replaced; by default only the example key.
 */
export function keyring(...credentials: Partial<Credential>[]): FindCredential {
  const all = (credentials.length === 0 ? [{}] : credentials).map((credential) => ({
    accessKeyId: ACCESS_KEY_ID,
    secretAccessKey: SECRET,
    account: ACCOUNT,
    active: true,
    ...credential,
  }));
  return async (id) => all.find(({ accessKeyId }) => accessKeyId === id);
}

export interface Sent {
  readonly method?: string;
  readonly url?: string;
  readonly headers?: Record<string, string>;
  readonly body?: ReadableStream<Uint8Array> | null;
  readonly now?: Date;
  readonly clientAcceptEncoding?: string;
}

/** The request as the addressing stage passes it to the authenticator. */
export function received(sent: Sent): S3Request {
  const url = parseRawUrl(sent.url ?? `https://${HOST}/test.txt`);
  return {
    method: sent.method ?? "GET",
    url,
    resource: { kind: "service" },
    style: "virtual-host",
    query: parseQuery(url.query),
    headers: new Headers({ host: url.host, ...sent.headers }),
    copySource: () => undefined,
    client: { address: undefined, acceptEncoding: sent.clientAcceptEncoding, tlsVersion: undefined },
    body: sent.body ?? null,
    now: sent.now ?? NOW,
    requestId: "TEST",
  };
}

export interface Signed {
  readonly method?: string;
  readonly path: string;
  readonly query?: string;
  /** The signed headers, in signed order. */
  readonly headers: readonly (readonly [string, string])[];
  readonly payloadHash?: string;
  readonly timestamp?: string;
  readonly region?: string;
  readonly service?: string;
  readonly secret?: string;
}

const encoder = new TextEncoder();

export function signatureOf(signed: Signed): string {
  const { method = "GET", path, query = "", headers, payloadHash = EMPTY_SHA256 } = signed;
  return signatureOfParts({ method, path, query, headers, payloadHash }, signingOf(signed));
}

export function scopeOf(signed: Partial<Signed>): string {
  return scopeOfSigning(signingOf(signed));
}

export function signingKeyOf(signed: Partial<Signed>): Uint8Array {
  return signingKeyOfSigning(signingOf(signed));
}

function signingOf({ timestamp = TIMESTAMP, region = "us-east-1", service = "s3", secret = SECRET }: Partial<Signed>) {
  return { timestamp, region, service, secret };
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Signs by header. The signed parts equal the sent parts unless `signed` replaces them. */
export async function signedRequest(sent: Sent, signed: Partial<Signed> = {}): Promise<S3Request> {
  const timestamp = signed.timestamp ?? TIMESTAMP;
  const payloadHash = signed.payloadHash ?? EMPTY_SHA256;
  const url = parseRawUrl(sent.url ?? `https://${HOST}/test.txt`);
  const headers: Record<string, string> = {
    host: url.host,
    "x-amz-content-sha256": payloadHash,
    "x-amz-date": timestamp,
    ...sent.headers,
  };
  const plain = Object.entries(headers)
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const all: Signed = {
    method: sent.method ?? "GET",
    path: url.path,
    query: url.query,
    headers: plain,
    ...signed,
    timestamp,
    payloadHash,
  };
  const authorization = [
    `AWS4-HMAC-SHA256 Credential=${ACCESS_KEY_ID}/${scopeOf(all)}`,
    `SignedHeaders=${all.headers.map(([name]) => name).join(";")}`,
    `Signature=${signatureOf(all)}`,
  ].join(", ");
  return received({ ...sent, headers: { authorization, ...headers } });
}

/** Signs by query; `parameters` are added to the URL and `headers` are signed. */
export async function presignedUrl(
  options: {
    readonly method?: string;
    readonly path?: string;
    readonly parameters?: Readonly<Record<string, string>>;
    readonly headers?: Readonly<Record<string, string>>;
    readonly expires?: string;
    readonly timestamp?: string;
    readonly payloadHash?: string;
    readonly region?: string;
  } = {},
): Promise<string> {
  const { path = "/test.txt", headers = {}, expires = "86400", timestamp = TIMESTAMP } = options;
  const signedHeaders = Object.entries({ host: HOST, ...headers }).sort(([a], [b]) => (a < b ? -1 : 1));
  const region = options.region ?? "us-east-1";
  const parameters: Record<string, string> = {
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": `${ACCESS_KEY_ID}/${scopeOf({ timestamp, region })}`,
    "X-Amz-Date": timestamp,
    "X-Amz-Expires": expires,
    "X-Amz-SignedHeaders": signedHeaders.map(([name]) => name).join(";"),
    ...options.parameters,
  };
  const query = Object.entries(parameters)
    .map(([name, value]) => [encodeURIComponent(name), encodeURIComponent(value)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
  const signature = signatureOf({
    method: options.method ?? "GET",
    path,
    query,
    headers: signedHeaders,
    payloadHash: options.payloadHash ?? "UNSIGNED-PAYLOAD",
    timestamp,
    region,
  });
  return `https://${HOST}${path}?${query}&X-Amz-Signature=${signature}`;
}

/** The S3Error that a function fails with, as one comparable value. */
export async function failureOf(
  run: () => unknown,
): Promise<{ code: string; status: number; message: string; details: Readonly<Record<string, string>> }> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    return { code: error.code, status: error.status, message: error.message, details: error.details };
  }
  throw new Error("it did not fail");
}

/** A stream of the bytes in pieces of the given size. */
export function streamOf(bytes: Uint8Array, pieceBytes = bytes.length || 1): ReadableStream<Uint8Array> {
  let offset = 0;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (offset >= bytes.length) return controller.close();
        controller.enqueue(bytes.slice(offset, offset + pieceBytes));
        offset += pieceBytes;
      },
    },
    { highWaterMark: 0 },
  );
}

export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}
