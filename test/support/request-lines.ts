/**
 * Setup of every file of the `worker` project: the Worker logs JSON lines, which only help where a test fails. They stay
 * in memory until then. On their own way each would be a message to Vitest's main process, and one that the Worker logs
 * after its request has ended would wait for the next message of the tests (vitest-pool-workers 0.23): Vitest waits for
 * the answer to it before it ends a file, so a run with such a line at the end of a file would never end.
 */
import { beforeEach } from "vitest";

const NAME = Symbol.for("workers-s3.request-lines");
const isolate = globalThis as { [NAME]?: string[] };

const lines = isolate[NAME] ?? keepLines();
isolate[NAME] = lines;

function keepLines(): string[] {
  const kept: string[] = [];
  for (const method of ["debug", "log", "info", "warn", "error"] as const) {
    const write = console[method].bind(console);
    console[method] = (...values: unknown[]) => {
      const [line] = values;
      if (typeof line === "string" && line.startsWith("{")) kept.push(line);
      else write(...values);
    };
  }
  return kept;
}

beforeEach(({ onTestFailed }) => {
  lines.length = 0;
  onTestFailed(() => console.info(["The Worker's log:", ...lines].join("\n")));
});
