import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { LogFile } from "../../../scripts/log-file.ts";
import { ServerLog } from "../../../scripts/server-log.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "log-"));
  path = join(folder, "log");
});
afterEach(() => rmSync(folder, { recursive: true }));

const REQUEST = { level: "log", message: '{"requestId":"A"}' };
const FAILURE = { level: "error", message: '{"requestId":"B","cause":"x"}' };
const TRAFFIC = { level: "debug", message: '{"traffic":{"requests":2,"refused":0,"failed":1},"isLast":false}' };

function streams() {
  const written = { stdout: "", stderr: "" };
  const stream = (name: "stdout" | "stderr") => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  return { written, stdout: stream("stdout"), stderr: stream("stderr") };
}

it("shows failures and the traffic without --log", () => {
  const { written, ...both } = streams();
  const log = new ServerLog(undefined, both);
  for (const line of [REQUEST, TRAFFIC, FAILURE]) log.take(line);
  log.close();
  expect(written.stderr).toBe(`${FAILURE.message}\n`);
  expect(written.stdout).toMatch(/^\d\d:\d\d:\d\d {2}2 requests, 1 failed\n$/);
});

it("writes every line of the Worker to standard output with `--log -`", () => {
  const { written, ...both } = streams();
  const log = new ServerLog("-", both);
  for (const line of [REQUEST, TRAFFIC, FAILURE]) log.take(line);
  log.close();
  expect(written).toEqual({ stdout: `${REQUEST.message}\n`, stderr: `${FAILURE.message}\n` });
});

it("appends every line to the file of --log, in order, and shows failures and the traffic", () => {
  writeFileSync(path, "before\n");
  const { written, ...both } = streams();
  const log = new ServerLog(path, both);
  for (const line of [REQUEST, TRAFFIC, FAILURE, REQUEST]) log.take(line);
  log.close();
  const lines = ["before", REQUEST.message, FAILURE.message, REQUEST.message, ""];
  expect(readFileSync(path, "utf8")).toBe(lines.join("\n"));
  expect(written.stderr).toBe(`${FAILURE.message}\n`);
  expect(written.stdout).toMatch(/ {2}2 requests, 1 failed\n$/);
});

it("takes the text of a client that looks like the traffic for a line of the log", () => {
  const { written, ...both } = streams();
  const log = new ServerLog("-", both);
  log.take({ ...TRAFFIC, level: "log" });
  expect(written.stdout).toBe(`${TRAFFIC.message}\n`);
});

it("resolves lastReport at the last report, and at no earlier one", async () => {
  const { written: _, ...both } = streams();
  const log = new ServerLog("-", both);
  const arrived = vi.fn();
  const last = log.lastReport().then(arrived);
  log.take(REQUEST);
  log.take(TRAFFIC);
  await Promise.resolve();
  expect(arrived).not.toHaveBeenCalled();
  log.take({ ...TRAFFIC, message: TRAFFIC.message.replace("false", "true") });
  await last;
});

it("refuses a file that cannot be written, in one sentence", () => {
  expect(() => new ServerLog(join(folder, "missing/log"))).toThrow(
    `Cannot write to ${folder}/missing/log, which --log names.`,
  );
});

it("writes a batch after a moment", async () => {
  const file = new LogFile(path, () => undefined);
  file.append("ü");
  await vi.waitUntil(() => readFileSync(path, "utf8") === "ü\n");
  file.close();
});

it.skipIf(!existsSync("/dev/full"))("says once that the file can no longer be written", () => {
  const onError = vi.fn();
  const file = new LogFile("/dev/full", onError);
  file.append("x".repeat(256 * 1024));
  file.append("x".repeat(256 * 1024));
  file.close();
  expect(onError).toHaveBeenCalledTimes(1);
  expect(onError).toHaveBeenCalledWith(expect.stringMatching(/^Cannot write to \/dev\/full: .*ENOSPC/));
});
