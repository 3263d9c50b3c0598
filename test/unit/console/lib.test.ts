import { describe, expect, it } from "vitest";
import { formatBytes, formatCount, formatTime } from "../../../console/src/lib/format.ts";
import { type Listing, PagedList } from "../../../console/src/lib/pages-of.ts";
import { readStart } from "../../../console/src/lib/read-start.ts";
import { link, matchPath, parseRoute } from "../../../console/src/lib/router.ts";
import { createStore } from "../../../console/src/lib/store.ts";
import { rowWindow } from "../../../console/src/lib/window.ts";
import { faultOfBucketName } from "../../../console/src/pages/buckets/bucket-name.ts";
import { justBefore } from "../../../console/src/pages/buckets/with-usage.ts";

describe("routes", () => {
  it.each(["a/b c", "100%", "ü&x=1#?", "/..//", "a+b"])("the key %s is the same after a link", (key) => {
    const { segments, query } = parseRoute(link("/buckets/:bucket/object", { bucket: "my.b" }, { key }));
    expect(matchPath("/buckets/:bucket/object", segments)).toEqual({ bucket: "my.b" });
    expect(query.get("key")).toBe(key);
  });

  it("another path does not match", () => {
    expect(matchPath("/buckets/:bucket", ["buckets"])).toBeUndefined();
    expect(matchPath("/buckets/:bucket", ["users", "a"])).toBeUndefined();
    expect(matchPath("/", [])).toEqual({});
  });

  it("a link leaves out what is empty, and a wrong percent sign stays", () => {
    expect(link("/buckets/:bucket", { bucket: "b" }, { prefix: "", version: undefined })).toBe("#/buckets/b");
    expect(parseRoute("#/buckets/%zz").segments).toEqual(["buckets", "%zz"]);
  });
});

describe("the rows of a long table that are drawn", () => {
  it.each([
    { scrollTop: 0, height: 440 },
    { scrollTop: 2_000_000, height: 440 },
    { scrollTop: 4_400_000 - 440, height: 440 },
  ])("are few at $scrollTop, and the height is that of all", (viewport) => {
    const { first, end, heightBefore, heightAfter } = rowWindow(100_000, 44, viewport);
    expect(end - first).toBeLessThan(40);
    expect(first * 44).toBeLessThanOrEqual(viewport.scrollTop);
    expect(end * 44).toBeGreaterThanOrEqual(Math.min(viewport.scrollTop + viewport.height, 4_400_000));
    expect(heightBefore + (end - first) * 44 + heightAfter).toBe(4_400_000);
  });

  it("stay within a table that is empty, or has become shorter", () => {
    expect(rowWindow(0, 44, { scrollTop: 500, height: 440 })).toMatchObject({ first: 0, end: 0 });
    expect(rowWindow(5, 44, { scrollTop: 50_000, height: 440 })).toMatchObject({ first: 5, end: 5, heightAfter: 0 });
  });
});

describe("a listing in pages", () => {
  const listed = (pages: Record<string, { rows: number[]; next?: string }>) => {
    const seen: Listing<number>[] = [];
    const asked: (string | undefined)[] = [];
    const list = new PagedList<number, string>(
      async (position) => {
        asked.push(position);
        const page = pages[position ?? ""];
        if (page === undefined) throw new Error("no such page");
        return { rows: page.rows, next: page.next };
      },
      (listing) => seen.push(listing),
    );
    return { list, seen, asked };
  };

  it("loads one page after another, each once, until there is no other", async () => {
    const { list, seen, asked } = listed({ "": { rows: [1, 2], next: "p2" }, p2: { rows: [3] } });
    await Promise.all([list.loadMore(), list.loadMore()]);
    expect(seen.at(-1)).toEqual({ rows: [1, 2], isComplete: false, isLoading: false, error: undefined });
    await list.loadMore();
    await list.loadMore();
    expect(seen.at(-1)).toMatchObject({ rows: [1, 2, 3], isComplete: true });
    expect(asked).toEqual([undefined, "p2"]);
  });

  it("keeps its rows after a failure, and goes on with the page that failed", async () => {
    const { list, seen, asked } = listed({ "": { rows: [1], next: "lost" } });
    await list.loadMore();
    await list.loadMore();
    expect(seen.at(-1)).toMatchObject({ rows: [1], error: new Error("no such page"), isLoading: false });
    await list.loadMore();
    expect(asked).toEqual([undefined, "lost", "lost"]);
  });

  it("reports nothing after it was stopped", async () => {
    const { list, seen } = listed({ "": { rows: [1] } });
    const loading = list.loadMore();
    list.stop();
    await loading;
    expect(seen.map(({ isLoading }) => isLoading)).toEqual([true]);
  });
});

describe("texts", () => {
  it.each([
    [0, "0 bytes"],
    [1, "1 byte"],
    [1023, "1,023 bytes"],
    [1536, "1.5 KiB"],
    [5 * 1024 ** 3, "5 GiB"],
    [1024 ** 6, "1,024 PiB"],
  ])("%i bytes are %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it("counts and times", () => {
    expect([formatCount(1, "file"), formatCount(2000, "file"), formatCount(2, "entry", "entries")]).toEqual([
      "1 file",
      "2,000 files",
      "2 entries",
    ]);
    expect(formatTime(new Date(2026, 10, 29, 16, 4))).toBe("2026-11-29 16:04");
    expect([formatTime(undefined), formatTime("x")]).toEqual(["", ""]);
  });

  it.each(["ab", "Abc", "a_b", "-abc", "abc.", "a..b", "192.168.0.1"])("%s is no name of a bucket", (name) => {
    expect(faultOfBucketName(name)).toMatch(/^A name /);
  });

  it("my-bucket.1 is one", () => {
    expect(faultOfBucketName("my-bucket.1")).toBeUndefined();
  });
});

describe("usage in the list of buckets", () => {
  it.each([
    ["abc", "abb", "abb-z", "abb.9", "ab", "abbzzz"],
    ["b0", "b", "b-", "b.z", "azz"],
    ["a-b", "a-a9", "a-", "a--"],
  ])("starts with %s, and not with a name before it", (name, ...before) => {
    const start = justBefore(name);
    expect(start < name).toBe(true);
    for (const other of before) expect(other <= start).toBe(true);
  });
});

describe("the start of a text", () => {
  /** An answer of these chunks, and whether its reader has ended it. */
  const answerOf = (chunks: Iterator<Uint8Array<ArrayBuffer>>) => {
    const state = { pulled: 0, isEnded: false };
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        pull(controller) {
          const { value, done } = chunks.next();
          if (done) return controller.close();
          state.pulled++;
          controller.enqueue(value);
        },
        cancel() {
          state.isEnded = true;
        },
      },
      { highWaterMark: 0 },
    );
    return { body, state };
  };
  const bytes = (text: string) => new TextEncoder().encode(text);

  it("of an answer without an end is read, and the answer is ended", async () => {
    const endless = (function* () {
      for (;;) yield bytes("abcd");
    })();
    const { body, state } = answerOf(endless);
    expect(await readStart({ body }, 10)).toEqual({ text: "abcdabcdab", isCut: true });
    expect(state).toEqual({ pulled: 3, isEnded: true });
  });

  it("of an answer of exactly as many bytes is all of it", async () => {
    const { body, state } = answerOf([bytes("abcd"), bytes("efgh")].values());
    expect(await readStart({ body }, 8)).toEqual({ text: "abcdefgh", isCut: false });
    expect(state.isEnded).toBe(false);
  });

  it("has characters that two chunks share, and no part of a character at the cut", async () => {
    const [first = 0, second = 0] = bytes("ü");
    const parts = () => [Uint8Array.of(first), Uint8Array.of(second, first), Uint8Array.of(second)].values();
    expect(await readStart(answerOf(parts()), 4)).toEqual({ text: "üü", isCut: false });
    expect(await readStart(answerOf(parts()), 3)).toEqual({ text: "ü", isCut: true });
    expect(await readStart(answerOf([Uint8Array.of(0xff, 65, first)].values()), 9)).toEqual({
      text: "\ufffdA\ufffd",
      isCut: false,
    });
  });

  it("of an answer without a body is empty", async () => {
    expect(await readStart({ body: null }, 9)).toEqual({ text: "", isCut: false });
  });
});

describe("a store", () => {
  it("notifies of changes only, and not after the end of a subscription", () => {
    const store = createStore(1);
    const seen: number[] = [];
    const end = store.subscribe(() => seen.push(store.get()));
    store.set(1);
    store.set(2);
    end();
    store.set(3);
    expect(seen).toEqual([2]);
  });
});
