/**
 * The consumer of the audit's messages: each becomes one object, through the journal as every other write, unless it exists
 * already. These writes are no requests, so the audit has no lines about them. A message whose bucket cannot have it is tried again
 * for as long as the queue allows, and is a dead letter then.
 */
import { authorizeAuditDelivery } from "../access/authorize.ts";
import { S3Error } from "../errors.ts";
import { auditObjectKey } from "../model/audit.ts";
import { S3_ITSELF } from "../model/event.ts";
import { textBody } from "../model/object-body.ts";
import { lockOfNewVersion } from "../model/object-lock.ts";
import { newRequestId } from "../model/random-ids.ts";
import type { EventServices } from "../services.ts";
import type { AuditMessage, QueueMessage } from "../storage/journal/messages.ts";

/** Between attempts for a bucket that cannot have the object: an operator has to change something. */
const REFUSED_RETRY_SECONDS = 120;

export async function deliverAudit(
  messages: readonly QueueMessage<AuditMessage>[],
  services: EventServices,
): Promise<void> {
  for (const message of messages) {
    try {
      await write(message.body, services);
      message.ack();
    } catch (error) {
      const isRefused = error instanceof S3Error && error.status < 500;
      message.retry(isRefused ? { delaySeconds: REFUSED_RETRY_SECONDS } : {});
      const { bucket } = message.body.setting;
      console.error(JSON.stringify({ audit: isRefused ? "refused" : "failed", bucket, cause: String(error) }));
    }
  }
}

/** @throws S3Error below 500 if the bucket cannot have it; whatever the platform throws */
async function write(message: AuditMessage, { config, directory, journal, stores }: EventServices): Promise<void> {
  const { setting, text } = message;
  const now = new Date();
  const key = auditObjectKey(setting, message);
  const { buckets } = await directory.load({ bucketName: setting.bucket });
  const bucket = authorizeAuditDelivery(setting, buckets.get(setting.bucket));
  const lock = lockOfNewVersion(undefined, bucket.documents.objectLock, now);
  const attributes = {
    content: { contentType: "application/jsonl" },
    userMetadata: {},
    storageClass: "STANDARD",
    ownerId: bucket.ownerId,
    tags: [],
    ...(lock !== undefined && { lock }),
  } as const;
  const origin = {
    time: now,
    principalId: S3_ITSELF,
    sourceIp: S3_ITSELF,
    requestId: newRequestId(),
    endpoint: config.publicOrigin ?? "",
    callbackVariables: {},
  };
  const condition = { kind: "if-none-match-any" } as const;
  const body = textBody(text);
  try {
    await journal.of(origin).write(
      bucket,
      { key, event: "ObjectCreated:Put" },
      {
        // Denied requests, which anyone can send, would fill a quota and so end the audit.
        adds: undefined,
        commit: (ticket) => stores.objects.put({ bucket, key, attributes, ticket, condition }, body),
        describe: ({ etag, sizeBytes, lastModified, versionId }) => ({ etag, sizeBytes, at: lastModified, versionId }),
      },
    );
  } catch (error) {
    // The message came before: the queue delivers at least once.
    if (!(error instanceof S3Error) || error.code !== "PreconditionFailed") throw error;
  }
}
