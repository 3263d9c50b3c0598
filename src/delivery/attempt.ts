/** One attempt at one delivery, for whatever kind of receiver. */
import type { Services } from "../services.ts";
import type { DeliveryMessage, Event, TestEvent } from "../storage/journal/messages.ts";
import { awsMessage } from "./aws-record.ts";
import { boundQueue } from "./bound-queues.ts";
import type { DeliveryOutcome } from "./outcome.ts";

/** What an attempt needs of the services. */
export type DeliveryServices = Pick<Services, "accounts" | "callbacks" | "queues" | "topicDeliveries">;

/** @throws what is our own trouble, such as D1's: then the attempt does not count */
export async function attemptDelivery(message: DeliveryMessage, services: DeliveryServices): Promise<DeliveryOutcome> {
  const { receiver, event, id } = message;
  switch (receiver.kind) {
    case "callback":
      if (!("origin" in event)) return refused("Callbacks are told of events alone.");
      return services.callbacks.deliver(event, receiver.url, id);
    case "queue":
      if ("topic" in event) return refused("Queues do not subscribe to topics.");
      return sendToQueue(event, receiver.arn, services);
    case "subscription":
      return services.topicDeliveries.deliver(event, receiver);
  }
}

async function sendToQueue(
  event: Event | TestEvent,
  arn: string,
  { accounts, queues }: DeliveryServices,
): Promise<DeliveryOutcome> {
  const { bucket } = "test" in event ? event.test : event.origin;
  const queue = boundQueue(arn, bucket, await accounts.rootId(), queues);
  if (queue === undefined) return refused("There is no such queue for this bucket.");
  const startedAt = Date.now();
  try {
    await queue.send(awsMessage(event));
  } catch (error) {
    const reason = `The queue did not take the message: ${String(error).slice(0, 200)}`;
    return { kind: "failed", reason, isDown: true, latencyMs: Date.now() - startedAt };
  }
  return { kind: "delivered", latencyMs: Date.now() - startedAt };
}

function refused(reason: string): DeliveryOutcome {
  return { kind: "refused", reason, latencyMs: 0 };
}
