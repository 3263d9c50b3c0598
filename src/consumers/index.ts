/**
 * The deployment's own queues, from the other end. Each message is told apart by its `kind`; a handler answers for every
 * message it is given, by acknowledging it or by asking for another try.
 */
import { deliver } from "../delivery/deliver.ts";
import type { Env } from "../env.ts";
import { replicateExisting } from "../replication/existing.ts";
import { replicate } from "../replication/tasks.ts";
import { openServices, type Services } from "../services.ts";
import type { DeadLetter, OwnMessage, QueueMessage } from "../storage/journal/messages.ts";
import { spreadChanges } from "./changes.ts";
import { keepDeadLetters } from "./dead-letters.ts";

type AnyMessage = OwnMessage | DeadLetter;
type Handler<Kind extends AnyMessage["kind"]> = (
  messages: readonly QueueMessage<Extract<AnyMessage, { kind: Kind }>>[],
  services: Services,
) => Promise<void>;

const HANDLERS: { readonly [Kind in AnyMessage["kind"]]?: Handler<Kind> } = {
  changes: spreadChanges,
  delivery: deliver,
  replication: replicate,
  "replication-page": replicateExisting,
  "dead-letter": keepDeadLetters,
};

/** End of the name of the queue to which the platform moves what it has tried in vain (wrangler.toml). */
const DEAD_LETTER_QUEUE = "dead-letters";

/**
 * What fails is tried again by the platform, which in the end moves it to the dead messages. From there nothing is tried
 * again but by an administrator.
 * @throws NotConfigured: then the platform tries the batch again
 */
export async function handleQueue(batch: MessageBatch, env: Env): Promise<void> {
  const all = batch.messages as readonly QueueMessage<AnyMessage>[];
  const byKind = Map.groupBy(
    batch.queue.endsWith(DEAD_LETTER_QUEUE) ? all.map(toDeadLetter) : all,
    ({ body }) => body.kind,
  );
  const services = await openServices(env);
  for (const [kind, messages] of byKind) {
    try {
      // Grouped by the very property that tells the types apart.
      const handle = HANDLERS[kind] as Handler<AnyMessage["kind"]> | undefined;
      if (handle === undefined) throw new Error(`There is no consumer of messages of the kind ${kind}.`);
      await handle(messages, services);
    } catch (error) {
      console.error(JSON.stringify({ consumer: kind, cause: String(error) }));
      for (const message of messages) message.retry();
    }
  }
}

/** Such a message comes as it was, so that its kind does not tell that it has been given up. */
function toDeadLetter(message: QueueMessage<AnyMessage>): QueueMessage<AnyMessage> {
  const { body, id, attempts } = message;
  if (body.kind === "dead-letter") return message;
  const dead: DeadLetter = {
    kind: "dead-letter",
    message: body,
    reason: "Tried in vain as often as the queue allows.",
  };
  return { id, attempts, body: dead, ack: () => message.ack(), retry: (options) => message.retry(options) };
}
