/** One signed request to the admin API. */
import { AwsClient } from "aws4fetch";
import type { AdminRequest } from "./arguments.ts";

export interface AdminTarget {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** @returns the answer's JSON, or undefined for an empty answer. Rejects with a message of one line for any failure. */
export async function callAdmin(target: AdminTarget, { method, path, body }: AdminRequest): Promise<unknown> {
  const client = new AwsClient({
    accessKeyId: target.accessKeyId,
    secretAccessKey: target.secretAccessKey,
    service: "s3",
    region: target.region,
    retries: 0,
  });
  const payload = body === undefined ? "" : JSON.stringify(body);
  const signed = await client.sign(target.endpoint.replace(/\/+$/, "") + path, {
    method,
    headers: {
      "x-amz-content-sha256": await sha256(payload),
      ...(payload !== "" && { "content-type": "application/json" }),
    },
    ...(payload !== "" && { body: payload }),
  });
  const response = await fetch(signed).catch((error: unknown) => {
    throw new Error(`Cannot reach ${target.endpoint}: ${reason(error)}`);
  });
  const text = await response.text();
  const answer = parseJson(text);
  if (!response.ok) throw new Error(describeFailure(response.status, answer, text));
  return answer;
}

function describeFailure(status: number, answer: unknown, text: string): string {
  const error = field(answer, "error");
  const code = field(error, "code");
  const message = field(error, "message");
  if (typeof code === "string") return `${code}: ${typeof message === "string" ? message : `status ${status}`}`;
  const excerpt = text.replace(/\s+/g, " ").trim().slice(0, 300);
  return `The Worker answered ${status}${excerpt === "" ? "" : `: ${excerpt}`}`;
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = field(error.cause, "code");
  return typeof code === "string" ? code : error.message;
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function sha256(text: string): Promise<string> {
  return Buffer.from(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toString("hex");
}
