/** Removals: `npm run deploy -- --remove` as a person runs it, against a fake of Cloudflare's API. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { nameSealKey } from "../../src/storage/sealing.ts";
import { clone, cloud, deploy, deployOnce, expectComplete, keysIn, useClone } from "../support/deployment.ts";

useClone();

/** Takes the place of ten deploys, each of which builds the Worker. */
function deployFake(): void {
  cloud.workers.set("workers-s3", {
    bindings: [{ type: "secret_text", name: "SEAL_KEY", text: "ab" }],
    files: [],
    subdomain: { enabled: true, previews_enabled: true },
    schedules: [],
  });
  cloud.buckets.add("workers-s3-store");
  for (const name of ["events", "deliveries", "retries", "replication", "access-logs", "dead-letters"]) {
    cloud.addQueue(`workers-s3-${name}`, "workers-s3");
  }
  cloud.routes.set("r1", { pattern: "*.s3.example.com/*", script: "workers-s3" });
  cloud.routes.set("r2", { pattern: "www.example.com/*", script: "another" });
  cloud.domains.set("d1", { hostname: "s3.example.com", service: "workers-s3" });
  cloud.addDatabase("workers-s3");
}

/** What a removal without the data leaves. */
function expectRemoved(): void {
  expect([...cloud.workers.keys()]).toEqual([]);
  expect([...cloud.queues.keys()]).toEqual([]);
  expect([...cloud.routes.keys()]).toEqual(["r2"]);
  expect([...cloud.domains.keys()]).toEqual([]);
}

function expectKept(): void {
  expect([...cloud.buckets]).toEqual(["workers-s3-store"]);
  expect(cloud.databases.size).toBe(1);
}

const deletions = () => cloud.changes.filter((call) => call.startsWith("DELETE"));

describe("a removal", () => {
  beforeEach(deployFake);

  it("says what goes and what is kept, and does it once the name is typed", async () => {
    const { code, text } = await deploy(["--remove"], {}, "workers-s3\n");
    expect(code, text).toBe(0);
    const [before = "", after = ""] = text.split("Type the name of the Worker");
    for (const name of [
      "route *.s3.example.com/*",
      "domain s3.example.com",
      "Worker workers-s3, with its schedules, its secrets and its Durable Objects",
      "queue workers-s3-events",
      "consumer of the queue workers-s3-events",
    ]) {
      expect(before).toContain(`- ${name}`);
      expect(after).toContain(`Deleted: ${name}`);
    }
    expect(before).toContain("Will be kept:\n  - R2 bucket workers-s3-store\n  - D1 database workers-s3\n");
    expectRemoved();
    expectKept();
  });

  it.each([
    ["nothing is typed", [], ""],
    ["another name is typed", [], "workers-s4\n"],
    ["the name of the data is not typed", ["--delete-data"], "workers-s3\n"],
    ["a script does not name the data", ["--delete-data", "--yes"], ""],
    ["a script names other data", ["--delete-data=workers-s4", "--yes"], ""],
    ["it is a dry run", ["--dry-run", "--yes"], ""],
  ])("deletes nothing if %s", async (_case, flags, input) => {
    const { text } = await deploy(["--remove", ...flags], {}, input);
    expect(text).toContain("Will be deleted:");
    expect(deletions()).toEqual([]);
  });

  it("never deletes an R2 bucket that can be adopted, and says so", async () => {
    const own = '\n[[r2_buckets]]\nbinding = "ADOPT_PHOTOS"\nbucket_name = "photos"\n';
    const toml = readFileSync(join(clone, "wrangler.toml"), "utf8");
    writeFileSync(join(clone, "own.toml"), toml + own);
    writeFileSync(join(clone, "shared.toml"), toml + own.replace('"photos"', '"workers-s3-store"'));
    cloud.buckets.add("photos");
    const refused = await deploy(["--config", "shared.toml"]);
    expect([refused.code, refused.text]).toEqual([1, expect.stringContaining("as ADOPT_PHOTOS and as STORE")]);
    const { code, text } = await deploy(["--remove", "--config", "own.toml", "--yes", "--delete-data=workers-s3"]);
    expect(code, text).toBe(0);
    expect(text).toContain("R2 bucket photos: it is yours");
    expect([...cloud.buckets]).toEqual(["photos"]);
    expect(deletions().some((call) => call.includes("photos"))).toBe(false);
  });

  it("takes --yes for the name, and no other flags", async () => {
    const refused = await deploy(["--remove", "--yes", "--minify"]);
    expect([refused.code, refused.text.trim()]).toEqual([1, "--remove does not take --minify."]);
    expect((await deploy(["--yes"])).text).toContain("--yes belongs to --remove.");
    expect(deletions()).toEqual([]);
    expect((await deploy(["--remove", "--yes"])).code).toBe(0);
    expectRemoved();
  });

  it("is repeatable, and says that nothing is left", async () => {
    await deploy(["--remove", "--yes"]);
    const before = cloud.changes.length;
    const { code, text } = await deploy(["--remove", "--yes"]);
    expect(code, text).toBe(0);
    expect(text).toContain("Nothing is left of the Worker workers-s3 and its queues.");
    expect(cloud.changes.slice(before)).toEqual([]);
    expectKept();
  });

  it("keeps a queue that another Worker uses", async () => {
    cloud.addQueue("workers-s3-events", "another");
    const { text } = await deploy(["--remove", "--yes"]);
    expect(text).toContain("queue workers-s3-events: another Worker uses it");
    expect([...cloud.queues.values()].map(({ queue_name, consumers }) => [queue_name, consumers.length])).toEqual([
      ["workers-s3-events", 1],
    ]);
    expect(cloud.workers.size).toBe(0);
  });

  it("keeps buckets and queues of the operator, whatever flags are given", async () => {
    const toml = readFileSync(join(clone, "wrangler.toml"), "utf8");
    const more = [
      '[[r2_buckets]]\nbinding = "ADOPT_PHOTOS"\nbucket_name = "photos"',
      '[[r2_buckets]]\nbinding = "STORE_EU_WEST_1"\nbucket_name = "workers-s3-eu"',
      '[[queues.producers]]\nbinding = "QUEUE_MINE"\nqueue = "mine"',
    ].join("\n\n");
    writeFileSync(join(clone, "operators.toml"), `${toml}\n${more}\n`);
    for (const bucket of ["photos", "workers-s3-eu"]) cloud.buckets.add(bucket);
    cloud.addQueue("mine");
    const flags = ["--config", "operators.toml", "--remove", "--yes", "--delete-data=workers-s3"];
    const { code, text } = await deploy(flags);
    expect(code, text).toBe(0);
    expect(text).toContain("queue mine: it is yours");
    expect(text).toContain("R2 bucket photos: it is yours");
    expect([...cloud.buckets]).toEqual(["photos"]);
    expect([...cloud.queues.values()].map(({ queue_name }) => queue_name)).toEqual(["mine"]);
    expect(cloud.databases.size).toBe(0);
  });

  it("deletes bucket and database if both names are typed", async () => {
    const { code, text } = await deploy(["--remove", "--delete-data"], {}, "workers-s3\nworkers-s3\n");
    expect(code, text).toBe(0);
    expectRemoved();
    expect(cloud.buckets.size + cloud.databases.size).toBe(0);
  });

  it("never deletes a bucket that holds objects, nor the database that describes them", async () => {
    cloud.fullBuckets.add("workers-s3-store");
    const { code, text } = await deploy(["--remove", "--yes", "--delete-data=workers-s3"]);
    expect(code).toBe(1);
    expect(text).toContain("Kept, because it holds objects: R2 bucket workers-s3-store, and with it the D1 database");
    expectRemoved();
    expectKept();
    cloud.fullBuckets.clear();
    expect((await deploy(["--remove", "--yes", "--delete-data=workers-s3"])).code).toBe(0);
    expect(cloud.buckets.size + cloud.databases.size).toBe(0);
  });

  it("stops if the zone of a route is not visible", async () => {
    cloud.fail({ method: "GET", path: /^\/zones/, status: 403 });
    const { code, text } = await deploy(["--remove", "--yes"]);
    expect(code).toBe(1);
    expect(text).toContain("Workers Routes: Edit");
    expect(deletions()).toEqual([]);
  });
});

describe("a removal that failed half-way", () => {
  const calls = [
    ["a route", /^\/zones\/zone\/workers\/routes\//],
    ["a domain", /^\/workers\/domains\//],
    ["a consumer", /consumers\//],
    ["the Worker", /^\/workers\/services\//],
    ["a queue", /^\/queues\/[^/]+$/],
    ["the bucket", /^\/r2\/buckets\//],
    ["the database", /^\/d1\/database\//],
  ] as const;
  const faults = calls.flatMap(([name, path]) => [
    [`${name} cannot be deleted`, { method: "DELETE", path, status: 500, times: 1 }] as const,
    [`the answer about ${name} is lost`, { method: "DELETE", path, status: 500, times: 1, isAfter: true }] as const,
  ]);

  // Each runs two removals; all of them only in `npm run test:failures`.
  const chosen = process.env.ALL_FAILURES ? faults : faults.filter((_, index) => index % 4 === 0 || index % 4 === 3);

  it.each(chosen)("says so, and the same command continues it: %s", async (_case, fault) => {
    deployFake();
    cloud.fail({ ...fault });
    const command = ["--remove", "--yes", "--delete-data=workers-s3"];
    const failed = await deploy(command);
    expect(failed.code, failed.text).toBe(1);
    expect(failed.text).toContain("run the same command again");
    const { code, text } = await deploy(command);
    expect(code, text).toBe(0);
    expectRemoved();
    expect(cloud.buckets.size + cloud.databases.size).toBe(0);
  });
});

describe("the keys of what is kept", () => {
  const sealKey = "5e".repeat(32);

  beforeEach(async () => {
    await deployOnce({ SEAL_KEY: sealKey });
    cloud.database.exec(
      `INSERT INTO buckets (name, id, account_id, region, created_at) SELECT 'b', 'aaaaaaaaaaaa', id, 'r', 1 FROM accounts;
       INSERT INTO signing_keys (id, fingerprint, certificate, private_key, created_at)
       VALUES ('${await nameSealKey(Uint8Array.from(Buffer.from(sealKey, "hex")))}', 'f', 'c', 'p', 1)`,
    );
  });

  it("are asked for before the Worker goes: without them nothing is removed", async () => {
    for (const env of [{}, { SEAL_KEY: "00".repeat(32) }]) {
      const { code, text } = await deploy(["--remove", "--yes"], env);
      expect(code).toBe(1);
      expect(text).toContain("SEAL_KEY is a secret of the Worker and goes with it.");
      expect(text).toContain("Nothing was removed.");
      expect(text).toContain("--without-seal-key");
    }
    expect(deletions()).toEqual([]);
    expect((await deploy(["--remove", "--yes", "--without-seal-key"])).code).toBe(0);
    expect(cloud.workers.size).toBe(0);
  });

  it("are needed by the next deploy, which finds the data again", async () => {
    const removed = await deploy(["--remove", "--yes"], { SEAL_KEY: sealKey });
    expect(removed.code, removed.text).toBe(0);
    expect(removed.text).toContain("environment is the right one: keep it.");
    expect(cloud.database.prepare("SELECT name FROM buckets").all()).toEqual([{ name: "b" }]);
    expect((await deploy()).text).toContain("Run the command again with SEAL_KEY");
    const { code, text } = await deploy([], { SEAL_KEY: sealKey });
    expect(code, text).toBe(0);
    expectComplete();
    expect(keysIn(text).SEAL_KEY).toBe(sealKey);
    expect(text).toContain("whose Durable Objects are gone");
    expect((await deploy()).text).not.toContain("Durable Objects");
  });
});
