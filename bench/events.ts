/**
 * `npm run bench:events -- [--base FOLDER] [--dev] [--rounds N]`: what notifications and replication cost and carry, on this
 * machine, in one run. The servers are those of `npm start`.
 *
 * First the latency of a PUT in a bucket without rules and in buckets with rules, alternately. Then sixteen clients write
 * objects as fast as they can, until the receiver has an event for each, and until the bucket of a second server holds each.
 * Local queues deliver in batches once a second, so a few events take longer than this throughput suggests.
 *
 * `--base` measures another checkout as well, and `--dev` also `npm run dev` of this one (or of the other), in turn.
 */
import { createHash } from "node:crypto";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { projectRoot } from "../scripts/wrangler.ts";
import { HttpClient, makeSigner, type Sign } from "./http-client.ts";
import { inParallel } from "./load.ts";
import type { Section } from "./section.ts";
import { type OurServer, startOurs, stopAllServers } from "./servers.ts";
import { median, round as rounded, spreadOf } from "./statistics.ts";

const SAMPLES = 300;
const EVENTS = 3_000;
const REPLICAS = 1_000;
const CLIENTS = 16;
const TIME_LIMIT_MS = 120_000;
const body = Buffer.alloc(1024, "x");

interface Endpoint {
  readonly http: HttpClient;
  readonly sign: Sign;
  readonly server: OurServer;
}

/** One way to serve: the source, the second server, and what was measured. */
interface Side {
  readonly label: string;
  readonly source: Endpoint;
  readonly target: Endpoint;
  readonly receiver: EventReceiver;
  readonly samples: Readonly<Record<"plain" | "notified" | "copied", number[]>>;
  /** Per second, of each round. */
  readonly events: number[];
  readonly replicas: number[];
}

/** In `npm run bench`. The targets are three times what `npm run dev` carried when they were set. */
export const EVENTS_SECTION: Section = {
  name: "Events",
  async run({ rounds, isQuick }) {
    const [side] = await measure({ base: projectRoot, dev: false, rounds: isQuick ? 1 : Math.min(rounds, 3) });
    if (side === undefined) return [];
    const { plain, notified, copied } = side.samples;
    const ratio = (times: readonly number[]) => rounded(median(times) / median(plain), 2);
    const rate = (values: readonly number[]) => {
      const { middle, least, most } = spreadOf(values);
      return { value: rounded(middle, 1), least: rounded(least, 1), most: rounded(most, 1), unit: "/s" as const };
    };
    return [
      {
        what: "PUT 1 KiB under a notification rule, time as a ratio to one without",
        value: ratio(notified),
        unit: "×",
      },
      { what: "PUT 1 KiB under a replication rule, time as a ratio to one without", value: ratio(copied), unit: "×" },
      { what: `${EVENTS} events, until the receiver has them`, ...rate(side.events), target: { atLeast: 309 } },
      { what: `${REPLICAS} objects, until a second server has them`, ...rate(side.replicas), target: { atLeast: 93 } },
    ];
  },
};

const running: { stop(): Promise<void> }[] = [];
if (process.argv[1] === import.meta.filename) {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => void stopAllServers().finally(() => process.exit(1)));
  }
  const { values } = parseArgs({
    options: {
      base: { type: "string", default: projectRoot },
      dev: { type: "boolean", default: false },
      rounds: { type: "string", default: "1" },
    },
  });
  summarize(await measure({ base: resolve(values.base), dev: values.dev, rounds: Number(values.rounds) }));
}

interface EventsOptions {
  readonly base: string;
  readonly dev: boolean;
  readonly rounds: number;
}

async function measure({ base, dev, rounds }: EventsOptions): Promise<Side[]> {
  try {
    const sides = [await startSide("npm start", "start", projectRoot)];
    if (base !== projectRoot) sides.push(await startSide(`npm start, ${base}`, "start", base));
    if (dev) sides.push(await startSide("npm run dev", "dev", base));
    await measureLatency(sides);
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? sides : sides.toReversed();
      for (const side of order) await measureEvents(side, round);
      for (const side of order) await measureReplication(side, round);
    }
    return sides;
  } finally {
    await stopAll();
  }
}

async function stopAll(): Promise<void> {
  await Promise.all(running.splice(0).map((server) => server.stop()));
}

async function startSide(label: string, command: "start" | "dev", root: string): Promise<Side> {
  const receiver = await startReceiver();
  running.push(receiver);
  const side: Side = {
    label,
    source: await startEndpoint(command, root),
    target: await startEndpoint(command, root),
    receiver,
    samples: { plain: [], notified: [], copied: [] },
    events: [],
    replicas: [],
  };
  await makeBuckets(side);
  return side;
}

async function startEndpoint(command: "start" | "dev", root: string): Promise<Endpoint> {
  const server = await startOurs({ ALLOW_PRIVATE_TARGETS: "true" }, { command, root });
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
  await new Promise<void>((listening) => http.listen(0, "127.0.0.1", listening));
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

async function makeBuckets({ source, target, receiver }: Omit<Side, "label">): Promise<void> {
  for (const bucket of ["plain", "notified", "copied"]) await send(source, `PUT /${bucket}`);
  await send(target, "PUT /replicas");
  const notification = `<NotificationConfiguration><TopicConfiguration><Topic>NS:${receiver.url}</Topic><Event>s3:ObjectCreated:*</Event></TopicConfiguration></NotificationConfiguration>`;
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
async function measureLatency(sides: readonly Side[]): Promise<void> {
  for (let index = -20; index < SAMPLES; index++) {
    for (const { source, samples } of sides) {
      for (const [bucket, times] of Object.entries(samples)) {
        const request = await source.sign({ method: "PUT", path: `/${bucket}/latency/${index & 31}`, body });
        const start = performance.now();
        await source.http.send(request);
        if (index >= 0) times.push(performance.now() - start);
      }
    }
  }
  for (const { label, samples } of sides) {
    const plain = median(samples.plain);
    for (const [bucket, what] of [
      ["plain", "PUT 1 KiB, no rules"],
      ["notified", "PUT 1 KiB, a notification rule"],
      ["copied", "PUT 1 KiB, a replication rule"],
    ] as const) {
      const value = median(samples[bucket]);
      console.log(`${what.padEnd(34)} ${value.toFixed(2)} ms  ${(value / plain).toFixed(2)}×  ${label}`);
    }
  }
  // The events and replicas of these writes must not be part of what follows.
  await wait(5_000);
}

async function measureEvents({ label, source, receiver, events }: Side, round: number): Promise<void> {
  const keys = Array.from({ length: EVENTS }, (_, index) => `events/${round}/${index}`);
  const writes = await writeAll(source, "notified", keys);
  const hasAll = () => keys.every((key) => receiver.received.has(key));
  const tookMs = await until(hasAll, writes.startedAt);
  const lost = keys.filter((key) => !receiver.received.has(key)).length;
  const again = keys.reduce((sum, key) => sum + Math.max(0, (receiver.received.get(key) ?? 0) - 1), 0);
  events.push(report("events delivered", label, { count: EVENTS - lost, tookMs, writingMs: writes.tookMs }));
  if (lost + again > 0) console.log(`${"".padEnd(34)} lost ${lost}, received twice ${again}`);
}

async function measureReplication({ label, source, target, replicas }: Side, round: number): Promise<void> {
  const keys = Array.from({ length: REPLICAS }, (_, index) => `replicated/${round}/${String(index).padStart(4, "0")}`);
  const writes = await writeAll(source, "copied", keys);
  // Short pages from the first key that is missing: listing all of them again and again would be work for the target.
  let found = 0;
  const tookMs = await until(async () => {
    const after = found === 0 ? "" : `&start-after=${encodeURIComponent(keys[found - 1] ?? "")}`;
    const prefix = encodeURIComponent(`replicated/${round}/`);
    const page = await send(target, `GET /replicas?list-type=2&max-keys=100&prefix=${prefix}${after}`);
    for (const [, key] of page.matchAll(/<Key>([^<]*)</g)) {
      if (key !== keys[found]) break;
      found += 1;
    }
    return found === REPLICAS;
  }, writes.startedAt);
  replicas.push(report("objects replicated", label, { count: found, tookMs, writingMs: writes.tookMs }));
  if (found < REPLICAS) console.log(`${"".padEnd(34)} lost ${REPLICAS - found}`);
}

/** The first side against each of the others, round by round. */
function summarize([first, ...others]: readonly Side[]): void {
  if (first === undefined) return;
  for (const other of others) {
    for (const what of ["events", "replicas"] as const) {
      const ratios = first[what].map((rate, round) => rate / (other[what][round] ?? Number.NaN));
      const [low, high] = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2));
      console.log(`${what}: ${median(ratios).toFixed(2)} (${low} to ${high}) times ${other.label}`);
    }
  }
}

async function writeAll(side: Endpoint, bucket: string, keys: readonly string[]) {
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

/** @returns how many per second */
function report(what: string, label: string, { count, tookMs, writingMs }: Throughput): number {
  const rate = (count / tookMs) * 1000;
  const written = (count / writingMs) * 1000;
  console.log(
    `${`${count} ${what}`.padEnd(34)} ${rate.toFixed(0)} /s  (written at ${written.toFixed(0)} /s)  ${label}`,
  );
  return rate;
}

/** @param target method and path, as in a request line */
async function send({ http, sign }: Endpoint, target: string, text?: string): Promise<string> {
  const [method = "", path = ""] = target.split(" ");
  const headers = text === undefined ? {} : { "content-md5": createHash("md5").update(text).digest("base64") };
  const request = { method, path, headers, ...(text !== undefined && { body: Buffer.from(text) }) };
  return (await http.send(await sign(request))).text();
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
