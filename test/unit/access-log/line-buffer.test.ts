import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LineBuffer, type LogEntry, MAX_ACCOUNT_BYTES } from "../../../src/access-log/line-buffer.ts";
import { FLUSH_MS, MESSAGE_BYTES } from "../../../src/access-log/line-queue.ts";
import type { AccessLogMessage } from "../../../src/storage/journal/messages.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse("2032-02-03T23:59:59.000Z") });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function bufferOn(send: (messages: readonly AccessLogMessage[]) => Promise<void>) {
  const pending = new Set<Promise<unknown>>();
  const waitUntil = (promise: Promise<unknown>) => {
    pending.add(promise);
    promise.finally(() => pending.delete(promise));
  };
  return { buffer: new LineBuffer({ queue: { send }, waitUntil }), pending };
}

function recording() {
  const sent: AccessLogMessage[][] = [];
  return { ...bufferOn(async (messages) => void sent.push([...messages])), sent };
}

function entry(line: string, { name = "b", accountId = "1", byDay = false, time = Date.now() } = {}): LogEntry {
  const keyFormat = { kind: "partitioned", dateSource: "EventTime" } as const;
  const logging = { targetBucket: "t", targetPrefix: "", ...(byDay && { keyFormat }) };
  return { bucket: { name, region: "us-east-1", accountId, ownerId: "o", logging }, time, line };
}

describe("LineBuffer", () => {
  it("sends the lines of a second together, one message for each bucket", async () => {
    const { buffer, sent, pending } = recording();
    buffer.add([entry("1")]);
    await vi.advanceTimersByTimeAsync(FLUSH_MS / 2);
    buffer.add([entry("2"), entry("other", { name: "c" })]);
    await vi.advanceTimersByTimeAsync(FLUSH_MS / 2 - 1);
    expect(sent).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(sent.map((batch) => batch.map(({ bucket, text }) => [bucket.name, text]))).toEqual([
      [
        ["b", "1\n2\n"],
        ["c", "other\n"],
      ],
    ]);
    await vi.advanceTimersByTimeAsync(FLUSH_MS);
    expect([sent.length, pending.size]).toEqual([1, 0]);
  });

  it("begins a new second with the first line after it", async () => {
    const { buffer, sent } = recording();
    for (let step = 0; step < 30; step++) {
      buffer.add([entry(`${step}`)]);
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(sent.map(([message]) => message?.text.split("\n").length)).toEqual([11, 11, 11]);
  });

  it("sends at once what fills a message, and splits more", async () => {
    const { buffer, sent } = recording();
    const line = "x".repeat(MESSAGE_BYTES / 4);
    buffer.add(Array.from({ length: 9 }, () => entry(line)));
    await vi.advanceTimersByTimeAsync(0);
    expect(sent).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(FLUSH_MS);
    const messages = sent.flat();
    expect(messages.map(({ text }) => text.length).reduce((sum, length) => sum + length)).toBe(9 * (line.length + 1));
    for (const message of messages) expect(JSON.stringify(message).length).toBeLessThan(128_000);
  });

  it("separates the days of events where keys name them", async () => {
    const { buffer, sent } = recording();
    for (const byDay of [false, true]) {
      buffer.add([entry("1", { byDay }), entry("2", { byDay, time: Date.now() + 2_000 })]);
      await buffer.flush();
    }
    expect(sent.map((batch) => batch.map(({ text }) => text))).toEqual([["1\n2\n"], ["1\n", "2\n"]]);
  });

  it("loses nothing while the queue fails for some seconds", async () => {
    let failures = 3;
    const sent: string[] = [];
    const { buffer } = bufferOn(async (messages) => {
      if (failures-- > 0) throw new Error("the queue is down");
      sent.push(...messages.map(({ text }) => text));
    });
    buffer.add([entry("1")]);
    await vi.advanceTimersByTimeAsync(FLUSH_MS);
    buffer.add([entry("2")]);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(sent.sort()).toEqual(["1\n", "2\n"]);
  });

  it("frees and reports the lines of sends that hang, before the request's waitUntil ends", async () => {
    const reported = vi.spyOn(console, "error").mockReturnValue();
    const { buffer, pending } = bufferOn(() => new Promise(() => {}));
    const line = "x".repeat(MESSAGE_BYTES - 100);
    const fitting = Math.floor(MAX_ACCOUNT_BYTES / (line.length + 2));
    for (let round = 0; round < 3; round++) {
      buffer.add(Array.from({ length: fitting }, () => entry(line)));
      await vi.advanceTimersByTimeAsync(29_000);
      expect(pending.size).toBe(0);
    }
    const lines = reported.mock.calls.map(([text]) => JSON.parse(String(text)) as { lines: number; cause: string });
    expect(lines.reduce((sum, each) => sum + each.lines, 0)).toBe(3 * fitting);
    expect(new Set(lines.map(({ cause }) => cause))).toEqual(new Set(["Error: queue sends: no answer within 25 s"]));
  });

  it("sends lines again if a send hangs", async () => {
    const sent: string[] = [];
    let calls = 0;
    const { buffer } = bufferOn((messages) => {
      if (calls++ === 0) return new Promise(() => {});
      sent.push(...messages.map(({ text }) => text));
      return Promise.resolve();
    });
    buffer.add([entry("1")]);
    await vi.advanceTimersByTimeAsync(FLUSH_MS + 5_000);
    expect(sent).toEqual(["1\n"]);
  });

  it("reports what the queue never accepts", async () => {
    const reported = vi.spyOn(console, "error").mockReturnValue();
    const { buffer, pending } = bufferOn(() => Promise.reject(new Error("the queue is down")));
    buffer.add([entry("1"), entry("2")]);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(reported.mock.calls).toEqual([
      [JSON.stringify({ accessLog: "lost", lines: 2, cause: "Error: the queue is down" })],
    ]);
    expect(pending.size).toBe(0);
  });

  it("holds a bounded number of bytes, and takes lines again when they are sent", async () => {
    const reported = vi.spyOn(console, "error").mockReturnValue();
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    let bytes = 0;
    const { buffer } = bufferOn(async (messages) => {
      await gate;
      for (const { text } of messages) bytes += text.length;
    });
    const line = "x".repeat(50_000);
    buffer.add(Array.from({ length: 100 }, () => entry(line)));
    open();
    await vi.advanceTimersByTimeAsync(FLUSH_MS);
    const taken = Math.floor(MAX_ACCOUNT_BYTES / (line.length + 2));
    expect(bytes).toBe(taken * (line.length + 1));
    const lost = { accessLog: "lost", lines: 100 - taken, cause: "too many lines wait for the queue" };
    expect(reported.mock.calls).toEqual([[JSON.stringify(lost)]]);
    reported.mockClear();
    buffer.add([entry(line)]);
    await vi.advanceTimersByTimeAsync(FLUSH_MS);
    expect([bytes, reported.mock.calls]).toEqual([(taken + 1) * (line.length + 1), []]);
  });

  it("takes lines of other accounts when one account has filled its part", async () => {
    const reported = vi.spyOn(console, "error").mockReturnValue();
    const { buffer, sent } = recording();
    buffer.add(Array.from({ length: 200 }, (_, index) => entry("x".repeat(50_000), { name: `b${index}` })));
    buffer.add([entry("other", { accountId: "2" })]);
    await vi.advanceTimersByTimeAsync(FLUSH_MS);
    expect(sent.flat().filter(({ text }) => text === "other\n")).toHaveLength(1);
    expect(reported).toHaveBeenCalledOnce();
  });
});
