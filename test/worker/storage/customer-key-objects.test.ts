/** Objects with customers' keys where no request brings the key: lifecycle, replication, sweeps. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Env } from "../../../src/env.ts";
import { rootAccount } from "../../support/accounts.ts";
import { contentMd5 } from "../../support/cors.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { customerKey, type KeyedCall, keyedEnv, keyHeaders } from "../../support/keyed-r2.ts";
import { configureLifecycle, inDays, passOver } from "../../support/lifecycle.ts";
import { MIB, md5, noise } from "../../support/multipart.ts";
import {
  arn,
  configureReplication,
  putReplication,
  replicationDocument,
  replicationRule,
} from "../../support/replication.ts";
import { replicator } from "../../support/replicator.ts";
import { putObject, type SendOptions, send as sendTo } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { createVersionedBucket } from "../../support/versions.ts";

const KEY = customerKey(21);
const OTHER = customerKey(22);
const { env: keyed, calls } = keyedEnv();
const world = replicator(keyed);
const send = (options: SendOptions) => sendTo({ env: world.env, ...options });
const put = (bucket: string, key: string, body: string | Uint8Array, headers = keyHeaders(KEY)) =>
  putObject(bucket, key, body, { headers, env: world.env });
const read = async (bucket: string, key: string, headers = keyHeaders(KEY)) => {
  const response = await send({ bucket, key, headers });
  return response.status === 200 ? md5(await response.bytes()) : response.status;
};
const blobCalls = () => calls.filter(({ r2Key }: KeyedCall) => r2Key.startsWith("~b/"));

beforeAll(() => {
  vi.spyOn(console, "error").mockImplementation(() => {});
});
afterAll(() => {
  vi.restoreAllMocks();
});

const TO_IA = "<Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>";
const EXPIRE = "<Expiration><Days>60</Days></Expiration>";

describe("a lifecycle rule", () => {
  it.each([false, true])("expires such an object and does not move it, versioned %s", async (isVersioned) => {
    const bucket = isVersioned ? await createVersionedBucket() : await createBucket();
    // Smaller ones are moved by no rule.
    const body = noise(200 * 1024);
    await put(bucket, "secret", body);
    await put(bucket, "plain", body, {});
    await configureLifecycle(bucket, `<Filter/>${EXPIRE}${TO_IA}`);
    const { env } = world;
    calls.length = 0;
    expect(await passOver(bucket, inDays(31), { env })).toMatchObject({ transitioned: 1, changed: 0, failed: 0 });
    expect(blobCalls().every(({ key }) => key === undefined)).toBe(true);
    expect(await read(bucket, "secret")).toBe(md5(body));
    const head = await send({ method: "HEAD", bucket, key: "secret", headers: keyHeaders(KEY) });
    expect(head.headers.get("x-amz-storage-class")).toBeNull();
    expect(await passOver(bucket, inDays(61), { env })).toMatchObject({ expired: 2, failed: 0 });
    expect(await read(bucket, "secret")).toBe(404);
  });
});

describe("replication", () => {
  const statusOf = async (bucket: string, key: string) =>
    (await send({ method: "HEAD", bucket, key, headers: keyHeaders(KEY) })).headers.get("x-amz-replication-status");

  async function lastErrors(bucket: string): Promise<unknown[]> {
    const { results } = await testEnv.DB.prepare(
      "SELECT status, last_error FROM replication_tasks WHERE bucket_id = (SELECT id FROM buckets WHERE name = ?1)",
    )
      .bind(bucket)
      .all();
    return results;
  }

  it.each([false, true])(
    "to a bucket of the region shares the blobs under the key, versioned %s",
    async (isVersioned) => {
      const create = () => (isVersioned ? createVersionedBucket() : createBucket());
      const [source, target] = [await create(), await create()];
      await configureReplication(source, { destination: arn(target) });
      await put(source, "small", "content");
      await put(source, "large", noise(MIB + 1));
      calls.length = 0;
      await world.settle();
      expect(blobCalls()).toEqual([]);
      expect(await statusOf(source, "small")).toBe("COMPLETED");
      expect(await read(target, "small")).toBe(md5("content"));
      expect(await read(target, "large")).toBe(md5(noise(MIB + 1)));
      expect(await read(target, "small", {})).toBe(400);
      expect(await read(target, "small", keyHeaders(OTHER))).toBe(403);
      // A change of tags needs no key there either.
      const body = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
      const headers = contentMd5(body);
      expect(
        (await send({ method: "PUT", bucket: source, key: "small", query: "tagging", body, headers })).status,
      ).toBe(200);
      await world.settle();
      const copy = await send({ method: "HEAD", bucket: target, key: "small", headers: keyHeaders(KEY) });
      expect(copy.headers.get("x-amz-tagging-count")).toBe("1");
    },
  );

  it("to another class or region fails with the reason", async () => {
    const location =
      "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";
    const source = await createBucket();
    const [near, far] = [await createBucket(), await createBucket({ body: location })];
    await configureReplication(
      source,
      { id: "near", destination: arn(near), inDestination: "<StorageClass>STANDARD_IA</StorageClass>" },
      { id: "far", priority: 2, destination: arn(far) },
    );
    await put(source, "k", "content");
    await world.spread();
    for (let attempt = 0; attempt < 8; attempt++) await world.replicate();
    const reason =
      "InvalidRequest: The object is encrypted with a customer's key: a replica can only share its bytes, in the same region and class.";
    expect(await lastErrors(source)).toEqual([
      { status: "FAILED", last_error: reason },
      { status: "FAILED", last_error: reason },
    ]);
    expect(await statusOf(source, "k")).toBe("FAILED");
    expect(await read(near, "k")).toBe(404);
    expect(await read(far, "k")).toBe(404);
  });

  it.each(["s3", "peer"])("to an endpoint of kind %s fails with the reason, and sends nothing", async (kind) => {
    const { accountId } = await rootAccount();
    const name = `keyed-${kind}`;
    const remote = { name, endpoint: "http://127.0.0.1:3", region: "us-east-1", kind, accountIds: [accountId] };
    const body = JSON.stringify({ ...remote, accessKeyId: "AKIADEAD", secretAccessKey: "secret-of-the-remote" });
    expect((await send({ method: "POST", bucket: "-", key: "admin/remotes", body })).status).toBe(201);
    const source = await createBucket();
    const rule = replicationRule({ destination: `arn:workers-s3:remote:::${name}/there` });
    expect((await putReplication(source, replicationDocument(rule), { env: world.env })).status).toBe(200);
    await put(source, "k", "content");
    await world.spread();
    for (let attempt = 0; attempt < 8; attempt++) await world.replicate();
    const reason = "The object is encrypted with a customer's key, so its bytes cannot be sent to another endpoint.";
    expect(await lastErrors(source)).toEqual([{ status: "FAILED", last_error: reason }]);
  });
});

describe("the calls of a request with a key, in a warm isolate", () => {
  /** The services of an isolate, warm for the bucket. */
  async function warm(bucket: string) {
    const counting = countingEnv(world.env);
    await sendTo({ method: "HEAD", bucket, env: counting.env });
    return counting;
  }
  async function costOf(env: Env, { counts, reset }: ReturnType<typeof countingEnv>, options: SendOptions) {
    reset();
    const response = await sendTo({ env, ...options });
    const text = await response.text();
    expect(response.status, text.slice(0, 200)).toBeLessThan(300);
    return [counts.r2, counts.d1, counts.durableObject, counts.queue];
  }

  it("are two of R2 for PUT and GET, one for HEAD, and two and one of a Durable Object for a copy", async () => {
    const bucket = await createBucket();
    const counting = await warm(bucket);
    const cost = (options: SendOptions) =>
      costOf(counting.env, counting, {
        bucket,
        key: "k",
        ...options,
        headers: { ...keyHeaders(KEY), ...options.headers },
      });
    expect(await cost({ method: "PUT", body: "content" })).toEqual([2, 0, 0, 0]);
    expect(await cost({ method: "PUT", body: noise(MIB + 1) })).toEqual([2, 0, 0, 0]);
    expect(await cost({})).toEqual([2, 0, 0, 0]);
    expect(await cost({ method: "HEAD" })).toEqual([1, 0, 0, 0]);
    const source = { "x-amz-copy-source": `/${bucket}/k`, ...keyHeaders(KEY, "source") };
    expect(await cost({ method: "PUT", key: "copy", headers: source })).toEqual([2, 0, 1, 0]);
  });

  it("are one of the Durable Object more for the first part of an upload", async () => {
    const bucket = await createBucket();
    const counting = await warm(bucket);
    const create = async (headers: Record<string, string>) => {
      const response = await sendTo({ method: "POST", bucket, key: "k", query: "uploads", headers, env: counting.env });
      return /<UploadId>([^<]*)/.exec(await response.text())?.[1] ?? "";
    };
    const headers = keyHeaders(KEY);
    const uploadId = await create(headers);
    const part = (partNumber: number) => {
      const query = `partNumber=${partNumber}&uploadId=${uploadId}`;
      return costOf(counting.env, counting, { method: "PUT", bucket, key: "k", query, body: "content", headers });
    };
    expect(await part(1)).toEqual([1, 0, 2, 0]);
    expect(await part(2)).toEqual([1, 0, 1, 0]);
    const plain = await create({});
    const query = `partNumber=1&uploadId=${plain}`;
    const sent = { method: "PUT", bucket, key: "k", query, body: "content" };
    expect(await costOf(counting.env, counting, sent)).toEqual([1, 0, 1, 0]);
  });
});
