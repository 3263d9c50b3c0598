import { describe, expect, it } from "vitest";
import { createAccount, rootAccount } from "../../support/accounts.ts";
import { expectError } from "../../support/errors.ts";
import {
  checksumOf,
  complete,
  createUpload,
  MIB,
  md5,
  NO_SUCH_UPLOAD,
  newTarget,
  noise,
  putPart,
  started,
  type UploadTarget,
} from "../../support/multipart.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { encode, STYLES, send } from "../../support/request.ts";
import { all, documentOf, type Element, fields, textIn, texts } from "../../support/xml.ts";

describeRefusals("ListParts", {
  key: "k",
  query: "uploadId=none",
  // The upload does not exist, which only an authorized caller learns.
  success: 404,
});

async function list(target: UploadTarget, uploadId: string, query = ""): Promise<Element> {
  const response = await send({ ...target, query: `uploadId=${encode(uploadId)}${query}` });
  return documentOf(response, "ListPartsResult");
}

describe("ListParts", () => {
  it.each(STYLES)("ListParts describes an upload without parts, %s style", async (style) => {
    const target = { ...(await newTarget("a <b>")), style };
    const uploadId = await createUpload(target, { "x-amz-storage-class": "STANDARD_IA" });
    const root = await list(target, uploadId);
    const { canonicalId, displayName } = await rootAccount();
    expect(root.children.map((child) => child.name)).toEqual([
      "Bucket",
      "Key",
      "UploadId",
      "Initiator",
      "Owner",
      "StorageClass",
      "PartNumberMarker",
      "NextPartNumberMarker",
      "MaxParts",
      "IsTruncated",
    ]);
    expect(fields(root)).toMatchObject({
      Bucket: target.bucket,
      Key: "a <b>",
      UploadId: uploadId,
      StorageClass: "STANDARD_IA",
      PartNumberMarker: "0",
      NextPartNumberMarker: "0",
      MaxParts: "1000",
      IsTruncated: "false",
    });
    const owner = { ID: canonicalId, DisplayName: displayName };
    expect([fields(all(root, "Owner")[0]), fields(all(root, "Initiator")[0])]).toEqual([owner, owner]);
  });

  it("ListParts lists the last upload of each part by number", async () => {
    const target = await newTarget();
    const uploadId = await createUpload(target);
    const bodies = new Map<number, string | Uint8Array>([
      [10000, "last"],
      [3, noise(MIB + 1)],
      [11, "replaced"],
      [2, ""],
    ]);
    for (const [partNumber, body] of bodies) await putPart(target, uploadId, partNumber, body);
    await putPart(target, uploadId, 11, "again");
    const parts = all(await list(target, uploadId), "Part").map(fields);
    const expected = [
      [2, ""],
      [3, bodies.get(3) ?? ""],
      [11, "again"],
      [10000, "last"],
    ] as const;
    expect(parts).toEqual(
      expected.map(([partNumber, body]) => ({
        PartNumber: String(partNumber),
        LastModified: expect.stringMatching(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        ETag: `"${md5(body)}"`,
        Size: String(body.length),
      })),
    );
  });

  it("ListParts returns the checksums of the upload and its parts", async () => {
    const { target, uploadId } = await started({ "x-amz-checksum-algorithm": "CRC32C" });
    const root = await list(target, uploadId);
    expect([textIn(root, "ChecksumAlgorithm"), textIn(root, "ChecksumType")]).toEqual(["CRC32C", "COMPOSITE"]);
    expect(texts(root, "Part", "ChecksumCRC32C")).toEqual([await checksumOf("CRC32C", "content")]);
  });

  it("ListParts returns no checksums of parts if the upload was created without one", async () => {
    const target = await newTarget();
    const uploadId = await createUpload(target);
    await putPart(target, uploadId, 1, "content", { "x-amz-checksum-crc32": await checksumOf("CRC32", "content") });
    const [part] = all(await list(target, uploadId), "Part");
    expect(Object.keys(fields(part))).toEqual(["PartNumber", "LastModified", "ETag", "Size"]);
  });

  it("ListParts pages by max-parts and part-number-marker", async () => {
    const target = await newTarget();
    const uploadId = await createUpload(target);
    for (const partNumber of [1, 5, 7, 8]) await putPart(target, uploadId, partNumber, "content");
    const seen: string[][] = [];
    let marker = "0";
    for (let isTruncated = true; isTruncated; ) {
      const root = await list(target, uploadId, `&max-parts=2&part-number-marker=${marker}`);
      expect([textIn(root, "MaxParts"), textIn(root, "PartNumberMarker")]).toEqual(["2", marker]);
      seen.push(texts(root, "Part", "PartNumber"));
      marker = textIn(root, "NextPartNumberMarker") ?? "";
      isTruncated = textIn(root, "IsTruncated") === "true";
    }
    expect([seen, marker]).toEqual([
      [
        ["1", "5"],
        ["7", "8"],
      ],
      "8",
    ]);
    const between = await list(target, uploadId, "&part-number-marker=6");
    expect(texts(between, "Part", "PartNumber")).toEqual(["7", "8"]);
    const beyond = fields(await list(target, uploadId, "&part-number-marker=8"));
    expect(beyond).toMatchObject({ NextPartNumberMarker: "0", PartNumberMarker: "8", IsTruncated: "false" });
  });

  it("ListParts reads empty parameters as absent and caps max-parts", async () => {
    const { target, uploadId } = await started();
    for (const query of ["&max-parts=&part-number-marker=&encoding-type=", "&max-parts=5000"]) {
      const root = await list(target, uploadId, query);
      expect(fields(root)).toMatchObject({ MaxParts: "1000", PartNumberMarker: "0", IsTruncated: "false" });
      expect(texts(root, "Part", "PartNumber")).toEqual(["1"]);
    }
  });

  it("ListParts with encoding-type=url encodes the key", async () => {
    const target = await newTarget("a b/ä\u0001");
    const uploadId = await createUpload(target);
    const root = await list(target, uploadId, "&encoding-type=url");
    expect([textIn(root, "Key"), textIn(root, "EncodingType")]).toEqual(["a+b/%C3%A4%01", "url"]);
  });

  it.each([
    ["max-parts=-1", "Argument max-parts must be an integer between 0 and 2147483647"],
    ["max-parts=x", "Provided max-parts not an integer or within integer range"],
    ["part-number-marker=-1", "Argument part-number-marker must be an integer between 0 and 2147483647"],
    ["part-number-marker=99999999999", "Provided part-number-marker not an integer or within integer range"],
    ["encoding-type=base64", "Invalid Encoding Method specified in Request"],
  ])("ListParts refuses %s with InvalidArgument", async (parameter, message) => {
    const { target, uploadId } = await started();
    const response = await send({ ...target, query: `uploadId=${uploadId}&${parameter}` });
    const [name = "", value = ""] = parameter.split("=");
    const details = { ArgumentName: name, ArgumentValue: value };
    await expectError(response, 400, "InvalidArgument", { message, details });
  });

  it("ListParts refuses an upload that is completed, unknown or of another key with NoSuchUpload", async () => {
    const { target, uploadId, part } = await started();
    const open = await createUpload(target);
    await complete(target, uploadId, [part]);
    for (const [place, id] of [
      [target, uploadId],
      [target, "none"],
      [{ ...target, key: "other" }, open],
    ] as const) {
      const response = await send({ ...place, query: `uploadId=${encode(id)}` });
      await expectError(response, 404, "NoSuchUpload", {
        message: NO_SUCH_UPLOAD,
        details: { UploadId: id },
      });
    }
  });

  it("ListParts refuses another account, even with a valid upload id", async () => {
    const { target, uploadId } = await started();
    const response = await send({ ...target, query: `uploadId=${uploadId}`, as: await createAccount() });
    await expectError(response, 403, "AccessDenied");
  });
});
