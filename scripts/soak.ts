/**
 * `npm run test:soak`: rounds of random histories against the model of S3 and of concurrent clients, each with other seeds, for
 * `SOAK_MINUTES` (60). Each round is a process of its own. The output of a failed one is kept, with the seed that repeats it.
 */
import { spawn } from "node:child_process";
import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { exitCode, projectRoot } from "./wrangler.ts";

const FOLDER = join(projectRoot, ".wrangler", "soak");
const JOURNAL = join(FOLDER, "failures.log");
const HISTORIES = "1000";
const OPERATIONS = "4000";

const minutes = Number(process.env.SOAK_MINUTES ?? "60");
const end = Date.now() + minutes * 60_000;
let failures = 0;

mkdirSync(FOLDER, { recursive: true });
for (let round = 1; Date.now() < end; round++) {
  const seed = String(Math.floor(Math.random() * 2 ** 30) + 1);
  // Every third round uses the simulator's R2.
  const store = round % 3 === 0 ? "simulator" : "memory";
  const { code, output } = await runRound({ MODEL_SEED: seed, MODEL_STORE: store });
  if (code !== 0) {
    failures += 1;
    appendFileSync(JOURNAL, `${new Date().toISOString()} MODEL_SEED=${seed} MODEL_STORE=${store}\n${output}\n\n`);
  }
  const figures = /\d+ operations in \d+ histories, \d+ without an answer/.exec(output)?.[0] ?? "";
  console.info(`round ${round}: ${code === 0 ? "passed" : "FAILED"}, seed ${seed}, R2: ${store}; ${figures}`);
}
console.info(failures === 0 ? "All rounds passed." : `${failures} rounds failed: ${JOURNAL}`);
process.exitCode = failures === 0 ? 0 : 1;

async function runRound(variables: Readonly<Record<string, string>>): Promise<{ code: number; output: string }> {
  const vitest = join(projectRoot, "node_modules", "vitest", "vitest.mjs");
  const child = spawn(process.execPath, [vitest, "run", "--project", "worker", "--silent=false", "test/worker/model"], {
    cwd: projectRoot,
    env: { ...process.env, MODEL_COUNT: HISTORIES, MODEL_OPERATIONS: OPERATIONS, ...variables },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      output = (output + chunk).slice(-200_000);
    });
  }
  return { code: await exitCode(child), output };
}
