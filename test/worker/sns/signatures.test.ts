import { afterEach, describe, expect, it, vi } from "vitest";
import { MacKey } from "../../../src/model/mac-key.ts";
import { TopicDeliveries } from "../../../src/sns/topic-deliveries.ts";
import type { Event } from "../../../src/storage/journal/messages.ts";

const TOPIC = "arn:aws:sns:us-east-1:000000000001:t";

function eventOf(key: string): Event {
  return {
    origin: {
      bucket: { name: "b", id: "abcdefghijkl", region: "us-east-1", accountId: "000000000001", ownerId: "0a1b" },
      time: Date.parse("2032-02-03T04:05:06.789Z"),
      principalId: "AIDAUSER",
      sourceIp: "203.0.113.9",
      requestId: "0123456789ABCDEF",
      endpoint: "https://s3.example.com",
      callbackVariables: {},
    },
    change: { key, event: "ObjectCreated:Put", etag: "e", sizeBytes: 1, at: 1, sequencer: "00000000000A0001" },
    configurationId: "rule",
  };
}

function world() {
  const signed: string[] = [];
  const posted: { url: string; signature: string }[] = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (url, init) => {
    const { Signature } = JSON.parse(String(init?.body)) as { Signature: string };
    posted.push({ url: String(url), signature: Signature });
    return new Response(null);
  });
  const sign = async (hash: string, text: string) => {
    signed.push(text);
    return `${hash} signature ${signed.length}`;
  };
  const subscription = (arn: string) => ({
    arn,
    topicArn: TOPIC,
    accountId: "000000000001",
    endpoint: `https://${arn.split(":").at(-1)}.example.net/`,
    isRaw: false,
    status: "confirmed" as const,
    authenticateOnUnsubscribe: false,
    signatureVersion: 1 as const,
  });
  const deliveries = new TopicDeliveries({
    signers: { open: async () => ({ sign, certificatePath: "/-/certificates/c.pem", pem: () => "" }) },
    targetPolicy: () => ({ allowPrivate: false, ownHosts: [] }),
    publicOrigin: undefined,
    topics: { findConfirmed: async (arn: string) => subscription(arn) },
    subscriptions: { findAwaiting: async () => undefined },
    tokenKey: new MacKey(async () => {
      const algorithm = { name: "HMAC", hash: "SHA-256" };
      return (await crypto.subtle.generateKey(algorithm, false, ["sign", "verify"])) as CryptoKey;
    }),
  });
  const deliver = (key: string, name: string) =>
    deliveries.deliver(eventOf(key), { kind: "subscription", topicArn: TOPIC, subscriptionArn: `${TOPIC}:${name}` });
  return { signed, posted, deliver };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("messages of one event to several subscriptions", () => {
  it("are signed once, and each event by itself", async () => {
    const { signed, posted, deliver } = world();
    for (const key of ["a", "b", "a"]) for (const name of ["one", "two"]) await deliver(key, name);
    expect(signed).toHaveLength(2);
    expect(posted.map(({ signature }) => signature.at(-1)).join("")).toBe("112211");
    expect(posted[1]?.url).toBe("https://two.example.net/");
  });

  it("are signed again once many other events have been", async () => {
    const { signed, deliver } = world();
    for (let index = 0; index < 17; index++) await deliver(`k${index}`, "one");
    await deliver("k16", "two");
    expect(signed).toHaveLength(17);
    await deliver("k0", "two");
    expect(signed).toHaveLength(18);
  });
});
