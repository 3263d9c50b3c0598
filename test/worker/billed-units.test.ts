/** The units that docs/scale.md bills for a request are those that the Worker causes. */
import { createHash } from "node:crypto";
import { expect, it, onTestFinished, vi } from "vitest";
import { type BilledOperation, type BilledUnits, UNITS } from "../../bench/cost/billed-units.ts";
import type { Env } from "../../src/env.ts";
import { openServices } from "../../src/services.ts";
import { deliveryPolicy, flushLogs, loggedBucket, recordLogs } from "../support/access-logs.ts";
import { rootAccount } from "../support/accounts.ts";
import { type Meter, meteredEnv } from "../support/billing.ts";
import { bucketWithRules, EVERYTHING, withEventQueue } from "../support/events.ts";
import { completionDocument, createUpload, MIB, type Part, putPart } from "../support/multipart.ts";
import { receivers, willing } from "../support/notification.ts";
import { encode, handDirectly, putObject, type SendOptions, send, urlOf } from "../support/request.ts";
import { createBucket, testEnv } from "../support/s3.ts";
import { sign, unsignedChunks } from "../support/signer.ts";
import { attributes, fillBucket } from "../support/storage.ts";
import { ageObjects, handleQueue, resumeEvents, runSweeps, takeInventories } from "../support/worker.ts";

type Request = SendOptions & { readonly bucket: string };

/** What a request causes in an isolate that knows the bucket and the key. */
async function billedFor(
  request: Request,
  act = (env: Env): Promise<Response> => send({ ...request, env }),
): Promise<BilledUnits> {
  const meter = await meteredEnv();
  await (await send({ method: "HEAD", bucket: request.bucket, env: meter.env })).text();
  return metered(meter, () => act(meter.env));
}

async function metered(meter: Meter, request: () => Promise<Response>): Promise<BilledUnits> {
  meter.reset();
  const answer = await request();
  const text = await answer.text();
  expect(answer.ok, text.slice(0, 300)).toBe(true);
  return meter.read();
}

const MEASURED: Readonly<Record<BilledOperation, () => Promise<BilledUnits>>> = {
  // First, while nothing is stored.
  "sweeps of 10 minutes, two regions, nothing stored": () => billedForSweeps(new Date()),
  "sweeps of a minute, nothing stored": async () => {
    const meter = await meteredEnv();
    await resumeEvents(meter.env, new Date());
    return meter.read();
  },
  "run of the lifecycle, no bucket with rules": async () => {
    const meter = await meteredEnv();
    await ageObjects(meter.env, new Date());
    return meter.read();
  },
  "run of inventories and usage, nothing due": async () => {
    const meter = await meteredEnv();
    await takeInventories(meter.env, new Date());
    return meter.read();
  },
  "start of a run of a schedule, in addition": async () => {
    const meter = await meteredEnv();
    await openServices(meter.env).heartbeats.noteSchedule("sweeps", new Date());
    return meter.read();
  },
  "sweep of an object uploaded in parts": async () => {
    const daysLater = (days: number) => new Date(Date.now() + days * 86_400_000);
    const before = await billedForSweeps(daysLater(2));
    await objectOfParts(1);
    // The first one compares the marker of the new bucket.
    await billedForSweeps(daysLater(2));
    const after = await billedForSweeps(daysLater(3));
    return difference(after, before);
  },
  "GetObject, HeadObject": async () => {
    const target = { bucket: await bucketWith("k", "content"), key: "k" };
    const head = await billedFor({ ...target, method: "HEAD" });
    expect(await billedFor(target)).toEqual(head);
    return head;
  },
  "GetObject of an object stored with a trailer": async () => {
    const bucket = await createBucket();
    await (await putWithTrailer(bucket, testEnv)).text();
    return billedFor({ bucket, key: "k", headers: { range: "bytes=5-9" } });
  },
  "GetObject of 16 parts": async () => {
    const { target } = await sixteenParts();
    return billedFor(target);
  },
  PutObject: async () => {
    const bucket = await createBucket();
    return billedFor({ method: "PUT", bucket, key: "k", body: "content" });
  },
  "PutObject above 1 MiB, checksum in a trailer": async () => {
    const bucket = await createBucket();
    return billedFor({ bucket }, (env) => putWithTrailer(bucket, env));
  },
  "PutObject under a notification or replication rule": async () => {
    const bucket = await bucketWithRules({ notification: [EVERYTHING] });
    return billedFor({ method: "PUT", bucket, key: "k", body: "content" });
  },
  "GetObject of a bucket with access logs, the only request in its second": async () => {
    const { meter, read } = await loggedReads();
    await read();
    meter.reset();
    await flushLogs();
    const waited = meter.read();
    meter.reset();
    await read();
    return difference(meter.read(), waited);
  },
  "object of an access log: the lines of a bucket in 30 seconds": async () => {
    const { meter, messages, read } = await loggedReads();
    // The first one reads the target's settings.
    for (let second = 0; second < 2; second++) {
      await read();
      meter.reset();
      await consume(messages.splice(0), meter.env);
    }
    return meter.read();
  },
  "DeleteObject, DeleteObjects of 1,000 keys": async () => {
    const bucket = await bucketWith("k", "content");
    const body = `<Delete>${Array.from({ length: 1_000 }, (_, index) => `<Object><Key>${index}</Key></Object>`).join("")}</Delete>`;
    const headers = { "content-md5": createHash("md5").update(body).digest("base64") };
    const many = await billedFor({ method: "POST", bucket, query: "delete", body, headers });
    expect(await billedFor({ method: "DELETE", bucket, key: "k" })).toEqual(many);
    return many;
  },
  "ListObjects, page of 1,000 plain objects": async () => {
    const bucket = await createBucket();
    await fillBucket(bucket, 1_000);
    return billedFor({ bucket, query: "list-type=2" });
  },
  "ListObjects, page of 1,000 objects uploaded in parts": async () => {
    const bucket = await createBucket();
    await fillBucket(bucket, 1_000, attributes({ storageClass: "STANDARD_IA" }));
    return billedFor({ bucket, query: "list-type=2" });
  },
  CreateMultipartUpload: async () => {
    const bucket = await createBucket();
    return billedFor({ method: "POST", bucket, key: "k", query: "uploads" });
  },
  UploadPart: async () => {
    const target = { bucket: await createBucket(), key: "k" };
    const query = `partNumber=1&uploadId=${encode(await createUpload(target))}`;
    return billedFor({ ...target, method: "PUT", query, body: "part" });
  },
  "CompleteMultipartUpload of 16 parts": async () => {
    const { completion } = await sixteenParts();
    return completion;
  },
  "CopyObject of an object uploaded in parts": async () => {
    const { bucket, key } = await objectOfParts(2);
    const headers = { "x-amz-copy-source": `/${bucket}/${key}` };
    return billedFor({ method: "PUT", bucket, key: "copy", headers });
  },
  "CopyObject of a plain object": async () => {
    const bucket = await bucketWith("k", "content");
    const headers = { "x-amz-copy-source": `/${bucket}/k` };
    return billedFor({ method: "PUT", bucket, key: "copy", headers });
  },
  "PutObjectTagging, PutObjectAcl": async () => {
    const { bucket, key } = await objectOfParts(1);
    const body = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    const headers = { "content-md5": createHash("md5").update(body).digest("base64") };
    const tagging = await billedFor({ method: "PUT", bucket, key, query: "tagging", body, headers });
    const acl = { method: "PUT", bucket, key, query: "acl", headers: { "x-amz-acl": "public-read" } };
    expect(await billedFor(acl)).toEqual(tagging);
    return tagging;
  },
  "first request of an isolate, in addition": async () => {
    const bucket = await bucketWith("k", "content");
    const meter = await meteredEnv();
    const first = await metered(meter, () => send({ bucket, key: "k", env: meter.env }));
    return difference(first, UNITS["GetObject, HeadObject"]);
  },
  "event to one URL: fan-out and delivery": async () => {
    const url = "https://billed.example.net/cb";
    receivers({ [url]: willing });
    const destination = { kind: "callback" as const, urls: [url] };
    const bucket = await bucketWithRules({ notification: [{ ...EVERYTHING, destination }] });
    const { env, messages } = withEventQueue();
    const deliveries: unknown[] = [];
    const sendOne = async (body: unknown) => void deliveries.push(body);
    const sendBatch = async (batch: readonly { body: unknown }[]) =>
      void deliveries.push(...batch.map((one) => one.body));
    const meter = await meteredEnv({ ...env, DELIVERIES: { send: sendOne, sendBatch } } as unknown as Env);
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    // The first one reads the key that signs events, or creates it.
    for (const key of ["first", "k"]) {
      // What is known about receivers is read again.
      vi.setSystemTime(Date.now() + 10_000);
      await (await send({ method: "PUT", bucket, key, body: "x", env: meter.env })).text();
      meter.reset();
      await consume(messages.splice(0), meter.env);
      await consume(deliveries.splice(0), meter.env);
    }
    return meter.read();
  },
};

// A page of a listing needs a thousand writes.
it.each(Object.entries(MEASURED))("%s", { timeout: 60_000 }, async (operation, measure) => {
  expect(await measure()).toEqual(UNITS[operation as BilledOperation]);
});

/** Reads an object of a bucket with access logs, and sends the line to a queue. */
async function loggedReads() {
  const { env, messages } = recordLogs();
  const meter = await meteredEnv(env);
  const { bucket, target } = await loggedBucket(meter.env);
  const policy = deliveryPolicy(bucket, target, (await rootAccount()).accountId);
  await (await send({ method: "PUT", bucket: target, query: "policy", body: policy, env: meter.env })).text();
  await putObject(bucket, "k", "content");
  const read = async () => {
    await (await send({ bucket, key: "k", env: meter.env })).text();
    await flushLogs();
  };
  return { meter, messages, read };
}

async function bucketWith(key: string, body: string): Promise<string> {
  const bucket = await createBucket();
  await putObject(bucket, key, body);
  return bucket;
}

async function uploadParts(target: { bucket: string; key: string }, count: number) {
  const uploadId = await createUpload(target);
  const parts: Part[] = [];
  for (let number = 1; number <= count; number++) {
    parts.push(await putPart(target, uploadId, number, new Uint8Array(5 * MIB).fill(number)));
  }
  return { uploadId, parts };
}

let sixteen: Promise<{ target: { bucket: string; key: string }; completion: BilledUnits }> | undefined;

/** An object of 16 parts, and what its completion caused. 80 MiB take the simulator seconds, so they are uploaded once. */
function sixteenParts(): NonNullable<typeof sixteen> {
  const upload = async () => {
    const target = { bucket: await createBucket(), key: "k" };
    const { uploadId, parts } = await uploadParts(target, 16);
    const query = `uploadId=${encode(uploadId)}`;
    const body = completionDocument(parts);
    return { target, completion: await billedFor({ ...target, method: "POST", query, body }) };
  };
  sixteen ??= upload();
  return sixteen;
}

async function objectOfParts(count: number): Promise<{ bucket: string; key: string }> {
  const target = { bucket: await createBucket(), key: "k" };
  const { uploadId, parts } = await uploadParts(target, count);
  const query = `uploadId=${encode(uploadId)}`;
  await (await send({ ...target, method: "POST", query, body: completionDocument(parts) })).text();
  return target;
}

async function putWithTrailer(bucket: string, env: Env): Promise<Response> {
  const bytes = new Uint8Array(MIB + 1);
  const url = urlOf({ bucket, key: "k" });
  const name = "x-amz-checksum-sha256";
  const signed = sign({
    method: "PUT",
    url,
    headers: {
      "content-encoding": "aws-chunked",
      "x-amz-decoded-content-length": String(bytes.byteLength),
      "x-amz-trailer": name,
    },
    payloadHash: "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
  });
  const body = unsignedChunks(bytes, { trailer: [name, createHash("sha256").update(bytes).digest("base64")] });
  return handDirectly(new Request(url, { method: "PUT", headers: signed.headers, body }), env);
}

function difference(more: BilledUnits, less: BilledUnits): BilledUnits {
  const result: { -readonly [Name in keyof BilledUnits]: number } = { ...more };
  for (const name of Object.keys(result) as (keyof BilledUnits)[]) result[name] -= less[name];
  return result;
}

async function billedForSweeps(now: Date): Promise<BilledUnits> {
  const meter = await meteredEnv();
  await runSweeps(meter.env, now);
  return meter.read();
}

/** Hands messages to the consumers as the platform does. */
async function consume(messages: readonly unknown[], env: Env): Promise<void> {
  const batch = messages.map((body, index) => ({
    ...{ id: String(index), body, attempts: 1, timestamp: new Date() },
    ack: () => {},
    retry: () => expect.unreachable(),
  }));
  await handleQueue({ queue: "any", messages: batch } as unknown as MessageBatch, env);
}
