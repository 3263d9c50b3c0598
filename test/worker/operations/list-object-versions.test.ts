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
import { createVersionedBucket, putMarker, putVersion, setVersioning } from "../../support/versions.ts";
import { all, documentOf, type Element, fields, textIn } from "../../support/xml.ts";

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

  // Measured on AWS: the first error of several.
  it.each([
    ["max-keys=x&version-id-marker=y", "max-keys", "Provided max-keys not an integer or within integer range"],
    ["version-id-marker=", "version-id-marker", "A version-id marker cannot be specified without a key marker."],
    ["key-marker=k&version-id-marker=", "version-id-marker", "A version-id marker cannot be empty."],
    ["key-marker=k&version-id-marker=x", "version-id-marker", "Invalid version id specified"],
  ])("ListObjectVersions refuses encoding-type=gzip&%s with InvalidArgument", async (query, argument, message) => {
    const bucket = await createBucket();
    const value = new URLSearchParams(query).get(argument) ?? "";
    await expectError(await send({ bucket, query: `versions&encoding-type=gzip&${query}` }), 400, "InvalidArgument", {
      message,
      details: { ArgumentName: argument, ArgumentValue: value },
    });
  });

  it("ListObjectVersions ignores a version marker with an empty key marker", async () => {
    const page = await list(await bucketOf(["a"]), "key-marker=&version-id-marker=null");
    expect(page.keys).toEqual(["a"]);
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

/** Versions and delete markers in the order of the document: key, id, and whether it is the latest. */
function rowsOf({ children }: Element): string[] {
  return children
    .filter(({ name }) => name === "Version" || name === "DeleteMarker")
    .map((row) => [row.name, ...["Key", "VersionId", "IsLatest"].map((name) => textIn(row, name))].join(" "));
}

describe("ListObjectVersions of a versioned bucket", () => {
  // Recorded on AWS (LocalStack, test_list_objects_versions_markers).
  it("ListObjectVersions shows versions and delete markers of each key, newest first, and continues after both markers", async () => {
    const bucket = await createVersionedBucket();
    const [first = [], second = [], third = []] = [[], [], []] as string[][];
    first.push(await putVersion(bucket, "test_0", "version 1"));
    second.push(await putVersion(bucket, "test_1", "version 1"));
    third.push(await putVersion(bucket, "test_2", "version 1"), await putVersion(bucket, "test_2", "version 2"));
    for (const [index, versions] of [first, second, third].entries()) {
      versions.push(await putMarker(bucket, `test_${index}`));
    }
    first.push(await putVersion(bucket, "test_0", "version 2"));
    second.push(await putVersion(bucket, "test_1", "version 2"));
    const all = [
      `Version test_0 ${first[2]} true`,
      `DeleteMarker test_0 ${first[1]} false`,
      `Version test_0 ${first[0]} false`,
      `Version test_1 ${second[2]} true`,
      `DeleteMarker test_1 ${second[1]} false`,
      `Version test_1 ${second[0]} false`,
      `DeleteMarker test_2 ${third[2]} true`,
      `Version test_2 ${third[1]} false`,
      `Version test_2 ${third[0]} false`,
    ];
    const { root } = await list(bucket);
    expect(rowsOf(root)).toEqual(all);
    expect(headNames(root)).toEqual([
      "Name",
      "Prefix",
      "KeyMarker",
      "VersionIdMarker",
      "MaxKeys",
      "IsTruncated",
      "DeleteMarker",
      "DeleteMarker",
      "DeleteMarker",
    ]);

    const page = async (query: string) => {
      const { root: found } = await list(bucket, query);
      const names = ["IsTruncated", "NextKeyMarker", "NextVersionIdMarker"];
      return [rowsOf(found), ...names.map((name) => textIn(found, name))];
    };
    expect(await page("max-keys=5")).toEqual([all.slice(0, 5), "true", "test_1", second[1]]);
    expect(await page("max-keys=1&key-marker=test_1")).toEqual([all.slice(6, 7), "true", "test_2", third[2]]);
    expect(await page("max-keys=1&key-marker=test_2")).toEqual([[], "false", undefined, undefined]);
    expect(await page(`max-keys=1&key-marker=test_1&version-id-marker=${second[1]}`)).toEqual([
      all.slice(5, 6),
      "true",
      "test_1",
      second[0],
    ]);
    expect(await page(`max-keys=1&key-marker=test_2&version-id-marker=${third[1]}`)).toEqual([
      all.slice(8),
      "false",
      undefined,
      undefined,
    ]);
    expect(await page("max-keys=1&key-marker=")).toEqual([all.slice(0, 1), "true", "test_0", first[2]]);
    expect(await page("max-keys=0")).toEqual([[], "false", undefined, undefined]);
  });

  // Recorded on AWS (LocalStack, test_list_objects_versions_with_prefix_only_and_pagination).
  it("ListObjectVersions continues at the version that is then the latest if those before the markers were deleted", async () => {
    const bucket = await createVersionedBucket();
    const versions: string[] = [];
    for (let count = 0; count < 5; count++) versions.unshift(await putVersion(bucket, "prefixed_key", ""));
    await putVersion(bucket, "non_prefixed_key", "");
    for (const versionId of versions.slice(0, 3)) {
      await send({ method: "DELETE", bucket, key: "prefixed_key", query: `versionId=${versionId}` });
    }
    const { root } = await list(
      bucket,
      `prefix=prefix&max-keys=5&key-marker=prefixed_key&version-id-marker=${versions[2]}`,
    );
    expect(rowsOf(root)).toEqual([
      `Version prefixed_key ${versions[3]} true`,
      `Version prefixed_key ${versions[4]} false`,
    ]);
  });

  it("ListObjectVersions shows what each row has on AWS, encoded if asked for", async () => {
    const bucket = await createVersionedBucket();
    const versionId = await putVersion(bucket, "a b", "123456789", { headers: { "x-amz-checksum-crc32": "y/Q5Jg==" } });
    const markerId = await putMarker(bucket, "a b");
    const { root } = await list(bucket, "encoding-type=url");
    const { canonicalId } = await rootAccount();
    const [version] = all(root, "Version");
    const [marker] = all(root, "DeleteMarker");
    expect(version?.children.map(({ name }) => name)).toEqual([
      "Key",
      "VersionId",
      "IsLatest",
      "LastModified",
      "ETag",
      "ChecksumAlgorithm",
      "ChecksumType",
      "Size",
      "Owner",
      "StorageClass",
    ]);
    expect(fields(version)).toMatchObject({ Key: "a+b", VersionId: versionId, ChecksumAlgorithm: "CRC32", Size: "9" });
    expect(marker?.children.map(({ name }) => name)).toEqual(["Key", "VersionId", "IsLatest", "LastModified", "Owner"]);
    expect(fields(marker)).toMatchObject({ Key: "a+b", VersionId: markerId, IsLatest: "true" });
    expect(textIn(marker, "Owner", "ID")).toBe(canonicalId);
  });

  it("ListObjectVersions shows one null version, and continues after it in pages of one", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "from before versioning");
    await setVersioning(bucket, "Enabled");
    const first = await putVersion(bucket, "k", "1");
    await setVersioning(bucket, "Suspended");
    await putObject(bucket, "k", "null");
    await setVersioning(bucket, "Enabled");
    const second = await putVersion(bucket, "k", "2");
    const expected = [`Version k ${second} true`, "Version k null false", `Version k ${first} false`];
    expect(rowsOf((await list(bucket)).root)).toEqual(expected);
    const found: string[] = [];
    for (let markers = ""; ; ) {
      const { root } = await list(bucket, `max-keys=1${markers}`);
      found.push(...rowsOf(root));
      const next = textIn(root, "NextVersionIdMarker");
      if (next === undefined) break;
      markers = `&key-marker=k&version-id-marker=${next}`;
    }
    expect(found).toEqual(expected);
    const { root } = await list(bucket, "key-marker=k&version-id-marker=null");
    expect(rowsOf(root)).toEqual(expected.slice(2));
  });

  it("ListObjectVersions and ListObjects group keys by a delimiter, whatever it is", async () => {
    const bucket = await createVersionedBucket();
    for (const key of ["a/1", "b A", "bA!", "c"]) await putVersion(bucket, key, "");
    await putMarker(bucket, "a/1");
    for (const [delimiter, versions, objects] of [
      ["/", ["a/"], []],
      ["A", ["b A", "bA"], ["b A", "bA"]],
      ["!", ["bA!"], ["bA!"]],
      [" ", ["b "], ["b "]],
    ] as const) {
      const query = `delimiter=${encodeURIComponent(delimiter)}`;
      expect((await list(bucket, query)).prefixes).toEqual(versions);
      const answer = await documentOf(await send({ bucket, query }), "ListBucketResult");
      expect(readPage(answer).prefixes).toEqual(objects);
    }
  });
});
