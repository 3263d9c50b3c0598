import { readFileSync, statfsSync } from "node:fs";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/support/longest-first.ts";

/** Local storage syncs each write to its file system, and tests would wait for a disk more than they work. */
const MEMORY = "/dev/shm";
const MEMORY_NEEDED_BYTES = 4 * 1024 ** 3;

if (freeBytesOf(MEMORY) >= MEMORY_NEEDED_BYTES) process.env.TMPDIR ??= MEMORY;

function freeBytesOf(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return 0;
  }
}

/** Variables of the environment by the first letters of their names. */
function variables(prefix: string): Record<string, string> {
  const found = Object.entries(process.env).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(found.map(([name, value]) => [name, value ?? ""]));
}

/** Known secrets, so that tests can sign as root and read what is sealed. */
const testSecrets = {
  ROOT_ACCESS_KEY_ID: "AKIAROOTROOTROOTROOT",
  ROOT_SECRET_ACCESS_KEY: "root/secret/for/tests+0123456789abcdefgh",
  SEAL_KEY: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
};

export default defineConfig({
  test: {
    // One more than the smallest machine has cores, since some tests wait: for queues, for programs, for timeouts.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    // The Worker logs a line for each request, which only helps where a test fails.
    silent: "passed-only",
    projects: [
      {
        test: {
          name: "unit",
          isolate: false,
          pool: "threads",
          environment: "node",
          // Tables of thousands of rows, on machines that may be busy.
          testTimeout: 60_000,
          include: ["test/unit/**/*.test.ts"],
        },
      },
      {
        plugins: [
          cloudflareTest(async () => ({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              // A second region; R2 buckets to adopt, of which some are the same ones or a region's store.
              r2Buckets: {
                STORE: "store",
                STORE_EU_WEST_1: "store-eu-west-1",
                ADOPT_PHOTOS: "photos",
                ADOPT_PHOTOS_AGAIN: "photos",
                ADOPT_FILES: "files",
                ADOPT_STORE: "store",
                ADOPT_EU: "store-eu-west-1",
              },
              // A Worker that uses one of them directly.
              workers: [
                {
                  name: "plain",
                  modules: true,
                  script: readFileSync("./test/support/plain-worker.js", "utf8"),
                  compatibilityDate: "2026-08-01",
                  r2Buckets: { PHOTOS: "photos" },
                },
              ],
              serviceBindings: { PLAIN: "plain" },
              // A copy of the database that tests let lag behind, and that of a second deployment.
              d1Databases: ["REPLICA", "SECOND_DB"],
              bindings: {
                ...testSecrets,
                ALLOW_PRIVATE_TARGETS: "true",
                // Tests wait for what isolates cache.
                CONFIG_TTL_SECONDS: "1",
                // Tests look for secrets in the lines of all requests.
                REQUEST_LOG: "all",
                RACE_ROUNDS: process.env.RACE_ROUNDS ?? "2",
                ALL_FAILURES: process.env.ALL_FAILURES ?? "",
                FUZZ_RUNS: process.env.FUZZ_RUNS ?? "",
                SEED: process.env.SEED ?? "",
                // How many random histories, and which (test/worker/model).
                ...variables("MODEL_"),
                ACCESS_MATRIX: process.env.ACCESS_MATRIX ?? "",
                // The pause before a write is repeated is a second of the tests' platform (test/support/platform).
                PLATFORM_WAITS_MS: "25000,50000,40",
                // "off", to see what the limits of the platform change.
                PLATFORM_LIMITS: process.env.PLATFORM_LIMITS ?? "on",
                ONE_ISOLATE: "true",
                TEST_MIGRATIONS: await readD1Migrations("./migrations"),
              },
            },
          })),
        ],
        test: {
          name: "worker",
          isolate: false,
          // Some move tens of megabytes through a simulator, on machines that may be busy.
          testTimeout: 120_000,
          hookTimeout: 120_000,
          include: ["test/worker/**/*.test.ts"],
          globalSetup: ["./test/support/receiver.ts", "./test/support/console-pack.ts"],
          setupFiles: [
            "./test/support/pool-shortcuts.ts",
            "./test/support/request-lines.ts",
            "./test/support/empty-storage.ts",
          ],
        },
      },
      {
        test: {
          name: "clients",
          environment: "node",
          include: ["test/clients/**/*.test.ts"],
          globalSetup: ["./test/support/dev-server.ts"],
          // Some start servers of their own, several at a time on machines that may be busy.
          testTimeout: 120_000,
          hookTimeout: 240_000,
        },
      },
      {
        test: {
          name: "e2e",
          environment: "node",
          include: ["test/e2e/**/*.test.ts", "test/deploy/**/*.test.ts"],
          globalSetup: ["./test/support/dev-server.ts", "./test/support/aws-command.ts"],
          // Each starts servers, browsers or wrangler several times, on machines that may be busy.
          testTimeout: 240_000,
          hookTimeout: 240_000,
          expect: { poll: { timeout: 60_000 } },
        },
      },
    ],
  },
});
