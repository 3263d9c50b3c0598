/** Listings of an adopted bucket are R2's own, and show what other Workers put. */
import { beforeAll, describe, expect, it } from "vitest";
import { adopt, r2 } from "../../support/adopted.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";

const KEYS = ["a", "b/1", "b/2", "b/c/3", "b0", "d/", "d/e", "~b/x", "~m/abcdefghijkl", "\u{FF5E}", "\u{1F600}"];
let bucket = "";

beforeAll(async () => {
  await createBucket();
  bucket = await adopt("ADOPT_FILES");
  for (const key of KEYS) await r2("ADOPT_FILES").put(key, key);
});

interface Page {
  readonly keys: string[];
  readonly prefixes: string[];
  readonly next: string | undefined;
}

const decode = (text: string) => decodeURIComponent(text.replaceAll("+", " "));

function textsIn(xml: string, pattern: RegExp): string[] {
  return [...xml.matchAll(pattern)].map(([, text = ""]) => decode(text));
}

async function list(query: string): Promise<Page> {
  const response = await send({ bucket, query: `${query}&encoding-type=url` });
  const xml = await response.text();
  if (response.status !== 200) throw new Error(`${response.status} ${xml}`);
  const next = /<(?:NextContinuationToken|NextMarker|NextKeyMarker)>([^<]*)</.exec(xml)?.[1];
  return {
    keys: textsIn(xml, /<Key>([^<]*)<\/Key>/g),
    prefixes: textsIn(xml, /<CommonPrefixes><Prefix>([^<]*)<\/Prefix>/g),
    next: next === undefined || !xml.includes("<IsTruncated>true") ? undefined : decode(next),
  };
}

async function listAll(query: string, parameter: string): Promise<Omit<Page, "next">> {
  const all: Omit<Page, "next"> = { keys: [], prefixes: [] };
  let after: string | undefined;
  for (let pages = 0; pages < 50; pages++) {
    const page = await list(after === undefined ? query : `${query}&${parameter}=${encodeURIComponent(after)}`);
    all.keys.push(...page.keys);
    all.prefixes.push(...page.prefixes);
    after = page.next;
    if (after === undefined) return all;
  }
  throw new Error("the listing has no end");
}

describe("a listing", () => {
  it("has all keys in the order of their bytes, in pages of any size", async () => {
    for (const size of [1, 2, 3, 1000]) {
      const v2 = await listAll(`list-type=2&max-keys=${size}`, "continuation-token");
      expect(v2).toEqual({ keys: KEYS, prefixes: [] });
      const versions = await listAll(`versions&max-keys=${size}`, "key-marker");
      expect(versions.keys).toEqual(KEYS);
    }
    expect((await listAll("max-keys=1000", "marker")).keys).toEqual(KEYS);
  });

  it("groups by delimiters, each prefix once, in pages of any size", async () => {
    const keys = ["a", "b0", "\u{FF5E}", "\u{1F600}"];
    const prefixes = ["b/", "d/", "~b/", "~m/"];
    for (const size of [1, 2, 3, 1000]) {
      const v2 = await listAll(`list-type=2&delimiter=/&max-keys=${size}`, "continuation-token");
      expect(v2).toEqual({ keys, prefixes });
      expect(await listAll(`delimiter=/&max-keys=${size}`, "marker")).toEqual({ keys, prefixes });
    }
    expect(await list("list-type=2&prefix=b/&delimiter=/")).toMatchObject({ keys: ["b/1", "b/2"], prefixes: ["b/c/"] });
    expect(await list("list-type=2&prefix=d/&delimiter=/")).toMatchObject({ keys: ["d/", "d/e"], prefixes: [] });
  });

  it("begins after a marker, and after all of a common prefix that contains it", async () => {
    const keysAfter = async (marker: string, more = "") =>
      (await list(`list-type=2&start-after=${encodeURIComponent(marker)}${more}`)).keys;
    expect(await keysAfter("b/1")).toEqual(KEYS.slice(2));
    expect(await keysAfter("b")).toEqual(KEYS.slice(1));
    expect(await keysAfter("\u{1F600}")).toEqual([]);
    expect(await list("list-type=2&delimiter=/&start-after=b/2")).toMatchObject({ prefixes: ["d/", "~b/", "~m/"] });
    expect(await list("marker=b/&delimiter=/")).toMatchObject({ prefixes: ["d/", "~b/", "~m/"] });
    expect(await list("list-type=2&prefix=b/&start-after=a")).toMatchObject({ keys: ["b/1", "b/2", "b/c/3"] });
    expect(await list("list-type=2&prefix=b/&start-after=c")).toMatchObject({ keys: [] });
    expect(await list("list-type=2&max-keys=0")).toMatchObject({ keys: [], next: undefined });
  });

  it("shows R2's size, ETag, time and class, and the bucket's owner", async () => {
    const head = await r2("ADOPT_FILES").head("a");
    const xml = await (await send({ bucket, query: "list-type=2&prefix=a&fetch-owner=true" })).text();
    expect(xml).toContain(`<ETag>&quot;${head?.etag}&quot;</ETag>`);
    expect(xml).toContain("<Size>1</Size>");
    expect(xml).toContain(`<LastModified>${head?.uploaded.toISOString().slice(0, 19)}`);
    expect(xml).toContain("<StorageClass>STANDARD</StorageClass>");
    expect(xml).toContain("<Owner><ID>");
  });

  it("makes one R2 call a page, and a bounded number behind a prefix that begins the page", async () => {
    const { env, counts, reset } = countingEnv(testEnv);
    await (await send({ bucket, query: "list-type=2", env })).text();
    for (const [query, calls] of [
      ["list-type=2", 1],
      ["list-type=2&delimiter=/&max-keys=2", 1],
      ["list-type=2&delimiter=/&start-after=b/1&max-keys=1", 2],
    ] as const) {
      reset();
      await (await send({ bucket, query, env })).text();
      expect([query, counts]).toEqual([query, { r2: calls, d1: 0, durableObject: 0, queue: 0 }]);
    }
  });
});
