/** What a batch of each consumer costs: calls of D1 and queues do not grow with the number of its messages. */
import { describe, expect, it } from "vitest";
import type { ChangesMessage } from "../../../src/storage/journal/messages.ts";
import { rootAccount } from "../../support/accounts.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { bucketWithRules, EVERYTHING, REPLICATE_ALL, type Rules, withEventQueue } from "../../support/events.ts";
import { userQueue } from "../../support/notification.ts";
import { arn, configureReplication } from "../../support/replication.ts";
import { hand, replicator } from "../../support/replicator.ts";
import { putObject } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { delivery, deployment, eventOf } from "../delivery/support.ts";

const NOTHING = { r2: 0, d1: 0, durableObject: 0, queue: 0 };

/** Messages of changes of different keys. */
async function changes(rules: Rules, count: number): Promise<ChangesMessage[]> {
  const queue = withEventQueue();
  await putObject(await bucketWithRules(rules), "k", "content", { env: queue.env });
  const [first] = queue.messages;
  if (first === undefined) throw new Error("no message");
  return Array.from({ length: count }, (_, index) => ({
    ...first,
    id: `${first.id}-${index}`,
    changes: first.changes.map((change) => ({ ...change, key: `k${index}`, writeId: `w${index}` })),
  }));
}

describe("a batch", () => {
  it("of 100 changes is one D1 call and one queue call for notifications, one more of each for replication", async () => {
    for (const [rules, expected] of [
      [{ notification: [EVERYTHING] }, { d1: 1, queue: 1 }],
      [{ replication: [REPLICATE_ALL] }, { d1: 2, queue: 1 }],
      [
        { notification: [EVERYTHING], replication: [REPLICATE_ALL] },
        { d1: 2, queue: 2 },
      ],
    ] as const) {
      const messages = await changes(rules, 100);
      const { env, counts } = countingEnv({ ...replicator().env, ...queuesOf(deployment()) });
      await hand(env, messages);
      expect(counts).toEqual({ ...NOTHING, ...expected });
    }
  });

  it("of 50 deliveries to a receiver is two D1 calls", async () => {
    const { accountId } = await rootAccount();
    const jobs = userQueue();
    const { env, counts, reset } = countingEnv(deployment({ QUEUE_MY_JOBS: jobs }).env);
    const receiver = { kind: "queue", arn: `arn:aws:sqs:us-east-1:${accountId}:my-jobs` } as const;
    const batch = (count: number) =>
      Array.from({ length: count }, (_, index) => delivery(receiver, { event: eventOf(`k${index}`, accountId) }));
    // The first one of an isolate also reads the id of the root account.
    await hand(env, batch(1));
    reset();
    await hand(env, batch(50));
    expect(counts).toEqual({ ...NOTHING, d1: 2 });
    expect(jobs.sent).toHaveLength(51);
  });

  it("of 20 replications is three D1 calls, and at most five R2 calls for each object", async () => {
    const world = replicator();
    const [source, target] = [await createBucket(), await createBucket()];
    await configureReplication(source, { destination: arn(target) });
    for (let index = 0; index < 20; index++) await putObject(source, `k${index}`, "content", { env: world.env });
    await world.spread();
    const { env, counts } = countingEnv(world.env);
    await hand(
      env,
      world.wakes.splice(0).map(({ body }) => body),
    );
    expect(counts.r2).toBeLessThanOrEqual(5 * 20);
    expect({ ...counts, r2: 0 }).toEqual({ ...NOTHING, d1: 3 });
  });
});

function queuesOf({ deliveries, retries, deadLetters }: ReturnType<typeof deployment>) {
  return { DELIVERIES: deliveries, RETRIES: retries, DEAD_LETTERS: deadLetters } as never as object;
}
