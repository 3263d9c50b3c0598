/** Stores messages whose attempts are exhausted, for an administrator to see. */
import { responsibleAccount } from "../delivery/receiver-identity.ts";
import type { EventServices } from "../services.ts";
import type { DeadLetter, MessageOwner, OwnMessage, QueueMessage } from "../storage/journal/messages.ts";

/** @throws whatever the platform throws: then the whole batch is retried */
export async function keepDeadLetters(
  messages: readonly QueueMessage<DeadLetter>[],
  services: EventServices,
): Promise<void> {
  const kept = messages.map(({ body: { message, reason } }) => ({
    id: idOf(message),
    owner: ownerOf(message),
    reason,
    message,
  }));
  await services.deadLetters.keep(kept, new Date());
  for (const message of messages) message.ack();
}

function ownerOf(message: OwnMessage): MessageOwner {
  switch (message.kind) {
    case "changes":
      return { accountId: message.origin.bucket.accountId };
    case "delivery":
      return { accountId: responsibleAccount(message) };
    case "access-log":
      return { accountId: message.bucket.accountId };
    case "audit":
      return { accountId: message.setting.accountId };
    case "replication":
      return { taskId: message.taskId };
    case "replication-page":
      return { bucketId: message.bucketId };
  }
}

function idOf(message: OwnMessage): string {
  switch (message.kind) {
    case "replication":
      return message.taskId;
    case "replication-page":
      return message.run;
    default:
      return message.id;
  }
}
