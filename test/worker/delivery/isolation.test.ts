/** A receiver that is down, slow or refuses some events does not delay others. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { identifyReceiver } from "../../../src/delivery/receiver-identity.ts";
import { createAccount } from "../../support/accounts.ts";
import { type Answer, receivers, silent, willing } from "../../support/notification.ts";
import { type Deployment, delivery, deployment, eventOf, rowOf, take, toUrl } from "./support.ts";

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
  it("delivers to others while one receiver does not answer, and calls that one once", async () => {
    const [down, healthy] = [newUrl("down"), newUrl("healthy")];
    const worker = deployment();
    const triedBefore: number[] = [];
    const calls = receivers({
      [down]: silent,
      [healthy]: (call) => {
        triedBefore.push(worker.retries.sent.filter(({ body }) => body.attempt === 1).length);
        return willing(call);
      },
    });
    const messages = [...many(down, 20), ...many(healthy, 20)];
    const { acknowledged } = await take(messages, worker);
    expect([...acknowledged].sort()).toEqual(messages.map(({ id }) => id).sort());
    // All 20 before the attempt at the other receiver ends.
    expect(triedBefore).toEqual(Array.from({ length: 20 }, () => 0));
    expect(callsTo(calls, down)).toBe(1);
    // Only the first has had an attempt.
    const [tried, ...diverted] = worker.retries.sent.toSorted((left, right) => right.body.attempt - left.body.attempt);
    expect(tried?.body).toEqual({ ...messages[0], attempt: 1 });
    expect(diverted).toHaveLength(19);
    for (const { body, delaySeconds } of diverted) {
      expect([body.attempt, body.isDiverted, delaySeconds]).toEqual([0, true, 5]);
    }
  });

  it("does not call a receiver that any isolate knows to be down", async () => {
    const [down, healthy] = [newUrl("down"), newUrl("healthy")];
    const calls = receivers({ [down]: unreachable, [healthy]: willing });
    const first = deployment();
    await take(many(down, 1), first);
    for (const worker of [first, deployment()]) {
      await take([...many(down, 3), ...many(healthy, 2)], worker);
      expect(worker.retries.sent.filter(({ body }) => body.isDiverted)).toHaveLength(3);
    }
    expect([callsTo(calls, down), callsTo(calls, healthy)]).toEqual([1, 4]);
    expect(await rowOf(down)).toMatchObject({ failed: 1, retried: 0 });
  });

  it("of retries calls a receiver that is down once, which counts for all its events", async () => {
    const down = newUrl("down");
    const calls = receivers({ [down]: unreachable });
    const worker = deployment();
    const due = [toUrl(down, { isDiverted: true }), toUrl(down, { attempt: 1 }), toUrl(down, { attempt: 3 })];
    await take(due, worker);
    expect(calls).toHaveLength(1);
    expect(worker.retries.sent.map(({ body }) => body.attempt).sort()).toEqual([1, 2]);
    expect(worker.deadLetters.sent.map(({ body }) => body)).toEqual([
      { kind: "dead-letter", message: due[2], reason: "Network connection lost." },
    ]);
    expect(await rowOf(down)).toMatchObject({ failed: 3, retried: 2, given_up: 1, delivered: 0 });
  });

  it("sends the events of a slow receiver through the retry queue until it is fast again", async () => {
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

  it("keeps calling a receiver that refuses some events", async () => {
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

/** URLs of one host, each another receiver. */
const urlsAt = (host: string, count: number) => Array.from({ length: count }, (_, index) => `https://${host}/${index}`);
const newHost = () => `many-${number++}.example.net`;
const answersOf = (urls: readonly string[], answer: Answer) => Object.fromEntries(urls.map((url) => [url, answer]));
const from = (accountId: string, url: string, options = {}) =>
  toUrl(url, { event: eventOf(`key-${number++}`, accountId), ...options });

describe("many receivers at one slow or unresponsive host", () => {
  it("cost a batch one timeout, and are all avoided in the next one", async () => {
    const [host, healthy] = [newHost(), newUrl("healthy")];
    const urls = urlsAt(host, 40);
    const calls = receivers({ ...answersOf(urls, silent), [healthy]: willing });
    const worker = deployment();
    const messages = urls.map((url) => from("000000000002", url));
    await take([...messages.slice(0, 20), from("000000000003", healthy)], worker);
    expect(calls.map(({ url }) => url).sort()).toEqual([urls[0], healthy].sort());
    for (const isolate of [worker, deployment()]) await take(messages.slice(20), isolate);
    expect(calls).toHaveLength(2);
    expect(worker.retries.sent.filter(({ body }) => body.isDiverted)).toHaveLength(39);
  });

  it("cost a batch one slow answer", async () => {
    const urls = urlsAt(newHost(), 20);
    const calls = receivers(answersOf(urls, after(1_100)));
    const worker = deployment();
    await take(
      urls.map((url) => from("000000000002", url)),
      worker,
    );
    expect([calls.length, worker.retries.sent.length]).toEqual([1, 19]);
  });

  it("do not delay another account's receivers at the host", async () => {
    const urls = urlsAt(newHost(), 2);
    const calls = receivers({ [urls[0] ?? ""]: unreachable, [urls[1] ?? ""]: willing });
    const worker = deployment();
    await take([from("000000000002", urls[0] ?? "")], worker);
    await take([from("000000000003", urls[1] ?? "")], worker);
    expect(calls).toHaveLength(2);
    await take([from("000000000002", urls[1] ?? "")], worker);
    expect(calls).toHaveLength(2);
  });

  it("cost a batch of retries a limited time; healthy ones come first, and those not called keep their attempt", async () => {
    const urls = urlsAt(newHost(), 20);
    const healthy = urls.at(-1) ?? "";
    const calls = receivers({ ...answersOf(urls, silent), [healthy]: willing });
    const worker = deployment();
    await take([from("000000000002", urls[0] ?? "")], worker);
    calls.length = 0;
    worker.retries.sent.length = 0;
    for (const url of urls.slice(0, -1)) await markAvoided(url, "000000000002");
    await take(
      urls.map((url) => from("000000000002", url, { attempt: 1 })),
      worker,
    );
    expect(calls[0]?.url).toBe(healthy);
    expect(calls.length).toBeLessThanOrEqual(7);
    const postponed = worker.retries.sent.filter(({ body }) => body.attempt === 1);
    expect(postponed).toHaveLength(urls.length - calls.length);
    for (const { body, delaySeconds } of postponed) expect([body.isDiverted, delaySeconds]).toEqual([true, 60]);
    expect(worker.retries.sent.filter(({ body }) => body.attempt === 2)).toHaveLength(calls.length - 1);
  });

  it("include endpoints of subscriptions, by the subscription's account, not the topic's", async () => {
    const urls = urlsAt(newHost(), 3);
    const [owner, guest] = [(await createAccount()).accountId, (await createAccount()).accountId];
    const topicArn = `arn:aws:sns:us-east-1:${owner}:t`;
    await env.DB.prepare(
      `INSERT INTO topics (arn, account_id, display_name, signature_version, created_at) VALUES (?1, ?2, '', 1, 0)`,
    )
      .bind(topicArn, owner)
      .run();
    const subscribed = async (index: number, accountId: string) => {
      const subscriptionArn = `${topicArn}:00000000-0000-4000-8000-00000000000${index}`;
      await env.DB.prepare(
        `INSERT INTO subscriptions
           (arn, topic_arn, account_id, endpoint, raw_delivery, status, token_hash, token_expires_at, created_at)
         VALUES (?1, ?2, ?3, ?4, 0, 'confirmed', ?1, 0, 0)`,
      )
        .bind(subscriptionArn, topicArn, accountId, urls[index] ?? "")
        .run();
      return delivery({ kind: "subscription", topicArn, subscriptionArn }, { event: eventOf("k", owner) });
    };
    const messages = [await subscribed(0, guest), await subscribed(1, guest), await subscribed(2, owner)];
    const calls = receivers({ ...answersOf(urls, willing), [urls[0] ?? ""]: unreachable });
    const worker = deployment();
    await take(messages, worker);
    expect(calls.map(({ url }) => url).sort()).toEqual([urls[0], urls[2]]);
    expect(worker.retries.sent.filter(({ body }) => body.isDiverted).map(({ body }) => body.id)).toEqual([
      messages[1]?.id,
    ]);
  });

  it("are avoided even if one of them is healthy", async () => {
    const [slow = "", quick = "", other = ""] = urlsAt(newHost(), 3);
    const calls = receivers({ ...answersOf([quick, other], willing), [slow]: unreachable });
    const worker = deployment();
    await take([from("000000000002", slow)], worker);
    await take([from("000000000002", quick, { isDiverted: true })], worker);
    await take([from("000000000002", other)], worker);
    expect(calls.map(({ url }) => url)).toEqual([slow, quick]);
  });

  it("get their events at once again when the avoided one is healthy", async () => {
    const [avoided = "", other = ""] = urlsAt(newHost(), 2);
    const calls = receivers({ [avoided]: unreachable, [other]: willing });
    const worker = deployment();
    await take([from("000000000002", avoided)], worker);
    receivers({ ...answersOf([avoided, other], willing) });
    await take([from("000000000002", avoided, { attempt: 1 })], worker);
    const again = receivers({ [other]: willing });
    await take([from("000000000002", other)], worker);
    expect([calls.length, again.length]).toEqual([1, 1]);
  });
});

describe("an account with many avoided hosts", () => {
  it("gets all its events through the retry queue, and no other account does", async () => {
    const urls = Array.from({ length: 11 }, () => newUrl("wildcard"));
    const calls = receivers(answersOf(urls, unreachable));
    const worker = deployment();
    for (const url of urls.slice(0, 9)) await take([from("000000000004", url)], worker);
    const healthy = newUrl("healthy");
    const answered = receivers({ [healthy]: willing, [urls[9] ?? ""]: unreachable });
    await take([from("000000000004", healthy)], worker);
    expect([calls.length, answered.length]).toEqual([9, 1]);
    await take([from("000000000004", urls[9] ?? "")], worker);
    await take(
      [from("000000000004", urls[10] ?? ""), from("000000000004", healthy), from("000000000005", healthy)],
      worker,
    );
    expect(answered.map(({ url }) => url)).toEqual([healthy, urls[9], healthy]);
  });
});

/** As if it had recently given no answer. */
async function markAvoided(url: string, accountId: string): Promise<void> {
  const { id, kind, name, host } = await identifyReceiver({ kind: "callback", url }, { accountId });
  await env.DB.prepare(
    `INSERT OR REPLACE INTO receivers
       (id, kind, name, delivered, given_up, failed, retried, updated_at, avoid_until, account_id, host)
     VALUES (?1, ?2, ?3, 0, 0, 0, 0, 0, ?4, ?5, ?6)`,
  )
    .bind(id, kind, name, Date.now() + 60_000, accountId, host)
    .run();
}

/** Acts as a single consumer of each queue, one batch after the other, with the requested delays. */
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

describe("hundreds of events to a receiver that is down and to a healthy one", () => {
  it("reach the healthy one after at most two attempts at the other, however many events are for that", async () => {
    const [down, healthy] = [newUrl("down"), newUrl("healthy")];
    const downBefore: number[] = [];
    const calls = receivers({
      [down]: silent,
      [healthy]: (call) => {
        downBefore.push(callsTo(calls, down));
        return willing(call);
      },
    });
    const worker = deployment();
    for (let event = 0; event < 200; event++) {
      for (const url of [down, healthy]) await worker.deliveries.send(toUrl(url));
    }
    await consume(worker, () => downBefore.length === 200);
    expect(downBefore).toHaveLength(200);
    // Each attempt at the receiver that is down lasts 5 s, and each of the eight batches has events for it.
    expect(Math.max(...downBefore)).toBeLessThanOrEqual(2);
  });
});
