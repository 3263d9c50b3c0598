/** A receiver that is dead, slow or picky keeps nobody else waiting. */
import { describe, expect, it } from "vitest";
import { type Answer, receivers, silent, willing } from "../../support/notification.ts";
import { type Deployment, deployment, rowOf, take, toUrl } from "./support.ts";

let number = 0;
const newUrl = (name: string) => `https://${name}-${number++}.example.net/cb`;
const after =
  (milliseconds: number): Answer =>
  async (call) => {
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    return willing(call);
  };
const unreachable: Answer = () => Promise.reject(new Error("Network connection lost."));

const many = (url: string, count: number) => Array.from({ length: count }, () => toUrl(url));
const callsTo = (calls: readonly { url: string }[], url: string) => calls.filter((call) => call.url === url).length;

describe("a batch of deliveries", () => {
  it("delivers to others while one receiver hangs, and asks that one once", async () => {
    const [dead, well] = [newUrl("dead"), newUrl("well")];
    const answeredAt: number[] = [];
    const startedAt = Date.now();
    const calls = receivers({
      [dead]: silent,
      [well]: (call) => {
        answeredAt.push(Date.now() - startedAt);
        return willing(call);
      },
    });
    const worker = deployment();
    const messages = [...many(dead, 20), ...many(well, 20)];
    const { acknowledged } = await take(messages, worker);
    expect([...acknowledged].sort()).toEqual(messages.map(({ id }) => id).sort());
    expect(answeredAt).toHaveLength(20);
    expect(Math.max(...answeredAt)).toBeLessThan(2_000);
    expect(callsTo(calls, dead)).toBe(1);
    // The first has had its attempt; the others have not been tried.
    const [tried, ...diverted] = worker.retries.sent.toSorted((left, right) => right.body.attempt - left.body.attempt);
    expect(tried?.body).toEqual({ ...messages[0], attempt: 1 });
    expect(diverted).toHaveLength(19);
    for (const { body, delaySeconds } of diverted) {
      expect([body.attempt, body.isDiverted, delaySeconds]).toEqual([0, true, 5]);
    }
  });

  it("does not even ask a receiver that is known to be dead, whichever isolate has found out", async () => {
    const [dead, well] = [newUrl("dead"), newUrl("well")];
    const calls = receivers({ [dead]: unreachable, [well]: willing });
    const first = deployment();
    await take(many(dead, 1), first);
    for (const worker of [first, deployment()]) {
      await take([...many(dead, 3), ...many(well, 2)], worker);
      expect(worker.retries.sent.filter(({ body }) => body.isDiverted)).toHaveLength(3);
    }
    expect([callsTo(calls, dead), callsTo(calls, well)]).toEqual([1, 4]);
    expect(await rowOf(dead)).toMatchObject({ failed: 1, retried: 0 });
  });

  it("of retries asks a receiver that stays dead once, and counts that for all that are due", async () => {
    const dead = newUrl("dead");
    const calls = receivers({ [dead]: unreachable });
    const worker = deployment();
    const due = [toUrl(dead, { isDiverted: true }), toUrl(dead, { attempt: 1 }), toUrl(dead, { attempt: 3 })];
    await take(due, worker);
    expect(calls).toHaveLength(1);
    expect(worker.retries.sent.map(({ body }) => body.attempt).sort()).toEqual([1, 2]);
    expect(worker.deadLetters.sent.map(({ body }) => body)).toEqual([
      { kind: "dead-letter", message: due[2], reason: "Network connection lost." },
    ]);
    expect(await rowOf(dead)).toMatchObject({ failed: 3, retried: 2, given_up: 1, delivered: 0 });
  });

  it("sends the events of a slow receiver through the retries, until it is quick again", async () => {
    const slow = newUrl("slow");
    let patience = 1_100;
    receivers({ [slow]: (call) => after(patience)(call) });
    const worker = deployment();
    await take(many(slow, 1), worker);
    expect(await rowOf(slow)).toMatchObject({ delivered: 1, failed: 0, failing_since: null });
    await take(many(slow, 2), worker);
    const diverted = worker.retries.sent.map(({ body }) => body);
    expect(diverted).toHaveLength(2);

    patience = 0;
    await take(diverted, worker);
    expect(await rowOf(slow)).toMatchObject({ delivered: 3, avoid_until: null });
    await take(many(slow, 1), worker);
    expect([await rowOf(slow), worker.retries.sent.length]).toMatchObject([{ delivered: 4 }, 2]);
  });

  it("keeps on asking a receiver that refuses single events", async () => {
    const picky = newUrl("picky");
    const messages = many(picky, 6);
    const calls = receivers({
      [picky]: ({ body, headers }) =>
        headers["x-jdcloud-request-id"] === messages[0]?.id ? new Response("", { status: 500 }) : new Response(body),
    });
    const worker = deployment();
    await take(messages, worker);
    expect(calls).toHaveLength(6);
    expect(worker.retries.sent.map(({ body }) => body)).toEqual([{ ...messages[0], attempt: 1 }]);
    expect(await rowOf(picky)).toMatchObject({ delivered: 5, failed: 1, avoid_until: null, failing_since: null });
  });
});

/** What a single consumer of each queue would do, one batch after the other; delays as they are asked for. */
async function consume(worker: Deployment, until: () => boolean): Promise<void> {
  const deliveries = worker.deliveries.sent.map(({ body }) => body);
  const first = async () => {
    while (deliveries.length > 0) await take(deliveries.splice(0, 50), worker);
  };
  const due: { readonly at: number; readonly message: (typeof deliveries)[number] }[] = [];
  const retries = async () => {
    while (!until()) {
      const now = Date.now();
      for (const { body, delaySeconds = 0 } of worker.retries.sent.splice(0)) {
        due.push({ at: now + delaySeconds * 1_000, message: body });
      }
      const batch = due.filter(({ at }) => at <= now).slice(0, 50);
      for (const one of batch) due.splice(due.indexOf(one), 1);
      if (batch.length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
      else
        await take(
          batch.map(({ message }) => message),
          worker,
        );
    }
  };
  await Promise.all([first(), retries()]);
}

describe("hundreds of events to a dead and to a healthy receiver", () => {
  it("reach the healthy one within the time of one timeout, however many are for the dead one", async () => {
    const [dead, well] = [newUrl("dead"), newUrl("well")];
    const latencies: number[] = [];
    const startedAt = Date.now();
    const calls = receivers({
      [dead]: silent,
      [well]: (call) => {
        latencies.push(Date.now() - startedAt);
        return willing(call);
      },
    });
    const worker = deployment();
    for (let event = 0; event < 200; event++) {
      for (const url of [dead, well]) await worker.deliveries.send(toUrl(url));
    }
    await consume(worker, () => latencies.length === 200);
    expect(latencies).toHaveLength(200);
    // Eight batches with a dead receiver in each would take 40 s.
    expect(Math.max(...latencies)).toBeLessThan(8_000);
    expect(callsTo(calls, dead)).toBeLessThanOrEqual(3);
    console.log(JSON.stringify({ deliveries: latencies.length, slowestMs: Math.max(...latencies) }));
  });
});
