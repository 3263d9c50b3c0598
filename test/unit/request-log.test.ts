import { afterEach, describe, expect, it, vi } from "vitest";
import { type RequestLogLevel, startRequestLog, writeRequestLog } from "../../src/request-log.ts";

const request = new Request("https://s3.example.com/bucket/key", { method: "PUT", headers: { "content-length": "5" } });

afterEach(() => {
  vi.restoreAllMocks();
});

/** What is written about an answer, by method of the console. */
function written(level: RequestLogLevel, status: number): string[] {
  const lines: string[] = [];
  for (const method of ["log", "error"] as const) {
    vi.spyOn(console, method).mockImplementation((line: string) => {
      lines.push(`${method} ${(JSON.parse(line) as { status: number }).status}`);
    });
  }
  writeRequestLog(startRequestLog("id"), { request, response: new Response(null, { status }) }, level);
  return lines;
}

describe("the log line of a request", () => {
  it.each([
    ["all", 200, ["log 200"]],
    ["all", 304, ["log 304"]],
    ["all", 404, ["log 404"]],
    ["all", 503, ["error 503"]],
    ["errors", 200, []],
    ["errors", 304, []],
    ["errors", 399, []],
    ["errors", 400, ["log 400"]],
    ["errors", 499, ["log 499"]],
    ["errors", 500, ["error 500"]],
    ["errors", 503, ["error 503"]],
  ] as const)("at level %s is written for status %i: %j", (level, status, expected) => {
    expect(written(level, status)).toEqual(expected);
  });

  it("is not built if it is not written", () => {
    const read = vi.fn(() => {
      throw new Error("read for a line that nobody writes");
    });
    const log = Object.defineProperty(startRequestLog("id"), "operation", { get: read });
    const unread = { status: 200 } as Response;
    writeRequestLog(log, { request: {} as Request, response: unread }, "errors");
    expect(read).not.toHaveBeenCalled();
    expect(() => writeRequestLog(log, { request, response: new Response() }, "all")).toThrow("nobody writes");
  });

  it("has the lengths of both bodies", () => {
    const write = vi.spyOn(console, "log").mockImplementation(() => undefined);
    const response = new Response("body", { headers: { "content-length": "4" } });
    writeRequestLog(startRequestLog("id"), { request, response }, "all");
    const head = new Request(request.url, { method: "HEAD" });
    writeRequestLog(startRequestLog("id"), { request: head, response }, "all");
    expect(write.mock.calls.map(([line]) => JSON.parse(String(line)))).toMatchObject([
      { receivedBytes: 5, sentBytes: 4 },
      { receivedBytes: 0, sentBytes: 0 },
    ]);
  });
});
