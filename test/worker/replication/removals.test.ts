/** A removal removes only replicas from the same source bucket. */
import { describe, expect, it } from "vitest";
import { contentMd5 } from "../../support/cors.ts";
import { expectError } from "../../support/errors.ts";
import { createUser } from "../../support/iam.ts";
import { arn, configureReplication, type RuleOptions } from "../../support/replication.ts";
import { replicator } from "../../support/replicator.ts";
import { type SendOptions, send as sendTo } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";

const world = replicator();
const { env } = world;
const send = (options: SendOptions) => sendTo({ env, ...options });
const put = (bucket: string, key: string, body = "1", headers = {}) =>
  send({ method: "PUT", bucket, key, body, headers });
const remove = (bucket: string, key: string, options: SendOptions = {}) =>
  send({ method: "DELETE", bucket, key, ...options });
const pause = () => new Promise((resolve) => setTimeout(resolve, 5));

async function contentOf(bucket: string, key: string): Promise<string | number> {
  const response = await send({ bucket, key });
  if (response.status === 200) return response.text();
  await response.body?.cancel();
  return response.status;
}

async function replicating(source: string, target: string, rule: Partial<RuleOptions> = {}): Promise<void> {
  await configureReplication(source, { destination: arn(target), deletes: "Enabled", ...rule });
}

describe("a removal in a source", () => {
  it("of a key that never existed leaves what others wrote to the destination", async () => {
    const [source, target] = [await createBucket(), await createBucket()];
    await replicating(source, target);
    await put(target, "other", "only here");
    const user = await createUser([
      { Effect: "Allow", Action: "s3:DeleteObject", Resource: `arn:aws:s3:::${source}/*` },
    ]);
    await pause();
    expect((await remove(source, "other", { as: user.key })).status).toBe(204);
    await world.settle();
    expect(await contentOf(target, "other")).toBe("only here");
  });

  it("leaves an object that replaced its replica, and replicas from another source", async () => {
    const [one, two, target] = [await createBucket(), await createBucket(), await createBucket()];
    await replicating(one, target);
    await replicating(two, target);
    for (const key of ["mine", "over"]) await put(one, key, "one");
    await put(two, "theirs", "two");
    await world.settle();
    await put(target, "over", "of the destination");
    await pause();
    for (const key of ["mine", "over", "theirs"]) await remove(one, key);
    await world.settle();
    expect(await Promise.all(["mine", "over", "theirs"].map((key) => contentOf(target, key)))).toEqual([
      404,
      "of the destination",
      "two",
    ]);
  });

  it("removes a replica whose tags were changed at the destination", async () => {
    const [source, target] = [await createBucket(), await createBucket()];
    await replicating(source, target);
    await put(source, "k");
    await world.settle();
    const body = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    const tagged = await send({
      method: "PUT",
      bucket: target,
      key: "k",
      query: "tagging",
      body,
      headers: contentMd5(body),
    });
    expect(tagged.status).toBe(200);
    await pause();
    await remove(source, "k");
    await world.settle();
    expect(await contentOf(target, "k")).toBe(404);
  });

  it("of a replica that came from the destination removes its original, but not objects that were never replicated", async () => {
    const [one, two] = [await createBucket(), await createBucket()];
    await put(two, "before");
    await replicating(one, two);
    await replicating(two, one, { filter: "<Prefix>a/</Prefix>" });
    await put(two, "a/k");
    await put(two, "b/k");
    await world.settle();
    expect(await contentOf(one, "a/k")).toBe("1");
    await pause();
    for (const key of ["before", "a/k", "b/k"]) await remove(one, key);
    await world.settle();
    expect(await Promise.all(["before", "a/k", "b/k"].map((key) => contentOf(two, key)))).toEqual(["1", 404, "1"]);
  });
});

describe("a peer's removal", () => {
  const THEN = Date.now() - 60_000;
  const headers = (at: number, source?: string, revision = at) => ({
    "x-amz-workers-s3-replica": `${at}.${revision}.${source === undefined ? "" : "a"}`,
    ...(source !== undefined && { "x-amz-workers-s3-replica-source": source }),
  });
  const ONE = "aaaaaaaaaaaa";
  const TWO = "bbbbbbbbbbbb";

  it("removes a replica from the same source, however it was written; else PreconditionFailed", async () => {
    const bucket = await createBucket();
    expect((await put(bucket, "k", "1", headers(THEN, ONE))).status).toBe(200);
    for (const source of [TWO, undefined]) {
      await expectError(await remove(bucket, "k", { headers: headers(THEN + 1, source) }), 412, "PreconditionFailed", {
        details: { Condition: "If-Older" },
      });
    }
    expect(await contentOf(bucket, "k")).toBe("1");
    expect((await remove(bucket, "k", { headers: headers(THEN + 1, ONE) })).status).toBe(204);
    expect(await contentOf(bucket, "k")).toBe(404);
  });

  it("leaves an object that is not a replica with PreconditionFailed, and succeeds if there is none", async () => {
    const bucket = await createBucket();
    await put(bucket, "k", "of the receiver");
    await pause();
    for (const source of [ONE, undefined]) {
      const response = await remove(bucket, "k", { headers: headers(Date.now(), source) });
      await expectError(response, 412, "PreconditionFailed", {
        details: { Condition: "If-Older" },
      });
      expect((await remove(bucket, "none", { headers: headers(THEN, source) })).status).toBe(204);
    }
    expect(await contentOf(bucket, "k")).toBe("of the receiver");
  });

  it("with a source of another form is refused with InvalidArgument", async () => {
    const bucket = await createBucket();
    for (const method of ["PUT", "DELETE"]) {
      const response = await send({ method, bucket, key: "k", headers: headers(THEN, "A b") });
      await expectError(response, 400, "InvalidArgument", {
        message: "The source of a replica is malformed.",
        details: { ArgumentName: "x-amz-workers-s3-replica-source", ArgumentValue: "A b" },
      });
    }
  });
});
