/**
 * Changes, spread over those who are to be told. Each receiver gets a message of its own, so that none waits for another;
 * replication tasks are rows first. Only then does the intent's row go: a crash in between tells some of them twice.
 */
import { authorizeNotification } from "../access/authorize-sns.ts";
import type { NotificationRule } from "../model/notification.ts";
import type { Services } from "../services.ts";
import type { ChangesMessage, DeliveryMessage, QueueMessage, Receiver } from "../storage/journal/messages.ts";

/**
 * Messages to receivers in one run of the consumer; what is left comes again at once. One account's removals of a thousand
 * keys, told to a hundred subscribers each, must not use up what a run may do for all.
 */
const MAX_DELIVERIES_PER_RUN = 10_000;
/** Of changes spread in one piece; a message brings a hundred at most. */
const MAX_CHANGES_PER_STEP = 100;

/** By topic, for one bucket: another's events may not be for them. */
type Subscriptions = ReadonlyMap<string, readonly { readonly arn: string }[]>;
type Bucket = ChangesMessage["origin"]["bucket"];

/** @throws whatever the platform throws: what has not been acknowledged by then is tried again */
export async function spreadChanges(
  messages: readonly QueueMessage<ChangesMessage>[],
  services: Services,
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
    sent += await spread(group, services);
  }
  for (const message of waiting) message.retry();
}

/** Returns how many deliveries came of them. */
async function spread(messages: readonly QueueMessage<ChangesMessage>[], services: Services): Promise<number> {
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
 * What a topic's policy says counts now, whatever it said when the notification was configured. By bucket: of two that
 * name a topic, it may let in one.
 */
async function findSubscriptions(
  messages: readonly ChangesMessage[],
  { topics }: Services,
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
    found.set(key, new Map(grants.map((grant) => [grant.topicArn, audiences.receiversOf(grant)])));
  }
  return found;
}

/** A bucket by its id and owner; its name may meanwhile be another's. */
function bucketKey({ origin: { bucket } }: ChangesMessage): string {
  return `${bucket.id}/${bucket.accountId}`;
}

/** Ids follow from the change and the receiver, so that what is sent twice can be told to be the same. */
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

/** Callback variables are for callbacks: nobody else is told of them, and they can be long. */
function originFor({ kind }: Receiver, origin: ChangesMessage["origin"]): ChangesMessage["origin"] {
  return kind === "callback" ? origin : { ...origin, callbackVariables: {} };
}

/** With names that tell those of one rule apart, and stay theirs when others come and go. */
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
