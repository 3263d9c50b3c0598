/** Signed requests in every form of S3, for callers with the right key and without it. */
import { createHmac } from "node:crypto";
import { encode } from "./request.ts";
import type { Key } from "./s3.ts";
import { sha256, sign } from "./signer.ts";
import { presignV2, signV2 } from "./signer-v2.ts";

export interface AttackKey extends Key {
  readonly sessionToken?: string;
}

export interface Unsigned {
  readonly method: string;
  /** Encoded as AWS encodes. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** Where the signature is, and for Version 4, what it covers of the payload. */
export type AuthForm = `${"header" | "presigned"}, ${"literal payload" | "unsigned payload" | "version 2"}`;

export function signAs(key: AttackKey | null, form: AuthForm, request: Unsigned): Request {
  if (key === null) return toRequest(request.url, request, { ...request.headers });
  if (form.endsWith("version 2")) return signAsV2(key, form, request);
  const isLiteral = form.endsWith("literal payload");
  const payloadHash = isLiteral ? sha256(request.body ?? "") : "UNSIGNED-PAYLOAD";
  if (form.startsWith("presigned")) {
    const headers = { ...request.headers, ...(isLiteral && { "x-amz-content-sha256": payloadHash }) };
    return toRequest(presignUrl(key, { ...request, headers }, { payloadHash }), request, headers);
  }
  const token = key.sessionToken === undefined ? {} : { "x-amz-security-token": key.sessionToken };
  const { headers } = sign({ ...request, headers: { ...request.headers, ...token }, payloadHash, key });
  return toRequest(request.url, request, headers);
}

function signAsV2(key: AttackKey, form: AuthForm, request: Unsigned): Request {
  const { body } = request;
  // Text would be sent with a Content-Type, which is signed here.
  const sent = { ...request, ...(typeof body === "string" && { body: new TextEncoder().encode(body) }) };
  if (form.startsWith("header")) return toRequest(request.url, sent, signV2(key, request));
  const others = Object.entries(request.headers ?? {}).filter(([name]) => !/^(x-amz-|content-(type|md5)$)/i.test(name));
  return toRequest(presignV2(key, request), sent, Object.fromEntries(others));
}

export interface PresignOptions {
  readonly payloadHash?: string;
  readonly expiresInSeconds?: number;
  readonly now?: Date;
  /** Spelling of the signature's own parameters. */
  readonly spell?: (name: string) => string;
}

/** Signs host and all `x-amz-*` headers; anyone who uses the URL may add other headers. */
export function presignUrl(key: AttackKey, request: Unsigned, options: PresignOptions = {}): string {
  const { payloadHash = "UNSIGNED-PAYLOAD", expiresInSeconds = 900, now = new Date(), spell = String } = options;
  const [, host = "", path = "", query = ""] = /^http:\/\/([^/?]+)([^?]*)(?:\?(.*))?$/.exec(request.url) ?? [];
  const timestamp = `${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
  const scope = `${timestamp.slice(0, 8)}/us-east-1/s3/aws4_request`;
  const signed = Object.entries({ ...request.headers, host })
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => name === "host" || name.startsWith("x-amz-"))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const names = signed.map(([name]) => name).join(";");
  const parameters = {
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": `${key.accessKeyId}/${scope}`,
    "X-Amz-Date": timestamp,
    "X-Amz-Expires": String(expiresInSeconds),
    ...(key.sessionToken !== undefined && { "X-Amz-Security-Token": key.sessionToken }),
    "X-Amz-SignedHeaders": names,
  };
  const own = Object.entries(parameters).map(([name, value]) => `${encode(spell(name))}=${encode(value)}`);
  const asked = query.split("&").filter((part) => part !== "");
  const all = [...asked.map((part) => (part.includes("=") ? part : `${part}=`)), ...own].sort();
  const canonicalHeaders = signed.map(([name, value]) => `${name}:${value}\n`).join("");
  const canonical = [request.method, path || "/", all.join("&"), canonicalHeaders, names, payloadHash].join("\n");
  const text = `AWS4-HMAC-SHA256\n${timestamp}\n${scope}\n${sha256(canonical)}`;
  const hmac = (secret: string | Uint8Array, data: string) =>
    new Uint8Array(createHmac("sha256", secret).update(data).digest());
  const signingKey = scope.split("/").reduce(hmac, new TextEncoder().encode(`AWS4${key.secretAccessKey}`));
  const signature = createHmac("sha256", signingKey).update(text).digest("hex");
  return `http://${host}${path}?${all.join("&")}&${spell("X-Amz-Signature")}=${signature}`;
}

function toRequest(url: string, { method, body }: Unsigned, headers: Record<string, string>): Request {
  return new Request(url, { method, headers, redirect: "manual", ...(body !== undefined && { body }) });
}
