/** Deploys of a Worker that has a SETUP_CODE in place of its keys, against a fake of Cloudflare's API. */
import { beforeEach, describe, expect, it } from "vitest";
import { sealSecrets } from "../../src/storage/setup-sealing.ts";
import { cloud, deploy, deployOnce, keysIn, useClone } from "../support/deployment.ts";

useClone();

const SETUP_CODE = "a code of a test 123";
const PAGE = "https://workers-s3.example.workers.dev/-/setup";
const NO_KEYS = { ROOT_ACCESS_KEY_ID: undefined, ROOT_SECRET_ACCESS_KEY: undefined, SEAL_KEY: undefined };

describe("a deploy with SETUP_CODE in the environment", () => {
  it("sets that secret only, names the page, and never shows the code", async () => {
    const { text } = await deployOnce({ SETUP_CODE });
    expect(cloud.secretsOf("workers-s3")).toEqual({ SETUP_CODE });
    expect(text).toContain(PAGE);
    expect(text).not.toContain(SETUP_CODE);
    const repeated = await deploy();
    expect(repeated.code, repeated.text).toBe(0);
    expect(repeated.text).toContain(PAGE);
    expect(cloud.secretsOf("workers-s3")).toEqual({ SETUP_CODE });
  });

  it("refuses a code that can be guessed, before it creates anything", async () => {
    const { code, text } = await deploy([], { SETUP_CODE: "1234" });
    expect(code).toBe(1);
    expect(text).toContain("SETUP_CODE must be 16 to 256 characters");
    expect(cloud.calls).toEqual([]);
  });
});

describe("Workers Builds, whose log others may read,", () => {
  const build = { WORKERS_CI: "1" };

  it("makes no keys and shows none: it asks for a SETUP_CODE", async () => {
    const { code, text } = await deploy([], build);
    expect(code, text).toBe(0);
    expect(cloud.secretsOf("workers-s3")).toEqual({});
    expect(keysIn(text)).toEqual(NO_KEYS);
    expect(text).toContain("Set the secret SETUP_CODE");
    expect(text).toContain(PAGE);
  });

  it("sets keys that its environment has, and does not show them", async () => {
    const given = {
      ROOT_ACCESS_KEY_ID: "AKIAAAAAAAAAAAAAAAAA",
      ROOT_SECRET_ACCESS_KEY: "a-secret-of-ones-own",
      SEAL_KEY: "ab".repeat(32),
    };
    const { code, text } = await deploy([], { ...build, ...given });
    expect(code, text).toBe(0);
    expect(cloud.secretsOf("workers-s3")).toEqual(given);
    for (const value of Object.values(given)) expect(text).not.toContain(value);
  });
});

describe("a database that was set up with a SETUP_CODE", () => {
  const secrets = {
    ROOT_ACCESS_KEY_ID: "AKIAAAAAAAAAAAAAAAAA",
    ROOT_SECRET_ACCESS_KEY: "a-secret-of-ones-own",
    SEAL_KEY: "ab".repeat(32),
  };

  beforeEach(async () => {
    await deployOnce({ SETUP_CODE });
    const { salt, iterations, sealed } = await sealSecrets(secrets, SETUP_CODE);
    cloud.database
      .prepare("INSERT INTO setup_secrets (id, salt, iterations, sealed, created_at) VALUES (1, ?, ?, ?, 0)")
      .run(salt, iterations, sealed);
  });

  it("needs that code, or the keys, when the Worker is deployed again", async () => {
    cloud.deleteWorker("workers-s3");
    const before = cloud.changes.length;
    expect((await deploy()).text).toContain("This database was set up with a SETUP_CODE");
    expect((await deploy([], { SETUP_CODE: "another code of a test" })).text).toContain("SETUP_CODE is not the code");
    expect(cloud.changes.slice(before)).toEqual([]);
    const right = await deploy([], { SETUP_CODE });
    expect(right.code, right.text).toBe(0);
    cloud.deleteWorker("workers-s3");
    const keys = await deploy([], secrets);
    expect(keys.code, keys.text).toBe(0);
    expect(cloud.secretsOf("workers-s3")).toEqual(secrets);
  });

  it("is not removed from its Worker without that code", async () => {
    const refused = await deploy(["--remove", "--yes"]);
    expect(refused.code).toBe(1);
    expect(refused.text).toContain("Show that you have SETUP_CODE");
    expect(cloud.workers.size).toBe(1);
    const removed = await deploy(["--remove", "--yes"], { SETUP_CODE });
    expect(removed.code, removed.text).toBe(0);
    expect(cloud.workers.size).toBe(0);
    expect(cloud.databases.size).toBe(1);
  });
});
