/** A first deploy and its updates: `npm run deploy` as a person runs it, with the real wrangler, against a fake of Cloudflare's API. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  appliedMigrations,
  clone,
  cloud,
  deploy,
  deployOnce,
  expectComplete,
  keysIn,
  migrations,
  useClone,
} from "../support/deployment.ts";

useClone();

describe("a first deploy", () => {
  it("creates everything and ends with the endpoint and the keys that are in force", async () => {
    const { text } = await deployOnce();
    expectComplete();
    expect(text).toContain("https://workers-s3.example.workers.dev");
    expect(keysIn(text)).toEqual(cloud.secretsOf("workers-s3"));
    expect(text.split("\n").length).toBeLessThan(25);
    expect(readFileSync(join(clone, ".wrangler/deploy.log"), "utf8")).toContain("Uploaded workers-s3");
  });

  it("brings the schema before the Worker, and the secrets with it", async () => {
    await deployOnce();
    const position = (call: RegExp) => cloud.calls.findIndex((each) => call.test(each));
    expect(position(/POST \/d1\/database\/.*query/)).toBeGreaterThan(-1);
    expect(position(/POST \/d1\/database\/.*query/)).toBeLessThan(position(/PUT \/workers\/scripts\/workers-s3 200/));
    expect(cloud.calls.some((call) => call.includes("secrets-bulk"))).toBe(false);
  });

  it("uploads the source map and the files of the console with the Worker", async () => {
    await deployOnce();
    const files = cloud.workers.get("workers-s3")?.files.map((name) => name.replace(/^\.\/[0-9a-f]{40}-/, ""));
    expect(files?.sort()).toEqual(["console.bin", "index.js", "index.js.map"]);
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

describe("the console", () => {
  const configured = join("wrangler-console.toml");
  const withConsole = async (settings: Readonly<Record<string, string>>) => {
    let toml = readFileSync(join(clone, "wrangler.toml"), "utf8");
    for (const [name, value] of Object.entries(settings)) {
      toml = toml.replace(new RegExp(`^${name} = .*$`, "m"), `${name} = "${value}"`);
    }
    writeFileSync(join(clone, configured), toml);
    return deploy(["--config", configured, "--domain", settings.CONSOLE_DOMAIN ?? ""]);
  };

  it("has its address in the outcome, apart from the endpoint's", async () => {
    const { code, text } = await withConsole({
      CONSOLE_DOMAIN: "console.example.com",
      S3_DOMAINS: "s3.localhost,s3.example.com",
    });
    expect(code, text).toBe(0);
    expect(text).toContain("Console            https://console.example.com");
    expect(text).not.toContain("Endpoint           https://console.example.com");
    const bindings = cloud.workers.get("workers-s3")?.bindings ?? [];
    expect(bindings.find(({ name }) => name === "CONSOLE_DOMAIN")?.text).toBe("console.example.com");
  });

  it("is refused on a host of buckets before anything is created", async () => {
    const { code, text } = await withConsole({ CONSOLE_DOMAIN: "console.example.com", S3_DOMAINS: "example.com" });
    expect(code).toBe(1);
    expect(text).toContain("CONSOLE_DOMAIN console.example.com and example.com of S3_DOMAINS");
    expect(cloud.calls).toEqual([]);
  });

  it("is built for a configuration that has no build step of its own", async () => {
    const toml = readFileSync(join(clone, "wrangler.toml"), "utf8").replace(/\[build\][^[]*/, "");
    writeFileSync(join(clone, configured), toml);
    rmSync(join(clone, "dist"), { recursive: true, force: true });
    const { code, text } = await deploy(["--config", configured]);
    expect(code, text).toBe(0);
    expect(cloud.workers.get("workers-s3")?.files.some((name) => name.endsWith("console.bin"))).toBe(true);
  });
});

describe("an update", () => {
  it("keeps the secrets, and workers.dev and preview URLs off where they were switched off", async () => {
    await deployOnce();
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
    await deployOnce();
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
      expect(text).toContain("Schema brought up to date");
    } finally {
      rmSync(added);
    }
  });

  it("names a migration that fails, of which nothing stays", async () => {
    await deployOnce();
    const added = join(clone, "migrations/9999_added.sql");
    writeFileSync(added, "CREATE TABLE added (id TEXT);\nINSERT INTO missing VALUES (1);");
    try {
      const before = cloud.changes.length;
      const { code, text } = await deploy();
      expect(code).toBe(1);
      expect(text).toContain("9999_added.sql: no such table: missing");
      expect(cloud.changes.slice(before)).toEqual([]);
      expect(appliedMigrations()).toEqual(migrations);
      expect(cloud.database.prepare("SELECT name FROM sqlite_master WHERE name = 'added'").all()).toEqual([]);
    } finally {
      rmSync(added);
    }
  });

  it("stops where the deployed Worker has its data elsewhere", async () => {
    await deployOnce();
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
