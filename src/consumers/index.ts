/**
 * The consumers of the deployment's own queues, chosen by the `kind` of each message. A handler acknowledges or retries
 * every message it is given.
 */
import { deliverAccessLogs } from "../access-log/deliver.ts";
import { deliverAudit } from "../audit/deliver.ts";
import { deliver } from "../delivery/deliver.ts";
import type { Env } from "../env.ts";
import type { ProbeMessage } from "../model/heartbeat.ts";
import { replicateExisting } from "../replication/existing.ts";
import { replicate } from "../replication/tasks.ts";
import { type EventServices, openDeployment } from "../services.ts";
import type { DeadLetter, OwnMessage, QueueMessage } from "../storage/journal/messages.ts";
import { keepDeadLetters } from "./dead-letters.ts";
import { fanOutChanges } from "./fan-out.ts";
import { noteProbes } from "./probes.ts";

type AnyMessage = OwnMessage | DeadLetter | ProbeMessage;
type Handler<Kind extends AnyMessage["kind"]> = (
  messages: readonly QueueMessage<Extract<AnyMessage, { kind: Kind }>>[],
  services: EventServices,
) => Promise<void>;

const HANDLERS: { readonly [Kind in AnyMessage["kind"]]?: Handler<Kind> } = {
  changes: fanOutChanges,
  delivery: deliver,
  replication: replicate,
  "replication-page": replicateExisting,
  "access-log": deliverAccessLogs,
  audit: deliverAudit,
  "dead-letter": keepDeadLetters,
  probe: noteProbes,
};

/** End of the name of the queue to which the platform moves messages that failed too often (wrangler.toml). */
const DEAD_LETTER_QUEUE = "dead-letters";

/**
 * The platform retries messages that fail and in the end moves them to the dead letters. From there only an
 * administrator sends them again.
 * @throws NotConfigured: then the platform retries the batch
 */
export async function handleQueue(batch: MessageBatch, env: Env): Promise<void> {
  const all = batch.messages as readonly QueueMessage<AnyMessage>[];
  const byKind = Map.groupBy(
    batch.queue.endsWith(DEAD_LETTER_QUEUE) ? all.map(toDeadLetter) : all,
    ({ body }) => body.kind,
  );
  const services = await openDeployment(env);
  for (const [kind, messages] of byKind) {
    try {
      // Messages are grouped by `kind`, which decides their type.
      const handle = HANDLERS[kind] as Handler<AnyMessage["kind"]> | undefined;
      if (handle === undefined) throw new Error(`There is no consumer of messages of the kind ${kind}.`);
      await services.metrics.measure("queue", { name: kind, messages: messages.length }, () =>
        handle(messages, services),
      );
    } catch (error) {
      console.error(JSON.stringify({ consumer: kind, cause: String(error) }));
      for (const message of messages) message.retry();
    }
  }
}

/** The platform moves a message unchanged, so its `kind` does not show that it is a dead letter. */
function toDeadLetter(message: QueueMessage<AnyMessage>): QueueMessage<AnyMessage> {
  const { body, id, attempts } = message;
  if (body.kind === "dead-letter" || body.kind === "probe") return message;
  const dead: DeadLetter = {
    kind: "dead-letter",
    message: body,
    reason: "The consumer failed as often as the queue allows.",
  };
  return { id, attempts, body: dead, ack: () => message.ack(), retry: (options) => message.retry(options) };
}
