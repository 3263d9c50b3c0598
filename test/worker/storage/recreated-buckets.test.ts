import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import type { Grant } from "../../../src/access/authorize.ts";
import { Buckets } from "../../../src/storage/d1/buckets.ts";
import { Directory } from "../../../src/storage/d1/directory.ts";
import { deriveSigningKey, openSealer } from "../../../src/storage/sealing.ts";
import { SessionTokens } from "../../../src/storage/session-tokens.ts";

const TTL_MS = 1_000;
const sealKey = new Uint8Array(32);

async function openIsolate() {
  const directory = new Directory({
    db: env.DB,
    sealer: await openSealer(sealKey, "access-key-secrets"),
    sessionTokens: new SessionTokens(
      await openSealer(sealKey, "session-tokens"),
      await deriveSigningKey(sealKey, "session-secrets"),
    ),
    root: { accessKeyId: "AKIAROOT", secretAccessKey: "secret" },
    ttlMs: TTL_MS,
  });
  const find = async (name: string) =>
    (await directory.load({ accessKeyId: undefined, bucketNames: [name] })).buckets.get(name);
  return { buckets: new Buckets(env.DB, directory, TTL_MS), find };
}

// Only the authorizer makes one of these in the Worker; here the table is tested without it.
const grant = {} as unknown as Grant;

it("a bucket made again is confirmed only when no isolate can still write to the one before", async () => {
  const [here, elsewhere] = await Promise.all([openIsolate(), openIsolate()]);
  const row = await env.DB.prepare("SELECT id FROM accounts WHERE is_root = 1").first<{ id: string }>();
  const create = () =>
    here.buckets.create(grant, {
      name: "again",
      accountId: row?.id ?? "",
      region: "us-east-1",
      documents: {},
      now: new Date(),
    });
  await create();
  const before = await elsewhere.find("again");
  if (before === undefined) throw new Error("no bucket");
  await here.buckets.delete(grant, before, new Date());
  expect((await elsewhere.find("again"))?.id).toBe(before.id);

  expect(await create()).toEqual({ outcome: "created" });
  const after = await elsewhere.find("again");
  expect(after?.id).toMatch(/^[a-z0-9]{12}$/);
  expect(after?.id).not.toBe(before.id);
});
