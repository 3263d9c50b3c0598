/**
 * Forms as browsers send them (RFC 7578), and policies signed as AWS describes it ("sigv4-authentication-HTTPPOST"),
 * without code of src.
 */
import { createHmac } from "node:crypto";

export interface FormFile {
  readonly content: string | Uint8Array;
  /** Undefined for a part without a file name. */
  readonly name?: string | undefined;
  readonly type?: string;
}

/** Fields and the file, in the order of the entries. */
export type FormEntry = readonly [name: string, value: string | FormFile];

export const BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW";

export function encodeForm(entries: readonly FormEntry[], boundary = BOUNDARY, ending = "--\r\n"): Uint8Array {
  const parts: (string | Uint8Array)[] = [];
  for (const [name, value] of entries) {
    const file = typeof value === "string" ? undefined : value;
    const fileName = file?.name === undefined ? "" : `; filename="${file.name}"`;
    const type = file?.type === undefined ? "" : `\r\nContent-Type: ${file.type}`;
    parts.push(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"${fileName}${type}\r\n\r\n`);
    parts.push(typeof value === "string" ? value : value.content, "\r\n");
  }
  parts.push(`--${boundary}${ending}`);
  const chunks = parts.map((part) => (typeof part === "string" ? new TextEncoder().encode(part) : part));
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}

export interface PolicyOptions {
  readonly key: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Makes the policy from the conditions that signing needs; a string is the text of the document. */
  readonly document: ((signing: readonly object[]) => unknown) | string;
  readonly now?: Date;
  /** Region and service of the credential. */
  readonly scope?: string;
  /** Secret of the signing key, if it differs from that of `key`. */
  readonly secretAccessKey?: string;
}

/** The fields that sign a form. */
export function signPolicy(options: PolicyOptions): Record<string, string> {
  const { key, document, now = new Date(), scope = "us-east-1/s3" } = options;
  const date = `${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
  const day = date.slice(0, 8);
  const signing = {
    "x-amz-algorithm": "AWS4-HMAC-SHA256",
    "x-amz-credential": `${key.accessKeyId}/${day}/${scope}/aws4_request`,
    "x-amz-date": date,
  };
  const conditions = Object.entries(signing).map(([name, value]) => ({ [name]: value }));
  const text = typeof document === "string" ? document : JSON.stringify(document(conditions));
  const policy = Buffer.from(text).toString("base64");
  const secret = options.secretAccessKey ?? key.secretAccessKey;
  return { ...signing, policy, "x-amz-signature": policySignature(policy, secret, day, scope) };
}

export function policySignature(policy: string, secretAccessKey: string, day: string, scope = "us-east-1/s3"): string {
  const hmac = (data: string | Uint8Array, text: string) =>
    new Uint8Array(createHmac("sha256", data).update(text).digest());
  const key = [...scope.split("/"), "aws4_request"].reduce(hmac, hmac(`AWS4${secretAccessKey}`, day));
  return createHmac("sha256", key).update(policy).digest("hex");
}

export function tomorrow(now = new Date()): string {
  return new Date(now.getTime() + 86_400_000).toISOString();
}
