/** A report is delivered only where the destination's policy lets S3 write ("Creating a destination bucket policy"). */
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { createAccount } from "../../support/accounts.ts";
import {
  configureInventory,
  createDestination,
  destinationPolicy,
  inventoryRow,
  keysOf,
  manifestsIn,
  ownerOf,
  putPolicy,
  sourceWith,
  takeAll,
} from "../../support/inventory.ts";
import { DAY_MS, envWith } from "../../support/lifecycle.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { takeInventories } from "../../support/worker.ts";

const NOW = new Date("2140-02-03T04:05:06Z");

afterEach(async () => {
  await env.DB.prepare("DELETE FROM inventories").run();
});

/** The policy of AWS's guide, with one part of its statement replaced. */
async function withStatement(source: string, destination: string, replaced: object): Promise<string> {
  const policy = JSON.parse(destinationPolicy(source, destination, await ownerOf(source)));
  return JSON.stringify({ ...policy, Statement: [{ ...policy.Statement[0], ...replaced }] });
}

async function deliversWith(policyOf: ((source: string, destination: string) => Promise<string>) | undefined) {
  const source = await createBucket();
  await putObject(source, "a");
  const destination = await createBucket();
  if (policyOf !== undefined) await putPolicy(destination, await policyOf(source, destination));
  await configureInventory(source, { destination });
  await takeInventories(testEnv, NOW);
  return (await keysOf(destination)).length > 0;
}

const conditions = (condition: object) => (source: string, destination: string) =>
  withStatement(source, destination, { Condition: condition });

describe("a destination", () => {
  it("without a policy gets no report, although both buckets have one owner", async () => {
    expect(await deliversWith(undefined)).toBe(false);
  });

  it.each<[string, boolean, (source: string, destination: string) => Promise<string>]>([
    ["of AWS's guide", true, (source, destination) => withStatement(source, destination, {})],
    ["for another source", false, conditions({ ArnLike: { "aws:SourceArn": "arn:aws:s3:::another" } })],
    ["for another account", false, conditions({ StringEquals: { "aws:SourceAccount": "000000000001" } })],
    ["for another ACL", false, conditions({ StringEquals: { "s3:x-amz-acl": "private" } })],
    [
      "for another service",
      false,
      (source, destination) =>
        withStatement(source, destination, { Principal: { Service: "logging.s3.amazonaws.com" } }),
    ],
    [
      "for other keys",
      false,
      (source, destination) => withStatement(source, destination, { Resource: `arn:aws:s3:::${destination}/other/*` }),
    ],
    [
      "for reading",
      false,
      (source, destination) => withStatement(source, destination, { Action: "s3:GetObject", Condition: {} }),
    ],
    [
      "for the owner's account",
      false,
      async (source, destination) =>
        withStatement(source, destination, { Principal: { AWS: await ownerOf(source) }, Condition: {} }),
    ],
    [
      "that denies it",
      false,
      async (source, destination) => {
        const policy = JSON.parse(await withStatement(source, destination, {}));
        const [allow] = policy.Statement;
        return JSON.stringify({ ...policy, Statement: [allow, { ...allow, Effect: "Deny", Condition: {} }] });
      },
    ],
  ])("with a policy %s: %s", async (_, isDelivered, policyOf) => {
    expect(await deliversWith(policyOf)).toBe(isDelivered);
  });

  it("must exist, and belong to the account that the configuration names", async () => {
    const { source, destination } = await sourceWith(["a"]);
    await configureInventory(source, { id: "absent", destination: "no-bucket-of-this-name" });
    await configureInventory(source, {
      id: "other",
      destination,
      ofDestination: "<AccountId>000000000001</AccountId>",
    });
    await takeInventories(testEnv, NOW);
    expect(await keysOf(destination)).toEqual([]);
    const ofDestination = `<AccountId>${await ownerOf(source)}</AccountId>`;
    await configureInventory(source, { id: "right", destination, ofDestination });
    await takeInventories(testEnv, NOW);
    expect((await manifestsIn(destination)).map(({ key }) => key.split("/")[1])).toEqual(["right"]);
  });

  it("of another account gets the report that its policy allows, and owns it", async () => {
    const other = await createAccount();
    const source = await createBucket();
    await putObject(source, "a");
    const destination = await createBucket({ key: other });
    const policy = destinationPolicy(source, destination, await ownerOf(source));
    await send({ method: "PUT", bucket: destination, query: "policy", body: policy, as: other });
    await configureInventory(source, { destination });
    await takeInventories(testEnv, NOW);
    const listing = await (
      await send({ bucket: destination, query: "list-type=2&fetch-owner=true", as: other })
    ).text();
    expect([...listing.matchAll(/<ID>([^<]*)<\/ID>/g)].map(([, id]) => id)).toEqual(Array(4).fill(other.canonicalId));
  });

  it("that refuses is tried again an hour later, and the report is then delivered", async () => {
    const source = await createBucket();
    await putObject(source, "a");
    const destination = await createBucket();
    await configureInventory(source, { destination });
    await takeInventories(testEnv, NOW);
    expect((await inventoryRow(source))?.due_at).toBe(NOW.getTime() + DAY_MS / 24);
    await putPolicy(destination, destinationPolicy(source, destination, await ownerOf(source)));
    await takeAll(NOW);
    expect(await keysOf(destination)).toEqual([]);
    await takeAll(new Date(NOW.getTime() + DAY_MS / 24));
    expect(await manifestsIn(destination)).toHaveLength(1);
  });

  it("that is refused keeps no other report waiting", async () => {
    const { source, destination } = await sourceWith(["a"]);
    for (const id of ["1", "2", "3"]) await configureInventory(source, { id, destination: "no-bucket-of-this-name" });
    await configureInventory(source, { id: "4", destination });
    await takeInventories(testEnv, NOW);
    expect(await manifestsIn(destination)).toHaveLength(1);
  });

  it("that asks for SSE-S3 shows so to its policy", async () => {
    const condition = { StringEquals: { "s3:x-amz-server-side-encryption": "AES256" } };
    const source = await createBucket();
    const destination = await createBucket();
    await putPolicy(destination, await withStatement(source, destination, { Condition: condition }));
    await configureInventory(source, { destination });
    await takeInventories(testEnv, NOW);
    expect(await keysOf(destination)).toEqual([]);
    await configureInventory(source, { destination, ofDestination: "<Encryption><SSE-S3/></Encryption>" });
    await takeInventories(testEnv, new Date(NOW.getTime() + DAY_MS));
    expect(await manifestsIn(destination)).toHaveLength(1);
  });
});

it("a destination that encrypts with SSE-KMS by default gets only reports that ask for SSE-S3", async () => {
  const { source, destination } = await sourceWith(["a"]);
  await env.DB.prepare(
    `INSERT INTO bucket_documents (bucket_id, kind, body, updated_at)
     SELECT id, 'encryption', '{"algorithm":"aws:kms","bucketKeyEnabled":false}', 0 FROM buckets WHERE name = ?1`,
  )
    .bind(destination)
    .run();
  const { env: fresh } = { env: envWith({}) };
  await configureInventory(source, { destination });
  await takeInventories(fresh, NOW);
  expect(await keysOf(destination)).toEqual([]);
  await configureInventory(source, { destination, ofDestination: "<Encryption><SSE-S3/></Encryption>" });
  await takeInventories(fresh, new Date(NOW.getTime() + DAY_MS));
  expect(await manifestsIn(destination)).toHaveLength(1);
});

it("the policy of the source does not count, and the report contains what its owner cannot read", async () => {
  const { source, destination } = await sourceWith(["a"]);
  const deny = { Effect: "Deny", Principal: "*", Action: "s3:ListBucket", Resource: `arn:aws:s3:::${source}` };
  await putPolicy(source, JSON.stringify({ Version: "2012-10-17", Statement: [deny] }));
  await configureInventory(source, { destination });
  await takeAll(NOW);
  expect(await manifestsIn(destination)).toHaveLength(1);
});

it("objects of a report get the default retention of the destination", async () => {
  const source = await createBucket();
  await putObject(source, "a");
  const destination = await createBucket({ headers: { "x-amz-bucket-object-lock-enabled": "true" } });
  await putPolicy(destination, destinationPolicy(source, destination, await ownerOf(source)));
  await env.DB.prepare(
    "UPDATE bucket_documents SET body = ?2 WHERE kind = 'objectLock' AND bucket_id = (SELECT id FROM buckets WHERE name = ?1)",
  )
    .bind(
      destination,
      JSON.stringify({ defaultRetention: { mode: "GOVERNANCE", period: { unit: "Days", length: 1 } } }),
    )
    .run();
  await configureInventory(source, { destination });
  await takeAll(new Date());
  const [report] = await manifestsIn(destination);
  const head = await send({ method: "HEAD", bucket: destination, key: report?.key ?? "" });
  expect(head.headers.get("x-amz-object-lock-mode")).toBe("GOVERNANCE");
});

it("a bucket can be its own destination", async () => {
  const source = await createBucket();
  await putObject(source, "a");
  await putPolicy(source, destinationPolicy(source, source, await ownerOf(source)));
  await configureInventory(source, { destination: source });
  await takeAll(NOW);
  expect(await manifestsIn(source)).toHaveLength(1);
});

it("a report is about the bucket that was configured, not about a later one of its name", async () => {
  const { source, destination } = await sourceWith([]);
  await configureInventory(source, { destination });
  await send({ method: "DELETE", bucket: source });
  await send({ method: "PUT", bucket: source });
  await takeInventories(testEnv, NOW);
  expect(await keysOf(destination)).toEqual([]);
  expect(await createDestination(source)).not.toBe("");
});
