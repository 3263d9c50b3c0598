/**
 * Objects that are still to be replicated when UpdateObjectEncryption puts them under SSE-KMS, on an R2 that changes the bytes by
 * their key.
 */
import { describe, expect, it } from "vitest";
import { authorizeReplicationSource } from "../../../src/access/authorize.ts";
import { readSource } from "../../../src/replication/source-reader.ts";
import { unlock } from "../../../src/replication/unlock.ts";
import { openServices } from "../../../src/services.ts";
import { digestOf } from "../../support/acl.ts";
import { keyedEnv } from "../../support/keyed-r2.ts";
import { createKmsKey, encryptionOf, kmsHeaders, setKmsStatus } from "../../support/kms.ts";
import { concat, MIB, md5, noise, putMultipart } from "../../support/multipart.ts";
import { arn, configureReplication, type RuleOptions } from "../../support/replication.ts";
import { replicator } from "../../support/replicator.ts";
import { type SendOptions, send as sendTo } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { setVersioning } from "../../support/versions.ts";

const world = replicator(keyedEnv().env);
const { env } = world;
const send = (options: SendOptions) => sendTo({ env, ...options });
const [FIRST, SECOND] = [await createKmsKey(), await createKmsKey()];
const NOT_REPLICATED = "InvalidRequest: Objects encrypted with aws:kms are not replicated.";

async function worldWith(options: Partial<RuleOptions> & { readonly isVersioned?: boolean } = {}) {
  const { isVersioned = false, ...rule } = options;
  const [source, target] = [await createBucket(), await createBucket()];
  if (isVersioned) for (const bucket of [source, target]) await setVersioning(bucket, "Enabled");
  await configureReplication(source, { destination: arn(target), ...rule });
  return { source, target };
}

async function put(bucket: string, key: string, body: string | Uint8Array, headers: Record<string, string> = {}) {
  expect((await send({ method: "PUT", bucket, key, body, headers })).status).toBe(200);
}

async function encrypt(bucket: string, key: string, keyArn = FIRST): Promise<void> {
  const body = `<ObjectEncryption><SSE-KMS><KMSKeyArn>${keyArn}</KMSKeyArn></SSE-KMS></ObjectEncryption>`;
  const query = "encryption";
  const response = await send({ method: "PUT", bucket, key, query, body, headers: await digestOf(body) });
  expect([response.status, await response.text()]).toEqual([200, ""]);
}

async function shown(bucket: string, key: string) {
  const response = await send({ bucket, key });
  const { headers } = response;
  return {
    status: response.status,
    md5: md5(await response.bytes()),
    etag: headers.get("etag"),
    encryption: encryptionOf(response),
    replication: headers.get("x-amz-replication-status"),
  };
}

async function reasons(source: string): Promise<unknown[]> {
  const query =
    "SELECT last_error FROM replication_tasks WHERE bucket_id = (SELECT id FROM buckets WHERE name = ?1) ORDER BY key";
  const { results } = await testEnv.DB.prepare(query).bind(source).all();
  return results.map((row) => row.last_error);
}

describe("an object that is PENDING when its encryption is changed", () => {
  it.each([false, true])("is replicated as it was written, versioned: %s", async (isVersioned) => {
    const { source, target } = await worldWith({ isVersioned });
    const large = noise(2 * MIB);
    const parts = [noise(5 * MIB, 3), noise(MIB, 4)];
    await put(source, "small", "content");
    await put(source, "large", large);
    await putMultipart({ bucket: source, key: "parts", env }, parts);
    for (const key of ["small", "large", "parts"]) {
      const before = await shown(source, key);
      await encrypt(source, key);
      expect(await shown(source, key)).toMatchObject({ md5: before.md5, replication: "PENDING" });
    }
    // Another key does not make it an object that was written with one.
    await encrypt(source, "small", SECOND);
    await world.settle();
    for (const [key, bytes] of [
      ["small", "content"],
      ["large", large],
      ["parts", concat(parts)],
    ] as const) {
      const { etag, replication } = await shown(source, key);
      expect(replication).toBe("COMPLETED");
      const replica = { status: 200, md5: md5(bytes), etag, encryption: { "": "AES256" }, replication: "REPLICA" };
      expect(await shown(target, key)).toEqual(replica);
    }
    expect(await reasons(source)).toEqual([]);
  });

  it("is not replicated while its key is disabled", async () => {
    const { source, target } = await worldWith();
    const own = await createKmsKey();
    await put(source, "k", "content");
    await encrypt(source, "k", own);
    await setKmsStatus(own, "Disabled");
    // A warm isolate may use the key for CONFIG_TTL_SECONDS.
    const cold = replicator({ ...env });
    cold.events.push(...world.events.splice(0));
    await cold.settle();
    expect((await shown(target, "k")).status).toBe(404);
    expect(String((await reasons(source))[0])).toMatch(/^KMS\.DisabledException/);
    await setKmsStatus(own, "Enabled");
    await replicator({ ...env }).settle();
  });
});

describe("an object under aws:kms", () => {
  it("is not replicated if it was written so, or for a change that came later", async () => {
    const filter = "<Tag><Key>a</Key><Value>b</Value></Tag>";
    const { source, target } = await worldWith({ filter });
    await put(source, "later", "content");
    await world.settle();
    await encrypt(source, "later");
    const tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    await new Promise((resolve) => setTimeout(resolve, 5));
    const tagging = { method: "PUT", bucket: source, key: "later", query: "tagging", body: tags };
    expect((await send({ ...tagging, headers: await digestOf(tags) })).status).toBe(200);
    await put(source, "written", "content", { ...kmsHeaders(FIRST), "x-amz-tagging": "a=b" });
    await encrypt(source, "written", SECOND);
    await world.settle();
    for (const key of ["later", "written"]) expect((await shown(target, key)).status).toBe(404);
    expect(await reasons(source)).toEqual([NOT_REPLICATED, NOT_REPLICATED]);
  });
});

describe("the pieces of an object that is sent to another endpoint", () => {
  it("are read with the key that it has got", async () => {
    const { source } = await worldWith();
    const bytes = noise(MIB + 100);
    await put(source, "k", bytes);
    await encrypt(source, "k");
    const { directory, stores } = openServices(env);
    const row = (await directory.load({ bucketName: source })).buckets.get(source);
    if (row === undefined) throw new Error("there is no bucket");
    const bucket = authorizeReplicationSource(row);
    const opened = await stores.objects.open(bucket, { key: "k" }, undefined);
    if (opened === undefined) throw new Error("there is no object");
    const change = {
      key: "k",
      event: "ObjectCreated:Put",
      at: opened.object.state.lastModified,
      sequencer: "",
    } as const;
    await unlock(opened, { change }, { source: bucket, kmsKeys: stores.kmsKeys });
    const piece = await readSource(stores.objects, bucket, opened).open({ first: MIB - 10, length: 50 });
    expect(await new Response(piece).bytes()).toEqual(bytes.slice(MIB - 10, MIB + 40));
    await opened.discard();
    await world.settle();
  });
});
