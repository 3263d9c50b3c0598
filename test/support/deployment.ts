/** A clone of the project whose `npm run deploy` calls a fake of Cloudflare's API, for the tests of one file. */
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { copyAccount, type FakeAccount } from "./fake-account.ts";
import { FakeCloudflare } from "./fake-cloudflare.ts";

const root = join(import.meta.dirname, "../..");
export const migrations = readdirSync(join(root, "migrations"));

/** A separate clone, so that one test does not see the secrets and logs of another. */
export let clone: string;
/** New for each test. */
export let cloud: FakeCloudflare;

/** Registers the set-up and the clean-up of a file's tests. */
export function useClone(): void {
  beforeAll(() => {
    clone = mkdtempSync(join(tmpdir(), "deploy-test-"));
    for (const name of [
      "src",
      "scripts",
      "console",
      "migrations",
      "wrangler.toml",
      "package.json",
      ".dev.vars.example",
      "tsconfig.json",
      "tsconfig.console.json",
      "tsconfig.base.json",
    ]) {
      cpSync(join(root, name), join(clone, name), { recursive: true });
    }
    symlinkSync(join(root, "node_modules"), join(clone, "node_modules"));
  });
  afterAll(() => rmSync(clone, { recursive: true, force: true }));

  beforeEach(async () => {
    cloud = new FakeCloudflare();
    await cloud.start();
  });
  afterEach(async () => {
    await cloud.stop();
    rmSync(pendingPath(), { force: true });
  });
}

export const pendingPath = () => join(clone, ".deploy-secrets.json");

export interface Outcome {
  readonly code: number;
  readonly text: string;
}

/** @param input what the person types */
export function deploy(
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  input = "",
): Promise<Outcome> {
  const environment = {
    PATH: process.env.PATH,
    HOME: clone,
    CI: "1",
    CLOUDFLARE_API_BASE_URL: cloud.base,
    CLOUDFLARE_API_TOKEN: "x",
    WRANGLER_SEND_METRICS: "false",
    ...env,
  };
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ["-r", "./scripts/require-node.cjs", "scripts/deploy.ts", ...args],
      { env: environment, cwd: clone },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), text: `${stdout}${stderr}` });
      },
    );
    child.stdin?.end(input);
  });
}

const earlier = new Map<string, { readonly account: FakeAccount; readonly outcome: Outcome }>();

/**
 * A first deploy, from an environment, on the account of this test. The file makes it once: another test gets a copy of what it has
 * made and called.
 */
export async function deployOnce(env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const id = JSON.stringify(env);
  const made = earlier.get(id);
  if (made !== undefined) {
    copyAccount(made.account, cloud);
    return made.outcome;
  }
  const outcome = await deploy([], env);
  expect(outcome.code, outcome.text).toBe(0);
  const account = new FakeCloudflare();
  copyAccount(cloud, account);
  earlier.set(id, { account, outcome });
  return outcome;
}

export function keysIn(text: string): Record<string, string | undefined> {
  const find = (label: string) => new RegExp(`${label} +(\\S+)`).exec(text)?.[1];
  return {
    ROOT_ACCESS_KEY_ID: find("Access key id"),
    ROOT_SECRET_ACCESS_KEY: find("Secret access key"),
    SEAL_KEY: find("Seal key"),
  };
}

export function appliedMigrations(): unknown[] {
  return cloud.database
    .prepare("SELECT name FROM d1_migrations ORDER BY id")
    .all()
    .map(({ name }) => name);
}

/** Expects everything that a complete deploy creates. */
export function expectComplete(): void {
  expect([...cloud.buckets]).toEqual(["workers-s3-store"]);
  expect([...cloud.databases.values()].map(({ name }) => name)).toEqual(["workers-s3"]);
  expect(appliedMigrations()).toEqual(migrations);
  expect(cloud.queues.size).toBe(6);
  for (const { consumers } of cloud.queues.values()) expect(consumers).toHaveLength(1);
  expect(cloud.workers.get("workers-s3")?.schedules).toHaveLength(4);
  expect(Object.keys(cloud.secretsOf("workers-s3")).sort()).toEqual([
    "ROOT_ACCESS_KEY_ID",
    "ROOT_SECRET_ACCESS_KEY",
    "SEAL_KEY",
  ]);
  expect(existsSync(pendingPath())).toBe(false);
}

export function defined(values: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
