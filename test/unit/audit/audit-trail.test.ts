import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { FLUSH_MS } from "../../../src/access-log/line-queue.ts";
import { AuditTrail } from "../../../src/audit/audit-trail.ts";
import { DENIED_PER_ACCOUNT } from "../../../src/audit/denial-limit.ts";
import type { AuditSetting } from "../../../src/model/audit.ts";
import { type RequestLog, startRequestLog } from "../../../src/request-log.ts";
import type { AuditMessage } from "../../../src/storage/journal/messages.ts";

const ON: AuditSetting = { accountId: "1", bucket: "trail", prefix: "" };
const OTHER: AuditSetting = { ...ON, bucket: "other" };

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

type Known = AuditSetting | "off" | undefined;

function trailWith(setting: { known: () => Known; find?: () => Promise<AuditSetting | "off"> }, failures = 0) {
  const attempts: (readonly AuditMessage[])[] = [];
  const send = async (messages: readonly AuditMessage[]) => {
    if (messages.length === 0) return;
    attempts.push(messages);
    if (attempts.length <= failures) throw new Error("no queue");
  };
  const find = setting.find ?? (async () => setting.known() ?? "off");
  const trail = new AuditTrail({ queue: { send }, waitUntil: () => {}, setting: { known: setting.known, find } });
  return { trail, attempts };
}

const client = {} as Parameters<AuditTrail["note"]>[0]["client"];

function note(trail: AuditTrail, log: Partial<RequestLog> = {}, status = 403): void {
  const request = new Request("https://s3.example.com/b/k");
  trail.note({ request, client, log: { ...startRequestLog("R"), ...log } }, new Response(null, { status }));
}

const textOf = (messages: readonly AuditMessage[] = []) => messages.map(({ text }) => text).join("");

it("while it is off, nothing of a request is read", async () => {
  const { trail, attempts } = trailWith({ known: () => "off" });
  const log = new Proxy({} as RequestLog, {
    get(_target, name) {
      if (name !== "formerAudit") throw new Error(`read ${String(name)}`);
      return undefined;
    },
  });
  trail.note({ request: {} as Request, client, log }, { status: 403 } as Response);
  await trail.flush();
  expect(attempts).toEqual([]);
});

it("a line goes where the setting said at the time of the request, also if it is switched off meanwhile", async () => {
  let known: Known = ON;
  const { trail, attempts } = trailWith({ known: () => known });
  note(trail);
  known = OTHER;
  note(trail);
  known = "off";
  note(trail);
  await vi.advanceTimersByTimeAsync(FLUSH_MS);
  await trail.flush();
  expect(attempts.flat().map(({ setting }) => setting.bucket)).toEqual(["trail", "other"]);
});

it("where the setting is not known, it is asked once for each batch, and again if that fails", async () => {
  const find = vi.fn<() => Promise<AuditSetting | "off">>();
  find.mockRejectedValueOnce(new Error("no database")).mockResolvedValue(ON);
  const { trail, attempts } = trailWith({ known: () => undefined, find });
  for (let step = 0; step < 3; step++) note(trail);
  const flushed = trail.flush();
  await vi.advanceTimersByTimeAsync(1_000);
  await flushed;
  expect(find).toHaveBeenCalledTimes(2);
  expect(textOf(attempts[0]).trimEnd().split("\n")).toHaveLength(3);

  find.mockResolvedValue("off");
  note(trail);
  await trail.flush();
  expect(attempts).toHaveLength(1);
});

it("what a queue did not confirm is sent again under the same ids, so that it is one object", async () => {
  const { trail, attempts } = trailWith({ known: () => ON }, 2);
  note(trail);
  const flushed = trail.flush();
  await vi.advanceTimersByTimeAsync(10_000);
  await flushed;
  expect(attempts).toHaveLength(3);
  expect(new Set(attempts.flat().map(({ id }) => id)).size).toBe(1);
});

it("a request whose line is left out waits for the line that counts it", async () => {
  const { trail, attempts } = trailWith({ known: () => ON });
  for (let step = 0; step < DENIED_PER_ACCOUNT; step++) note(trail);
  await trail.flush();
  note(trail, { code: "AccessDenied" });
  await trail.flush();
  expect(JSON.parse(textOf(attempts[1]))).toMatchObject({ type: "omitted", count: 1, codes: { AccessDenied: 1 } });
});

it("never throws", () => {
  const report = vi.spyOn(console, "error").mockImplementation(() => {});
  const { trail } = trailWith({ known: () => ON });
  const log = { operation: "DeleteObjects", detail: { removals: () => [null as never] } };
  expect(() => note(trail, log, 200)).not.toThrow();
  expect(report.mock.calls.map(([line]) => JSON.parse(String(line)))).toMatchObject([{ audit: "lost", lines: 1 }]);
});
