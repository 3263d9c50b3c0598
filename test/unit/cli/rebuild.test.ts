import { expect, it } from "vitest";
import { type AdminRequest, parseInvocation } from "../../../cli/arguments.ts";
import { UsageError } from "../../../cli/commands.ts";
import { isIncomplete, type RebuildOptions, rebuild } from "../../../cli/rebuild.ts";

const marker = (id: string, name: string, createdAt: number, region = "us-east-1") => ({ region, id, name, createdAt });

/** Answers pages of markers, and with an outcome for each id. */
function worker(
  pages: readonly (readonly ReturnType<typeof marker>[])[],
  outcomes: Readonly<Record<string, string>> = {},
) {
  const requests: AdminRequest[] = [];
  const send = async (request: AdminRequest) => {
    requests.push(request);
    if (request.path.endsWith("/markers")) {
      const { after = "0" } = request.body as { after?: string };
      const markers = pages[Number(after)] ?? [];
      const next = pages[Number(after) + 1];
      return {
        markers,
        next: next === undefined ? null : { region: next[0]?.region, after: String(Number(after) + 1) },
      };
    }
    const { buckets } = request.body as { buckets: { id: string }[] };
    return { buckets: buckets.map(({ id }) => ({ bucket: id, outcome: outcomes[id] ?? "restored" })) };
  };
  return { requests, send };
}

const sent = ({ requests }: ReturnType<typeof worker>) =>
  requests.filter(({ path }) => path.endsWith("/buckets")).map(({ body }) => body);

it("of several markers with one name, on any pages, the newest is chosen", async () => {
  const pages = [
    [marker("a", "one", 5), marker("b", "two", 5)],
    [marker("c", "one", 7, "eu"), marker("d", "two", 3, "eu"), marker("e", "three", 1, "eu")],
  ];
  const both = worker(pages);
  const rebuilt = await rebuild({}, both.send);
  expect(sent(both)).toEqual([
    {
      buckets: [
        { region: "eu", id: "c" },
        { region: "us-east-1", id: "b" },
        { region: "eu", id: "e" },
      ],
    },
  ]);
  expect(rebuilt).toMatchObject({
    restored: 3,
    existed: 0,
    buckets: [
      { bucket: "c", outcome: "restored" },
      { bucket: "b", outcome: "restored" },
      { bucket: "e", outcome: "restored" },
      { bucket: "one", outcome: "superseded", region: "us-east-1" },
      { bucket: "two", outcome: "superseded", region: "eu" },
    ],
  });
  expect(isIncomplete(rebuilt)).toBe(false);

  const one = worker(pages);
  await rebuild({ region: "us-east-1", owner: "root" }, one.send);
  expect(one.requests[0]?.body).toEqual({ region: "us-east-1" });
  expect(sent(one)).toEqual([
    {
      buckets: [
        { region: "us-east-1", id: "a" },
        { region: "us-east-1", id: "b" },
      ],
      owner: "root",
    },
  ]);
});

it("sends 50 buckets at a time, lists what existed by its number, and reports what is left to decide", async () => {
  const many = Array.from({ length: 120 }, (_, index) => marker(`id${index}`, `name-${index}`, 1));
  const existing = Object.fromEntries(many.slice(0, 100).map(({ id }) => [id, "exists"]));
  const { requests, send } = worker([many], { ...existing, id110: "name-taken" });
  const rebuilt = await rebuild({}, send);
  expect(sent({ requests, send }).map((body) => (body as { buckets: unknown[] }).buckets.length)).toEqual([50, 50, 20]);
  expect([rebuilt.restored, rebuilt.existed, rebuilt.buckets.length]).toEqual([19, 100, 20]);
  expect(isIncomplete(rebuilt)).toBe(true);
});

it("is a command of its own", () => {
  const optionsOf = (line: string) => {
    const invocation = parseInvocation(line.split(" "));
    if (invocation === "help") throw new Error("not help");
    expect(invocation.isRebuild).toBe(true);
    return invocation.request.body as RebuildOptions;
  };
  expect(optionsOf("rebuild")).toEqual({ region: undefined, owner: undefined });
  expect(optionsOf("rebuild --region eu-west-1 --owner root")).toEqual({ region: "eu-west-1", owner: "root" });
  for (const line of ["rebuild all", "rebuild --owner 123456789012"]) expect(() => optionsOf(line)).toThrow(UsageError);
});
