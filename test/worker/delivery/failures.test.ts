/** No delivery is lost, whichever binding call of the consumer fails, and in whichever way. */
import { expect, it } from "vitest";
import { rootAccount } from "../../support/accounts.ts";
import { type Failure, failingEnv } from "../../support/failing-env.ts";
import { receivers, userQueue, willing } from "../../support/notification.ts";
import { delivery, deployment, eventOf, take, toUrl } from "./support.ts";

let run = 0;

interface Result {
  readonly calls: number;
  readonly lost: readonly string[];
}

/** One batch with a delivery for each possible outcome. Messages that are not acknowledged are handed to a working Worker. */
async function deliverWith(failure: Failure | undefined): Promise<Result> {
  const { accountId } = await rootAccount();
  const host = `failures-${run++}.example.net`;
  const [well, refusing] = [`https://${host}/well`, `https://${host}/refusing`];
  const calls = receivers({ [well]: willing, [refusing]: () => new Response("", { status: 500 }) });
  const jobs = userQueue();
  const worker = deployment({ QUEUE_MY_JOBS: jobs });
  const queue = { kind: "queue", arn: `arn:aws:sqs:us-east-1:${accountId}:my-jobs` } as const;
  const messages = {
    delivered: toUrl(well),
    queued: delivery(queue, { event: eventOf("k", accountId) }),
    again: toUrl(refusing),
    givenUp: toUrl(refusing, { attempt: 3 }),
  };
  const failing = failingEnv(worker.env, failure);
  const { acknowledged } = await take(Object.values(messages), { ...worker, env: failing.env });
  await take(
    Object.values(messages).filter(({ id }) => !acknowledged.includes(id)),
    worker,
  );

  const isKept = {
    delivered: calls.some(({ headers }) => headers["x-jdcloud-request-id"] === messages.delivered.id),
    queued: jobs.sent.length > 0,
    again: worker.retries.sent.some(({ body }) => body.id === messages.again.id && body.attempt === 1),
    givenUp: worker.deadLetters.sent.some(
      ({ body }) => "id" in body.message && body.message.id === messages.givenUp.id,
    ),
  };
  return { calls: failing.calls(), lost: Object.entries(isKept).flatMap(([name, is]) => (is ? [] : [name])) };
}

it("loses no delivery, whichever call fails", { timeout: 120_000 }, async () => {
  const { calls, lost } = await deliverWith(undefined);
  expect(lost).toEqual([]);
  // Receivers and their state, the root account, the certificate key; retries, dead letters, statistics.
  expect(calls).toBeGreaterThanOrEqual(5);
  for (let at = 1; at <= calls; at++) {
    for (const when of ["before", "after"] as const) {
      for (const lasting of ["once", "permanently"] as const) {
        const result = await deliverWith({ at, when, lasting });
        expect(result.lost, `call ${at} of ${calls}, ${when}, ${lasting}`).toEqual([]);
      }
    }
  }
});
