/** Receivers of notifications, and dead letters: listing, retrying, deleting them. */
import { describeReceiver } from "../delivery/receiver-identity.ts";
import type { StoredDeadLetter } from "../storage/d1/dead-letters.ts";
import type { Queues } from "../storage/journal/messages.ts";
import { type AdminCall, failure } from "./call.ts";

type Parameters = Record<string, string>;

/** Instead of an id: all dead letters that are listed. */
const ALL = "all";

export async function listReceivers({ services, grant }: AdminCall): Promise<Response> {
  const receivers = await services.receivers.list(grant);
  return Response.json({
    // Null instead of a missing member, so that every row of the command's table has the same columns.
    receivers: receivers.map(({ lastSuccessAt, lastFailureAt, lastFailure, failingSince, ...counts }) => ({
      ...counts,
      failingSince: failingSince ?? null,
      lastSuccessAt: lastSuccessAt ?? null,
      lastFailureAt: lastFailureAt ?? null,
      lastFailure: lastFailure ?? null,
    })),
  });
}

export async function listDeadLetters({ services, grant }: AdminCall): Promise<Response> {
  const found = await services.deadLetters.list(grant);
  return Response.json({ deadLetters: found.map(describe) });
}

export async function retryDeadLetters(call: AdminCall, parameters: Parameters): Promise<Response> {
  return forEach(call, parameters, async (deadLetter) => {
    await sendAgain(deadLetter, call.services.queues);
    await call.services.deadLetters.delete(call.grant, deadLetter.id);
  });
}

export async function deleteDeadLetters(call: AdminCall, parameters: Parameters): Promise<Response> {
  return forEach(call, parameters, async ({ id }) => {
    await call.services.deadLetters.delete(call.grant, id);
  });
}

async function forEach(
  { services, grant }: AdminCall,
  { id = "" }: Parameters,
  act: (deadLetter: StoredDeadLetter) => Promise<void>,
): Promise<Response> {
  const { deadLetters } = services;
  const found = id === ALL ? await deadLetters.list(grant) : [await deadLetters.get(grant, id)];
  const existing = found.filter((deadLetter) => deadLetter !== undefined);
  if (existing.length === 0 && id !== ALL) return failure(404, "NoSuchDeadLetter", "There is no such dead letter.");
  for (const deadLetter of existing) await act(deadLetter);
  return Response.json({ count: existing.length });
}

/** Sends a message again with all the attempts of a new message. */
async function sendAgain({ message }: StoredDeadLetter, queues: Queues): Promise<void> {
  switch (message.kind) {
    case "changes":
      return queues.events.send([message]);
    case "delivery": {
      const { isDiverted: _, ...fresh } = message;
      return queues.deliveries.send([{ ...fresh, attempt: 0 }]);
    }
    case "replication":
    case "replication-page":
      return queues.replication.send([message]);
    case "access-log":
    case "audit":
      return queues.accessLogs.send([message]);
  }
}

function describe({ id, reason, givenUpAt, message }: StoredDeadLetter) {
  return { id, kind: message.kind, ...subjectOf(message), reason, givenUpAt };
}

function subjectOf(message: StoredDeadLetter["message"]) {
  switch (message.kind) {
    case "delivery": {
      const receiver = describeReceiver(message.receiver);
      if (!("origin" in message.event)) return { receiver, event: "", bucket: "", key: "" };
      const { origin, change } = message.event;
      return { receiver, event: change.event, ...objectOf(origin.bucket, change) };
    }
    case "changes": {
      const [first] = message.changes;
      const event = first === undefined ? "" : `${first.event} (${message.changes.length})`;
      return { receiver: "", event, ...objectOf(message.origin.bucket, first) };
    }
    case "replication":
    case "replication-page":
      return { receiver: "", event: "", bucket: "", key: "" };
    case "access-log":
      return { receiver: message.bucket.logging.targetBucket, event: "", bucket: message.bucket.name, key: "" };
    case "audit":
      return { receiver: message.setting.bucket, event: "", bucket: "", key: "" };
  }
}

function objectOf(bucket: { readonly name: string }, change: { readonly key: string } | undefined) {
  return { bucket: bucket.name, key: change?.key ?? "" };
}
