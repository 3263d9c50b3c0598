/** `npm run deploy` as a person runs it, with the real wrangler, against a fake of Cloudflare's API. */
import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openSealer } from "../../src/storage/sealing.ts";
import { ACCOUNT_ID, FakeCloudflare } from "../support/fake-cloudflare.ts";

const root = join(import.meta.dirname, "../..");
const migrations = readdirSync(join(root, "migrations"));

/** A clone of its own, so that kept secrets and logs of one test are not seen by another. */
let clone: string;
let cloud: FakeCloudflare;
let base: string;

beforeAll(() => {
  clone = mkdtempSync(join(tmpdir(), "deploy-test-"));
  for (const name of [
    "src",
    "scripts",
    "migrations",
    "wrangler.toml",
    "package.json",
    "tsconfig.json",
    "tsconfig.base.json",
  ]) {
    cpSync(join(root, name), join(clone, name), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(clone, "node_modules"));
});
afterAll(() => rmSync(clone, { recursive: true, force: true }));

beforeEach(async () => {
  cloud = new FakeCloudflare();
  base = await cloud.start();
});
afterEach(async () => {
  await cloud.stop();
  rmSync(pendingPath(), { force: true });
});

const pendingPath = () => join(clone, ".deploy-secrets.json");

interface Outcome {
  readonly code: number;
  readonly text: string;
}

function deploy(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const environment = {
    PATH: process.env.PATH,
    HOME: clone,
    CI: "1",
    CLOUDFLARE_API_BASE_URL: base,
    CLOUDFLARE_API_TOKEN: "x",
    WRANGLER_SEND_METRICS: "false",
    ...env,
  };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(clone, "scripts/deploy.ts"), ...args],
      { env: environment, cwd: clone },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), text: `${stdout}${stderr}` });
      },
    );
  });
}

function keysIn(text: string): Record<string, string | undefined> {
  const find = (label: string) => new RegExp(`${label} +(\\S+)`).exec(text)?.[1];
  return {
    ROOT_ACCESS_KEY_ID: find("Access key id"),
    ROOT_SECRET_ACCESS_KEY: find("Secret access key"),
    SEAL_KEY: find("Seal key"),
  };
}

function appliedMigrations(): unknown[] {
  return cloud.database
    .prepare("SELECT name FROM d1_migrations ORDER BY id")
    .all()
    .map(({ name }) => name);
}

/** Everything there is after a deploy that has done all of its work. */
function expectComplete(): void {
  expect([...cloud.buckets]).toEqual(["workers-s3-store"]);
  expect([...cloud.databases.values()].map(({ name }) => name)).toEqual(["workers-s3"]);
  expect(appliedMigrations()).toEqual(migrations);
  expect(cloud.queues.size).toBe(5);
  for (const { consumers } of cloud.queues.values()) expect(consumers).toHaveLength(1);
  expect(cloud.workers.get("workers-s3")?.schedules).toHaveLength(2);
  expect(Object.keys(cloud.secretsOf("workers-s3")).sort()).toEqual([
    "ROOT_ACCESS_KEY_ID",
    "ROOT_SECRET_ACCESS_KEY",
    "SEAL_KEY",
  ]);
  expect(existsSync(pendingPath())).toBe(false);
}

describe("a first deploy", () => {
  it("creates everything and ends with the endpoint and the keys that are in force", async () => {
    const { code, text } = await deploy();
    expect(code, text).toBe(0);
    expectComplete();
    expect(text).toContain("https://workers-s3.example.workers.dev");
    expect(keysIn(text)).toEqual(cloud.secretsOf("workers-s3"));
    expect(text.split("\n").length).toBeLessThan(25);
    expect(readFileSync(join(clone, ".wrangler/deploy.log"), "utf8")).toContain("Uploaded workers-s3");
  });

  it("brings the schema before the Worker, and the secrets with it", async () => {
    await deploy();
    const position = (call: RegExp) => cloud.calls.findIndex((each) => call.test(each));
    expect(position(/POST \/d1\/database\/.*query/)).toBeGreaterThan(-1);
    expect(position(/POST \/d1\/database\/.*query/)).toBeLessThan(position(/PUT \/workers\/scripts\/workers-s3 200/));
    expect(cloud.calls.some((call) => call.includes("secrets-bulk"))).toBe(false);
  });

  it("takes keys from the environment", async () => {
    const given = {
      ROOT_ACCESS_KEY_ID: "AKIAAAAAAAAAAAAAAAAA",
      ROOT_SECRET_ACCESS_KEY: "a-secret-of-ones-own",
      SEAL_KEY: "ab".repeat(32),
    };
    const { code, text } = await deploy([], given);
    expect(code, text).toBe(0);
    expect(cloud.secretsOf("workers-s3")).toEqual(given);
  });

  it("refuses a malformed secret of the environment before it creates anything, and does not show it", async () => {
    const { code, text } = await deploy([], { SEAL_KEY: "too-short" });
    expect(code).toBe(1);
    expect(text).toContain("SEAL_KEY must be 64 hexadecimal digits.");
    expect(text).not.toContain("too-short");
    expect(cloud.calls).toEqual([]);
  });
});

describe("an update", () => {
  it("keeps the secrets, and workers.dev and preview URLs off where they were switched off", async () => {
    await deploy();
    const secrets = cloud.secretsOf("workers-s3");
    const worker = cloud.workers.get("workers-s3");
    if (worker !== undefined) worker.subdomain = { enabled: false, previews_enabled: false };
    const calls = cloud.calls.length;
    const { code, text } = await deploy();
    expect(code, text).toBe(0);
    expect(text).toContain("as set before");
    expect(cloud.secretsOf("workers-s3")).toEqual(secrets);
    expect(cloud.workers.get("workers-s3")?.subdomain).toEqual({ enabled: false, previews_enabled: false });
    expect(cloud.calls.slice(calls)).not.toContain("POST /d1/database 200");
    expect(readdirSync(clone).filter((name) => name.startsWith(".wrangler-deploy"))).toEqual([]);
  });

  it("applies new migrations before the new code goes live, and not the code if they fail", async () => {
    await deploy();
    const added = join(clone, "migrations/9999_added.sql");
    writeFileSync(added, "CREATE TABLE added (id TEXT);");
    try {
      cloud.fail({ method: "POST", path: /query$/, status: 500 });
      const before = cloud.changes.length;
      const failed = await deploy();
      expect(failed.code).toBe(1);
      expect(failed.text).toContain("the Worker has not been changed");
      expect(cloud.changes.slice(before)).toEqual([]);
      cloud.heal();
      const { code, text } = await deploy();
      expect(code, text).toBe(0);
      expect(appliedMigrations()).toEqual([...migrations, "9999_added.sql"]);
    } finally {
      rmSync(added);
    }
  });

  it("stops where the deployed Worker has its data elsewhere", async () => {
    await deploy();
    const worker = cloud.workers.get("workers-s3");
    if (worker !== undefined) {
      worker.bindings = worker.bindings.map((each) =>
        each.name === "STORE" ? { ...each, bucket_name: "older" } : each,
      );
    }
    const before = cloud.changes.length;
    const { code, text } = await deploy();
    expect(code).toBe(1);
    expect(text).toContain("STORE is the R2 bucket older");
    expect(cloud.changes.slice(before)).toEqual([]);
  });
});

describe("a deploy that failed half-way", () => {
  it.each([
    ["the bucket cannot be created", { method: "POST", path: /^\/r2\/buckets$/, status: 500 }],
    ["the database cannot be created", { method: "POST", path: /^\/d1\/database$/, status: 500 }],
    ["a queue cannot be created", { method: "POST", path: /^\/queues$/, status: 403 }],
    ["the upload is refused", { method: "PUT", path: /^\/workers\/scripts\/workers-s3$/, status: 400 }],
    ["the schedules are refused", { method: "PUT", path: /schedules$/, status: 400 }],
    ["a queue consumer is refused", { method: "POST", path: /consumers$/, status: 400 }],
    ["workers.dev cannot be switched on", { method: "POST", path: /subdomain$/, status: 500 }],
  ])("says that repeating is safe, and heals when repeated: %s", async (_case, fault) => {
    cloud.fail(fault);
    const failed = await deploy();
    expect(failed.code, failed.text).toBe(1);
    expect(failed.text).toMatch(/[Rr]un the same command again/);
    cloud.heal();
    const repeated = await deploy();
    expect(repeated.code, repeated.text).toBe(0);
    expectComplete();
    const shown = { ...keysIn(failed.text), ...defined(keysIn(repeated.text)) };
    expect(shown).toEqual(cloud.secretsOf("workers-s3"));
  });

  it("shows the keys of an upload whose answer never came", async () => {
    cloud.fail({ method: "PUT", path: /^\/workers\/scripts\/workers-s3$/, status: 500, isAfter: true });
    const failed = await deploy();
    expect(failed.code).toBe(1);
    const inForce = cloud.secretsOf("workers-s3");
    expect(Object.keys(inForce)).toHaveLength(3);
    cloud.heal();
    const repeated = await deploy();
    expect(repeated.code, repeated.text).toBe(0);
    expect(cloud.secretsOf("workers-s3")).toEqual(inForce);
    expect(keysIn(repeated.text)).toEqual(inForce);
  });

  it("takes up what a deploy by hand has left: bucket, database and queues without a Worker", async () => {
    await deploy();
    cloud.deleteWorker("workers-s3");
    const { code, text } = await deploy();
    expect(code, text).toBe(0);
    expectComplete();
  });
});

function defined(values: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

describe("what is missing is named before anything is created", () => {
  it.each([
    ["Queues: Edit", /^\/queues$/],
    ["Workers R2 Storage: Edit", /^\/r2\/buckets$/],
    ["D1: Edit", /^\/d1\/database$/],
    ["Workers Scripts: Edit", /^\/workers\/services\//],
  ])("the right %s", async (right, path) => {
    cloud.fail({ method: "GET", path, status: 403 });
    const { code, text } = await deploy();
    expect(code).toBe(1);
    expect(text).toContain(right);
    expect(cloud.changes).toEqual([]);
  });

  it("a workers.dev subdomain", async () => {
    cloud.subdomain = undefined;
    const { code, text } = await deploy();
    expect(code).toBe(1);
    expect(text).toContain("no workers.dev subdomain");
    expect(cloud.changes).toEqual([]);
  });

  it("nothing, where there is a domain of one's own instead of workers.dev", async () => {
    cloud.subdomain = undefined;
    const { code, text } = await deploy(["--domain", "s3.example.com"]);
    expect(code, text).toBe(0);
    expectComplete();
    expect(text).toContain("https://s3.example.com");
    expect(cloud.workers.get("workers-s3")?.subdomain.enabled).toBe(false);
    const repeated = await deploy();
    expect(repeated.code, repeated.text).toBe(0);
    expect(cloud.workers.get("workers-s3")?.subdomain.enabled).toBe(false);
  });

  it("the account, where the login sees several", async () => {
    cloud.accounts = [...cloud.accounts, { id: "f".repeat(32), name: "Other" }];
    const { code, text } = await deploy();
    expect(code).toBe(1);
    expect(text).toContain("CLOUDFLARE_ACCOUNT_ID");
    expect(text).toContain(ACCOUNT_ID);
    expect((await deploy([], { CLOUDFLARE_ACCOUNT_ID: ACCOUNT_ID })).code).toBe(0);
  });

  it("a login", async () => {
    const { code, text } = await deploy([], { CLOUDFLARE_API_TOKEN: "" });
    expect(code).toBe(1);
    expect(text).toContain("npx wrangler login");
  });
});

describe("a database in use without its SEAL_KEY", () => {
  const sealKey = "5e".repeat(32);

  beforeEach(async () => {
    await deploy([], { SEAL_KEY: sealKey });
    const sealer = await openSealer(Uint8Array.from(Buffer.from(sealKey, "hex")), "access-key-secrets");
    const sealed = await sealer.seal("the secret of a user", "AKIAUSER");
    cloud.database.exec(
      `INSERT INTO accounts (id, canonical_id, display_name, is_root, created_at) VALUES ('123456789012', '${"c".repeat(64)}', 'alice', 0, 0);
       INSERT INTO access_keys (id, account_id, secret_sealed, status, created_at) VALUES ('AKIAUSER', '123456789012', '${sealed}', 'Active', 0);`,
    );
    cloud.deleteWorker("workers-s3");
  });

  it("stops, and accepts the old key only", async () => {
    const before = cloud.changes.length;
    const without = await deploy();
    expect(without.code).toBe(1);
    expect(without.text).toContain("Run the command again with SEAL_KEY");
    const wrong = await deploy([], { SEAL_KEY: "00".repeat(32) });
    expect(wrong.code).toBe(1);
    expect(wrong.text).toContain("SEAL_KEY is not the key");
    expect(cloud.changes.slice(before)).toEqual([]);
    const right = await deploy([], { SEAL_KEY: sealKey });
    expect(right.code, right.text).toBe(0);
    expect(cloud.secretsOf("workers-s3").SEAL_KEY).toBe(sealKey);
  });

  it("makes a new key when told that the old one is lost", async () => {
    const { code, text } = await deploy(["--new-seal-key"]);
    expect(code, text).toBe(0);
    expect(cloud.secretsOf("workers-s3").SEAL_KEY).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe("a second Worker", () => {
  it.each([[["--name", "second"]], [["--name=second"]], [["--env", "staging"]]])(
    "never shares the first one's resources: %j",
    async (args) => {
      const { code, text } = await deploy(args);
      expect(code).toBe(1);
      expect(text).toContain("would share these resources with workers-s3: R2 bucket workers-s3-store");
      expect(cloud.changes).toEqual([]);
    },
  );

  it("is deployed from a configuration that names its own", async () => {
    const toml = readFileSync(join(clone, "wrangler.toml"), "utf8");
    writeFileSync(join(clone, "second.toml"), toml.replaceAll('"workers-s3', '"second'));
    await deploy();
    const { code, text } = await deploy(["--config", "second.toml"]);
    expect(code, text).toBe(0);
    expect([...cloud.workers.keys()]).toEqual(["workers-s3", "second"]);
    expect([...cloud.buckets]).toEqual(["workers-s3-store", "second-store"]);
    expect(cloud.queues.size).toBe(10);
    expect(cloud.secretsOf("second").SEAL_KEY).not.toBe(cloud.secretsOf("workers-s3").SEAL_KEY);
  });
});
