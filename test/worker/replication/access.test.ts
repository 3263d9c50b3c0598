/** Access to a replica: no more than to its source, and none for having written the source object. */
import { describe, expect, it } from "vitest";
import { createAccount } from "../../support/accounts.ts";
import { contentMd5 } from "../../support/cors.ts";
import { arn, configureReplication } from "../../support/replication.ts";
import { replicator } from "../../support/replicator.ts";
import { type SendOptions, send as sendTo } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";

const world = replicator();
const { env } = world;
const send = (options: SendOptions) => sendTo({ env, ...options });
const statusOf = async (options: SendOptions) => (await send(options)).status;

async function set(bucket: string, query: string, body: string, key?: string): Promise<void> {
  const response = await send({ method: "PUT", bucket, ...(key && { key }), query, body, headers: contentMd5(body) });
  if (!response.ok) throw new Error(await response.text());
}

const IGNORED =
  "<PublicAccessBlockConfiguration><IgnorePublicAcls>true</IgnorePublicAcls></PublicAccessBlockConfiguration>";
const ENFORCED =
  "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>";
const TAGGING = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";

describe("a public ACL that the source ignores", () => {
  it.each([
    ["IgnorePublicAcls", "publicAccessBlock", IGNORED],
    ["BucketOwnerEnforced", "ownershipControls", ENFORCED],
  ])("does not make the replica readable (%s)", async (_how, query, body) => {
    const [source, target] = [await createBucket(), await createBucket()];
    await configureReplication(source, { destination: arn(target) });
    await send({ method: "PUT", bucket: source, key: "x", body: "private", headers: { "x-amz-acl": "public-read" } });
    await set(source, query, body);
    await set(source, "tagging", TAGGING, "x");
    await world.settle();
    expect(await statusOf({ bucket: target, key: "x" })).toBe(200);
    expect(await statusOf({ bucket: source, key: "x", as: null })).toBe(403);
    expect(await statusOf({ bucket: target, key: "x", as: null })).toBe(403);
  });

  it("is removed from the replica once the object changes", async () => {
    const [source, target] = [await createBucket(), await createBucket()];
    await configureReplication(source, { destination: arn(target) });
    await send({ method: "PUT", bucket: source, key: "x", body: "1", headers: { "x-amz-acl": "public-read" } });
    await world.settle();
    expect(await statusOf({ bucket: target, key: "x", as: null })).toBe(200);
    await set(source, "publicAccessBlock", IGNORED);
    await set(source, "tagging", TAGGING, "x");
    await world.settle();
    expect(await statusOf({ bucket: target, key: "x", as: null })).toBe(403);
  });
});

describe("a public ACL that the destination ignores", () => {
  it("is not on the replica, even when the destination stops ignoring ACLs", async () => {
    const [source, target] = [await createBucket(), await createBucket()];
    await configureReplication(source, { destination: arn(target) });
    await set(target, "publicAccessBlock", IGNORED);
    await send({ method: "PUT", bucket: source, key: "x", body: "1", headers: { "x-amz-acl": "public-read" } });
    await world.settle();
    await send({ method: "DELETE", bucket: target, query: "publicAccessBlock" });
    expect(await statusOf({ bucket: source, key: "x", as: null })).toBe(200);
    expect(await statusOf({ bucket: target, key: "x", as: null })).toBe(403);
  });
});

describe("an object that another account wrote to the source", () => {
  it("belongs to the destination's owner: its writer can neither read the replica nor change its ACL", async () => {
    const [source, target] = [await createBucket(), await createBucket()];
    const [writer, reader] = [await createAccount(), await createAccount()];
    await configureReplication(source, { destination: arn(target) });
    await send({
      method: "PUT",
      bucket: source,
      query: "policy",
      body: JSON.stringify({
        Version: "2012-10-17",
        Statement: [
          {
            Effect: "Allow",
            Principal: { AWS: writer.accountId },
            Action: ["s3:PutObject", "s3:PutObjectAcl"],
            Resource: `arn:aws:s3:::${source}/in/*`,
          },
        ],
      }),
    });
    const grants = {
      "x-amz-grant-full-control": `id=${writer.canonicalId}`,
      "x-amz-grant-read": `id=${reader.canonicalId}`,
    };
    const put = await send({ method: "PUT", bucket: source, key: "in/x", body: "1", headers: grants, as: writer });
    expect(put.status).toBe(200);
    await world.settle();
    const at = { bucket: target, key: "in/x" };
    expect(await statusOf({ bucket: source, key: "in/x", as: writer })).toBe(200);
    expect(await statusOf({ ...at, as: writer })).toBe(403);
    const open = { method: "PUT", query: "acl", headers: { "x-amz-acl": "public-read" } };
    expect(await statusOf({ ...at, ...open, as: writer })).toBe(403);
    // Grants to other accounts are kept.
    expect(await statusOf({ ...at, as: reader })).toBe(200);
    const shown = await (await send({ ...at, query: "acl" })).text();
    expect(shown).not.toContain(writer.canonicalId);
  });
});
