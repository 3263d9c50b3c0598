import { describe, expect, inject, it } from "vitest";
import { type CallOutcome, type CallRequest, callTarget } from "../../../src/outbound/fetch.ts";
import { parseTarget } from "../../../src/outbound/target.ts";
import type { Received } from "../../support/receiver.ts";

const { origin, mute, closed } = inject("receiver");

function call(url: string, request: Partial<CallRequest> = {}): Promise<CallOutcome> {
  const target = parseTarget(url.startsWith("/") ? origin + url : url, { allowPrivate: true, ownHosts: [] });
  return callTarget(target, { method: "GET", timeoutMs: 10_000, maxResponseBytes: 65_536, ...request });
}

function answered(outcome: CallOutcome) {
  if (outcome.kind !== "answered") throw new Error(`failed: ${outcome.reason}: ${outcome.message}`);
  return { ...outcome, text: new TextDecoder().decode(outcome.body) };
}

async function echo(url: string, request: Partial<CallRequest> = {}): Promise<Received> {
  return JSON.parse(answered(await call(url, request)).text);
}

/** A stream of `sizeBytes` bytes in pieces, without a known length. */
function streamOf(sizeBytes: number, options: { failsAfter?: number } = {}): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      if (options.failsAfter !== undefined && sent >= options.failsAfter) return controller.error(new Error("source"));
      const piece = new Uint8Array(Math.min(10_000, sizeBytes - sent)).fill(120);
      sent += piece.byteLength;
      if (piece.byteLength > 0) controller.enqueue(piece);
      if (sent >= sizeBytes && options.failsAfter === undefined) controller.close();
    },
  });
}

/** Whether a call is still running when a shorter time than its own is over. Compares two timers, not the clock. */
async function outlasts(ms: number, outcome: Promise<CallOutcome>): Promise<boolean> {
  return Promise.race([
    outcome.then(() => false),
    new Promise<boolean>((resolve) => setTimeout(() => resolve(true), ms)),
  ]);
}

async function closedAfterwards(id: string): Promise<boolean> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const { isClosed } = JSON.parse(answered(await call(`/count?id=${id}`)).text);
    if (isClosed) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

describe("callTarget sends", () => {
  it("method, path, query and headers as given, and its own user agent", async () => {
    const sent = await echo("/echo/a%2Fb?x=%20&y[]='1'", {
      method: "POST",
      headers: { "X-Name": "value" },
      body: "text",
    });
    expect(sent).toMatchObject({
      method: "POST",
      url: "/echo/a%2Fb?x=%20&y[]=%271%27",
      headers: { "user-agent": "workers-s3", "x-name": "value", "content-length": "4" },
      body: "text",
    });
  });

  it("another user agent if one is given", async () => {
    expect((await echo("/echo", { headers: { "User-Agent": "other" } })).headers["user-agent"]).toBe("other");
  });

  it("no cookies, even if the receiver sets them", async () => {
    await echo("/echo");
    expect((await echo("/echo")).headers.cookie).toBeUndefined();
  });

  it.each(["PUT", "POST", "DELETE"] as const)("no Cache-Control with %s, which S3 would store", async (method) => {
    expect((await echo("/echo", { method })).headers).not.toHaveProperty("cache-control");
  });

  it.each([
    ["text", "ä", "2"],
    ["bytes", new Uint8Array(70_000), "70000"],
    ["no bytes", new Uint8Array(0), "0"],
  ])("the length of a body of %s", async (_what, body, length) => {
    const { headers } = await echo("/echo", { method: "PUT", body, maxResponseBytes: 1_000_000 });
    expect(headers["content-length"]).toBe(length);
    expect(headers).not.toHaveProperty("transfer-encoding");
  });

  it("the length of a streamed body, not chunks", async () => {
    const body = { stream: streamOf(123_456), sizeBytes: 123_456 };
    const sent = await echo("/echo", { method: "PUT", body, maxResponseBytes: 1_000_000 });
    expect(sent.headers["content-length"]).toBe("123456");
    expect(sent.headers).not.toHaveProperty("transfer-encoding");
    expect(sent.body.length).toBe(123_456);
  });

  it("a streamed body only up to its length", async () => {
    const body = { stream: streamOf(25_000), sizeBytes: 10_000 };
    expect((await echo("/echo", { method: "PUT", body })).body.length).toBe(10_000);
  });
});

describe("callTarget returns", () => {
  it("status, headers and body", async () => {
    const outcome = answered(await call("/status/503"));
    expect(outcome).toMatchObject({ status: 503, text: "body", isTruncated: false });
    expect(outcome.headers.get("location")).toBe("/echo");
  });

  it("a 304, which is not a redirect", async () => {
    expect(answered(await call("/status/304"))).toMatchObject({ status: 304, text: "" });
  });

  it("the answer to HEAD without a body", async () => {
    expect(answered(await call("/echo", { method: "HEAD" }))).toMatchObject({ status: 200, text: "" });
  });

  it("a body of exactly the limit whole", async () => {
    expect(answered(await call("/status/200", { maxResponseBytes: 4 }))).toMatchObject({
      text: "body",
      isTruncated: false,
    });
  });

  it.each([
    ["/status/200", 3],
    ["/endless", 100_000],
    ["/zeros", 100_000],
  ])("%s cut off at %d bytes", async (path, maxResponseBytes) => {
    const outcome = answered(await call(path, { maxResponseBytes }));
    expect(outcome.isTruncated).toBe(true);
    expect(outcome.body.byteLength).toBe(maxResponseBytes);
  });

  it("an answer without waiting for its body if the limit is 0", async () => {
    expect(answered(await call("/drip-body?id=unread", { maxResponseBytes: 0 }))).toMatchObject({
      status: 200,
      text: "",
    });
    expect(await closedAfterwards("unread")).toBe(true);
  });

  it("an answer that does not end, and closes its connection", async () => {
    answered(await call("/endless?id=endless", { maxResponseBytes: 10 }));
    expect(await closedAfterwards("endless")).toBe(true);
  });

  it("when the receiver refuses before it has read a streamed body", async () => {
    const body = { stream: streamOf(50_000_000), sizeBytes: 50_000_000 };
    const outcome = await call("/early", { method: "PUT", body });
    // The network decides whether the refusal or the broken connection arrives first; the call must end.
    if (outcome.kind === "answered") expect(outcome.status).toBe(403);
    else expect(outcome.reason).toMatch(/^(unreachable|interrupted)$/);
  });
});

describe("callTarget fails", () => {
  it.each([300, 301, 302, 303, 307, 308])("with redirect for %d and does not follow it", async (status) => {
    const outcome = await call(`/status/${status}`, { method: "POST", body: "x" });
    expect(outcome).toEqual({
      kind: "failed",
      reason: "redirect",
      message: `redirects (${status}) are not followed`,
    });
  });

  it.each([
    ["there is no answer", `${origin}/silent?id=silent`],
    ["the TLS handshake does not end", `${mute}/`],
    ["headers drip", `${origin}/drip-headers?id=drip-headers`],
    ["the body drips", `${origin}/drip-body?id=drip-body`],
  ])("with timeout when %s", async (_what, url) => {
    const outcome = call(url, { timeoutMs: 400, maxResponseBytes: 1_000_000 });
    expect(await outlasts(200, outcome)).toBe(true);
    expect(await outcome).toEqual({
      kind: "failed",
      reason: "timeout",
      message: "no complete answer within 0.4 s",
    });
    const id = /id=(.*)/.exec(url)?.[1];
    if (id !== undefined) expect(await closedAfterwards(id)).toBe(true);
  });

  it("with timeout when the streamed body never comes", async () => {
    const body = { stream: new ReadableStream<Uint8Array>(), sizeBytes: 10 };
    const outcome = call("/echo", { method: "PUT", body, timeoutMs: 400 });
    expect(await outlasts(200, outcome)).toBe(true);
    expect(await outcome).toMatchObject({ kind: "failed", reason: "timeout" });
  });

  it.each([
    ["the port is closed", `${closed}/`],
    ["the connection is reset", "/reset"],
    ["the answer is not HTTP", "/garbage"],
    ["the receiver does not support TLS", origin.replace("http:", "https:")],
  ])("with unreachable when %s", async (_what, url) => {
    const outcome = await call(url);
    expect(outcome).toMatchObject({ kind: "failed", reason: "unreachable" });
    expect(outcome.kind === "failed" && outcome.message).toMatch(/^[^\n]{5,200}$/);
  });

  it("with interrupted when the answer ends early", async () => {
    expect(await call("/broken-body")).toMatchObject({ kind: "failed", reason: "interrupted" });
  });

  it.each([
    ["is shorter than its length", { stream: streamOf(5_000), sizeBytes: 10_000 }],
    ["fails", { stream: streamOf(20_000, { failsAfter: 10_000 }), sizeBytes: 20_000 }],
  ])("with unreachable when a streamed body %s", async (_what, body) => {
    expect(await call("/echo", { method: "PUT", body })).toMatchObject({ kind: "failed", reason: "unreachable" });
  });
});
