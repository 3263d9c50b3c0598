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

describeRefusals("ListObjects", { success: 200 });

async function list(bucket: string, query = "", style: Style = "path") {
  return readPage(await documentOf(await send({ bucket, query, style }), "ListBucketResult"));
}

describe("ListObjects", () => {
  it.each(STYLES)("ListObjects returns all properties of an object, with its owner, %s style", async (style) => {
    const bucket = await createBucket();
    const etag = await putObject(bucket, "a", "123456789");
    const { root } = await list(bucket, "", style);
    expect(headNames(root)).toEqual(["Name", "Prefix", "Marker", "MaxKeys", "IsTruncated"]);
    expect(textsIn(root, headNames(root))).toEqual({
      Name: bucket,
      Prefix: "",
      Marker: "",
      MaxKeys: "1000",
      IsTruncated: "false",
    });
    const contents = firstItem(root);
    expect(fields(contents)).toMatchObject({
      Key: "a",
      LastModified: expect.stringMatching(/\.000Z$/),
      ETag: `"${etag}"`,
      Size: "9",
      StorageClass: "STANDARD",
    });
    const { canonicalId } = await rootAccount();
    expect(contents && fields(all(contents, "Owner")[0])).toEqual({ ID: canonicalId, DisplayName: "root" });
  });

  it("ListObjects orders keys by their UTF-8 bytes", async () => {
    const bucket = await bucketOf(HOSTILE_KEYS);
    expect((await list(bucket)).keys).toEqual(HOSTILE_KEYS);
    expect((await list(bucket, "encoding-type=url")).keys.map(decodeListed)).toEqual(HOSTILE_KEYS);
  });

  it.each([1, 2, 5])("ListObjects pages by %i with the last key as marker", async (maxKeys) => {
    const bucket = await bucketOf(HOSTILE_KEYS);
    const found: string[] = [];
    for (let marker = ""; ; ) {
      const page = await list(bucket, `max-keys=${maxKeys}&marker=${encodeURIComponent(marker)}`);
      expect(textIn(page.root, "Marker")).toBe(marker);
      // API_ListObjects: NextMarker is returned only with a delimiter.
      expect(textIn(page.root, "NextMarker")).toBeUndefined();
      found.push(...page.keys);
      if (textIn(page.root, "IsTruncated") === "false") break;
      marker = page.keys.at(-1) ?? "";
    }
    expect(found).toEqual(HOSTILE_KEYS);
  });

  it.each([1, 2, 3])("ListObjects pages groups by %i with NextMarker", async (maxKeys) => {
    const bucket = await bucketOf(["a/1", "a/2", "b", "c/1", "c/2", "d"]);
    const found: string[] = [];
    for (let marker: string | undefined = ""; marker !== undefined; ) {
      const page = await list(bucket, `delimiter=/&max-keys=${maxKeys}&marker=${encodeURIComponent(marker)}`);
      found.push(...[...page.keys, ...page.prefixes].sort());
      marker = textIn(page.root, "NextMarker");
      expect(textIn(page.root, "IsTruncated")).toBe(String(marker !== undefined));
    }
    expect(found).toEqual(["a/", "b", "c/", "d"]);
  });

  it("ListObjects accepts a marker that is not a key, and one inside a group", async () => {
    const bucket = await bucketOf(["a/1", "a/2", "b"]);
    expect((await list(bucket, "marker=a/1x")).keys).toEqual(["a/2", "b"]);
    const inside = await list(bucket, "marker=a/1&delimiter=/");
    expect([inside.keys, inside.prefixes]).toEqual([["b"], []]);
    const behind = await list(bucket, "marker=a/&delimiter=/");
    expect([behind.keys, behind.prefixes]).toEqual([["b"], []]);
  });

  it("ListObjects groups by prefix and delimiter", async () => {
    const { root, keys, prefixes } = await list(
      await bucketOf(["p/a/1", "p/a/2", "p/b", "q"]),
      "prefix=p/&delimiter=/",
    );
    expect([keys, prefixes]).toEqual([["p/b"], ["p/a/"]]);
    expect(textsIn(root, ["Prefix", "Delimiter"])).toEqual({ Prefix: "p/", Delimiter: "/" });
  });

  it("ListObjects does not list what was removed under a condition", async () => {
    const bucket = await bucketOf(["a", "c"]);
    const etag = await putObject(bucket, "b");
    await send({ method: "DELETE", bucket, key: "b", headers: { "if-match": etag } });
    expect((await list(bucket)).keys).toEqual(["a", "c"]);
    const page = await list(bucket, "max-keys=2");
    expect([page.keys, textIn(page.root, "IsTruncated")]).toEqual([["a", "c"], "false"]);
  });

  it("ListObjects returns an empty page for max-keys=0", async () => {
    const { root, keys } = await list(await bucketOf(["a"]), "max-keys=0");
    expect([keys, textIn(root, "IsTruncated"), textIn(root, "MaxKeys")]).toEqual([[], "false", "0"]);
  });

  it.each([
    ["max-keys", "x", "max-keys", "Provided max-keys not an integer or within integer range"],
    ["max-keys", "-1", "maxKeys", "Argument maxKeys must be an integer between 0 and 2147483647"],
    ["encoding-type", "gzip", "encoding-type", "Invalid Encoding Method specified in Request"],
    ["encoding-type", "", "encoding-type", "Invalid Encoding Method specified in Request"],
  ])("ListObjects refuses %s=%s with InvalidArgument", async (parameter, value, argument, message) => {
    const bucket = await createBucket();
    await expectError(await send({ bucket, query: `${parameter}=${value}` }), 400, "InvalidArgument", {
      message,
      details: { ArgumentName: argument, ArgumentValue: value },
    });
  });

  it("ListObjects refuses a badly escaped parameter with InvalidURI", async () => {
    const bucket = await createBucket();
    const response = await send({ bucket, query: "prefix=%ff", as: null });
    await expectError(response, 400, "InvalidURI", {
      message: "Couldn't parse the specified URI.",
      details: { URI: "%ff" },
    });
  });

  it("ListObjects refuses two subresources at once with InvalidArgument", async () => {
    const bucket = await createBucket();
    await expectError(await send({ bucket, query: "acl&policy" }), 400, "InvalidArgument", {
      message: "Conflicting query string parameters: acl, policy",
      details: { ArgumentName: "ResourceType", ArgumentValue: "acl" },
    });
  });
});
