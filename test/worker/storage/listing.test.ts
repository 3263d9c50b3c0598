import { describe, expect, it } from "vitest";
import { compareBytes } from "../../../src/model/byte-order.ts";
import type { ListQuery } from "../../../src/model/object.ts";
import { attributes, bodyOf, objects, testBucket } from "../../support/storage.ts";

type Bucket = ReturnType<typeof testBucket>;

async function fill(keys: readonly string[]): Promise<Bucket> {
  const bucket = testBucket();
  await Promise.all(keys.map((key) => objects.put(bucket, key, bodyOf(key.slice(-10)), attributes())));
  return bucket;
}

/** The listing by S3's definition, computed from the keys. */
function expectedNames(keys: readonly string[], query: Omit<ListQuery, "maxKeys">): string[] {
  const names = new Set<string>();
  const nameOf = (key: string) => {
    const found = query.delimiter === "" ? -1 : key.indexOf(query.delimiter, query.prefix.length);
    return found === -1 ? key : key.slice(0, found + query.delimiter.length);
  };
  const passed = query.after.startsWith(query.prefix) ? nameOf(query.after) : query.after;
  for (const key of [...keys].sort(compareBytes)) {
    if (!key.startsWith(query.prefix) || compareBytes(key, query.after) <= 0) continue;
    if (nameOf(key) !== passed) names.add(nameOf(key));
  }
  return [...names];
}

/** Lists all pages and checks each against the rules. */
async function listAll(bucket: Bucket, query: Omit<ListQuery, "maxKeys">, maxKeys: number): Promise<string[]> {
  const names: string[] = [];
  let after = query.after;
  for (let pages = 0; pages < 2000; pages++) {
    const page = await objects.list(bucket, { ...query, after, maxKeys });
    const found = [...page.objects.map((object) => object.key), ...page.commonPrefixes].sort(compareBytes);
    expect(found.length).toBeLessThanOrEqual(maxKeys);
    names.push(...found);
    if (!page.isTruncated) return names;
    expect(page.last).toBe(found.at(-1));
    after = page.last;
  }
  throw new Error("the listing does not end");
}

const hostile = [
  "a",
  "a/",
  "a//",
  "a/b",
  "a/b/c",
  "a/b/d",
  "a/c",
  "a0",
  "b/\u{10FFFF}\u{10FFFF}/x",
  "b/x",
  "c d",
  "c+d",
  "c%20d",
  "ünï",
  "\u{FFFF}x",
  "\u{1F600}x",
  "/",
  "//",
  "/x",
  "~b/x",
  ".",
  "..",
  "./x",
  "../x",
  " ",
  "\t",
  "\u0001",
  "e&=?#",
  "z",
];

describe("listing", () => {
  const queries: Omit<ListQuery, "maxKeys">[] = [
    { prefix: "", delimiter: "", after: "" },
    { prefix: "", delimiter: "/", after: "" },
    { prefix: "a", delimiter: "/", after: "" },
    { prefix: "a/", delimiter: "/", after: "" },
    { prefix: "", delimiter: "/", after: "a/" },
    { prefix: "", delimiter: "/", after: "a/b" },
    { prefix: "a/", delimiter: "/", after: "a/b/c" },
    { prefix: "a/", delimiter: "/", after: "a/b/" },
    { prefix: "", delimiter: "/", after: "b/\u{10FFFF}" },
    { prefix: "", delimiter: "//", after: "a//x" },
    { prefix: "", delimiter: "/", after: "b/" },
    { prefix: "", delimiter: "", after: "a/b" },
    { prefix: "", delimiter: "b/", after: "" },
    { prefix: "", delimiter: "//", after: "" },
    { prefix: "", delimiter: "\u{10FFFF}", after: "" },
    { prefix: "nothing", delimiter: "", after: "" },
    { prefix: "a", delimiter: "", after: "b" },
    { prefix: "b", delimiter: "", after: "a" },
  ];
  it.each(queries)("agrees with S3's definition, page sizes 1, 2, 3 and 1000: %j", async (query) => {
    const bucket = await fill(hostile);
    const expected = expectedNames(hostile, query);
    for (const maxKeys of [1, 2, 3, 1000]) expect(await listAll(bucket, query, maxKeys)).toEqual(expected);
    // Its common prefixes are verified.
    const versioned = { ...bucket, documents: { versioning: "Enabled" } } as Bucket;
    for (const maxKeys of [2, 1000]) expect(await listAll(versioned, query, maxKeys)).toEqual(expected);
  });

  it("round-trips and orders keys of up to 1,024 bytes, among their shorter neighbours", async () => {
    const head = "p/".padEnd(958, "x");
    const keys = [
      `${head}ab`,
      `${head}abc`,
      `${head}ab/1`,
      `${head}ab/2`,
      `${head}aé/1`,
      `${head}a\u{1F600}`,
      `${head}a\u{1F600}/1`,
      head,
      `${head}z`,
      `${head}zz/${"y".repeat(63)}`,
      `${head}zz/${"y".repeat(62)}z`,
      `${head}zz-`,
      "p/a",
      "p/y",
      "q",
      "é".repeat(512),
      "é".repeat(511),
      `${"\u{1F600}".repeat(255)}/abc`,
    ];
    const bucket = await fill(keys);
    for (const key of keys) expect((await objects.head(bucket, { key }))?.key).toBe(key);
    for (const query of [
      { prefix: "", delimiter: "", after: "" },
      { prefix: "", delimiter: "/", after: "" },
      { prefix: "p/", delimiter: "/", after: "" },
      { prefix: "p/", delimiter: "b/", after: "" },
      { prefix: "p/", delimiter: "y", after: "" },
      { prefix: `${head}zz`, delimiter: "/", after: "" },
      { prefix: `${head}ab`, delimiter: "", after: "" },
      { prefix: `${head}a`, delimiter: "/", after: "" },
      { prefix: "", delimiter: "", after: `${head}ab/1` },
    ]) {
      for (const maxKeys of [1, 2, 1000])
        expect(await listAll(bucket, query, maxKeys)).toEqual(expectedNames(keys, query));
    }
  });

  it("shows storage class and owner of entries that are not plain, and other entries without reading them", async () => {
    const bucket = testBucket();
    const other = "f".repeat(64);
    await objects.put(bucket, "plain", bodyOf("x"), attributes());
    await objects.put(bucket, "reduced", bodyOf("x"), attributes({ storageClass: "REDUCED_REDUNDANCY" }));
    await objects.put(bucket, "theirs", bodyOf("x"), attributes({ ownerId: other }));
    const { objects: rows } = await objects.list(bucket, { prefix: "", delimiter: "", after: "", maxKeys: 10 });
    expect(rows.map(({ key, storageClass, ownerId }) => [key, storageClass, ownerId])).toEqual([
      ["plain", "STANDARD", bucket.ownerId],
      ["reduced", "REDUCED_REDUNDANCY", bucket.ownerId],
      ["theirs", "STANDARD", other],
    ]);
  });

  it("resolves a page full of marked entries", async () => {
    const bucket = testBucket();
    const keys = Array.from({ length: 130 }, (_, index) => `k${String(index).padStart(4, "0")}`);
    await Promise.all(
      keys.map((key) => objects.put(bucket, key, bodyOf("x"), attributes({ storageClass: "STANDARD_IA" }))),
    );
    const page = await objects.list(bucket, { prefix: "", delimiter: "", after: "k0009", maxKeys: 1000 });
    expect(page.objects.map((object) => object.key)).toEqual(keys.slice(10));
    expect(new Set(page.objects.map((object) => object.storageClass))).toEqual(new Set(["STANDARD_IA"]));
  });
});
