/** A local server that ends while notifications are under way: the next one on the same data delivers them. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { AwsClient } from "aws4fetch";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { startTestServer, type TestServer } from "../support/dev-server.ts";

const EVENTS = 40;
const WAITING_MS = 60_000;

let status = 200;
/** Keys of the events that were answered with 200, and all that arrived. */
const delivered = new Set<string>();
const arrived = new Set<string>();

const receiver = createServer(async (request, response) => {
  const body = await buffer(request);
  if (request.headers["x-jdcloud-message-type"] === "SubscriptionConfirmation") {
    response.end(body.toString("base64"));
    return;
  }
  for (const { s3 } of JSON.parse(body.toString()).Records) {
    arrived.add(s3.object.key);
    if (status === 200) delivered.add(s3.object.key);
  }
  response.writeHead(status).end();
});

let server: TestServer;
let aws: AwsClient;

beforeAll(async () => {
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  server = await startTestServer();
  const { accessKeyId, secretAccessKey } = server;
  aws = new AwsClient({ accessKeyId, secretAccessKey, service: "s3", region: "us-east-1", retries: 0 });
  const topic = `NS:http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  await send("PUT", "events");
  await send(
    "PUT",
    "events?notification",
    `<NotificationConfiguration><TopicConfiguration><Topic>${topic}</Topic><Event>s3:ObjectCreated:*</Event></TopicConfiguration></NotificationConfiguration>`,
  );
});

afterAll(async () => {
  await server.stop();
  receiver.closeAllConnections();
  receiver.close();
});

beforeEach(() => {
  status = 200;
  delivered.clear();
  arrived.clear();
});

async function send(method: string, path: string, body?: string): Promise<void> {
  const response = await aws.fetch(`${server.endpoint}/${path}`, { method, ...(body !== undefined && { body }) });
  expect(response.status, await response.text()).toBe(200);
}

async function putMany(prefix: string): Promise<readonly string[]> {
  const keys = Array.from({ length: EVENTS }, (_, index) => `${prefix}-${String(index).padStart(2, "0")}`);
  await Promise.all(keys.map((key) => send("PUT", `events/${key}`, key)));
  return keys;
}

/** Events of an earlier test may arrive again. */
function among(found: ReadonlySet<string>, keys: readonly string[]): string[] {
  return keys.filter((key) => found.has(key));
}

const ends = [
  ["SIGKILL", 0],
  ["SIGTERM", 20_000],
] as const;

test.each(ends)("events that wait in a queue at a %s are delivered after the restart", async (signal, graceMs) => {
  const keys = await putMany(signal);
  await server.kill(graceMs);
  await server.start();
  await expect.poll(() => among(delivered, keys), { timeout: WAITING_MS }).toEqual(keys);
});

test.each(ends)("events that wait for a retry at a %s are delivered after the restart", async (signal, graceMs) => {
  status = 500;
  const keys = await putMany(`retried-${signal}`);
  await expect.poll(() => among(arrived, keys), { timeout: WAITING_MS }).toEqual(keys);
  await server.kill(graceMs);
  status = 200;
  await server.start();
  await expect.poll(() => among(delivered, keys), { timeout: WAITING_MS }).toEqual(keys);
});
