/**
 * The consumer of the queue of access logs: it writes the lines of each bucket as an object into the bucket's target, through the
 * journal as every other write. A message is acknowledged once its lines are stored, so a crash loses none, and may write some
 * twice; so does AWS ("it is possible that a log record is delivered more than once"). These writes are no requests, and are
 * not logged.
 */

import { fullControl } from "../access/acl/grants.ts";
import { aclOfNewObject } from "../access/acl/ownership.ts";
import { authorizeLogDelivery, type GrantedBucket } from "../access/authorize.ts";
import { S3Error } from "../errors.ts";
import { S3_ITSELF } from "../model/event.ts";
import { isByEventDay, type LoggedBucket, logObjectKey } from "../model/logged-bucket.ts";
import type { ObjectAttributes } from "../model/object.ts";
import { textBody } from "../model/object-body.ts";
import { newRequestId } from "../model/random-ids.ts";
import type { EventServices } from "../services.ts";
import type { AccessLogMessage, QueueMessage } from "../storage/journal/messages.ts";

type LogMessage = QueueMessage<AccessLogMessage>;

/** Of one log object. Lines are held in memory until it is written. */
const OBJECT_BYTES = 4_000_000;
/** A refusal may follow from a policy that isolates do not know yet, so the second one counts. */
const REFUSED_RETRY_SECONDS = 15;

export async function deliverAccessLogs(messages: readonly LogMessage[], services: EventServices): Promise<void> {
  for (const group of Map.groupBy(messages, logName).values()) {
    for (const part of parts(group)) await deliverPart(part, services);
  }
}

/** What goes into the same object: the lines of one bucket under one configuration, and for EventTime of one day. */
function logName({ body: { bucket, time } }: LogMessage): string {
  const day = isByEventDay(bucket.logging) ? new Date(time).toISOString().slice(0, 10) : "";
  return `${day}${JSON.stringify(bucket)}`;
}

function parts(messages: readonly LogMessage[]): LogMessage[][] {
  const all: LogMessage[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const message of messages) {
    const { length } = message.body.text;
    if (bytes + length > OBJECT_BYTES) {
      all.push([]);
      bytes = 0;
    }
    all.at(-1)?.push(message);
    bytes += length;
  }
  return all;
}

async function deliverPart(messages: readonly LogMessage[], services: EventServices): Promise<void> {
  const [first] = messages;
  if (first === undefined) return;
  const { bucket, time } = first.body;
  try {
    await write(bucket, { time, text: messages.map(({ body }) => body.text).join("") }, services);
    for (const message of messages) message.ack();
  } catch (error) {
    const isRefused = error instanceof S3Error && error.status < 500;
    for (const message of messages) {
      if (!isRefused) message.retry();
      else if (message.attempts < 2) message.retry({ delaySeconds: REFUSED_RETRY_SECONDS });
      else message.ack();
    }
    const { name, logging } = bucket;
    const accessLog = isRefused ? "refused" : "failed";
    console.error(JSON.stringify({ accessLog, bucket: name, target: logging.targetBucket, cause: String(error) }));
  }
}

/** @throws S3Error below 500 if the target cannot have it; whatever the platform throws */
async function write(
  source: LoggedBucket,
  { time, text }: { readonly time: number; readonly text: string },
  { config, directory, journal, stores }: EventServices,
): Promise<void> {
  const now = new Date();
  const { targetBucket } = source.logging;
  const key = logObjectKey(source, isByEventDay(source.logging) ? new Date(time) : now, newRequestId());
  const { buckets } = await directory.load({ bucketName: targetBucket });
  const target = authorizeLogDelivery(source, buckets.get(targetBucket), { key, now });
  const origin = {
    time: now,
    principalId: S3_ITSELF,
    sourceIp: S3_ITSELF,
    requestId: newRequestId(),
    endpoint: config.publicOrigin ?? "",
    callbackVariables: {},
  };
  const body = textBody(text);
  await journal.of(origin).write(
    target,
    { key, event: "ObjectCreated:Put" },
    {
      adds: { objects: 1, bytes: body.sizeBytes },
      commit: (ticket) =>
        stores.objects.put({ bucket: target, key, attributes: attributesIn(target, source), ticket }, body),
      describe: ({ etag, sizeBytes, lastModified, versionId }) => ({ etag, sizeBytes, at: lastModified, versionId }),
    },
  );
}

/**
 * The owner of the target owns the log objects, and TargetGrants are added to its full control; without effect where ACLs are
 * off. Deviation: on AWS the log delivery account owns them, unless the bucket owner is enforced or preferred.
 */
function attributesIn(target: GrantedBucket, { logging }: LoggedBucket): ObjectAttributes {
  const grants = target.documents.ownership === "BucketOwnerEnforced" ? [] : (logging.targetGrants ?? []);
  const { ownerId } = target;
  return {
    content: { contentType: "text/plain" },
    userMetadata: {},
    storageClass: "STANDARD",
    tags: [],
    ...(grants.length === 0
      ? { ownerId }
      : aclOfNewObject({ kind: "grants", grants: [fullControl(ownerId), ...grants] }, target, ownerId)),
  };
}
