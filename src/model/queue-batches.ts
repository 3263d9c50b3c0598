/** Limits of one `sendBatch` ("Queues limits": 100 messages, 256 KB), with room for what the platform adds. */
const BATCH_MESSAGES = 100;
const BATCH_BYTES = 200_000;

/** Messages in their order, as batches of at most 100 messages and 200 KB. A longer message is a batch by itself. */
export function queueBatches<Message>(messages: readonly Message[]): Message[][] {
  const all: Message[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const message of messages) {
    const size = new TextEncoder().encode(JSON.stringify(message)).byteLength;
    const last = all.at(-1);
    if (last === undefined || last.length === BATCH_MESSAGES || bytes + size > BATCH_BYTES) {
      all.push([message]);
      bytes = size;
    } else {
      last.push(message);
      bytes += size;
    }
  }
  return all;
}
