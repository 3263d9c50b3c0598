/** Keys of SSE-KMS through the admin API, as the CLI makes them, and requests with them. */
import { envWith } from "./lifecycle.ts";
import { type SendOptions, send } from "./request.ts";

/** Accepts keys without TLS. */
export const env = envWith({ CUSTOMER_KEYS_OVER_HTTP: "true" });

export interface KmsAnswer {
  readonly status: number;
  readonly text: string;
  readonly body: Record<string, unknown>;
}

export async function kms(method: string, body?: object, path = "", options: SendOptions = {}): Promise<KmsAnswer> {
  const target = { bucket: "-", key: `admin/kms${path}`, env };
  const response = await send({ ...target, method, ...(body && { body: JSON.stringify(body) }), ...options });
  const text = await response.text();
  return { status: response.status, text, body: text.startsWith("{") ? JSON.parse(text) : {} };
}

let count = 0;

/** The ARN of a new key. */
export async function createKmsKey(accountId?: string, alias = `key-${++count}`): Promise<string> {
  const { status, text, body } = await kms("POST", { alias, ...(accountId !== undefined && { accountId }) });
  if (status !== 201) throw new Error(`createKmsKey: ${status} ${text}`);
  return String(body.arn);
}

export async function setKmsStatus(arn: string, status: "Enabled" | "Disabled"): Promise<void> {
  const answer = await kms("PATCH", { key: idOf(arn), status });
  if (answer.status !== 200) throw new Error(`setKmsStatus: ${answer.status} ${answer.text}`);
}

export function idOf(arn: string): string {
  return arn.slice(arn.lastIndexOf("/") + 1);
}

const HEADER = "x-amz-server-side-encryption";

/** Headers that choose SSE-KMS. @param keyName absent: the default key */
export function kmsHeaders(keyName?: string, more: Record<string, string> = {}): Record<string, string> {
  return {
    [HEADER]: "aws:kms",
    ...(keyName !== undefined && { [`${HEADER}-aws-kms-key-id`]: keyName }),
    ...Object.fromEntries(Object.entries(more).map(([name, value]) => [`${HEADER}-${name}`, value])),
  };
}

/** The headers of an answer about encryption, without their common beginning. */
export function encryptionOf({ headers }: Response): Record<string, string> {
  return Object.fromEntries(
    [...headers].filter(([name]) => name.startsWith(HEADER)).map(([name, value]) => [name.slice(HEADER.length), value]),
  );
}
