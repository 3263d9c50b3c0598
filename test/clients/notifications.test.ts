/**
 * Notifications over a socket: the SDK configures them, and a receiver on this machine verifies the callbacks
 * with the sample of docs/notifications.md.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  type Event,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test, vi } from "vitest";
import { createForger, forgedUrls, inSample } from "./support/forger.ts";
import { newBucketName, run } from "./support/tools.ts";

interface Callback {
  readonly path: string;
  readonly id: string;
  readonly isGenuine: boolean;
  readonly record: {
    readonly eventName: string;
    readonly s3: {
      readonly configurationId: string;
      readonly object: { readonly key: string; readonly eTag?: string };
    };
    readonly callBackVar?: unknown;
  };
  readonly at: number;
}

/** The answer of a path to an event; 200 by default. */
const answers = new Map<string, (response: ServerResponse) => void>();
const inbox: Callback[] = [];
const server = inject("devServer");
let s3: S3Client;
let origin: string;

type Verifier = (request: IncomingMessage, body: Buffer) => Promise<boolean>;

/** The sample of the documentation, with this deployment's address. */
async function sampleVerifier(endpoint: string): Promise<Verifier> {
  const page = readFileSync(join(import.meta.dirname, "../../docs/notifications.md"), "utf8");
  const sample = /```js\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
  const code = inSample(sample, endpoint);
  const module = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as { isGenuine: Verifier };
  return module.isGenuine;
}

const receiver = createServer(async (request, response) => {
  const body = await buffer(request);
  const path = request.url ?? "";
  if (request.headers["x-jdcloud-message-type"] === "SubscriptionConfirmation") {
    const isGenuine = await verify(request, body);
    response.writeHead(isGenuine && path !== "/unwilling" ? 200 : 403).end(body.toString("base64"));
    return;
  }
  const [record] = JSON.parse(body.toString()).Records;
  const id = String(request.headers["x-jdcloud-request-id"]);
  inbox.push({ path, id, isGenuine: await verify(request, body), record, at: Date.now() });
  const answer = answers.get(path);
  if (answer === undefined) response.end();
  else answer(response);
});
let verify: Verifier;

beforeAll(async () => {
  verify = await sampleVerifier(server.endpoint);
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  const { accessKeyId, secretAccessKey } = server;
  s3 = new S3Client({
    endpoint: server.endpoint,
    region: server.region,
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId, secretAccessKey },
  });
});

afterEach(() => answers.clear());

afterAll(async () => {
  s3.destroy();
  receiver.closeAllConnections();
  receiver.close();
});

/** Waits for a number of callbacks to a path, and removes them. */
async function take(path: string, count: number, seconds = 30): Promise<Callback[]> {
  const found = () => inbox.filter((callback) => callback.path === path);
  for (let waited = 0; found().length < count && waited < seconds * 20; waited++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const taken = found();
  for (const callback of taken) inbox.splice(inbox.indexOf(callback), 1);
  expect(taken.length, `callbacks to ${path}`).toBe(count);
  return taken;
}

async function bucketWith(...rules: { topic: string; events?: Event[]; id?: string; prefix?: string }[]) {
  const Bucket = newBucketName("notify");
  await s3.send(new CreateBucketCommand({ Bucket }));
  const TopicConfigurations = rules.map(({ topic, events, id, prefix }) => ({
    Id: id,
    TopicArn: topic,
    Events: events ?? ["s3:ObjectCreated:*" as const],
    ...(prefix !== undefined && { Filter: { Key: { FilterRules: [{ Name: "prefix" as const, Value: prefix }] } } }),
  }));
  const NotificationConfiguration = { TopicConfigurations };
  await s3.send(new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration }));
  return Bucket;
}

describe("callbacks", () => {
  test("report every change, signed so that the documented sample accepts them", { timeout: 120_000 }, async () => {
    const events: Event[] = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*"];
    const Bucket = await bucketWith({ topic: `NS:${origin}/all?token=1`, events, id: "everything" });
    const { ETag = "" } = await s3.send(new PutObjectCommand({ Bucket, Key: "pic/ä b.png", Body: "hello" }));
    await s3.send(new CopyObjectCommand({ Bucket, Key: "copy", CopySource: `/${Bucket}/pic/%C3%A4%20b.png` }));
    const Tagging = { TagSet: [{ Key: "a", Value: "b" }] };
    await s3.send(new PutObjectTaggingCommand({ Bucket, Key: "copy", Tagging }));
    await s3.send(new DeleteObjectCommand({ Bucket, Key: "copy" }));
    const Delete = { Objects: [{ Key: "pic/ä b.png" }, { Key: "never there" }] };
    await s3.send(new DeleteObjectsCommand({ Bucket, Delete }));

    const callbacks = await take("/all?token=1", 6);
    expect(callbacks.map(({ isGenuine }) => isGenuine)).toEqual(callbacks.map(() => true));
    expect(new Set(callbacks.map(({ id }) => id)).size).toBe(6);
    const told = callbacks.map(({ record }) => `${record.eventName} ${record.s3.object.key}`).sort();
    expect(told).toEqual([
      "s3:ObjectCreated:Copy copy",
      "s3:ObjectCreated:Put pic/ä b.png",
      "s3:ObjectRemoved:Delete copy",
      "s3:ObjectRemoved:Delete never there",
      "s3:ObjectRemoved:Delete pic/ä b.png",
      "s3:ObjectTagging:Put copy",
    ]);
    const put = callbacks.find(({ record }) => record.eventName === "s3:ObjectCreated:Put");
    expect(put?.record.s3).toMatchObject({
      configurationId: "everything",
      object: { eTag: ETag.replaceAll('"', "") },
    });
  });

  test("contain the variables of the request, and go only to the first NS: rule that matches", {
    timeout: 60_000,
  }, async () => {
    const Bucket = await bucketWith(
      { topic: `NS:${origin}/first,${origin}/too`, prefix: "a" },
      { topic: `NS:${origin}/second` },
    );
    const command = new PutObjectCommand({ Bucket, Key: "abc", Body: "x" });
    command.middlewareStack.add(
      (next) => (args) => {
        const { query } = args.request as { query: Record<string, string | string[]> };
        Object.assign(query, { "x-oss-callback-order": ["17", "18"], "x-oss-callback-who": "x" });
        return next(args);
      },
      { step: "build" },
    );
    await s3.send(command);
    await s3.send(new PutObjectCommand({ Bucket, Key: "b", Body: "x" }));
    const [first] = await take("/first", 1);
    await take("/too", 1);
    expect(first?.record.callBackVar).toEqual({ callBackVars: { order: ["17", "18"], who: ["x"] } });
    const [second] = await take("/second", 1);
    expect([second?.record.s3.object.key, second?.record.callBackVar]).toEqual(["b", undefined]);
  });

  test("are repeated with the same id after at least 10 s if they fail", { timeout: 90_000 }, async () => {
    let failures = 1;
    answers.set("/flaky", (response) => response.writeHead(failures-- > 0 ? 500 : 200).end());
    const Bucket = await bucketWith({ topic: `NS:${origin}/flaky` });
    await s3.send(new PutObjectCommand({ Bucket, Key: "k", Body: "x" }));
    const [first, second] = await take("/flaky", 2, 45);
    expect(second?.id).toBe(first?.id);
    const seconds = ((second?.at ?? 0) - (first?.at ?? 0)) / 1000;
    expect(seconds).toBeGreaterThan(9);
  });

  test("reach a healthy receiver while another one does not answer", { timeout: 180_000 }, async () => {
    let deadCalls = 0;
    answers.set("/dead", () => {
      deadCalls++;
    });
    // Receivers at one host are avoided together.
    const dead = `${origin.replace("127.0.0.1", "localhost")}/dead`;
    const Bucket = await bucketWith({ topic: `NS:${dead},${origin}/healthy` });
    for (let index = 0; index < 200; index++) {
      await s3.send(new PutObjectCommand({ Bucket, Key: `k${index}`, Body: "x" }));
    }
    const healthy = await take("/healthy", 200, 120);
    expect(new Set(healthy.map(({ record }) => record.s3.object.key)).size).toBe(200);
    // Each attempt lasts 5 s: one after the other, 200 would take over a quarter of an hour.
    expect(deadCalls).toBeLessThan(40);

    // The administrator's view.
    const inTheCli = async () => {
      const cli = await run("node", ["cli/main.ts", "deliveries", "--json", "--endpoint", server.endpoint], {
        cwd: join(import.meta.dirname, "../.."),
        env: {
          PATH: process.env.PATH ?? "",
          ROOT_ACCESS_KEY_ID: server.accessKeyId,
          ROOT_SECRET_ACCESS_KEY: server.secretAccessKey,
        },
      });
      const { receivers } = JSON.parse(cli.stdout) as {
        receivers: { name: string; delivered: number; failed: number }[];
      };
      return (url: string) => receivers.find(({ name }) => name === url);
    };
    // A batch is counted when it ends, after the receiver has answered.
    await vi.waitFor(
      async () => {
        const find = await inTheCli();
        expect(find(`${origin}/healthy`)).toMatchObject({ delivered: 200, failed: 0 });
        expect(find(dead)).toMatchObject({ delivered: 0, lastFailure: "no complete answer within 5 s" });
      },
      { timeout: 120_000, interval: 500 },
    );
    inbox.length = 0;
  });

  test("are refused with InvalidArgument for a URL that fails the handshake", async () => {
    const refused = bucketWith({ topic: `NS:${origin}/all,${origin}/unwilling` });
    await expect(refused).rejects.toMatchObject({
      name: "InvalidArgument",
      message: "The URL could not be verified: it answered 403.",
    });
    await expect(bucketWith({ topic: `NS:${server.endpoint}/-/health` })).rejects.toMatchObject({
      name: "InvalidArgument",
      message: "The URL leads back to this service.",
    });
  });
});

test("the sample refuses a callback whose certificate is a public object on the deployment's host", async () => {
  const { certificate, sign } = await createForger();
  const Bucket = newBucketName("evil");
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutObjectCommand({ Bucket, Key: "cert.pem", Body: certificate, ACL: "public-read" }));
  for (const url of forgedUrls(server.endpoint, `/${Bucket}/cert.pem`)) {
    expect(await (await fetch(url)).text(), url).toBe(certificate);
    const body = Buffer.from("{}");
    const common = {
      "content-md5": btoa(createHash("md5").update(body).digest("hex")),
      "content-type": "application/json",
      date: "Tue, 03 Feb 2032 04:05:06 GMT",
    };
    const own = { "x-jdcloud-message-type": "Notification", "x-jdcloud-signing-cert-url": btoa(url) };
    const lines = ["POST", ...Object.values(common), ...Object.entries(own).map((pair) => pair.join(":")), "/all"];
    const headers = { ...common, ...own, authorization: sign("RSA-SHA1", lines.join("\n")) };
    const request = { method: "POST", url: "/all", headers } as unknown as IncomingMessage;
    expect(await verify(request, body), url).toBe(false);
  }
});

test("the sample refuses a callback with another certificate", async () => {
  const headers = { "x-jdcloud-signing-cert-url": btoa("https://evil.example/-/certificates/a.pem") };
  expect(await verify({ method: "POST", url: "/", headers } as unknown as IncomingMessage, Buffer.from(""))).toBe(
    false,
  );
});
