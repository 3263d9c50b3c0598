import { describe, expect, it } from "vitest";
import type { AdminRequest } from "../../../cli/arguments.ts";
import { formatSize, parseSize } from "../../../cli/sizes.ts";
import { formatAge, formatHistory, formatUsage, readUsage } from "../../../cli/usage.ts";

describe("sizes", () => {
  it.each([
    ["0", 0],
    ["1000", 1000],
    ["10GB", 10_000_000_000],
    ["10gb", 10_000_000_000],
    ["10G", 10_000_000_000],
    ["1.5 kB", 1500],
    ["10GiB", 10 * 1024 ** 3],
    ["2KiB", 2048],
    ["0.5MiB", 524_288],
    ["9PB", 9e15],
    ["100b", 100],
  ])("%s is %i bytes", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each([
    "",
    "GB",
    "-1",
    "1e3",
    "10XB",
    "10 G B",
    "10iB",
    "1,000",
    "10PB0",
    "10 PB 1",
    "10PB",
    "99999999999999999",
    "٣",
  ])("%j is not one", (text) => {
    expect(parseSize(text)).toBe(undefined);
  });

  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.00 kB"],
    [999_499, "999 kB"],
    [999_500, "1.00 MB"],
    [12_345_678_901, "12.3 GB"],
  ])("%i is shown as %s", (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });
});

it.each([
  [-5, "0 min"],
  [119 * 60_000, "119 min"],
  [120 * 60_000, "2 h"],
  [49 * 3_600_000, "2 days"],
])("an age of %i ms is shown as %s", (ms, text) => {
  expect(formatAge(ms)).toBe(text);
});

const FIGURES = {
  objects: 1,
  versions: 2,
  deleteMarkers: 3,
  bytes: 4000,
  noncurrentBytes: 5,
  openUploads: 6,
  uploadBytes: 7,
};

it("usage is read page by page, with what it asks for", async () => {
  const asked: string[] = [];
  const send = async ({ path }: AdminRequest) => {
    asked.push(path);
    return path.includes("after=")
      ? { buckets: [{ name: "b" }] }
      : { buckets: [{ name: "a" }], accounts: [{ accountId: "1" }], next: "a&" };
  };
  const all = await readUsage({ method: "GET", path: "/-/admin/usage?account=1" }, send);
  expect(asked).toEqual(["/-/admin/usage?account=1", "/-/admin/usage?account=1&after=a%26"]);
  expect(all).toEqual({ buckets: [{ name: "a" }, { name: "b" }], accounts: [{ accountId: "1" }] });
});

it("usage is shown as two tables, with ages", () => {
  const computedAt = "2140-01-01T00:00:00.000Z";
  const nothing = Object.fromEntries(Object.keys(FIGURES).map((name) => [name, null]));
  const text = formatUsage(
    {
      buckets: [
        { name: "b", accountId: "1", ...FIGURES, computedAt, quota: { bytes: 5000, objects: 9 } },
        { name: "new", accountId: "1", ...nothing, computedAt: null },
      ],
      accounts: [{ accountId: "1", displayName: "a\u001b", buckets: 2, uncounted: 1, ...FIGURES, computedAt }],
    },
    new Date("2140-01-01T00:03:00Z"),
  );
  expect(text).toBe(
    [
      "bucket  account  objects  size     versions  their size  markers  uploads  of parts  counted    quota",
      "b       1        1        4.00 kB  2         5 B         3        6        7 B       3 min ago  5.00 kB, 9 objects",
      "new     1                                                                            not yet",
      "",
      "account  name  buckets  objects  size     versions  their size  markers  uploads  of parts  counted    quota",
      "1        a?    2        1        4.00 kB  2         5 B         3        6        7 B       3 min ago",
      "",
    ].join("\n"),
  );
});

it("history is shown as a table", () => {
  const text = formatHistory({ history: [{ date: "2140-01-01", objects: 1, bytes: 2000, noncurrentBytes: 3 }] });
  expect(text.split("\n")[1]?.split(/ {2,}/)).toEqual(["2140-01-01", "1", "2.00 kB", "3 B"]);
});
