import { beforeEach, describe, expect, it, vi } from "vitest";
import type { StoredMessage } from "../../../src/local/messages.ts";
import { consumeStored, type QueueBindings, resumeStored, storedQueues } from "../../../src/local/queues.ts";

const NOW = 1_000_000;

/** As `LocalMessages`, in memory. */
class Store {
  readonly rows: StoredMessage[] = [];
  isFull = false;

  async add(messages: readonly StoredMessage[]): Promise<void> {
    if (this.isFull) throw new Error("full");
    this.rows.push(...messages);
  }

  async remove(ids: readonly number[]): Promise<void> {
    for (const id of ids) {
      const place = this.rows.findIndex((row) => row.id === id);
      if (place !== -1) this.rows.splice(place, 1);
    }
  }

  async last(): Promise<number> {
    return this.rows.at(-1)?.id ?? 0;
  }

  async list(after: number, last: number): Promise<StoredMessage[]> {
    return this.rows.filter(({ id }) => id > after && id <= last).slice(0, 2);
  }
}

let store: Store;
let sent: { queue: string; messages: unknown[]; options?: unknown }[];
let refuses: boolean;

function queue(name: string) {
  return {
    send: () => Promise.reject(new Error("not used")),
    metrics: () => Promise.reject(new Error("not used")),
    sendBatch: async (messages: Iterable<unknown>, options?: unknown) => {
      if (refuses) throw new Error("refused");
      sent.push({ queue: name, messages: [...messages], ...(options !== undefined && { options }) });
      return { metadata: { metrics: { backlogCount: 0, backlogBytes: 0 } } };
    },
  };
}

const bindings: QueueBindings = {
  EVENTS: queue("EVENTS"),
  DELIVERIES: queue("DELIVERIES"),
  RETRIES: queue("RETRIES"),
  REPLICATION: queue("REPLICATION"),
  ACCESS_LOGS: queue("ACCESS_LOGS"),
  DEAD_LETTERS: queue("DEAD_LETTERS"),
};
const open = () => store;

beforeEach(() => {
  vi.useFakeTimers({ now: NOW });
  store = new Store();
  sent = [];
  refuses = false;
  return () => vi.useRealTimers();
});

describe("storedQueues", () => {
  it("store the messages that they send, with the time they are due", async () => {
    const { EVENTS, RETRIES } = storedQueues(bindings, open);
    await EVENTS.send("a");
    await RETRIES.sendBatch([{ body: "b" }, { body: { c: 1 } }], { delaySeconds: 20 });
    const [a = 0, b = 0, c = 0] = store.rows.map(({ id }) => id);
    expect(a < b && b < c).toBe(true);
    expect(store.rows).toEqual([
      { id: a, queue: "EVENTS", body: "a", dueAt: NOW },
      { id: b, queue: "RETRIES", body: "b", dueAt: NOW + 20_000 },
      { id: c, queue: "RETRIES", body: { c: 1 }, dueAt: NOW + 20_000 },
    ]);
    expect(sent).toEqual([
      { queue: "EVENTS", messages: [{ body: { id: a, body: "a" } }], options: { delaySeconds: 0 } },
      {
        queue: "RETRIES",
        messages: [{ body: { id: b, body: "b" } }, { body: { id: c, body: { c: 1 } } }],
        options: { delaySeconds: 20 },
      },
    ]);
  });

  it("keep nothing that the queue refuses", async () => {
    refuses = true;
    await expect(storedQueues(bindings, open).EVENTS.send("a")).rejects.toThrow("refused");
    expect(store.rows).toEqual([]);
  });

  it("report no success for what cannot be stored", async () => {
    store.isFull = true;
    await expect(storedQueues(bindings, open).EVENTS.send("a")).rejects.toThrow("full");
  });
});

describe("consumeStored", () => {
  /** A batch of four stored messages, and what is decided about each. */
  async function batchOf(bodies: readonly string[]) {
    await storedQueues(bindings, open).EVENTS.sendBatch(bodies.map((body) => ({ body })));
    const decisions: string[] = [];
    const messages = store.rows.map(({ id, body }, index) => ({
      id: `m${index}`,
      timestamp: new Date(NOW),
      attempts: 1,
      body: { id, body },
      ack: () => decisions.push(`ack ${body}`),
      retry: (options?: { delaySeconds?: number }) => decisions.push(`retry ${body} ${options?.delaySeconds}`),
    }));
    const metadata = { metrics: { backlogCount: 0, backlogBytes: 0 } };
    const batch = { queue: "q", metadata, messages, ackAll: () => undefined, retryAll: () => undefined };
    return { batch, decisions };
  }
  const left = () => store.rows.map(({ body }) => body);

  it("hands out the bodies, and keeps the messages that are to be retried", async () => {
    const { batch, decisions } = await batchOf(["a", "b", "c"]);
    await consumeStored(batch, open, async ({ messages, queue }) => {
      expect([queue, ...messages.map(({ body, attempts }) => [body, attempts])]).toEqual([
        "q",
        ["a", 1],
        ["b", 1],
        ["c", 1],
      ]);
      messages[0]?.ack();
      messages[1]?.retry({ delaySeconds: 5 });
    });
    expect(decisions).toEqual(["ack a", "retry b 5"]);
    expect(left()).toEqual(["b"]);
  });

  it("keeps all that are not acknowledged when the consumer throws", async () => {
    const { batch } = await batchOf(["a", "b"]);
    const consumed = consumeStored(batch, open, async ({ messages }) => {
      messages[0]?.ack();
      throw new Error("no database");
    });
    await expect(consumed).rejects.toThrow("no database");
    expect(left()).toEqual(["b"]);
  });

  it.each(["ackAll", "retryAll"] as const)("applies %s to every message", async (method) => {
    const { batch, decisions } = await batchOf(["a", "b"]);
    await consumeStored(batch, open, async (opened) => opened[method]());
    expect(decisions).toHaveLength(2);
    expect(left()).toEqual(method === "ackAll" ? [] : ["a", "b"]);
  });
});

describe("resumeStored", () => {
  it("sends every stored message again to its queue, when it is due, and stores nothing twice", async () => {
    const { EVENTS, RETRIES } = storedQueues(bindings, open);
    for (const body of ["a", "b", "c"]) await EVENTS.send(body);
    await RETRIES.send("d", { delaySeconds: 20 });
    const before = [...store.rows];
    sent = [];
    vi.setSystemTime(NOW + 4_500);
    await resumeStored(bindings, open);
    expect(store.rows).toEqual(before);
    const ids = before.map(({ id }) => id);
    const again = (index: number, body: string, delaySeconds = 0) => ({
      body: { id: ids[index], body },
      delaySeconds,
    });
    expect(sent).toEqual([
      { queue: "EVENTS", messages: [again(0, "a"), again(1, "b")] },
      { queue: "EVENTS", messages: [again(2, "c")] },
      { queue: "RETRIES", messages: [again(3, "d", 16)] },
    ]);
  });

  it("sends no batch of more bytes than a queue takes", async () => {
    const { EVENTS } = storedQueues(bindings, open);
    const long = (character: string) => character.repeat(120_000);
    for (const character of ["a", "b", "c"]) await EVENTS.send(long(character));
    sent = [];
    await resumeStored(bindings, open);
    expect(sent.map(({ messages }) => messages)).toMatchObject([
      [{ body: { body: long("a") } }],
      [{ body: { body: long("b") } }],
      [{ body: { body: long("c") } }],
    ]);
  });

  it("goes on when a queue refuses a batch, and says so", async () => {
    const { EVENTS, RETRIES } = storedQueues(bindings, open);
    await EVENTS.send("a");
    await RETRIES.send("b");
    sent = [];
    const log = vi.spyOn(console, "error").mockReturnValue();
    const EVENTS_DOWN = { ...queue("EVENTS"), sendBatch: () => Promise.reject(new Error("refused")) };
    await resumeStored({ ...bindings, EVENTS: EVENTS_DOWN }, open);
    expect(sent.map(({ queue: name }) => name)).toEqual(["RETRIES"]);
    expect(log.mock.calls).toEqual([['{"queue":"EVENTS","unsent":1,"cause":"Error: refused"}']]);
    expect(store.rows).toHaveLength(2);
  });
});
