/** The loss of D1: an empty database, migrated, gets the buckets back from R2, and their owners read their objects. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { createAccount, rootAccount, type TestAccount } from "../../support/accounts.ts";
import { admin, WRAPPING_KEY } from "../../support/config.ts";
import { createKmsKey, env as kmsEnv, kmsHeaders } from "../../support/kms.ts";
import { putMultipart } from "../../support/multipart.ts";
import { putObject, type SendOptions, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { emptySecondDb, secondDb, secondEnv } from "../../support/second-deployment.ts";
import { createVersionedBucket, putMarker, putVersion } from "../../support/versions.ts";

/** The deployment as it was: only its database is another one. */
const SETTINGS = { SEAL_KEY: testEnv.SEAL_KEY ?? "", CUSTOMER_KEYS_OVER_HTTP: "true" };
let second = secondEnv(SETTINGS);

const read = async (options: SendOptions) => {
  const response = await send({ env: second, ...options });
  const text = await response.text();
  return response.status === 200 ? text : `${response.status} ${/<Code>(.*)<\/Code>/.exec(text)?.[1]}`;
};

interface Marker {
  readonly region: string;
  readonly id: string;
  readonly name: string;
}

async function listMarkers(): Promise<Marker[]> {
  const markers: Marker[] = [];
  for (let body: object | null = {}; body !== null; ) {
    const answer = await admin("rebuild/markers", body, { env: second });
    expect(answer.status).toBe(200);
    markers.push(...(answer.body.markers as Marker[]));
    body = answer.body.next as object | null;
  }
  return markers;
}

async function rebuild(names: readonly string[], more: object = {}): Promise<Record<string, unknown>[]> {
  const buckets = (await listMarkers()).filter(({ name }) => names.includes(name));
  const answer = await admin("rebuild/buckets", { buckets, ...more }, { env: second });
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  return answer.body.buckets as Record<string, unknown>[];
}

const outcomes = (rebuilt: readonly Record<string, unknown>[]) => rebuilt.map(({ outcome }) => outcome);

describe("after the loss of D1", () => {
  let root: Awaited<ReturnType<typeof rootAccount>>;
  let other: TestAccount;
  let plain: string;
  let versioned: string;
  let locked: string;
  let far: string;
  let theirs: string;
  let deleted: string;
  let first: string;
  let rebuilt: Record<string, unknown>[];

  beforeAll(async () => {
    root = await rootAccount();
    other = await createAccount("Zoë");
    plain = await createBucket();
    await putObject(plain, "k", "content");
    await putObject(plain, "public", "for everyone", { headers: { "x-amz-acl": "public-read" } });
    await putMultipart({ bucket: plain, key: "parts" }, ["uploaded in parts"]);
    const arn = await createKmsKey();
    const sealed = await send({
      ...{ method: "PUT", bucket: plain, key: "sealed", body: "sealed content", headers: kmsHeaders(arn), env: kmsEnv },
    });
    expect(sealed.status).toBe(200);
    versioned = await createVersionedBucket();
    first = await putVersion(versioned, "k", "first");
    await putVersion(versioned, "k", "second");
    await putMarker(versioned, "gone");
    locked = await createBucket({ headers: { "x-amz-bucket-object-lock-enabled": "true" } });
    far = await createBucket({
      body: "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>",
    });
    await putObject(far, "k", "far away");
    theirs = await createBucket({ key: other });
    await putObject(theirs, "k", "theirs", { as: other });
    deleted = await createBucket();
    expect((await send({ method: "DELETE", bucket: deleted })).status).toBe(204);
    const exported = await admin("kms/export", { wrappingKey: WRAPPING_KEY });

    await emptySecondDb();
    second = secondEnv(SETTINGS);
    expect(await read({ bucket: plain, key: "k" })).toBe("404 NoSuchBucket");
    rebuilt = await rebuild([plain, versioned, locked, far, theirs, deleted]);
    const imported = await admin(
      "kms/import",
      { wrappingKey: WRAPPING_KEY, keys: exported.body.keys },
      { env: second },
    );
    expect(imported.body.imported).toContain(arn);
  });

  it("says of each bucket what it is", () => {
    const own = {
      outcome: "restored",
      region: "us-east-1",
      accountId: root.accountId,
      versioning: null,
      objectLock: false,
    };
    expect(rebuilt).toHaveLength(5);
    expect(rebuilt).toEqual(
      expect.arrayContaining([
        { ...own, bucket: plain },
        { ...own, bucket: versioned, versioning: "Enabled" },
        { ...own, bucket: locked, versioning: "Enabled", objectLock: true },
        { ...own, bucket: far, region: "eu-west-1" },
        { ...own, bucket: theirs, accountId: other.accountId },
      ]),
    );
  });

  it("the root account has its ids again, and reads its objects", async () => {
    const { accounts } = (await admin("accounts", undefined, { method: "GET", env: second })).body as {
      accounts: { accountId: string; canonicalId: string; displayName: string }[];
    };
    const { accountId, canonicalId } = root;
    expect(accounts).toContainEqual(expect.objectContaining({ accountId, canonicalId, displayName: "root" }));
    expect(await read({ bucket: plain, key: "k" })).toBe("content");
    expect(await read({ bucket: plain, key: "sealed" })).toBe("sealed content");
    expect(await read({ bucket: plain, key: "parts" })).toBe("uploaded in parts");
    expect(await read({ bucket: far, key: "k" })).toBe("far away");
    const row = (db: D1Database) =>
      db.prepare("SELECT name, id, region, created_at, account_id FROM buckets WHERE name = ?1").bind(plain).first();
    expect(await row(secondDb)).toEqual(await row(env.DB));
  });

  it("another owner reads them with a new key", async () => {
    const made = await admin(`accounts/${other.accountId}/keys`, undefined, { env: second });
    expect(made.status).toBe(201);
    const as = made.body as unknown as TestAccount;
    expect(await read({ as, bucket: theirs, key: "k" })).toBe("theirs");
    expect(await read({ as, bucket: plain, key: "k" })).toBe("403 AccessDenied");
    expect(await read({ as: other, bucket: theirs, key: "k" })).toBe("403 InvalidAccessKeyId");
  });

  it("versions are reached, and what is overwritten is kept", async () => {
    expect(await read({ bucket: versioned, key: "k" })).toBe("second");
    expect(await read({ bucket: versioned, key: "k", query: `versionId=${first}` })).toBe("first");
    expect(await read({ bucket: versioned, key: "gone" })).toBe("404 NoSuchKey");
    const listed = await read({ bucket: versioned, query: "versions" });
    expect([listed.match(/<Version>/g)?.length, listed.match(/<DeleteMarker>/g)?.length]).toEqual([2, 1]);
    await putObject(versioned, "k", "third", { env: second });
    expect((await read({ bucket: versioned, query: "versions" })).match(/<Version>/g)).toHaveLength(3);
    expect(await read({ bucket: locked, query: "object-lock" })).toContain("<ObjectLockEnabled>Enabled<");
  });

  it("nothing is open to others, until the owner says so", async () => {
    expect(await send({ bucket: plain, key: "public", as: null })).toMatchObject({ status: 200 });
    expect(await read({ bucket: plain, key: "public", as: null })).toBe("403 AccessDenied");
    expect(await read({ bucket: plain, key: "public" })).toBe("for everyone");
    expect(await read({ bucket: plain, query: "publicAccessBlock" })).toContain("<RestrictPublicBuckets>true<");
    for (const query of ["publicAccessBlock", "ownershipControls"]) {
      expect((await send({ method: "DELETE", bucket: plain, query, env: second })).status).toBe(204);
    }
    expect(await read({ bucket: plain, key: "public", as: null })).toBe("for everyone");
  });

  it("a repeat changes nothing", async () => {
    const documents = await secondDb.prepare("SELECT * FROM bucket_documents ORDER BY bucket_id, kind").all();
    expect(outcomes(await rebuild([plain, versioned, locked, far, theirs]))).toEqual(Array(5).fill("exists"));
    expect((await secondDb.prepare("SELECT * FROM bucket_documents ORDER BY bucket_id, kind").all()).results).toEqual(
      documents.results,
    );
    expect(await read({ bucket: plain, key: "public", as: null })).toBe("for everyone");
  });
});

describe("a bucket is not rebuilt", () => {
  it("if another one has its name, or it was deleted", async () => {
    const [taken, gone] = [await createBucket(), await createBucket()];
    await emptySecondDb();
    second = secondEnv(SETTINGS);
    expect((await send({ method: "PUT", bucket: taken, env: second })).status).toBe(200);
    const { id } = (await listMarkers()).find(({ name }) => name === gone) ?? { id: "" };
    await secondDb
      .prepare("INSERT INTO deleted_buckets (id, name, region, deleted_at) VALUES (?1, ?2, 'us-east-1', 1)")
      .bind(id, gone)
      .run();
    const places = (await listMarkers()).filter(({ name }) => name === taken || name === gone);
    expect(places).toHaveLength(3);
    const answer = await admin("rebuild/buckets", { buckets: places }, { env: second });
    const found = answer.body.buckets as { bucket: string; outcome: string }[];
    expect(found.map(({ bucket, outcome }) => `${bucket} ${outcome}`).sort()).toEqual(
      [`${gone} deleted`, `${taken} exists`, `${taken} name-taken`].sort(),
    );
    expect(await read({ bucket: gone })).toBe("404 NoSuchBucket");
  });

  it("if there is no marker with its id", async () => {
    const buckets = [{ region: "us-east-1", id: "nothing00000" }];
    expect((await admin("rebuild/buckets", { buckets }, { env: second })).body).toEqual({ buckets: [] });
  });
});

it("a root account that owns something keeps its ids, and gets the buckets of the former one", async () => {
  const [before, after] = [await createBucket(), `after-${crypto.randomUUID()}`];
  await putObject(before, "k", "content");
  await emptySecondDb();
  second = secondEnv(SETTINGS);
  expect((await send({ method: "PUT", bucket: after, env: second })).status).toBe(200);
  const { id } = (await secondDb.prepare("SELECT id FROM accounts WHERE is_root = 1").first<{ id: string }>()) ?? {};
  expect(await rebuild([before])).toMatchObject([{ outcome: "restored", accountId: id }]);
  expect(await read({ bucket: before, key: "k" })).toBe("content");
});

it("with owner root, buckets of accounts that do not exist go to the root account", async () => {
  const bucket = await createBucket({ key: await createAccount("left") });
  await emptySecondDb();
  second = secondEnv(SETTINGS);
  const { id } = (await secondDb.prepare("SELECT id FROM accounts WHERE is_root = 1").first<{ id: string }>()) ?? {};
  expect(await rebuild([bucket], { owner: "root" })).toMatchObject([{ outcome: "restored", accountId: id }]);
  expect((await secondDb.prepare("SELECT id FROM accounts").all()).results).toHaveLength(1);
});

it("whichever call fails, a repeat finishes", async () => {
  const { callsToFail, failingEnv } = await import("../../support/failing-env.ts");
  const bucket = await createBucket();
  await emptySecondDb();
  second = secondEnv(SETTINGS);
  const buckets = (await listMarkers()).filter(({ name }) => name === bucket);
  const attempt = (failure?: Parameters<typeof failingEnv>[1]) => {
    const failing = failingEnv(secondEnv(SETTINGS), failure);
    return { failing, answer: admin("rebuild/buckets", { buckets }, { env: failing.env }) };
  };
  const { failing, answer } = attempt();
  expect((await answer).status).toBe(200);
  for (const when of ["before", "after"] as const) {
    for (const at of callsToFail(failing.calls(), { when, lasting: "permanently" })) {
      await emptySecondDb();
      await attempt({ at, when, lasting: "permanently" }).answer;
      second = secondEnv(SETTINGS);
      expect(["restored", "exists"]).toContain(outcomes(await rebuild([bucket]))[0]);
      expect((await secondDb.prepare("SELECT kind FROM bucket_documents").all()).results).toHaveLength(2);
    }
  }
});

it.each([
  ["a region without storage", "rebuild/markers", { region: "nowhere" }],
  ["no buckets", "rebuild/buckets", {}],
  ["no id", "rebuild/buckets", { buckets: [{ region: "us-east-1", id: "../x" }] }],
  ["51 buckets", "rebuild/buckets", { buckets: Array(51).fill({ region: "us-east-1", id: "nothing00000" }) }],
  ["another owner", "rebuild/buckets", { buckets: [], owner: "123456789012" }],
])("%s is refused, and whatever another account sends", async (_what, path, body) => {
  expect((await admin(path, body)).status).toBe(400);
  const as = await createAccount();
  expect((await admin(path, body, { as })).status).toBe(403);
});
