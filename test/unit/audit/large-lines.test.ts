/** Lines of the audit that a client tries to make too large for a message, or tries to fill with what no action reads. */
import { expect, it, vi } from "vitest";
import { type LineKind, LineQueue, MESSAGE_BYTES } from "../../../src/access-log/line-queue.ts";
import { formatAuditLine, shortenAuditLine } from "../../../src/audit/line.ts";
import { shownOfForm } from "../../../src/audit/shown.ts";

interface Message {
  readonly text: string;
}

function queueWith(shorten?: (line: string) => string) {
  const sent: Message[] = [];
  const kind: LineKind<string, Message> = {
    name: "audit",
    nameOf: () => "one",
    shareOf: (log) => log,
    toMessages: (drafts) => drafts.map(({ text }) => ({ text })),
    ...(shorten !== undefined && { shorten }),
  };
  const send = async (messages: readonly Message[]) => {
    sent.push(...messages);
  };
  return { sent, lines: new LineQueue(kind, { queue: { send }, waitUntil: () => {} }) };
}

const line = (text: string) => ({ log: "share", time: 0, line: text });

it("a line that is larger than a message is shortened, and the lines of its batch are sent", async () => {
  const { sent, lines } = queueWith(() => "short");
  lines.add([line("before"), line("x".repeat(MESSAGE_BYTES)), line("after")]);
  await lines.flush();
  expect(sent.map(({ text }) => text).join("")).toBe("before\nshort\nafter\n");
});

it("of a batch, only a line that cannot be shortened is lost", async () => {
  const errors = vi.spyOn(console, "error").mockImplementation(() => {});
  const { sent, lines } = queueWith();
  lines.add([line("before"), line("é".repeat(MESSAGE_BYTES / 2)), line("after")]);
  await lines.flush();
  expect(sent.map(({ text }) => text).join("")).toBe("before\nafter\n");
  expect(errors.mock.calls.join()).toContain("a line is larger than a message");
  errors.mockRestore();
});

it("a shortened line is the entry without its parameters", () => {
  const entry = {
    type: "change",
    time: 0,
    requestId: "R",
    service: "iam",
    operation: "PutUserPolicy",
    caller: { kind: "root" },
    parameters: { UserName: "é".repeat(100) },
    status: 200,
  };
  const whole = formatAuditLine(entry as unknown as Parameters<typeof formatAuditLine>[0]);
  const { parameters: _, ...rest } = JSON.parse(whole);
  expect(JSON.parse(shortenAuditLine(whole))).toEqual({ ...rest, parameters: { omittedBytes: expect.any(Number) } });
});

it.each(["Endpoint", "Attributes", "UserName", "PolicyDocument"])("names below %s do not make a line large", (name) => {
  const digits = "0".repeat(140_000);
  const form = new Map([
    [`${name}.member.${digits}`, "https://x"],
    [`${name}.entry.${digits}.key`, "v"],
  ]);
  expect(JSON.stringify(shownOfForm(form) ?? {}).length).toBeLessThan(1_000);
});

it("members, which a client numbers as it likes, do not displace the parameters that an action reads", () => {
  const junk = Array.from({ length: 40 }, (_, index) => [`UserName.member.${index + 1}`, "x"] as const);
  const form = new Map([...junk, ["UserName", "u"], ["PolicyName", "p"], ["PolicyDocument", "{}"]]);
  expect(shownOfForm(form)).toMatchObject({ UserName: "u", PolicyName: "p", PolicyDocument: { bytes: 2 } });
});
