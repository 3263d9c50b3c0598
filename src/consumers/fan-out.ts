/**
 * Turns recorded changes into deliveries and replication tasks. Each receiver gets a message of its own, so that none
 * waits for another; replication tasks are stored before their messages are sent. The intent's row is removed last:
 * after a crash in between, some receivers get an event twice.
 */
import { authorizeNotification } from "../access/authorize-sns.ts";
import type { NotificationRule } from "../model/notification.ts";
import type { EventServices } from "../services.ts";
import type { ChangesMessage, DeliveryMessage, QueueMessage, Receiver } from "../storage/journal/messages.ts";

/**
 * Deliveries in one run of the consumer; the remaining messages are retried at once. One account that removes a
 * thousand keys with a hundred subscribers must not use up the subrequests of a run.
 */
const MAX_DELIVERIES_PER_RUN = 10_000;
/** Changes that are processed together; a message has a hundred at most. */
const MAX_CHANGES_PER_STEP = 100;

/** By topic ARN, for one bucket: a topic's policy can allow one bucket and not another. */
type Subscriptions = ReadonlyMap<string, readonly { readonly arn: string }[]>;
type Bucket = ChangesMessage["origin"]["bucket"];

/** @throws whatever the platform throws: messages that are not acknowledged by then are retried */
export async function fanOutChanges(
  messages: readonly QueueMessage<ChangesMessage>[],
  services: EventServices,
): Promise<void> {
  const waiting = [...messages];
  let sent = 0;
  while (waiting.length > 0 && sent < MAX_DELIVERIES_PER_RUN) {
    const group: QueueMessage<ChangesMessage>[] = [];
    for (let changes = 0; waiting.length > 0 && changes < MAX_CHANGES_PER_STEP; ) {
      const message = waiting.shift();
      if (message === undefined) break;
      group.push(message);
      changes += message.body.changes.length;
    }
    sent += await fanOut(group, services);
  }
  for (const message of waiting) message.retry();
}

/** @returns the number of deliveries */
async function fanOut(messages: readonly QueueMessage<ChangesMessage>[], services: EventServices): Promise<number> {
  const bodies = messages.map(({ body }) => body);
  const subscriptions = await findSubscriptions(bodies, services);
  const deliveries = bodies.flatMap((body) => deliveriesOf(body, subscriptions.get(bucketKey(body)) ?? new Map()));
  await services.queues.deliveries.send(deliveries);
  const tasks = bodies.flatMap(replicationsOf);
  if (tasks.length > 0) {
    const taskIds = await services.replicationTasks.add(tasks);
    await services.queues.replication.send(taskIds.map((taskId) => ({ kind: "replication", taskId })));
  }
  await services.intents.remove(bodies.map(({ id }) => id));
  for (const message of messages) message.ack();
  return deliveries.length;
}

/**
 * By bucket. A topic's policy is evaluated for each event, so a change after the notification was configured counts.
 */
async function findSubscriptions(
  messages: readonly ChangesMessage[],
  { topics }: EventServices,
): Promise<ReadonlyMap<string, Subscriptions>> {
  const now = new Date();
  const asked = new Map<string, { readonly bucket: Bucket; readonly arns: Set<string> }>();
  for (const message of messages) {
    const key = bucketKey(message);
    const { arns } = asked.get(key) ?? { arns: new Set<string>() };
    for (const { destination } of message.notifications) if (destination.kind === "topic") arns.add(destination.arn);
    if (arns.size > 0) asked.set(key, { bucket: message.origin.bucket, arns });
  }
  if (asked.size === 0) return new Map();
  const audiences = await topics.audiences([...asked.values()].flatMap(({ arns }) => [...arns]));
  const found = new Map<string, Subscriptions>();
  for (const [key, { bucket, arns }] of asked) {
    const named = audiences.access.filter(({ arn }) => arns.has(arn));
    const grants = named.flatMap((topic) => authorizeNotification(topic, bucket, now) ?? []);
    found.set(key, new Map(grants.map((grant) => [grant.topicArn, audiences.confirmedOf(grant)])));
  }
  return found;
}

/** Id and owner: the bucket's name can belong to another bucket by now. */
function bucketKey({ origin: { bucket } }: ChangesMessage): string {
  return `${bucket.id}/${bucket.accountId}`;
}

/** Ids follow from the change and the receiver, so that a repetition has the same id. */
function deliveriesOf(message: ChangesMessage, subscriptions: Subscriptions): DeliveryMessage[] {
  const { id, origin, notifications } = message;
  return message.changes.flatMap(({ notify, replicate: _, ...change }, changeIndex) =>
    rulesAt(notifications, notify).flatMap(([ruleIndex, rule]) =>
      receiversOf(rule, subscriptions).map(
        ([name, receiver]): DeliveryMessage => ({
          kind: "delivery",
          id: `${id}-${changeIndex}-${ruleIndex}-${name}`,
          receiver,
          event: { origin: originFor(receiver, origin), change, configurationId: rule.id },
          attempt: 0,
        }),
      ),
    ),
  );
}

/** Callback variables can be long, and only callbacks contain them. */
function originFor({ kind }: Receiver, origin: ChangesMessage["origin"]): ChangesMessage["origin"] {
  return kind === "callback" ? origin : { ...origin, callbackVariables: {} };
}

/** Names are distinct within a rule, and do not change when other receivers are added or removed. */
function receiversOf(
  { destination }: NotificationRule,
  subscriptions: Subscriptions,
): (readonly [name: string, receiver: Receiver])[] {
  switch (destination.kind) {
    case "callback":
      return destination.urls.map((url, number) => [`${number}`, { kind: "callback", url }]);
    case "queue":
      return [["0", { kind: "queue", arn: destination.arn }]];
    case "topic": {
      const { arn: topicArn } = destination;
      return (subscriptions.get(topicArn) ?? []).map(({ arn }) => [
        arn.slice(topicArn.length + 1),
        { kind: "subscription", topicArn, subscriptionArn: arn },
      ]);
    }
  }
}

function replicationsOf({ origin, replications, changes }: ChangesMessage) {
  return changes.flatMap(({ notify: _, replicate, ...change }) =>
    rulesAt(replications, replicate).map(([, rule]) => ({ origin, change, rule })),
  );
}

/** The rules of a message that a change meets, each with its index. */
function rulesAt<Rule>(rules: readonly Rule[], indexes: readonly number[]): (readonly [index: number, rule: Rule])[] {
  return indexes.flatMap((index) => {
    const rule = rules[index];
    return rule === undefined ? [] : [[index, rule] as const];
  });
}
