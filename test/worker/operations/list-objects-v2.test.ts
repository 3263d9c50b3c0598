import { describe, expect, it } from "vitest";
import { rootAccount } from "../../support/accounts.ts";
import { expectError } from "../../support/errors.ts";
import {
  bucketOf,
  decodeListed,
  firstItem,
  HOSTILE_KEYS,
  headNames,
  readPage,
  textsIn,
} from "../../support/listing.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { putObject, STYLES, type Style, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { all, documentOf, fields, textIn } from "../../support/xml.ts";

describeRefusals("ListObjectsV2", { query: "list-type=2", success: 200 });

async function list(bucket: string, query = "", style: Style = "path") {
  const response = await send({ bucket, query: `list-type=2&${query}`, style });
  return readPage(await documentOf(response, "ListBucketResult"));
}

async function listAll(bucket: string, query: string): Promise<{ names: string[]; pages: number }> {
  const names: string[] = [];
  let token: string | undefined;
  let pages = 0;
  do {
    const page = await list(bucket, `${query}${token === undefined ? "" : `&continuation-token=${token}`}`);
    if (token !== undefined) expect(textIn(page.root, "ContinuationToken")).toBe(token);
    names.push(...[...page.keys, ...page.prefixes].sort());
    expect(textIn(page.root, "KeyCount")).toBe(String(page.keys.length + page.prefixes.length));
    token = textIn(page.root, "NextContinuationToken");
    expect(textIn(page.root, "IsTruncated")).toBe(String(token !== undefined));
    pages++;
  } while (token !== undefined);
  return { names, pages };
}

describe("ListObjectsV2", () => {
  it.each(STYLES)("ListObjectsV2 returns all properties of an object, %s style", async (style) => {
    const bucket = await createBucket();
    const etag = await putObject(bucket, "a", "123456789");
    const { root } = await list(bucket, "", style);
    expect(headNames(root)).toEqual(["Name", "Prefix", "KeyCount", "MaxKeys", "IsTruncated"]);
    expect(textsIn(root, headNames(root))).toEqual({
      Name: bucket,
      Prefix: "",
      KeyCount: "1",
      MaxKeys: "1000",
      IsTruncated: "false",
    });
    expect(fields(firstItem(root))).toEqual({
      Key: "a",
      LastModified: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/),
      ETag: `"${etag}"`,
      Size: "9",
      StorageClass: "STANDARD",
    });
  });

  it("ListObjectsV2 returns size, ETag, class and checksum of a large object behind a manifest", async () => {
    const bucket = await createBucket();
    const headers = { "x-amz-storage-class": "STANDARD_IA", "x-amz-checksum-crc32": "y/Q5Jg==" };
    await putObject(bucket, "small", "123456789", { headers });
    const body = new Uint8Array(1024 * 1024 + 1);
    const etag = await putObject(bucket, "large", body, { headers: { "x-amz-storage-class": "STANDARD_IA" } });
    const { root } = await list(bucket);
    const [large, small] = all(root, "Contents").map(fields);
    expect(large).toMatchObject({ Size: String(body.byteLength), ETag: `"${etag}"`, StorageClass: "STANDARD_IA" });
    expect(small).toMatchObject({
      StorageClass: "STANDARD_IA",
      ChecksumAlgorithm: "CRC32",
      ChecksumType: "FULL_OBJECT",
    });
  });

  it("ListObjectsV2 returns owners only on request", async () => {
    const bucket = await bucketOf(["a"]);
    const root = await rootAccount();
    expect(all(firstItem((await list(bucket)).root) ?? fail(), "Owner")).toEqual([]);
    expect(all(firstItem((await list(bucket, "fetch-owner=false")).root) ?? fail(), "Owner")).toEqual([]);
    const [owner] = all(firstItem((await list(bucket, "fetch-owner=true")).root) ?? fail(), "Owner");
    expect(fields(owner)).toEqual({ ID: root.canonicalId, DisplayName: "root" });
  });

  it("ListObjectsV2 answers an empty bucket", async () => {
    const { root, keys } = await list(await createBucket());
    expect([keys, textIn(root, "KeyCount")]).toEqual([[], "0"]);
  });

  it.each(STYLES)(
    "ListObjectsV2 orders keys by their UTF-8 bytes and writes them without loss, %s style",
    async (style) => {
      const bucket = await bucketOf(HOSTILE_KEYS);
      expect((await list(bucket, "", style)).keys).toEqual(HOSTILE_KEYS);
      const encoded = await list(bucket, "encoding-type=url", style);
      expect(textIn(encoded.root, "EncodingType")).toBe("url");
      expect(encoded.keys.map(decodeListed)).toEqual(HOSTILE_KEYS);
      // API_ListObjectsV2: "test_file(3).png will appear as test_file%283%29.png".
      const example = await bucketOf(["test_file(3).png"]);
      expect((await list(example, "encoding-type=url")).keys).toEqual(["test_file%283%29.png"]);
    },
  );

  it("ListObjectsV2 url-encodes prefix, delimiter, start-after and common prefixes as well", async () => {
    const bucket = await bucketOf(["a b/c d/e"]);
    const { root, prefixes } = await list(bucket, "encoding-type=url&prefix=a%20b/&delimiter=d/&start-after=a%20");
    expect(textsIn(root, ["Prefix", "Delimiter", "StartAfter"])).toEqual({
      Prefix: "a+b/",
      Delimiter: "d/",
      StartAfter: "a+",
    });
    expect(prefixes).toEqual(["a+b/c+d/"]);
  });

  // "Organizing objects using prefixes" (using-prefixes).
  it("ListObjectsV2 groups by prefix and delimiter", async () => {
    const bucket = await bucketOf([
      "photos/2006/a",
      "photos/2006/b",
      "photos/2007/a",
      "photos/x",
      "sample.jpg",
      "photos",
    ]);
    const top = await list(bucket, "delimiter=%2F");
    expect([top.keys, top.prefixes]).toEqual([["photos", "sample.jpg"], ["photos/"]]);
    expect(textIn(top.root, "KeyCount")).toBe("3");
    const inner = await list(bucket, "delimiter=/&prefix=photos/");
    expect([inner.keys, inner.prefixes]).toEqual([["photos/x"], ["photos/2006/", "photos/2007/"]]);
    expect(textsIn(inner.root, ["Prefix", "Delimiter"])).toEqual({ Prefix: "photos/", Delimiter: "/" });
    const long = await list(bucket, "delimiter=2006/");
    expect([long.keys, long.prefixes]).toEqual([
      ["photos", "photos/2007/a", "photos/x", "sample.jpg"],
      ["photos/2006/"],
    ]);
    expect((await list(bucket, "prefix=nothing")).keys).toEqual([]);
  });

  it.each([1, 2, 3, 7, 1000])("ListObjectsV2 pages by %i without losing or repeating anything", async (maxKeys) => {
    const bucket = await bucketOf(HOSTILE_KEYS);
    const flat = await listAll(bucket, `max-keys=${maxKeys}`);
    expect(flat.names.length).toBe(HOSTILE_KEYS.length);
    expect(new Set(flat.names)).toEqual(new Set(HOSTILE_KEYS));
    expect(flat.pages).toBe(Math.ceil(HOSTILE_KEYS.length / maxKeys));
    const grouped = await listAll(bucket, `max-keys=${maxKeys}&delimiter=/`);
    const expected = new Set(HOSTILE_KEYS.map((key) => /^[^/]*\/?/s.exec(key)?.[0] ?? ""));
    expect(grouped.names.length).toBe(expected.size);
    expect(new Set(grouped.names)).toEqual(expected);
  });

  it("ListObjectsV2 begins after start-after, and ignores it if there is a token", async () => {
    const bucket = await bucketOf(["a", "b", "c", "d"]);
    const first = await list(bucket, "start-after=a&max-keys=1");
    expect([first.keys, textIn(first.root, "StartAfter")]).toEqual([["b"], "a"]);
    const token = textIn(first.root, "NextContinuationToken") ?? "";
    const next = await list(bucket, `start-after=c&continuation-token=${token}`);
    expect([next.keys, textIn(next.root, "StartAfter")]).toEqual([["c", "d"], undefined]);
    expect((await list(bucket, "start-after=b%00")).keys).toEqual(["c", "d"]);
    expect((await list(bucket, "start-after=z")).keys).toEqual([]);
  });

  it("ListObjectsV2 continues after a common prefix if start-after is below it", async () => {
    const bucket = await bucketOf(["p/a/1", "p/a/2", "p/b"]);
    const page = await list(bucket, "prefix=p/&delimiter=/&start-after=p/a/1");
    expect([page.keys, page.prefixes]).toEqual([["p/b"], []]);
  });

  it("ListObjectsV2 returns no token when the last page is exactly full", async () => {
    const { root, keys } = await list(await bucketOf(["a", "b"]), "max-keys=2");
    expect([keys.length, textIn(root, "IsTruncated"), textIn(root, "NextContinuationToken")]).toEqual([
      2,
      "false",
      undefined,
    ]);
  });

  it.each([
    ["0", "0", 0, "false"],
    ["", "1000", 3, "false"],
    ["5000", "1000", 3, "false"],
    ["2", "2", 2, "true"],
  ])("ListObjectsV2 reads max-keys=%s as %s", async (value, shown, count, truncated) => {
    const { root, keys } = await list(await bucketOf(["a", "b", "c"]), `max-keys=${value}`);
    expect([textIn(root, "MaxKeys"), keys.length, textIn(root, "IsTruncated")]).toEqual([shown, count, truncated]);
  });

  it.each(["x", "1.5", "99999999999999999999"])(
    "ListObjectsV2 refuses max-keys=%s with InvalidArgument",
    async (value) => {
      const bucket = await createBucket();
      const response = await send({ bucket, query: `list-type=2&max-keys=${value}` });
      await expectError(response, 400, "InvalidArgument", {
        message: "Provided max-keys not an integer or within integer range",
        details: { ArgumentName: "max-keys", ArgumentValue: value },
      });
    },
  );

  it("ListObjectsV2 refuses max-keys=-1 with InvalidArgument", async () => {
    const bucket = await createBucket();
    await expectError(await send({ bucket, query: "list-type=2&max-keys=-1" }), 400, "InvalidArgument", {
      message: "Argument maxKeys must be an integer between 0 and 2147483647",
      details: { ArgumentName: "maxKeys", ArgumentValue: "-1" },
    });
  });

  it.each(STYLES)("ListObjectsV2 refuses an unknown encoding with InvalidArgument, %s style", async (style) => {
    const bucket = await createBucket();
    const response = await send({ bucket, query: "list-type=2&encoding-type=base64", style });
    await expectError(response, 400, "InvalidArgument", {
      message: "Invalid Encoding Method specified in Request",
      details: { ArgumentName: "encoding-type", ArgumentValue: "base64" },
    });
  });

  it("ListObjectsV2 refuses tokens that it did not issue for this bucket with InvalidArgument", async () => {
    const bucket = await bucketOf(["a", "b"]);
    const other = await bucketOf(["a", "b"]);
    const foreign = textIn((await list(other, "max-keys=1")).root, "NextContinuationToken") ?? "";
    const own = textIn((await list(bucket, "max-keys=1")).root, "NextContinuationToken") ?? "";
    const changed = `${own.startsWith("A") ? "B" : "A"}${own.slice(1)}`;
    for (const token of [foreign, changed, `${own}AA`, "x"]) {
      const response = await send({ bucket, query: `list-type=2&continuation-token=${token}` });
      await expectError(response, 400, "InvalidArgument", {
        message: "The continuation token provided is incorrect",
        details: { ArgumentName: "continuation-token" },
      });
    }
  });

  it("ListObjectsV2 does not put the key into the token in the clear", async () => {
    const bucket = await bucketOf(["secret-key-name", "z"]);
    const token = textIn((await list(bucket, "max-keys=1")).root, "NextContinuationToken") ?? "";
    expect(token).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(token).not.toContain("secret");
  });
});

function fail(): never {
  throw new Error("nothing is listed");
}
