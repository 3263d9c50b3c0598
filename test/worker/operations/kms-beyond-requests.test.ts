/** SSE-KMS where no caller asks for an object: lifecycle, replication, the calls of a warm isolate, and the log. */
import { describe, expect, it, vi } from "vitest";
import { createAccount } from "../../support/accounts.ts";
import { digestOf } from "../../support/acl.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { keyedEnv } from "../../support/keyed-r2.ts";
import { createKmsKey, encryptionOf, env, kmsHeaders, setKmsStatus } from "../../support/kms.ts";
import { configureLifecycle, inDays, lifecycleDocument, passOver } from "../../support/lifecycle.ts";
import { arn, configureReplication } from "../../support/replication.ts";
import { replicator } from "../../support/replicator.ts";
import { type SendOptions, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";

const key = await createKmsKey();
const KMS = { "": "aws:kms", "-aws-kms-key-id": key };

async function put(bucket: string, options: SendOptions = {}): Promise<void> {
  const headers = { ...kmsHeaders(key), ...options.headers };
  const response = await send({ method: "PUT", bucket, key: "k", body: "content", env, ...options, headers });
  expect([response.status, response.ok ? "" : await response.text()]).toEqual([200, ""]);
}

describe("a lifecycle rule", () => {
  const RULE = "<Filter/><Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>";
  const BIG = "x".repeat(128 * 1024);

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
    for (const [name, as] of [
      [bucket, undefined],
      [theirs, owner],
    ] as const) {
      const document = { method: "PUT", bucket: name, query: "lifecycle", body, headers: await digestOf(body), env };
      expect((await send({ ...document, ...(as && { as }) })).status).toBe(200);
      const pass = await passOver(name, inDays(31), { env });
      expect([pass.transitioned, (pass.failed ?? 0) + (pass.locked ?? 0)]).toEqual([0, 1]);
    }
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
