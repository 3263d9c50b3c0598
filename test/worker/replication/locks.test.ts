/** Locks at both ends of a replication ("Using Object Lock with S3 Replication"). */
import { describe, expect, it } from "vitest";
import { expectError } from "../../support/errors.ts";
import { createUser } from "../../support/iam.ts";
import {
  createLockedBucket,
  DIGEST,
  holdOf,
  inDays,
  lockConfiguration,
  putLock,
  putLockConfiguration,
  retentionOf,
} from "../../support/object-lock.ts";
import {
  arn,
  configureReplication,
  putReplication,
  replicationDocument,
  replicationRule,
} from "../../support/replication.ts";
import { replicator } from "../../support/replicator.ts";
import { type SendOptions, send as sendTo } from "../../support/request.ts";
import { createVersionedBucket } from "../../support/versions.ts";

const world = replicator();
const { env } = world;
const send = (options: SendOptions) => sendTo({ env, ...options });
const put = (bucket: string, headers: Record<string, string> = {}) =>
  send({ method: "PUT", bucket, key: "k", body: "content", headers: { ...DIGEST, ...headers } });
const lock = (kind: "retention" | "legal-hold", bucket: string, body: string) =>
  putLock(kind, { bucket, key: "k", body, env });

async function replicating(source: string, target: string): Promise<void> {
  await configureReplication(source, { destination: arn(target), deletes: "Enabled" });
}

/** Mode, date, hold and version id of the current version. */
async function shown(bucket: string): Promise<(string | null)[]> {
  const { status, headers } = await send({ method: "HEAD", bucket, key: "k" });
  expect(status).toBe(200);
  return ["mode", "retain-until-date", "legal-hold"].map((name) => headers.get(`x-amz-object-lock-${name}`));
}

describe("replication", () => {
  it("carries a lock and its changes to a bucket with object lock", async () => {
    const [source, target] = [await createLockedBucket(), await createLockedBucket()];
    await replicating(source, target);
    const [date, later] = [inDays(1), inDays(2)];
    await put(source, { "x-amz-object-lock-mode": "COMPLIANCE", "x-amz-object-lock-retain-until-date": date });
    await world.settle();
    expect(await shown(target)).toEqual(["COMPLIANCE", date, null]);
    await lock("retention", source, retentionOf("COMPLIANCE", later));
    await lock("legal-hold", source, holdOf("ON"));
    await world.settle();
    expect(await shown(target)).toEqual(["COMPLIANCE", later, "ON"]);
  });

  it("gives what has no retention the default of the destination", async () => {
    const [source, target] = [await createLockedBucket(), await createLockedBucket()];
    await putLockConfiguration(target, lockConfiguration("<Mode>GOVERNANCE</Mode><Days>1</Days>"));
    await replicating(source, target);
    await put(source, { "x-amz-object-lock-legal-hold": "ON" });
    await world.settle();
    const [mode, , hold] = await shown(target);
    expect([mode, hold]).toEqual(["GOVERNANCE", "ON"]);
  });

  it("makes the lock of a replica stronger, never weaker, and no other version of it", async () => {
    const [source, target] = [await createLockedBucket(), await createLockedBucket()];
    await replicating(source, target);
    const versions = async (bucket: string) =>
      (await (await send({ bucket, query: "versions=" })).text()).match(/<VersionId>/g)?.length;
    await put(source, { "x-amz-object-lock-legal-hold": "ON" });
    await world.settle();
    const [date, later, latest] = [inDays(1), inDays(2), inDays(3)];
    await lock("retention", target, retentionOf("GOVERNANCE", later));
    // The change of the source must be the later one.
    await scheduler.wait(5);
    await lock("legal-hold", source, holdOf("OFF"));
    await lock("retention", source, retentionOf("GOVERNANCE", date));
    await world.settle();
    expect([await shown(source), await shown(target)]).toEqual([
      ["GOVERNANCE", date, "OFF"],
      ["GOVERNANCE", later, "ON"],
    ]);
    await lock("retention", source, retentionOf("GOVERNANCE", latest));
    await world.settle();
    expect([(await shown(target))[1], await versions(target)]).toEqual([latest, 1]);
  });

  it("from a bucket with object lock to one without it fails", async () => {
    const [source, target] = [await createLockedBucket(), await createVersionedBucket()];
    await replicating(source, target);
    await put(source);
    await world.settle();
    expect((await send({ method: "HEAD", bucket: target, key: "k" })).status).toBe(404);
    const row = await env.DB.prepare(
      "SELECT last_error FROM replication_tasks WHERE bucket_id = (SELECT id FROM buckets WHERE name = ?1)",
    )
      .bind(source)
      .first();
    expect(row).toEqual({ last_error: "InvalidRequest: The source has object lock, and the destination has not." });
  });

  it("of a removal leaves a locked version at the destination", async () => {
    const [source, target] = [await createLockedBucket(), await createLockedBucket()];
    await replicating(source, target);
    await put(source);
    await world.settle();
    const head = await send({ method: "HEAD", bucket: target, key: "k" });
    const query = `versionId=${head.headers.get("x-amz-version-id")}`;
    await lock("legal-hold", target, holdOf("ON"));
    await send({ method: "DELETE", bucket: source, key: "k" });
    await world.settle();
    expect(await (await send({ bucket: target, key: "k", query })).text()).toBe("content");
    const headers = { "x-amz-bypass-governance-retention": "true" };
    await expectError(await send({ method: "DELETE", bucket: target, key: "k", query, headers }), 403, "AccessDenied", {
      message: "Access Denied because object protected by object lock.",
    });
  });

  it("between buckets with object lock needs the permissions to read and to give locks", async () => {
    const [source, target] = [await createLockedBucket(), await createLockedBucket()];
    const document = replicationDocument(replicationRule({ destination: arn(target) }));
    const needed = ["GetObjectRetention", "GetObjectLegalHold", "PutObjectRetention", "PutObjectLegalHold"];
    for (const missing of [undefined, ...needed]) {
      const statements: object[] = [{ Effect: "Allow", Action: "s3:*", Resource: "*" }];
      if (missing !== undefined) statements.push({ Effect: "Deny", Action: `s3:${missing}`, Resource: "*" });
      const { key: as } = await createUser(statements);
      expect((await putReplication(source, document, { as })).status).toBe(missing === undefined ? 200 : 403);
    }
  });
});
