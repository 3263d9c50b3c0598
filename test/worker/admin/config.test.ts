/** Exports of the configuration, and their restore into an empty deployment with another SEAL_KEY. */
import { env } from "cloudflare:workers";
import { createHash, verify, X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openServices } from "../../../src/services.ts";
import { CONFIG_TABLES, OMITTED_TABLES } from "../../../src/storage/d1/config-tables.ts";
import { createAccount, rootAccount, type TestAccount } from "../../support/accounts.ts";
import {
  admin,
  applyRestore,
  type Exported,
  exportConfig,
  restoreConfig,
  sendPage,
  WRAPPING_KEY,
} from "../../support/config.ts";
import { callsToFail, failingEnv } from "../../support/failing-env.ts";
import { createUser, iam } from "../../support/iam.ts";
import { createKmsKey, kmsHeaders } from "../../support/kms.ts";
import { configureLifecycle } from "../../support/lifecycle.ts";
import { type SendOptions, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { emptySecondDb, secondDb, secondEnv } from "../../support/second-deployment.ts";
import { createTopic } from "../../support/topics.ts";
import { createVersionedBucket, putVersion } from "../../support/versions.ts";
import { runSweeps } from "../../support/worker.ts";

const OVER_HTTP = { CUSTOMER_KEYS_OVER_HTTP: "true" };
const codeOf = ({ status, body }: { status: number; body: Record<string, unknown> }) => [
  status,
  (body.error as { code: string } | undefined)?.code,
];

async function rowsOf(db: D1Database, table: string): Promise<Record<string, unknown>[]> {
  return (await db.prepare(`SELECT * FROM ${table}`).all()).results;
}

/** Of every table that an export holds. */
async function countAll(db: D1Database): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { name } of CONFIG_TABLES) counts[name] = (await rowsOf(db, name)).length;
  return counts;
}

const put = async (options: SendOptions) => {
  const response = await send({ method: "PUT", ...options });
  const text = await response.text();
  expect([response.status, text]).toEqual([200, expect.any(String)]);
  return response;
};

let second = secondEnv();

async function emptySecond(): Promise<void> {
  await emptySecondDb();
  second = secondEnv(OVER_HTTP);
}

it("every table and column of the database is exported, or left out on purpose", async () => {
  const { results } = await env.DB.prepare(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_*' AND name NOT GLOB 'sqlite_*'",
  ).all<{ name: string }>();
  const tables = results.map(({ name }) => name).filter((name) => name !== "d1_migrations");
  expect([...CONFIG_TABLES.map(({ name }) => name), ...Object.keys(OMITTED_TABLES)].sort()).toEqual(tables.sort());
  for (const { name, columns, long, omitted = {} } of CONFIG_TABLES) {
    const found = await env.DB.prepare("SELECT name FROM pragma_table_info(?1)").bind(name).all<{ name: string }>();
    const classified = [...columns.map((column) => column.name), ...(long ? [long] : []), ...Object.keys(omitted)];
    expect([name, classified.sort()]).toEqual([name, found.results.map((column) => column.name).sort()]);
  }
});

describe("a restore into an empty deployment with another SEAL_KEY", () => {
  let exported: Exported;
  let other: TestAccount;
  let user: Awaited<ReturnType<typeof createUser>>;
  let open: string;
  let versioned: string;
  let versionId: string;
  let root: Awaited<ReturnType<typeof rootAccount>>;
  let certificate: string;
  /** That the empty deployment has made before. */
  let replaced: string;
  let restored: Record<string, number>;
  let lost: string;
  const secrets: string[] = [];
  /** As long as D1 lets a value be, or nearly. */
  const long = JSON.stringify({ rules: [], filler: '"ä'.repeat(400_000) });

  beforeAll(async () => {
    root = await rootAccount();
    other = await createAccount("Zoë & co");
    user = await createUser([{ Effect: "Allow", Action: "s3:GetObject", Resource: "*" }]);
    open = await createBucket();
    const policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Principal: { AWS: other.accountId },
          Action: "s3:GetObject",
          Resource: `arn:aws:s3:::${open}/*`,
        },
        { Effect: "Deny", Principal: "*", Action: "s3:GetObject", Resource: `arn:aws:s3:::${open}/secret` },
      ],
    });
    const done = await send({ method: "PUT", bucket: open, query: "policy", body: policy });
    expect(done.status).toBe(204);
    const unread = await createBucket();
    await configureLifecycle(unread, "<ID>old</ID><Filter/><Expiration><Days>9</Days></Expiration>");
    for (const key of ["k", "secret"]) await put({ bucket: open, key, body: `content of ${key}` });
    const arn = await createKmsKey();
    const kmsEnv = (await import("../../support/kms.ts")).env;
    await put({ bucket: open, key: "sealed", body: "sealed content", headers: kmsHeaders(arn), env: kmsEnv });
    versioned = await createVersionedBucket();
    versionId = await putVersion(versioned, "k", "first");
    await putVersion(versioned, "k", "second");
    const topic = await createTopic();
    await env.DB.prepare(
      `INSERT INTO subscriptions (arn, topic_arn, account_id, endpoint, raw_delivery, status, token_hash, token_expires_at, created_at)
       VALUES (?1 || ':s', ?1, ?2, 'https://example.com/', 1, 'confirmed', 'hash', 5, 6)`,
    )
      .bind(topic, root.accountId)
      .run();
    const remote = {
      ...{
        name: "far",
        endpoint: "https://far.example",
        region: "us-east-1",
        kind: "s3",
        accountIds: [other.accountId],
      },
      ...{ accessKeyId: "AKIAFAR", secretAccessKey: "secret/of/the/remote" },
    };
    expect((await admin("remotes", remote)).status).toBe(201);
    lost = (await createAccount("lost")).accessKeyId;
    const { id } = (await env.DB.prepare("SELECT id FROM buckets WHERE name = ?1")
      .bind(open)
      .first<{ id: string }>()) ?? {
      id: "",
    };
    await env.DB.batch([
      env.DB.prepare("UPDATE access_keys SET secret_sealed = 'c2VhbGVkIHVuZGVyIGFub3RoZXIga2V5' WHERE id = ?1").bind(
        lost,
      ),
      // D1 would not return all settings of this bucket in one value.
      env.DB.prepare(
        `UPDATE bucket_documents SET body = ?2 WHERE kind = 'lifecycle'
         AND bucket_id = (SELECT id FROM buckets WHERE name = ?1)`,
      ).bind(unread, long),
      env.DB.prepare(
        `INSERT INTO open_uploads (bucket_id, key, upload_id, initiated_at, owner_id, storage_class)
         VALUES (?1, char(0) || 'ä/' || char(10), 'u', 1, 'o', 'STANDARD')`,
      ).bind(id),
      env.DB.prepare(
        "INSERT INTO deleted_buckets (id, region, deleted_at, name) VALUES ('gone00000000', 'us-east-1', 9, 'gone')",
      ),
      env.DB.prepare("INSERT INTO bucket_quotas (bucket_id, max_bytes) VALUES (?1, 5000000000000)").bind(id),
      env.DB.prepare(
        "INSERT INTO account_quotas (account_id, max_objects) SELECT account_id, 9 FROM buckets WHERE id = ?1",
      ).bind(id),
      env.DB.prepare("INSERT INTO replication_destinations (destination, source_id) VALUES ('copies', ?1)").bind(id),
      env.DB.prepare("INSERT INTO replication_failures (write_id, bucket_id) VALUES ('failed', ?1)").bind(id),
      env.DB.prepare(
        `INSERT INTO replication_tasks (id, bucket_id, key, write_id, body, created_at, due_at)
         VALUES ('t', ?1, 'k', 'pending', '{}', 1, 1)`,
      ).bind(id),
      env.DB.prepare(
        `INSERT INTO inventories (bucket_id, id, body, is_enabled, revision, due_at, report, worked_at)
         VALUES (?1, 'weekly', '{"a":1}', 1, 'r', 77, '{"files":[]}', 5)`,
      ).bind(id),
      env.DB.prepare(
        "INSERT INTO audit_setting (id, account_id, bucket, prefix, set_at) VALUES (1, ?1, 'elsewhere', 'audit/', 4)",
      ).bind(other.accountId),
      env.DB.prepare(
        "INSERT INTO signing_keys (id, fingerprint, certificate, private_key, created_at) VALUES ('old', 'ab', 'PEM', 'AAAA', 3)",
      ),
    ]);
    certificate = (await openServices(testEnv).signers.open()).pem();
    exported = await exportConfig();
    secrets.push(other.secretAccessKey, user.key.secretAccessKey, "secret/of/the/remote");
    await emptySecond();
    replaced = (await openServices(second).signers.open()).pem();
    expect((await from(other, { bucket: open, key: "k" })).status).toBe(403);
    restored = await restoreConfig(exported, second);
  });

  afterAll(async () => {
    await env.DB.prepare("DELETE FROM bucket_documents WHERE length(body) > 100000").run();
  });

  const from = (as: SendOptions["as"], target: SendOptions) => send({ env: second, ...(as && { as }), ...target });
  const textOf = async (response: Promise<Response>) => {
    const { status } = await response;
    const text = await (await response).text();
    return status === 200 ? text : `${status} ${/<Code>(.*)<\/Code>/.exec(text)?.[1]}`;
  };

  it("restores every row, and seals every secret under the new key", async () => {
    expect(restored).toMatchObject({ buckets: expect.any(Number), access_keys: expect.any(Number) });
    for (const { name, columns, long: longColumn, sealed, key } of CONFIG_TABLES) {
      if (name === "signing_keys") continue;
      const compared = [...columns.map((column) => column.name), ...(longColumn ? [longColumn] : [])].filter(
        (column) => column !== sealed?.column,
      );
      const select = (table: string) => `SELECT ${compared.join(", ")} FROM ${table} ORDER BY ${key}`;
      const there = await secondDb.prepare(select(name)).all();
      const here = await env.DB.prepare(select(name)).all();
      const failures = { write_id: "pending", bucket_id: here.results[0]?.bucket_id };
      expect([name, there.results]).toEqual([
        name,
        name === "replication_failures" ? [...here.results, failures] : here.results,
      ]);
      expect([name, there.results.length]).not.toEqual([name, 0]);
    }
    const [inventory] = await rowsOf(secondDb, "inventories");
    expect(inventory).toMatchObject({ report: null, worked_at: 0, revision: expect.stringMatching(/^[0-9a-f]{20}$/) });
    const here = new Map((await rowsOf(env.DB, "access_keys")).map((row) => [row.id, row.secret_sealed]));
    const changed = (await rowsOf(secondDb, "access_keys")).filter((row) => here.get(row.id) !== row.secret_sealed);
    expect([changed.length, here.size - changed.length]).toEqual([here.size - 1, 1]);
    // What a transfer needed is gone.
    for (const table of ["config_rows", "config_pages"]) expect(await rowsOf(secondDb, table)).toEqual([]);
    for (const table of ["config_rows", "config_transfers"]) expect(await rowsOf(env.DB, table)).toEqual([]);
  });

  it("old keys sign in, policies are in effect, and objects are read, encrypted ones and versions too", async () => {
    expect(await textOf(from(undefined, { bucket: open, key: "k" }))).toBe("content of k");
    expect(await textOf(from(other, { bucket: open, key: "k" }))).toBe("content of k");
    expect(await textOf(from(other, { bucket: open, key: "sealed" }))).toBe("403 AccessDenied");
    expect(await textOf(from(other, { method: "PUT", bucket: open, key: "k", body: "x" }))).toBe("403 AccessDenied");
    expect(await textOf(from(user.key, { bucket: open, key: "k" }))).toBe("content of k");
    expect(await textOf(from(user.key, { bucket: open, key: "secret" }))).toBe("403 AccessDenied");
    expect(await textOf(from(user.key, { bucket: versioned }))).toBe("403 AccessDenied");
    expect(await textOf(from(undefined, { bucket: open, key: "sealed" }))).toBe("sealed content");
    expect(await textOf(from(undefined, { bucket: versioned, key: "k" }))).toBe("second");
    expect(await textOf(from(undefined, { bucket: versioned, key: "k", query: `versionId=${versionId}` }))).toBe(
      "first",
    );
    expect(await textOf(from({ ...other, accessKeyId: lost }, { bucket: open, key: "k" }))).not.toBe("content of k");
    const { remotes } = openServices(second);
    expect((await remotes.open("far"))?.credentials.secretAccessKey).toBe("secret/of/the/remote");
  });

  it("notifications have the same certificate, and one that the empty deployment had made stays readable", async () => {
    expect(replaced).not.toBe(certificate);
    const fresh = secondEnv();
    const signer = await openServices(fresh).signers.open();
    expect(signer.pem()).toBe(certificate);
    const signature = Buffer.from(await signer.sign("SHA-256", "text"), "base64");
    expect(verify("sha256", Buffer.from("text"), new X509Certificate(certificate).publicKey, signature)).toBe(true);
    for (const pem of [replaced, certificate]) {
      const name = new X509Certificate(pem).fingerprint256.replaceAll(":", "").toLowerCase();
      const found = await send({ bucket: "-", key: `certificates/${name}.pem`, as: null, env: fresh });
      expect(await found.text()).toBe(pem);
    }
    expect(await rowsOf(secondDb, "signing_keys")).toContainEqual(
      expect.objectContaining({ id: "earlier/ab", certificate: "PEM", private_key: "AAAA" }),
    );
  });

  it("names the secrets that it could not unseal, and contains none in clear", async () => {
    expect(exported.unavailable).toEqual([`access_keys ${lost}`]);
    const text = exported.pages.join("") + exported.pages.map((page) => Buffer.from(page, "base64").toString("latin1"));
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(10);
      for (const form of [secret, Buffer.from(secret).toString("base64").slice(0, -4)])
        expect(text).not.toContain(form);
    }
  });

  it("changes nothing with another passphrase, or if a page is missing, altered, or of another place", async () => {
    await emptySecond();
    const before = await countAll(secondDb);
    const [first = "", ...others] = exported.pages;
    expect(others.length).toBeGreaterThan(2);
    const wrongKey = Buffer.alloc(32, 8).toString("base64");
    const altered = first.slice(0, 99) + (first.charAt(99) === "A" ? "B" : "A") + first.slice(100);
    const refused = [400, "WrongPassphrase"];
    expect(codeOf(await sendPage(exported, { page: 0, sealed: first, wrappingKey: wrongKey }, second))).toEqual(
      refused,
    );
    expect(codeOf(await sendPage(exported, { page: 0, sealed: altered }, second))).toEqual(refused);
    expect(codeOf(await sendPage(exported, { page: 1, sealed: first }, second))).toEqual(refused);
    const elsewhere = { ...exported, exportId: "another" };
    expect(codeOf(await sendPage(elsewhere, { page: 0, sealed: first }, second))).toEqual(refused);
    expect(codeOf(await applyRestore(exported, second))).toEqual([409, "IncompleteRestore"]);
    for (const [index, sealed] of others.entries()) {
      expect(codeOf(await applyRestore(exported, second))).toEqual([409, "IncompleteRestore"]);
      expect(codeOf(await sendPage(exported, { page: index + 1, sealed }, second))).toEqual([200, undefined]);
    }
    expect(codeOf(await applyRestore(exported, second))).toEqual([409, "IncompleteRestore"]);
    expect(await countAll(secondDb)).toEqual(before);
    // A repeat finishes it.
    await restoreConfig(exported, second);
    expect((await countAll(secondDb)).buckets).toBe((await countAll(env.DB)).buckets);
  });

  it("is applied once, and refused by a deployment in use", async () => {
    const [first = ""] = exported.pages;
    const made = await from(other, { method: "PUT", bucket: "made-after-the-restore" });
    expect(made.status).toBe(200);
    const removed = await send({ method: "DELETE", bucket: "-", key: `admin/keys/${other.accessKeyId}`, env: second });
    expect(removed.status).toBe(204);
    expect((await applyRestore(exported, second)).body).toEqual({ isRestored: true });
    expect((await sendPage(exported, { page: 0, sealed: first }, second)).body).toEqual({ page: 0, isRestored: true });
    expect((await rowsOf(secondDb, "access_keys")).some(({ id }) => id === other.accessKeyId)).toBe(false);

    const again = await exportConfig(second);
    const [page = ""] = again.pages;
    const inUse = await sendPage(again, { page: 0, sealed: page }, testEnv);
    expect([codeOf(inUse), inUse.text]).toEqual([[409, "DeploymentNotEmpty"], expect.stringContaining("buckets")]);
  });

  it("is refused if the database was used while the pages were received", async () => {
    await emptySecond();
    for (const [page, sealed] of exported.pages.entries()) {
      expect((await sendPage(exported, { page, sealed }, second)).status).toBe(200);
    }
    const made = await send({ method: "PUT", bucket: "made-meanwhile", env: second });
    expect(made.status).toBe(200);
    expect(codeOf(await applyRestore(exported, second))).toEqual([409, "DeploymentNotEmpty"]);
    expect((await countAll(secondDb)).users).toBe(0);
  });
});

it("what an interrupted export has left is removed a day later", async () => {
  expect((await admin("config/exports", undefined)).status).toBe(201);
  const left = async (hours: number) => {
    await runSweeps(testEnv, new Date(Date.now() + hours * 3_600_000));
    return (await rowsOf(env.DB, "config_rows")).length;
  };
  expect([(await left(23)) > 0, await left(25)]).toEqual([true, 0]);
});

it("an export is what the database was at one moment", async () => {
  const { name: userName } = await createUser();
  const changed = await exportConfig(testEnv, async () => {
    await createBucket();
    await iam("UpdateUser", { UserName: userName, NewUserName: "renamed" }).catch(() => undefined);
  });
  await emptySecond();
  await restoreConfig(changed, second);
  const names = (await rowsOf(secondDb, "users")).map(({ name }) => name);
  expect(names).toContain(userName);
  expect((await countAll(secondDb)).buckets).toBeLessThan((await countAll(env.DB)).buckets ?? 0);
});

it("whichever call of a restore fails, it restores all or nothing, and a repeat finishes", async () => {
  await emptySecond();
  expect((await admin("accounts", { displayName: "small" }, { env: second })).status).toBe(201);
  const small = await exportConfig(second);
  const attempt = async (failure?: Parameters<typeof failingEnv>[1]) => {
    await emptySecond();
    const failing = failingEnv(second, failure);
    const [sealed = ""] = small.pages;
    const statuses = [
      (await sendPage(small, { page: 0, sealed }, failing.env)).status,
      (await applyRestore(small, failing.env)).status,
    ];
    return { calls: failing.calls(), statuses };
  };
  const { calls, statuses } = await attempt();
  expect([small.pages.length, statuses]).toEqual([1, [200, 200]]);
  for (const when of ["before", "after"] as const) {
    for (const at of callsToFail(calls, { when, lasting: "permanently" })) {
      const failed = await attempt({ at, when, lasting: "permanently" });
      expect(failed.statuses).not.toEqual([200, 200]);
      const { accounts, access_keys: keys } = await countAll(secondDb);
      expect([1, 2]).toContain(accounts);
      expect([at, when, keys]).toEqual([at, when, (accounts ?? 0) - 1]);
      second = secondEnv(OVER_HTTP);
      await restoreConfig(small, second);
      expect(await countAll(secondDb)).toMatchObject({ accounts: 2, access_keys: 1 });
    }
  }
});

it("any number of buckets is exported and restored in pages of bounded size", async () => {
  const { accountId } = await rootAccount();
  // As many as make several pages, or all that an account may have: `npm run test:failures`.
  const count = Reflect.get(env, "ALL_FAILURES") === "1" ? 10_000 : 600;
  await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO buckets (name, id, account_id, region, created_at, marker_due)
       WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
       SELECT 'many-' || i, 'many' || printf('%08d', i), ?2, 'us-east-1', i, NULL FROM n`,
    ).bind(count, accountId),
    env.DB.prepare(
      `INSERT INTO bucket_documents (bucket_id, kind, body, updated_at)
       SELECT id, 'policy', json_quote(printf('%.200c', 'p') || id), 1 FROM buckets WHERE name LIKE 'many-%'`,
    ),
  ]);
  const exported = await exportConfig();
  expect(Math.max(...exported.pages.map(({ length }) => length))).toBeLessThan(1_000_000);
  await emptySecond();
  const restored = await restoreConfig(exported, second);
  expect(restored.buckets).toBeGreaterThanOrEqual(count);
  const digest = async (db: D1Database) => {
    const rows = await db
      .prepare("SELECT bucket_id, body FROM bucket_documents WHERE kind = 'policy' ORDER BY 1")
      .all();
    return createHash("sha256").update(JSON.stringify(rows.results)).digest("hex");
  };
  expect(await digest(secondDb)).toBe(await digest(env.DB));
  await env.DB.prepare("DELETE FROM buckets WHERE name LIKE 'many-%'").run();
});

describe("the calls", () => {
  beforeAll(emptySecond);

  it.each([
    ["config/exports/none/pages", { wrappingKey: WRAPPING_KEY, page: 0 }, [404, "NoSuchExport"]],
    ["config/exports/none/pages", { wrappingKey: "AAAA", page: 0 }, [400, "InvalidRequest"]],
    ["config/exports/none/pages", { wrappingKey: WRAPPING_KEY, page: -1 }, [400, "InvalidRequest"]],
    ["config/exports/none/pages", { wrappingKey: WRAPPING_KEY, page: 0, after: {} }, [400, "InvalidRequest"]],
    ["config/restores/none/pages", { wrappingKey: WRAPPING_KEY, page: 0 }, [400, "InvalidRequest"]],
    ["config/restores/none/pages", { wrappingKey: WRAPPING_KEY, page: 0, sealed: "AAAA" }, [400, "WrongPassphrase"]],
    ["config/restores/none/apply", undefined, [409, "IncompleteRestore"]],
  ])("%s %j is refused", async (path, body, expected) => {
    expect(codeOf(await admin(path, body, { env: second }))).toEqual(expected);
  });

  it("are for the root account only", async () => {
    const as = await createAccount();
    for (const path of ["exports", "exports/x/pages", "restores/x/pages", "restores/x/apply"]) {
      expect(codeOf(await admin(`config/${path}`, { page: 0, wrappingKey: WRAPPING_KEY }, { as }))).toEqual([
        403,
        "AccessDenied",
      ]);
    }
  });
});
