/** What a deploy stops for: `npm run deploy` as a person runs it, with the real wrangler, against a fake of Cloudflare's API. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { openSealer } from "../../src/storage/sealing.ts";
import { clone, cloud, deploy, deployOnce, expectComplete, useClone } from "../support/deployment.ts";
import { ACCOUNT_ID } from "../support/fake-cloudflare.ts";

useClone();

describe("a deploy names what is missing before it creates anything", () => {
  it.each([
    ["Queues: Edit", /^\/queues$/],
    ["Workers R2 Storage: Edit", /^\/r2\/buckets$/],
    ["D1: Edit", /^\/d1\/database$/],
    ["Workers Scripts: Edit", /^\/workers\/services\//],
  ])("the permission %s", async (right, path) => {
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

  it("nothing, if a domain is given instead of workers.dev", async () => {
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
    await deployOnce({ SEAL_KEY: sealKey });
    const sealer = openSealer(Uint8Array.from(Buffer.from(sealKey, "hex")), "access-key-secrets");
    const sealed = await sealer.seal("the secret of a user", "AKIAUSER");
    cloud.database.exec(
      `INSERT INTO accounts (id, canonical_id, display_name, is_root, created_at) VALUES ('123456789012', '${"c".repeat(64)}', 'alice', 0, 0);
       INSERT INTO access_keys (id, account_id, secret_sealed, status, created_at) VALUES ('AKIAUSER', '123456789012', '${sealed}', 'Active', 0);`,
    );
    cloud.deleteWorker("workers-s3");
  });

  it("stops, and accepts only the old key", async () => {
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

  it("creates a new key with --new-seal-key", async () => {
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
    await deployOnce();
    const { code, text } = await deploy(["--config", "second.toml"]);
    expect(code, text).toBe(0);
    expect([...cloud.workers.keys()]).toEqual(["workers-s3", "second"]);
    expect([...cloud.buckets]).toEqual(["workers-s3-store", "second-store"]);
    expect(cloud.queues.size).toBe(12);
    expect(cloud.secretsOf("second").SEAL_KEY).not.toBe(cloud.secretsOf("workers-s3").SEAL_KEY);
  });
});
