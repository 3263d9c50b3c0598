/** Messages that a bucket's changes send to the queues. */
import type { Env } from "../../src/env.ts";
import type { NotificationRule } from "../../src/model/notification.ts";
import type { ReplicationRule } from "../../src/model/replication.ts";
import type { ChangesMessage, MatchedChange } from "../../src/storage/journal/messages.ts";
import { createBucket, testEnv } from "./s3.ts";

export interface EventQueue {
  readonly env: Env;
  readonly messages: ChangesMessage[];
  /** All changes reported so far, in order. */
  changes(): MatchedChange[];
}

/** The Worker's bindings with a queue of events that records what it is sent. */
export function withEventQueue(env: Env = testEnv): EventQueue {
  const messages: ChangesMessage[] = [];
  const take = (body: ChangesMessage) => messages.push(structuredClone(body));
  const EVENTS = {
    send: async (body: ChangesMessage) => take(body),
    sendBatch: async (batch: Iterable<{ body: ChangesMessage }>) => {
      for (const { body } of batch) take(body);
    },
  } as unknown as Env["EVENTS"];
  return { env: { ...env, EVENTS }, messages, changes: () => messages.flatMap(({ changes }) => changes) };
}

export const EVERYTHING: NotificationRule = {
  id: "everything",
  destination: { kind: "queue", arn: "arn:aws:sqs:us-east-1:000000000000:events" },
  events: ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*", "s3:ObjectAcl:Put"],
  prefix: "",
  suffix: "",
};

/** A destination bucket that does not exist. */
export const REPLICATE_ALL: ReplicationRule = {
  schema: "V2",
  id: "r",
  isEnabled: true,
  priority: 1,
  prefix: "",
  tags: [],
  destination: { bucket: "elsewhere" },
  replicatesDeletes: true,
  replicatesExisting: false,
};

export interface Rules {
  readonly notification?: readonly NotificationRule[];
  readonly replication?: readonly ReplicationRule[];
}

export async function bucketWithRules(rules: Rules): Promise<string> {
  const bucket = await createBucket();
  await setRules(bucket, rules);
  return bucket;
}

/**
 * Writes rules into a bucket's documents: what PUT would make of a document is tested elsewhere. An isolate that has seen
 * the bucket knows of it only after its cache.
 */
export async function setRules(bucket: string, rules: Rules): Promise<void> {
  for (const [kind, list] of Object.entries(rules)) {
    await testEnv.DB.prepare(
      "INSERT INTO bucket_documents (bucket_id, kind, body, updated_at) SELECT id, ?2, ?3, 0 FROM buckets WHERE name = ?1",
    )
      .bind(bucket, kind, JSON.stringify({ rules: list }))
      .run();
  }
}

/** Intents of a bucket that are not yet removed. */
export async function intentRows(bucket: string): Promise<{ id: string; write_id: string; has_landed: number }[]> {
  const { results } = await testEnv.DB.prepare(
    `SELECT id, write_id, has_landed FROM event_intents WHERE json_extract(message, '$.origin.bucket.name') = ?1`,
  )
    .bind(bucket)
    .all();
  return results as never;
}
