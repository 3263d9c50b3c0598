/** An audit that is on, a queue that records its lines, and the consumer that writes them. */
import { AuditTrail } from "../../src/audit/audit-trail.ts";
import type { Env } from "../../src/env.ts";
import type { AuditMessage } from "../../src/storage/journal/messages.ts";
import { type CallOptions, createBucket, s3, testEnv } from "./s3.ts";

/** Those that have lines: other tests open services with other bindings in between. */
const trails = new Set<AuditTrail>();
const { note } = AuditTrail.prototype;
AuditTrail.prototype.note = function (...noted) {
  trails.add(this);
  note.apply(this, noted);
};

export async function flushAudit(): Promise<void> {
  for (const trail of trails) await trail.flush();
}

export type AuditLine = Readonly<Record<string, unknown>> & {
  readonly type: string;
  readonly operation?: string;
  readonly service?: string;
  readonly caller?: Readonly<Record<string, unknown>>;
  readonly parameters?: Readonly<Record<string, unknown>>;
};

export interface AuditRecorder {
  readonly env: Env;
  /** All that were sent. */
  readonly messages: AuditMessage[];
  /** Messages of topics that would have been sent. */
  readonly deliveries: unknown[];
  /** The lines that came since the last call. */
  lines(): Promise<AuditLine[]>;
}

/** The Worker's bindings with a queue that records what it is sent, and an isolate's services of its own. */
export function recordAudit(base: Env = testEnv): AuditRecorder {
  const messages: AuditMessage[] = [];
  const take = (body: AuditMessage) => messages.push(structuredClone(body));
  const ACCESS_LOGS = {
    send: async (body: AuditMessage) => take(body),
    sendBatch: async (batch: Iterable<{ body: AuditMessage }>) => {
      for (const { body } of batch) take(body);
    },
  } as unknown as Env["ACCESS_LOGS"];
  // Nothing is delivered to the addresses of tests.
  const deliveries: unknown[] = [];
  const DELIVERIES = {
    send: async (body: unknown) => deliveries.push(structuredClone(body)),
    sendBatch: async (batch: Iterable<{ body: unknown }>) => {
      for (const { body } of batch) deliveries.push(structuredClone(body));
    },
  } as unknown as Env["DELIVERIES"];
  let seen = 0;
  const lines = async () => {
    await flushAudit();
    const fresh = messages.slice(seen);
    seen = messages.length;
    return fresh.flatMap(({ text }) =>
      text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as AuditLine),
    );
  };
  return { env: { ...base, ACCESS_LOGS, DELIVERIES }, messages, deliveries, lines };
}

export function audit(method: "GET" | "POST" | "DELETE", body?: object, options: CallOptions = {}): Promise<Response> {
  return s3("/-/admin/audit", { ...options, method, ...(body !== undefined && { body: JSON.stringify(body) }) });
}

/** A bucket of the root account to which the audit goes from now on. */
export async function enableAudit(env: Env, prefix?: string): Promise<string> {
  const bucket = await createBucket({ env });
  const response = await audit("POST", { bucket, ...(prefix !== undefined && { prefix }) }, { env });
  if (response.status !== 200) throw new Error(`audit set: ${response.status} ${await response.text()}`);
  return bucket;
}
