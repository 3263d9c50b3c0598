/** Buckets with access logs, a queue that records their lines, and the consumer that writes them. */
import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { LineBuffer } from "../../src/access-log/line-buffer.ts";
import type { Env } from "../../src/env.ts";
import type { AccessLogMessage } from "../../src/storage/journal/messages.ts";
import { type ParsedLine, parseLogLine } from "./access-log-line.ts";
import { send } from "./request.ts";
import { createBucket, testEnv } from "./s3.ts";
import { handleQueue } from "./worker.ts";

/** Those that have lines: other tests and queues open services with other bindings in between. */
const buffers = new Set<LineBuffer>();
const { add } = LineBuffer.prototype;
LineBuffer.prototype.add = function (entries) {
  buffers.add(this);
  add.call(this, entries);
};

/** Sends the lines of all requests so far. */
export async function flushLogs(): Promise<void> {
  // The lines of streamed answers and of requests that failed early follow a few steps after the answer.
  for (let step = 0; step < 20; step++) await testEnv.STORE.head("nothing");
  for (const buffer of buffers) await buffer.flush();
}

export interface LogRecorder {
  readonly env: Env;
  /** Sent and not delivered yet. */
  readonly messages: AccessLogMessage[];
  /** The lines that came since the last call. Waits for at least so many. */
  lines(least?: number): Promise<ParsedLine[]>;
}

/** The Worker's bindings with a queue of access logs that records what it is sent, and an isolate's services of its own. */
export function recordLogs(base: Env = testEnv): LogRecorder {
  const messages: AccessLogMessage[] = [];
  const take = (body: AccessLogMessage) => messages.push(structuredClone(body));
  const ACCESS_LOGS = {
    send: async (body: AccessLogMessage) => take(body),
    sendBatch: async (batch: Iterable<{ body: AccessLogMessage }>) => {
      for (const { body } of batch) take(body);
    },
  } as unknown as Env["ACCESS_LOGS"];
  const env = { ...base, ACCESS_LOGS };
  const waiting: ParsedLine[] = [];
  let seen = 0;
  const lines = async (least = 0) => {
    for (let round = 0; round < 100; round++) {
      await flushLogs();
      const fresh = messages.slice(seen);
      seen = messages.length;
      waiting.push(...fresh.flatMap(({ text }) => text.trimEnd().split("\n").map(parseLogLine)));
      if (waiting.length >= least) break;
    }
    return waiting.splice(0);
  };
  return { env, messages, lines };
}

export function loggingDocument(target: string, { prefix = "logs/", more = "" } = {}): string {
  const enabled = `<TargetBucket>${target}</TargetBucket>${more}<TargetPrefix>${prefix}</TargetPrefix>`;
  return `<BucketLoggingStatus xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LoggingEnabled>${enabled}</LoggingEnabled></BucketLoggingStatus>`;
}

export function putLogging(bucket: string, body: string, env?: Env): Promise<Response> {
  return send({ method: "PUT", bucket, query: "logging", body, ...(env && { env }) });
}

export async function enableLogging(bucket: string, body: string, env?: Env): Promise<void> {
  const response = await putLogging(bucket, body, env);
  if (response.status !== 200) throw new Error(`PutBucketLogging: ${response.status} ${await response.text()}`);
}

/** AWS's policy for a target ("Permissions for log delivery"). */
export function deliveryPolicy(source: string, target: string, accountId: string): string {
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "S3ServerAccessLogsPolicy",
        Effect: "Allow",
        Principal: { Service: "logging.s3.amazonaws.com" },
        Action: ["s3:PutObject"],
        Resource: `arn:aws:s3:::${target}/logs/*`,
        Condition: {
          ArnLike: { "aws:SourceArn": `arn:aws:s3:::${source}` },
          StringEquals: { "aws:SourceAccount": accountId },
        },
      },
    ],
  });
}

/** A bucket whose requests are logged, and its target, which permits nothing yet. */
export async function loggedBucket(env: Env, more = ""): Promise<{ bucket: string; target: string }> {
  const [bucket, target] = [await createBucket({ env }), await createBucket({ env })];
  await enableLogging(bucket, loggingDocument(target, { more }), env);
  return { bucket, target };
}

export interface Consumed {
  readonly acknowledged: readonly string[];
  readonly retried: readonly string[];
}

/** Hands messages to the consumer as the queue does. */
export async function consume(messages: readonly AccessLogMessage[], env: Env, attempts = 1): Promise<Consumed> {
  const batch = createMessageBatch(
    "any",
    messages.map((body) => ({ id: body.id, timestamp: new Date(), attempts, body })),
  );
  await handleQueue(batch, env);
  const result = await getQueueResult(batch, createExecutionContext());
  return {
    acknowledged: result.explicitAcks,
    retried: result.retryMessages.map(({ msgId }: { msgId: string }) => msgId),
  };
}

/** Keys and texts of the objects of a bucket. */
export async function objectsOf(bucket: string): Promise<Map<string, string>> {
  const listed = await (await send({ bucket, query: "list-type=2" })).text();
  const keys = [...listed.matchAll(/<Key>([^<]*)<\/Key>/g)].map((match) => match[1] ?? "");
  const found = await Promise.all(keys.map(async (key) => [key, await (await send({ bucket, key })).text()] as const));
  return new Map(found);
}
