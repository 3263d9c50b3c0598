/**
 * Changes, spread over those who are to be told. Each receiver gets a message of its own, so that none waits for another;
 * replication tasks are rows first. Only then does the intent's row go: a crash in between tells some of them twice.
 */
import type { NotificationRule } from "../model/notification.ts";
import type { Services } from "../services.ts";
import type { ChangesMessage, DeliveryMessage, Receiver } from "../storage/journal/messages.ts";
import type { Letter } from "./index.ts";

/** @throws whatever the platform throws: then the whole batch is tried again */
export async function spreadChanges(letters: readonly Letter<ChangesMessage>[], services: Services): Promise<void> {
  const messages = letters.map(({ body }) => body);
  await services.queues.deliveries.send(messages.flatMap(deliveriesOf));
  await services.intents.remove(messages.map(({ id }) => id));
  for (const letter of letters) letter.ack();
}

/** Ids follow from the change and the receiver, so that what is sent twice can be told to be the same. */
function deliveriesOf(message: ChangesMessage): DeliveryMessage[] {
  const { id, origin, notifications } = message;
  return message.changes.flatMap(({ notify, replicate: _, ...change }, index) =>
    notify.flatMap((place) => {
      const rule = notifications[place];
      if (rule === undefined) return [];
      return receiversOf(rule).map(
        (receiver, number): DeliveryMessage => ({
          kind: "delivery",
          id: `${id}-${index}-${place}-${number}`,
          receiver,
          event: { origin, change, configurationId: rule.id },
          attempt: 0,
        }),
      );
    }),
  );
}

function receiversOf({ destination }: NotificationRule): Receiver[] {
  switch (destination.kind) {
    case "callback":
      return destination.urls.map((url) => ({ kind: "callback", url }));
    case "queue":
      return [{ kind: "queue", arn: destination.arn }];
    case "topic":
      return [];
  }
}
