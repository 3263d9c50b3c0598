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

describeRefusals("ListObjectVersions", { query: "versions", success: 200 });

async function list(bucket: string, query = "", style: Style = "path") {
  const response = await send({ bucket, query: `versions&${query}`, style });
  return readPage(await documentOf(response, "ListVersionsResult"), "Version");
}

describe("ListObjectVersions", () => {
  it.each(STYLES)("ListObjectVersions lists each object as its latest version null, %s style", async (style) => {
    const bucket = await createBucket();
    const etag = await putObject(bucket, "a", "123456789");
    const { root } = await list(bucket, "", style);
    expect(headNames(root)).toEqual(["Name", "Prefix", "KeyMarker", "VersionIdMarker", "MaxKeys", "IsTruncated"]);
    expect(textsIn(root, headNames(root))).toEqual({
      Name: bucket,
      Prefix: "",
      KeyMarker: "",
      VersionIdMarker: "",
      MaxKeys: "1000",
      IsTruncated: "false",
    });
    const version = firstItem(root, "Version");
    expect(fields(version)).toMatchObject({
      Key: "a",
      VersionId: "null",
      IsLatest: "true",
      LastModified: expect.stringMatching(/\.000Z$/),
      ETag: `"${etag}"`,
      Size: "9",
      StorageClass: "STANDARD",
    });
    const { canonicalId } = await rootAccount();
    expect(version && fields(all(version, "Owner")[0])).toEqual({ ID: canonicalId, DisplayName: "root" });
  });

  it.each([1, 4, 1000])("ListObjectVersions pages by %i with both markers", async (maxKeys) => {
    const bucket = await bucketOf(HOSTILE_KEYS);
    const found: string[] = [];
    let markers = "";
    for (;;) {
      const page = await list(bucket, `encoding-type=url&max-keys=${maxKeys}${markers}`);
      found.push(...page.keys.map(decodeListed));
      const { NextKeyMarker, NextVersionIdMarker } = textsIn(page.root, ["NextKeyMarker", "NextVersionIdMarker"]);
      expect(textIn(page.root, "IsTruncated")).toBe(String(NextKeyMarker !== undefined));
      if (NextKeyMarker === undefined) break;
      expect(NextVersionIdMarker).toBe("null");
      markers = `&key-marker=${encodeURIComponent(decodeListed(NextKeyMarker))}&version-id-marker=null`;
    }
    expect(found).toEqual(HOSTILE_KEYS);
  });

  it("ListObjectVersions groups by prefix and delimiter", async () => {
    const page = await list(await bucketOf(["p/a/1", "p/b", "q"]), "prefix=p/&delimiter=/");
    expect([page.keys, page.prefixes]).toEqual([["p/b"], ["p/a/"]]);
  });

  // Recorded on AWS (LocalStack, test_list_object_versions_pagination_common_prefixes).
  it("ListObjectVersions returns no version marker after a common prefix", async () => {
    const bucket = await bucketOf(["p/a/1", "p/a/2", "p/b", "p/c"]);
    const query = "prefix=p/&delimiter=/&max-keys=1";
    const first = await list(bucket, query);
    expect(textsIn(first.root, ["NextKeyMarker", "NextVersionIdMarker"])).toEqual({ NextKeyMarker: "p/a/" });
    const next = await list(bucket, `${query}&key-marker=p/a/`);
    expect(textsIn(next.root, ["NextKeyMarker", "NextVersionIdMarker"])).toEqual({
      NextKeyMarker: "p/b",
      NextVersionIdMarker: "null",
    });
  });

  it("ListObjectVersions continues after a common prefix if the marker is below it", async () => {
    const page = await list(await bucketOf(["p/a/1", "p/a/2", "p/b"]), "prefix=p/&delimiter=/&key-marker=p/a/1");
    expect([page.keys, page.prefixes]).toEqual([["p/b"], []]);
  });

  it("ListObjectVersions refuses a version marker without a key marker with InvalidArgument", async () => {
    const bucket = await createBucket();
    await expectError(await send({ bucket, query: "versions&version-id-marker=null" }), 400, "InvalidArgument", {
      message: "A version-id marker cannot be specified without a key marker.",
      details: { ArgumentName: "version-id-marker", ArgumentValue: "null" },
    });
  });

  it("ListObjectVersions refuses an invalid version marker with InvalidArgument", async () => {
    const bucket = await createBucket();
    const query = "versions&key-marker=k&version-id-marker=x";
    await expectError(await send({ bucket, query }), 400, "InvalidArgument", {
      message: "Invalid version id specified",
      details: { ArgumentName: "version-id-marker", ArgumentValue: "x" },
    });
  });

  it.each([
    ["max-keys", "x", "max-keys", "Provided max-keys not an integer or within integer range"],
    ["max-keys", "-1", "maxKeys", "Argument maxKeys must be an integer between 0 and 2147483647"],
    ["encoding-type", "gzip", "encoding-type", "Invalid Encoding Method specified in Request"],
    ["encoding-type", "", "encoding-type", "Invalid Encoding Method specified in Request"],
  ])("ListObjectVersions refuses %s=%s with InvalidArgument", async (parameter, value, argument, message) => {
    const bucket = await createBucket();
    await expectError(await send({ bucket, query: `versions&${parameter}=${value}` }), 400, "InvalidArgument", {
      message,
      details: { ArgumentName: argument, ArgumentValue: value },
    });
  });
});
