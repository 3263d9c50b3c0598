/** What was given up, put where an administrator can see it. */
import type { Services } from "../services.ts";
import type { OwnMessage } from "../storage/journal/messages.ts";
import type { DeadLetter } from "../storage/journal/queues.ts";
import type { Letter } from "./index.ts";

/** @throws whatever the platform throws: then the whole batch is tried again */
export async function keepDeadLetters(letters: readonly Letter<DeadLetter>[], services: Services): Promise<void> {
  const kept = letters.map(({ body: { message, reason } }) => ({ id: idOf(message), reason, message }));
  await services.deadLetters.keep(kept, new Date());
  for (const letter of letters) letter.ack();
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
