/** The machine of a run, without its name. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, loadavg, totalmem, type } from "node:os";
import type { Machine } from "./results.ts";

export function describeMachine(): Machine {
  const require = createRequire(import.meta.url);
  const { version } = JSON.parse(readFileSync(require.resolve("workerd/package.json"), "utf8")) as { version: string };
  return {
    cores: cpus().length,
    processor: cpus()[0]?.model.trim() ?? "an unknown processor",
    system: type(),
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    node: process.versions.node,
    workerd: version,
    load: Number((loadavg()[0] ?? 0).toFixed(1)),
  };
}
