import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { rootAccount } from "../../support/accounts.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { expectError } from "../../support/errors.ts";
import { decodeListed } from "../../support/listing.ts";
import { complete, createUpload, putPart, started } from "../../support/multipart.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { encode, STYLES, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { all, documentOf, type Element, fields, textIn, texts } from "../../support/xml.ts";

describeRefusals("ListMultipartUploads", { query: "uploads", success: 200 });

async function list(bucket: string, query = "", style?: (typeof STYLES)[number]): Promise<Element> {
  const response = await send({ bucket, query: `uploads${query}`, ...(style && { style }) });
  return documentOf(response, "ListMultipartUploadsResult");
}

/** Upload ids by key, in the order they were created. */
async function bucketOf(keys: readonly string[]): Promise<{ bucket: string; ids: string[] }> {
  const bucket = await createBucket();
  const ids: string[] = [];
  for (const key of keys) {
    ids.push(await createUpload({ bucket, key }));
    // Uploads of one key are listed by age, in milliseconds.
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return { bucket, ids };
}

function keysOf(root: Element): string[] {
  return texts(root, "Upload", "Key");
}

function prefixesOf(root: Element): string[] {
  return texts(root, "CommonPrefixes", "Prefix");
}

describe("ListMultipartUploads", () => {
  it.each(STYLES)("ListMultipartUploads describes a bucket without uploads, %s style", async (style) => {
    const bucket = await createBucket();
    expect(fields(await list(bucket, "", style))).toEqual({
      Bucket: bucket,
      KeyMarker: "",
      UploadIdMarker: "",
      NextKeyMarker: "",
      NextUploadIdMarker: "",
      MaxUploads: "1000",
      IsTruncated: "false",
    });
  });

  it("ListMultipartUploads returns all properties of an upload", async () => {
    const bucket = await createBucket();
    const headers = { "x-amz-storage-class": "STANDARD_IA", "x-amz-checksum-algorithm": "XXHASH128" };
    const uploadId = await createUpload({ bucket, key: "k" }, headers);
    const [upload] = all(await list(bucket), "Upload");
    expect(fields(upload)).toMatchObject({
      Key: "k",
      UploadId: uploadId,
      StorageClass: "STANDARD_IA",
      ChecksumAlgorithm: "XXHASH128",
      ChecksumType: "COMPOSITE",
    });
    expect(Math.abs(Date.parse(textIn(upload, "Initiated") ?? "") - Date.now())).toBeLessThan(60_000);
    const { canonicalId, displayName } = await rootAccount();
    for (const who of ["Owner", "Initiator"]) {
      expect([textIn(upload, who, "ID"), textIn(upload, who, "DisplayName")]).toEqual([canonicalId, displayName]);
    }
  });

  it("ListMultipartUploads lists open uploads by key in byte order, then by age", async () => {
    const { bucket, ids } = await bucketOf(["b", "a", "b", "\u{ffee}", "\u{1f600}", "a"]);
    const done = await createUpload({ bucket, key: "done" });
    await complete({ bucket, key: "done" }, done, [await putPart({ bucket, key: "done" }, done, 1, "content")]);
    const aborted = await createUpload({ bucket, key: "aborted" });
    await send({ bucket, key: "aborted", method: "DELETE", query: `uploadId=${encode(aborted)}` });
    const root = await list(bucket);
    expect(keysOf(root)).toEqual(["a", "a", "b", "b", "\u{ffee}", "\u{1f600}"]);
    expect(texts(root, "Upload", "UploadId")).toEqual([1, 5, 0, 2, 3, 4].map((index) => ids[index]));
    // AWS returns the last upload as the marker although nothing follows.
    expect(fields(root)).toMatchObject({
      NextKeyMarker: "\u{1f600}",
      NextUploadIdMarker: ids[4],
      IsTruncated: "false",
    });
  });

  it("ListMultipartUploads lists the uploads of this bucket only", async () => {
    await started();
    const { bucket } = await bucketOf(["mine"]);
    expect(keysOf(await list(bucket))).toEqual(["mine"]);
  });

  it("ListMultipartUploads groups by prefix and delimiter", async () => {
    const { bucket } = await bucketOf(["test/foo/bar/1", "test/foo/2", "test/bar/3", "test/4", "other"]);
    const top = await list(bucket, "&delimiter=/");
    expect([keysOf(top), prefixesOf(top)]).toEqual([["other"], ["test/"]]);
    const below = await list(bucket, "&prefix=test/&delimiter=/");
    expect([keysOf(below), prefixesOf(below)]).toEqual([["test/4"], ["test/bar/", "test/foo/"]]);
    expect([textIn(below, "Prefix"), textIn(below, "Delimiter")]).toEqual(["test/", "/"]);
    expect(keysOf(await list(bucket, "&prefix=test/foo"))).toEqual(["test/foo/2", "test/foo/bar/1"]);
    expect(keysOf(await list(bucket, "&prefix=none"))).toEqual([]);
  });

  it.each([1, 2, 3])("ListMultipartUploads pages through everything once by max-uploads=%i", async (maxUploads) => {
    const { bucket, ids } = await bucketOf(["a", "a", "a", "b/1", "b/2", "c", "c"]);
    for (const delimiter of ["", "&delimiter=/"]) {
      const seen: string[] = [];
      let markers = "";
      for (let page = 0; page < 20; page++) {
        const root = await list(bucket, `&max-uploads=${maxUploads}${delimiter}${markers}`);
        const found = [...texts(root, "Upload", "UploadId"), ...prefixesOf(root)];
        expect(found.length).toBeLessThanOrEqual(maxUploads);
        seen.push(...found);
        if (textIn(root, "IsTruncated") === "false") break;
        const next = textIn(root, "NextKeyMarker") || prefixesOf(root).at(-1);
        const [key, uploadId] = [next ?? "", textIn(root, "NextUploadIdMarker") ?? ""];
        markers = `&key-marker=${encode(key)}&upload-id-marker=${encode(uploadId)}`;
      }
      const grouped = [...ids.slice(0, 3), "b/", ...ids.slice(5)];
      expect(seen.toSorted()).toEqual((delimiter === "" ? ids : grouped).toSorted());
    }
  });

  it("ListMultipartUploads continues after the key marker, or after an upload of that key", async () => {
    const { bucket, ids } = await bucketOf(["a", "a", "a", "b"]);
    expect(keysOf(await list(bucket, "&key-marker=a"))).toEqual(["b"]);
    const rest = await list(bucket, `&key-marker=a&upload-id-marker=${ids[1]}`);
    expect(texts(rest, "Upload", "UploadId")).toEqual([ids[2], ids[3]]);
    expect(fields(rest)).toMatchObject({ KeyMarker: "a", UploadIdMarker: ids[1] });
    // "If key-marker is not specified, the upload-id-marker parameter is ignored."
    const ignored = await list(bucket, `&upload-id-marker=${ids[1]}`);
    expect([keysOf(ignored).length, textIn(ignored, "UploadIdMarker")]).toEqual([4, ""]);
  });

  // Recorded on AWS (LocalStack, test_list_multipart_uploads_marker_common_prefixes).
  it("ListMultipartUploads returns no upload id marker after a common prefix, and continues after the prefix from any key below it", async () => {
    const { bucket, ids } = await bucketOf(["folder/a/1", "folder/a/2", "folder/file1", "folder/file2"]);
    const query = "&prefix=folder/&delimiter=/&max-uploads=1";
    const first = await list(bucket, query);
    expect([prefixesOf(first), keysOf(first)]).toEqual([["folder/a/"], []]);
    expect(fields(first)).toMatchObject({ IsTruncated: "true", NextKeyMarker: "", NextUploadIdMarker: "" });
    for (const marker of ["folder/a/", "folder/a/1", "folder/a/1x/y", "folder/a/zzz"]) {
      const root = await list(bucket, `${query}&key-marker=${encode(marker)}`);
      expect([prefixesOf(root), keysOf(root)], marker).toEqual([[], ["folder/file1"]]);
      expect(fields(root)).toMatchObject({ NextKeyMarker: "folder/file1", NextUploadIdMarker: ids[2] });
    }
    const before = await list(bucket, `${query}&key-marker=${encode("folder/")}`);
    expect(prefixesOf(before)).toEqual(["folder/a/"]);
    expect(keysOf(await list(bucket, "&prefix=folder/&delimiter=/&key-marker=g"))).toEqual([]);
  });

  it("ListMultipartUploads groups by any delimiter in keys of any characters", async () => {
    const { bucket } = await bucketOf(["a\0/b", "a\0/c", "\u{1f600}--x", "\u{1f600}--y", "\u{1f600}-z", "\u{10ffff}"]);
    const slash = await list(bucket, "&delimiter=/&encoding-type=url");
    expect([prefixesOf(slash).map(decodeListed), keysOf(slash).length]).toEqual([["a\0/"], 4]);
    const dashes = await list(bucket, `&delimiter=--&prefix=${encode("\u{1f600}")}`);
    expect([prefixesOf(dashes), keysOf(dashes)]).toEqual([["\u{1f600}--"], ["\u{1f600}-z"]]);
  });

  it("ListMultipartUploads needs one query per page, regardless of its number of common prefixes", async () => {
    const { bucket } = await bucketOf(["plain"]);
    const numbers = Array.from({ length: 300 }, (_, index) => index);
    const row = await env.DB.prepare("SELECT id FROM buckets WHERE name = ?1").bind(bucket).first<{ id: string }>();
    await env.DB.prepare(
      `INSERT INTO open_uploads (bucket_id, key, upload_id, initiated_at, owner_id, storage_class)
       SELECT ?1, 'd' || value || '/' || (value % 3), 'u' || value, 0, '', 'STANDARD' FROM json_each(?2)`,
    )
      .bind(row?.id ?? "", JSON.stringify(numbers))
      .run();
    const counting = countingEnv(testEnv);
    await send({ method: "HEAD", bucket, env: counting.env });
    counting.reset();
    const response = await send({ bucket, query: "uploads&delimiter=/", env: counting.env });
    const root = await documentOf(response, "ListMultipartUploadsResult");
    expect([prefixesOf(root).length, keysOf(root), counting.counts.d1]).toEqual([300, ["plain"], 1]);
  });

  it("ListMultipartUploads with max-uploads=0 returns an empty page", async () => {
    const { bucket } = await bucketOf(["a"]);
    const root = await list(bucket, "&max-uploads=0");
    expect([keysOf(root), textIn(root, "MaxUploads"), textIn(root, "IsTruncated")]).toEqual([[], "0", "false"]);
  });

  it("ListMultipartUploads with encoding-type=url encodes keys, prefixes and markers", async () => {
    const keys = ["a b/\u0001", "ä&<>+%"];
    const { bucket } = await bucketOf(keys);
    const root = await list(bucket, "&encoding-type=url&max-uploads=1");
    expect([textIn(root, "EncodingType"), keysOf(root), textIn(root, "NextKeyMarker")]).toEqual([
      "url",
      ["a+b/%01"],
      "a+b/%01",
    ]);
    const all = await list(bucket, "&encoding-type=url");
    expect(keysOf(all).map(decodeListed)).toEqual(keys);
    const grouped = await list(bucket, `&encoding-type=url&delimiter=${encode("b/")}&prefix=${encode("a ")}`);
    expect([prefixesOf(grouped), textIn(grouped, "Delimiter"), textIn(grouped, "Prefix")]).toEqual([
      ["a+b/"],
      "b/",
      "a+",
    ]);
  });

  it.each([
    ["max-uploads=-1", "Argument max-uploads must be an integer between 0 and 2147483647"],
    ["max-uploads=x", "Provided max-uploads not an integer or within integer range"],
    ["encoding-type=base64", "Invalid Encoding Method specified in Request"],
    ["encoding-type=", "Invalid Encoding Method specified in Request"],
  ])("ListMultipartUploads refuses %s with InvalidArgument", async (parameter, message) => {
    const bucket = await createBucket();
    const [name = "", value = ""] = parameter.split("=");
    await expectError(await send({ bucket, query: `uploads&${parameter}` }), 400, "InvalidArgument", {
      message,
      details: { ArgumentName: name, ArgumentValue: value },
    });
  });
});
