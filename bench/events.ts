/**
 * `npm run bench:events`: what notifications and replication cost and carry, on this machine, in one run.
 *
 * First the latency of a PUT in a bucket without rules and in buckets with rules, alternately. Then sixteen clients write
 * objects as fast as they can, until the receiver has an event for each, and until the bucket of a second server holds each.
 * Local queues deliver in batches once a second, so a few events take longer than this throughput suggests.
 */
import { createHash } from "node:crypto";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { HttpClient, makeSigner, type Sign } from "./http-client.ts";
import { inParallel } from "./measure.ts";
import { type OurServer, type Server, startOurs } from "./servers.ts";

const SAMPLES = 300;
const EVENTS = 3_000;
const REPLICAS = 1_000;
const CLIENTS = 16;
const TIME_LIMIT_MS = 120_000;
const body = Buffer.alloc(1024, "x");

interface Side {
  readonly http: HttpClient;
  readonly sign: Sign;
  readonly server: OurServer;
}

const running: (Server | { stop(): Promise<void> })[] = [];
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => void stopAll().finally(() => process.exit(1)));
}
try {
  const receiver = await startReceiver();
  running.push(receiver);
  const source = await startSide();
  const target = await startSide();
  await makeBuckets(source, target, receiver.url);
  await measureLatency(source);
  await measureEvents(source, receiver);
  await measureReplication(source, target);
} finally {
  await stopAll();
}

async function stopAll(): Promise<void> {
  await Promise.all(running.splice(0).map((server) => server.stop()));
}

async function startSide(): Promise<Side> {
  const server = await startOurs({ ALLOW_PRIVATE_TARGETS: "true" });
  running.push(server);
  return { server, http: new HttpClient(server.port), sign: makeSigner(server.port, server) };
}

interface EventReceiver {
  readonly url: string;
  /** Events of each key. */
  readonly received: Map<string, number>;
  stop(): Promise<void>;
}

/** Answers the handshake and records the events it receives. */
async function startReceiver(): Promise<EventReceiver> {
  const received = new Map<string, number>();
  const http: HttpServer = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks);
      if (request.headers["x-jdcloud-message-type"] === "SubscriptionConfirmation") {
        response.end(text.toString("base64"));
        return;
      }
      const { Records } = JSON.parse(text.toString()) as { Records: { s3: { object: { key: string } } }[] };
      for (const { s3 } of Records) received.set(s3.object.key, (received.get(s3.object.key) ?? 0) + 1);
      response.end();
    });
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const { port } = http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/events`,
    received,
    stop: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}

async function makeBuckets(source: Side, target: Side, receiver: string): Promise<void> {
  for (const bucket of ["plain", "notified", "copied"]) await send(source, `PUT /${bucket}`);
  await send(target, "PUT /replicas");
  const notification = `<NotificationConfiguration><TopicConfiguration><Topic>NS:${receiver}</Topic><Event>s3:ObjectCreated:*</Event></TopicConfiguration></NotificationConfiguration>`;
  await send(source, "PUT /notified?notification", notification);
  const { accounts } = JSON.parse(await send(source, "GET /-/admin/accounts")) as {
    accounts: { accountId: string }[];
  };
  const [root] = accounts;
  const remote = {
    name: "target",
    endpoint: `http://127.0.0.1:${target.server.port}`,
    region: "us-east-1",
    kind: "peer",
    accountIds: [root?.accountId],
    accessKeyId: target.server.accessKeyId,
    secretAccessKey: target.server.secretAccessKey,
  };
  await send(source, "POST /-/admin/remotes", JSON.stringify(remote));
  const replication = `<ReplicationConfiguration><Rule><Status>Enabled</Status><Prefix></Prefix><Destination><Bucket>arn:workers-s3:remote:::target/replicas</Bucket></Destination></Rule></ReplicationConfiguration>`;
  await send(source, "PUT /copied?replication", replication);
  // Rules reach every isolate within CONFIG_TTL_SECONDS.
  await wait(6_000);
}

/** Alternately, so that other work of the machine affects all cases equally. */
async function measureLatency(source: Side): Promise<void> {
  const samples: Record<string, number[]> = { plain: [], notified: [], copied: [] };
  for (let index = -20; index < SAMPLES; index++) {
    for (const [bucket, times] of Object.entries(samples)) {
      const request = await source.sign({ method: "PUT", path: `/${bucket}/latency/${index & 31}`, body });
      const start = performance.now();
      await source.http.send(request);
      if (index >= 0) times.push(performance.now() - start);
    }
  }
  const plain = median(samples.plain ?? []);
  for (const [bucket, label] of [
    ["plain", "PUT 1 KiB, no rules"],
    ["notified", "PUT 1 KiB, a notification rule"],
    ["copied", "PUT 1 KiB, a replication rule"],
  ] as const) {
    const value = median(samples[bucket] ?? []);
    console.log(`${label.padEnd(34)} ${value.toFixed(2)} ms  ${(value / plain).toFixed(2)}×`);
  }
}

async function measureEvents(source: Side, receiver: EventReceiver): Promise<void> {
  const keys = Array.from({ length: EVENTS }, (_, index) => `events/${index}`);
  const writes = await writeAll(source, "notified", keys);
  const hasAll = () => keys.every((key) => receiver.received.has(key));
  const tookMs = await until(hasAll, writes.startedAt);
  const lost = keys.filter((key) => !receiver.received.has(key)).length;
  const again = keys.reduce((sum, key) => sum + Math.max(0, (receiver.received.get(key) ?? 0) - 1), 0);
  report("events delivered", { count: EVENTS - lost, tookMs, writingMs: writes.tookMs });
  console.log(`${"".padEnd(34)} lost ${lost}, received twice ${again}`);
}

async function measureReplication(source: Side, target: Side): Promise<void> {
  const keys = Array.from({ length: REPLICAS }, (_, index) => `replicated/${String(index).padStart(4, "0")}`);
  const writes = await writeAll(source, "copied", keys);
  let found = 0;
  const tookMs = await until(async () => {
    const page = await send(target, "GET /replicas?list-type=2&prefix=replicated%2F");
    found = [...page.matchAll(/<Key>/g)].length;
    return found === REPLICAS;
  }, writes.startedAt);
  report("objects replicated", { count: found, tookMs, writingMs: writes.tookMs });
  console.log(`${"".padEnd(34)} lost ${REPLICAS - found}`);
}

async function writeAll(side: Side, bucket: string, keys: readonly string[]) {
  const requests = await Promise.all(keys.map((key) => side.sign({ method: "PUT", path: `/${bucket}/${key}`, body })));
  const startedAt = performance.now();
  await inParallel(CLIENTS, requests.length, async (index) => {
    const request = requests[index];
    if (request !== undefined) await side.http.send(request);
  });
  return { startedAt, tookMs: performance.now() - startedAt };
}

async function until(isDone: () => boolean | Promise<boolean>, startedAt: number): Promise<number> {
  while (!(await isDone()) && performance.now() - startedAt < TIME_LIMIT_MS) await wait(100);
  return performance.now() - startedAt;
}

interface Throughput {
  readonly count: number;
  readonly tookMs: number;
  readonly writingMs: number;
}

function report(what: string, { count, tookMs, writingMs }: Throughput): void {
  const rate = (count / tookMs) * 1000;
  const written = (count / writingMs) * 1000;
  console.log(`${`${count} ${what}`.padEnd(34)} ${rate.toFixed(0)} /s  (written at ${written.toFixed(0)} /s)`);
}

/** @param target method and path, as in a request line */
async function send({ http, sign }: Side, target: string, text?: string): Promise<string> {
  const [method = "", path = ""] = target.split(" ");
  const headers = text === undefined ? {} : { "content-md5": createHash("md5").update(text).digest("base64") };
  const request = { method, path, headers, ...(text !== undefined && { body: Buffer.from(text) }) };
  return (await http.send(await sign(request))).text();
}

function median(times: readonly number[]): number {
  return times.toSorted((left, right) => left - right)[times.length >> 1] ?? Number.NaN;
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
