/**
 * The Worker and a model of S3 are sent the same random requests, and every answer must be the one that the model expects. After
 * a history, all objects, versions and uploads that are left are listed.
 *
 * A failure prints `MODEL_SEED=… MODEL_PATH=…`, which repeat the shortest history that was found. One that does not repeat, since
 * it hangs on what happens at the same time, is printed as it was seen.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { createAccount, rootAccount } from "../../support/accounts.ts";
import { useMemory } from "../../support/memory-r2.ts";
import { histories } from "../../support/model/arbitraries.ts";
import { runHistory, type Tally } from "../../support/model/histories.ts";
import { type Callers, callersOf } from "../../support/model/wire.ts";
import { testEnv } from "../../support/s3.ts";

const setting = (name: string): string => String(Reflect.get(testEnv, name) ?? "");
const COUNT = Number(setting("MODEL_COUNT")) || 200;
const SEED = Number(setting("MODEL_SEED")) || 20_261_129;
const PATH = setting("MODEL_PATH");
/** Histories at the same time: versioned writes wait, and others use that time. */
const LANES = 8;

const env = { ...testEnv, CONFIG_TTL_SECONDS: "600", REQUEST_LOG: "errors" };
let callers: Callers;
let useSimulator = () => {};

beforeAll(async () => {
  if (setting("MODEL_STORE") !== "simulator") useSimulator = useMemory(testEnv.STORE);
  vi.spyOn(console, "log").mockImplementation(() => {});
  callers = callersOf(await rootAccount(), await createAccount("another"));
});

afterAll(() => useSimulator());

let runs = 0;
const tally: Tally = new Map();

function run(history: Parameters<typeof runHistory>[0]): Promise<void> {
  runs += 1;
  return runHistory(history, { env, callers, prefix: `m${Date.now().toString(36)}-${runs}` }, tally);
}

const arbitrary = histories({ length: 14, largeParts: 0 });

/** The histories of a failed run that are shrunk: one of each kind of difference. */
const SHRUNK = Number(setting("MODEL_SHRUNK")) || 2;

it(`answers ${COUNT} random histories as the model of S3 does`, { timeout: 600_000 }, async () => {
  const samples = PATH === "" ? fc.sample(arbitrary, { seed: SEED, numRuns: COUNT }) : [];
  const failed = new Map<string, Failure>();
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < samples.length; index = next++) {
      const history = samples[index];
      if (history === undefined) return;
      await run(history).catch((error: unknown) => failed.set(kindOf(error), { path: String(index), error }));
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  if (setting("MODEL_TALLY") !== "")
    console.info(
      [...tally]
        .sort()
        .map(([name, count]) => `${name}: ${count}`)
        .join("\n"),
    );
  if (PATH !== "") failed.set("", { path: PATH, error: undefined });
  const shown = await Promise.all([...failed.values()].slice(0, SHRUNK).map(shrink));
  expect([...shown, ...[...failed.keys()].slice(SHRUNK)].join("\n\n").trim()).toBe("");
});

interface Failure {
  /** Of fast-check: the index of a history, and how it is shrunk. */
  readonly path: string;
  readonly error: unknown;
}

async function shrink({ path, error }: Failure): Promise<string> {
  const property = fc.asyncProperty(arbitrary, run);
  const again = await fc.check(property, { seed: SEED, path, numRuns: 1 });
  if (again.failed) return `MODEL_SEED=${SEED} MODEL_PATH=${again.counterexamplePath}\n${String(again.errorInstance)}`;
  return error === undefined
    ? ""
    : `MODEL_SEED=${SEED} MODEL_PATH=${path}, which does not fail again\n${String(error)}`;
}

/** The operation and its first difference, without what is another one in each history. */
function kindOf(error: unknown): string {
  const lines = String(error).split("\n");
  const at = lines.findIndex((line) => line.includes("DIFFERENT"));
  return `${/"op":"(\w+)"/.exec(lines[at - 1] ?? "")?.[1] ?? ""} ${lines[at]?.replaceAll(/\d+|[0-9a-f]{32}/g, "#") ?? String(error)}`;
}
