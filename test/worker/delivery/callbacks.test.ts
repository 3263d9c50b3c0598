import { createHash, verify, X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type Call, receivers, silent, willing } from "../../support/notification.ts";
import { s3 } from "../../support/s3.ts";
import { deployment, eventOf, rowOf, take, toUrl } from "./support.ts";

let number = 0;
/** A receiver that no other test uses. */
const newUrl = (rest = "") => `https://hooks-${number++}.example.net/cb${rest}`;

async function expectSigned({ method, url, headers, body }: Call): Promise<void> {
  const certificateUrl = atob(headers["x-jdcloud-signing-cert-url"] ?? "");
  const response = await s3(certificateUrl.replace("http://s3.localhost:8787", ""), { key: null });
  const { publicKey } = new X509Certificate(await response.text());
  const own = Object.keys(headers).filter((name) => name.startsWith("x-jdcloud-"));
  const text = [
    method,
    headers["content-md5"],
    headers["content-type"],
    headers.date,
    ...own.map((name) => `${name}:${headers[name]}`).sort(),
    url.replace(/^https:\/\/[^/]+/, ""),
  ].join("\n");
  const signature = Uint8Array.from(atob(headers.authorization ?? ""), (character) => character.charCodeAt(0));
  expect(verify("RSA-SHA1", new TextEncoder().encode(text), publicKey, signature)).toBe(true);
  expect(atob(headers["content-md5"] ?? "")).toBe(createHash("md5").update(body).digest("hex"));
}

describe("delivery to a URL of an NS: topic", () => {
  it("sends a signed POST of the record, and 200 means delivered", async () => {
    const url = newUrl("?a=1");
    const calls = receivers({ [url]: willing });
    const message = toUrl(url, { event: eventOf("a b") });
    expect(await take([message], deployment())).toEqual({ acknowledged: [message.id], retried: [] });
    expect(calls).toHaveLength(1);
    const [call] = calls;
    if (call === undefined) throw new Error("no call");
    expect(call.headers).toMatchObject({
      "content-type": "application/json;charset=utf-8",
      "x-jdcloud-message-type": "Notification",
      "x-jdcloud-request-id": message.id,
      "x-jdcloud-version": "2015-06-06",
    });
    expect(JSON.parse(call.body).Records[0].s3.object).toEqual({ key: "a b", eTag: "e" });
    await expectSigned(call);
    expect(await rowOf(url.replace("?a=1", ""))).toMatchObject({ delivered: 1, failed: 0, failing_since: null });
  });

  it.each<[why: string, answer: Parameters<typeof receivers>[0][string], reason: string]>([
    ["another status", () => new Response("", { status: 204 }), "answered 204"],
    ["a server error", () => new Response("", { status: 503 }), "answered 503"],
    [
      "a redirect",
      () => new Response("", { status: 301, headers: { location: "http://127.0.0.1/" } }),
      "redirects (301) are not followed",
    ],
    ["no connection", () => Promise.reject(new Error("Network connection lost.")), "Network connection lost."],
  ])("is retried with the same id after 10 to 20 s on %s", async (_why, answer, reason) => {
    const url = newUrl();
    receivers({ [url]: answer });
    const worker = deployment();
    const message = toUrl(url);
    expect((await take([message], worker)).acknowledged).toEqual([message.id]);
    expect(worker.retries.sent.map(({ body }) => body)).toEqual([{ ...message, attempt: 1 }]);
    expect(worker.retries.sent[0]?.delaySeconds).toBeGreaterThanOrEqual(10);
    expect(worker.retries.sent[0]?.delaySeconds).toBeLessThanOrEqual(20);
    expect(await rowOf(url)).toMatchObject({ delivered: 0, failed: 1, given_up: 0, last_failure: reason });
  });

  it("becomes a dead letter after the third retry", async () => {
    const url = newUrl();
    const calls = receivers({ [url]: () => new Response("", { status: 500 }) });
    const worker = deployment();
    let message = toUrl(url);
    for (let attempts = 1; attempts <= 3; attempts++) {
      await take([message], worker);
      const next = worker.retries.sent.at(-1)?.body;
      expect(next).toEqual({ ...message, attempt: attempts });
      if (next !== undefined) message = next;
    }
    expect((await take([message], worker)).acknowledged).toEqual([message.id]);
    expect([calls.length, worker.retries.sent.length]).toEqual([4, 3]);
    expect(worker.deadLetters.sent.map(({ body }) => body)).toEqual([
      { kind: "dead-letter", message, reason: "answered 500" },
    ]);
    expect(await rowOf(url)).toMatchObject({ delivered: 0, failed: 4, retried: 3, given_up: 1 });
  });

  it("becomes a dead letter without a call if the URL may no longer be called", async () => {
    const calls = receivers({});
    const worker = deployment({ ALLOW_PRIVATE_TARGETS: "false" });
    const message = toUrl("http://127.0.0.1:8080/cb");
    expect((await take([message], worker)).acknowledged).toEqual([message.id]);
    expect(worker.deadLetters.sent[0]?.body.reason).toBe("The URL's host is a private or loopback address.");
    expect(calls).toEqual([]);
  });

  it("ends after 5 s without an answer", async () => {
    const url = newUrl();
    receivers({ [url]: silent });
    const worker = deployment();
    await take([toUrl(url)], worker);
    expect((await rowOf(url))?.last_failure).toBe("no complete answer within 5 s");
  });
});
