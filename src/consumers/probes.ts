/** Notes that a queue's messages are consumed. */
import type { ProbeMessage } from "../model/heartbeat.ts";
import type { EventServices } from "../services.ts";
import type { QueueMessage } from "../storage/journal/messages.ts";

export async function noteProbes(
  messages: readonly QueueMessage<ProbeMessage>[],
  { heartbeats }: EventServices,
): Promise<void> {
  for (const message of messages) {
    await heartbeats.noteProbe(message.body, new Date());
    message.ack();
  }
}
