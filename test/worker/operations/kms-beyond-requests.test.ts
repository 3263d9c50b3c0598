/** SSE-KMS where no caller asks for an object: lifecycle, replication, the calls of a warm isolate, and the log. */
import { describe, expect, it, vi } from "vitest";
import { authorizeLifecycle } from "../../../src/access/authorize.ts";
import { openServices } from "../../../src/services.ts";
import { createAccount } from "../../support/accounts.ts";
import { digestOf } from "../../support/acl.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { keyedEnv } from "../../support/keyed-r2.ts";
import { createKmsKey, encryptionOf, env, kmsHeaders, setKmsStatus } from "../../support/kms.ts";
import { configureLifecycle, envWith, inDays, lifecycleDocument, passOver } from "../../support/lifecycle.ts";
import { arn, configureReplication } from "../../support/replication.ts";
import { replicator } from "../../support/replicator.ts";
import { type SendOptions, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { newTicket } from "../../support/storage.ts";

const key = await createKmsKey();
const KMS = { "": "aws:kms", "-aws-kms-key-id": key };

const BIG = "x".repeat(128 * 1024);

async function put(bucket: string, options: SendOptions = {}): Promise<void> {
  const headers = { ...kmsHeaders(key), ...options.headers };
  const response = await send({ method: "PUT", bucket, key: "k", body: "content", env, ...options, headers });
  expect([response.status, response.ok ? "" : await response.text()]).toEqual([200, ""]);
}

describe("a lifecycle rule", () => {
  const RULE = "<Filter/><Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>";
  it("moves an object under its data key", async () => {
    const keyed = keyedEnv();
    const bucket = await createBucket();
    await put(bucket, { env: keyed.env, body: BIG });
    await configureLifecycle(bucket, RULE);
    keyed.calls.length = 0;
    const { transitioned } = await passOver(bucket, inDays(31), { env: keyed.env });
    expect(transitioned).toBe(1);
    const blobs = keyed.calls.filter(({ r2Key }) => r2Key.startsWith("~b/"));
    expect(blobs.map(({ method }) => method)).toEqual(expect.arrayContaining(["get", "put"]));
    expect(new Set(blobs.map((call) => call.key)).size).toBe(1);
    const read = await send({ bucket, key: "k", env: keyed.env });
    expect(read.headers.get("x-amz-storage-class")).toBe("STANDARD_IA");
    expect([(await read.text()) === BIG, encryptionOf(read)]).toEqual([true, KMS]);
  });

  it("leaves an object whose key is disabled, or of another account than the bucket", async () => {
    const bucket = await createBucket();
    const own = await createKmsKey();
    await put(bucket, { headers: kmsHeaders(own), body: BIG });
    const owner = await createAccount();
    const theirs = await createBucket({ key: owner });
    const policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: "*", Action: "s3:*", Resource: `arn:aws:s3:::${theirs}/*` }],
    });
    const headers = await digestOf(policy);
    await send({ method: "PUT", bucket: theirs, query: "policy", body: policy, headers, as: owner, env });
    await put(theirs, { body: BIG });
    await setKmsStatus(own, "Disabled");
    const body = lifecycleDocument(RULE);
    for (const [name, as, counts] of [
      [bucket, undefined, { failed: 1, foreignKey: 0 }],
      [theirs, owner, { failed: 0, foreignKey: 1 }],
    ] as const) {
      const document = { method: "PUT", bucket: name, query: "lifecycle", body, headers: await digestOf(body), env };
      expect((await send({ ...document, ...(as && { as }) })).status).toBe(200);
      const pass = await passOver(name, inDays(31), { env });
      expect(pass).toMatchObject({ transitioned: 0, locked: 0, ...counts });
    }
  });

  it("looks up a key with a call of the run, unless it is cached", async () => {
    const bucket = await createBucket();
    for (const name of ["a", "b"]) await put(bucket, { key: name, body: BIG });
    await configureLifecycle(bucket, RULE);
    const cold = countingEnv(envWith({}));
    const { directory, lifecycle } = openServices(cold.env);
    const row = (await directory.load({ bucketName: bucket })).buckets.get(bucket);
    if (row === undefined) throw new Error("there is no bucket");
    const granted = authorizeLifecycle(row);
    const transition = async (name: string, calls: number) => {
      const taken: number[] = [];
      cold.reset();
      const outcome = await lifecycle.objects.transition(
        { bucket: granted, key: name, ticket: newTicket() },
        ({ storageClass }) => storageClass === "STANDARD",
        { until: inDays(1), take: (count) => calls >= taken.push(count) },
      );
      return { outcome, taken, lookUps: cold.counts.d1 };
    };
    expect(await transition("a", 0)).toEqual({ outcome: "unfinished", taken: [1], lookUps: 0 });
    // The key, the list of the blobs, and a read and a write of the only one.
    expect(await transition("a", 9)).toEqual({ outcome: "done", taken: [1, 1, 2], lookUps: 1 });
    expect(await transition("b", 9)).toEqual({ outcome: "done", taken: [1, 2], lookUps: 0 });
  });
});

it("replication of an object under aws:kms fails with a reason", async () => {
  const world = replicator(env);
  const [source, target] = [await createBucket(), await createBucket()];
  await configureReplication(source, { destination: arn(target) });
  await put(source, { env: world.env });
  await world.settle();
  expect((await send({ method: "HEAD", bucket: target, key: "k", env })).status).toBe(404);
  const row = await testEnv.DB.prepare(
    "SELECT last_error FROM replication_tasks WHERE bucket_id = (SELECT id FROM buckets WHERE name = ?1)",
  );
  expect(await row.bind(source).first()).toEqual({
    last_error: "InvalidRequest: Objects encrypted with aws:kms are not replicated.",
  });
});

it("a replica has the encryption of its source, and not the default of its bucket", async () => {
  // "The default encryption settings of the destination bucket are not used" (replicating objects created with SSE-S3).
  const world = replicator(env);
  const [source, target] = [await createBucket(), await createBucket()];
  const rule = `<ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>${key}</KMSMasterKeyID></ApplyServerSideEncryptionByDefault>`;
  const body = `<ServerSideEncryptionConfiguration><Rule>${rule}</Rule></ServerSideEncryptionConfiguration>`;
  const set = await send({
    method: "PUT",
    bucket: target,
    query: "encryption",
    body,
    headers: await digestOf(body),
    env,
  });
  expect(set.status).toBe(200);
  await configureReplication(source, { destination: arn(target) });
  for (const [name, content] of [
    ["small", "content"],
    ["large", BIG.repeat(9)],
  ] as const) {
    await send({ method: "PUT", bucket: source, key: name, body: content, env: world.env });
  }
  await world.settle();
  for (const name of ["small", "large"]) {
    const { etag } = Object.fromEntries((await send({ method: "HEAD", bucket: source, key: name, env })).headers);
    const replica = await send({ method: "HEAD", bucket: target, key: name, env });
    expect([replica.headers.get("etag"), encryptionOf(replica)]).toEqual([etag, { "": "AES256" }]);
  }
});

it("a warm isolate writes and reads with two R2 calls each, and the key with one D1 call in CONFIG_TTL_SECONDS", async () => {
  const { env: counted, counts, reset } = countingEnv(env);
  const bucket = await createBucket();
  await (await send({ method: "HEAD", bucket, env: counted })).text();
  reset();
  await put(bucket, { env: counted });
  expect(counts).toMatchObject({ r2: 2, d1: 1, durableObject: 0 });
  reset();
  await put(bucket, { env: counted });
  expect(counts).toMatchObject({ r2: 2, d1: 0, durableObject: 0 });
  reset();
  await (await send({ bucket, key: "k", env: counted })).text();
  expect(counts).toMatchObject({ r2: 2, d1: 0, durableObject: 0 });
});

it("a copy shares the blobs of its source under the same data key", async () => {
  const keyed = keyedEnv();
  const bucket = await createBucket();
  await put(bucket, { env: keyed.env });
  keyed.calls.length = 0;
  await put(bucket, { env: keyed.env, key: "copy", headers: { "x-amz-copy-source": `/${bucket}/k` }, body: "" });
  expect(keyed.calls.filter(({ r2Key }) => r2Key.startsWith("~b/"))).toEqual([]);
  expect(await (await send({ bucket, key: "copy", env: keyed.env })).text()).toBe("content");
});

it("the log and the messages of an object contain neither its data key nor its KMS key", async () => {
  const lines: string[] = [];
  const spies = (["log", "warn", "error"] as const).map((name) =>
    vi.spyOn(console, name).mockImplementation((...parts: unknown[]) => void lines.push(parts.map(String).join(" "))),
  );
  const keyed = keyedEnv();
  const world = replicator({ ...keyed.env, REQUEST_LOG: "all" });
  const [source, target] = [await createBucket(), await createBucket()];
  await configureReplication(source, { destination: arn(target) });
  await put(source, { env: world.env });
  const messages = JSON.stringify(world.events);
  await world.settle();
  await (await send({ bucket: source, key: "k", env: world.env })).text();
  await send({ bucket: source, key: "k", as: null, env: world.env });
  for (const spy of spies) spy.mockRestore();
  const keys = [...new Set(keyed.calls.flatMap((call) => call.key ?? []))];
  expect(keys).toHaveLength(1);
  expect(lines.length).toBeGreaterThan(0);
  expect(messages).toContain(source);
  for (const text of [...lines, messages]) {
    for (const each of keys) {
      expect(text.includes(each) || text.includes(Buffer.from(each, "base64").toString("hex"))).toBe(false);
    }
  }
});
