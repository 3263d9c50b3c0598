/**
 * Setup of every file of the `worker` project: the Worker logs a line for each request, which only helps where a test
 * fails. They stay in memory until then, since on their own way each is a message to Vitest's main process.
 */
import { beforeEach } from "vitest";

const NAME = Symbol.for("workers-s3.request-lines");
const isolate = globalThis as { [NAME]?: string[] };

const lines = isolate[NAME] ?? keepLines();
isolate[NAME] = lines;

function keepLines(): string[] {
  const kept: string[] = [];
  const write = console.log.bind(console);
  console.log = (...values: unknown[]) => {
    const [line] = values;
    if (typeof line === "string" && line.startsWith('{"requestId":')) kept.push(line);
    else write(...values);
  };
  return kept;
}

beforeEach(({ onTestFailed }) => {
  lines.length = 0;
  onTestFailed(() => console.info(lines.join("\n")));
});
