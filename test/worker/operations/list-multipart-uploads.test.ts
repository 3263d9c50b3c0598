import { describe, expect, it } from "vitest";
import { rootAccount } from "../../support/accounts.ts";
import { expectError } from "../../support/errors.ts";
import { decodeListed } from "../../support/listing.ts";
import { complete, createUpload, putPart, started } from "../../support/multipart.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { encode, STYLES, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
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
    // Uploads of one key are listed by age, which is told in milliseconds.
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
      Prefix: "",
      MaxUploads: "1000",
      IsTruncated: "false",
    });
  });

  it("ListMultipartUploads tells all about an upload", async () => {
    const bucket = await createBucket();
    const headers = { "x-amz-storage-class": "STANDARD_IA", "x-amz-checksum-algorithm": "SHA256" };
    const uploadId = await createUpload({ bucket, key: "k" }, headers);
    const [upload] = all(await list(bucket), "Upload");
    expect(fields(upload)).toMatchObject({
      Key: "k",
      UploadId: uploadId,
      StorageClass: "STANDARD_IA",
      ChecksumAlgorithm: "SHA256",
      ChecksumType: "COMPOSITE",
    });
    expect(Math.abs(Date.parse(textIn(upload, "Initiated") ?? "") - Date.now())).toBeLessThan(60_000);
    const { canonicalId, displayName } = await rootAccount();
    for (const who of ["Owner", "Initiator"]) {
      expect([textIn(upload, who, "ID"), textIn(upload, who, "DisplayName")]).toEqual([canonicalId, displayName]);
    }
  });

  it("ListMultipartUploads lists by key in byte order, then by age, and only what is open", async () => {
    const { bucket, ids } = await bucketOf(["b", "a", "b", "\u{ffee}", "\u{1f600}", "a"]);
    const done = await createUpload({ bucket, key: "done" });
    await complete({ bucket, key: "done" }, done, [await putPart({ bucket, key: "done" }, done, 1, "content")]);
    const aborted = await createUpload({ bucket, key: "aborted" });
    await send({ bucket, key: "aborted", method: "DELETE", query: `uploadId=${encode(aborted)}` });
    const root = await list(bucket);
    expect(keysOf(root)).toEqual(["a", "a", "b", "b", "\u{ffee}", "\u{1f600}"]);
    expect(texts(root, "Upload", "UploadId")).toEqual([1, 5, 0, 2, 3, 4].map((index) => ids[index]));
    // AWS names the last upload here although nothing follows.
    expect(fields(root)).toMatchObject({
      NextKeyMarker: "\u{1f600}",
      NextUploadIdMarker: ids[4],
      IsTruncated: "false",
    });
  });

  it("ListMultipartUploads keeps buckets apart", async () => {
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
        const [key, uploadId] = [textIn(root, "NextKeyMarker") ?? "", textIn(root, "NextUploadIdMarker") ?? ""];
        markers = `&key-marker=${encode(key)}&upload-id-marker=${encode(uploadId)}`;
      }
      const grouped = [...ids.slice(0, 3), "b/", ...ids.slice(5)];
      expect(seen.toSorted()).toEqual((delimiter === "" ? ids : grouped).toSorted());
    }
  });

  it("ListMultipartUploads goes on after the key marker, or after an upload of that key", async () => {
    const { bucket, ids } = await bucketOf(["a", "a", "a", "b"]);
    expect(keysOf(await list(bucket, "&key-marker=a"))).toEqual(["b"]);
    const rest = await list(bucket, `&key-marker=a&upload-id-marker=${ids[1]}`);
    expect(texts(rest, "Upload", "UploadId")).toEqual([ids[2], ids[3]]);
    expect(fields(rest)).toMatchObject({ KeyMarker: "a", UploadIdMarker: ids[1] });
    // "If key-marker is not specified, the upload-id-marker parameter is ignored."
    const ignored = await list(bucket, `&upload-id-marker=${ids[1]}`);
    expect([keysOf(ignored).length, textIn(ignored, "UploadIdMarker")]).toEqual([4, ""]);
  });

  it("ListMultipartUploads with max-uploads=0 is an empty page", async () => {
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
  ])("ListMultipartUploads refuses %s with InvalidArgument", async (parameter, message) => {
    const bucket = await createBucket();
    const [name = "", value = ""] = parameter.split("=");
    await expectError(await send({ bucket, query: `uploads&${parameter}` }), 400, "InvalidArgument", {
      message,
      details: { ArgumentName: name, ArgumentValue: value },
    });
  });
});
