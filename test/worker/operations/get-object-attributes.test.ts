import { describe, expect, it } from "vitest";
import { expectError } from "../../support/errors.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { putObject, type SendOptions, STYLES, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { all, documentOf, fields } from "../../support/xml.ts";

const HEADER = "x-amz-object-attributes";

describeRefusals("GetObjectAttributes", { key: "k", query: "attributes", headers: { [HEADER]: "ETag" }, success: 200 });

function attributes(options: SendOptions & { readonly names?: string }): Promise<Response> {
  const { names = "ETag", headers = {}, ...rest } = options;
  return send({ key: "k", query: "attributes", headers: { ...headers, [HEADER]: names }, ...rest });
}

async function bucketWith(headers: Record<string, string> = {}): Promise<string> {
  const bucket = await createBucket();
  await putObject(bucket, "k", "123456789", { headers });
  return bucket;
}

describe("GetObjectAttributes", () => {
  // API_GetObjectAttributes: the ETag has no quotes here, and only requested attributes are returned.
  it.each(STYLES)("GetObjectAttributes returns every attribute, %s style", async (style) => {
    const bucket = await bucketWith({ "x-amz-checksum-crc32c": "4waSgw==", "x-amz-storage-class": "STANDARD_IA" });
    const response = await attributes({ bucket, style, names: "ETag,Checksum,ObjectParts,StorageClass,ObjectSize" });
    expect(response.headers.get("last-modified")).toMatch(/GMT$/);
    const root = await documentOf(response, "GetObjectAttributesResponse");
    expect(root.children.map((child) => child.name)).toEqual(["ETag", "Checksum", "StorageClass", "ObjectSize"]);
    expect(fields(root)).toMatchObject({
      ETag: "25f9e794323b453885f5181f1b624d0b",
      StorageClass: "STANDARD_IA",
      ObjectSize: "9",
    });
    expect(fields(all(root, "Checksum")[0])).toEqual({ ChecksumCRC32C: "4waSgw==", ChecksumType: "FULL_OBJECT" });
  });

  it.each([
    ["ETag", ["ETag"]],
    ["ObjectSize", ["ObjectSize"]],
    ["StorageClass, ObjectSize", ["StorageClass", "ObjectSize"]],
    ["Checksum", ["Checksum"]],
    // It was not uploaded in parts.
    ["ObjectParts", []],
  ])("GetObjectAttributes returns only %s", async (names, expected) => {
    const root = await documentOf(
      await attributes({ bucket: await bucketWith(), names }),
      "GetObjectAttributesResponse",
    );
    expect(root.children.map((child) => child.name)).toEqual(expected);
  });

  it.each(["Nonsense", "ETag,Nonsense", "etag", "ETag,"])(
    "GetObjectAttributes refuses %j with InvalidArgument",
    async (names) => {
      const bucket = await bucketWith();
      await expectError(await attributes({ bucket, names }), 400, "InvalidArgument", {
        message: "Invalid attribute name specified.",
        details: { ArgumentName: HEADER, ArgumentValue: names },
      });
    },
  );

  it("GetObjectAttributes refuses a request without attributes with InvalidRequest", async () => {
    const bucket = await bucketWith();
    const message =
      "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty";
    for (const headers of [{}, { [HEADER]: "" }]) {
      const response = await send({ bucket, key: "k", query: "attributes", headers });
      await expectError(response, 400, "InvalidRequest", { message });
    }
  });

  it("GetObjectAttributes refuses an absent key with NoSuchKey", async () => {
    const bucket = await createBucket();
    await expectError(await attributes({ bucket }), 404, "NoSuchKey", {
      details: { Key: "k" },
    });
  });

  it("GetObjectAttributes refuses a version other than null with InvalidArgument", async () => {
    const bucket = await bucketWith();
    expect((await attributes({ bucket, query: "attributes&versionId=null" })).status).toBe(200);
    await expectError(await attributes({ bucket, query: "attributes&versionId=x" }), 400, "InvalidArgument", {
      message: "Invalid version id specified",
      details: { ArgumentName: "versionId", ArgumentValue: "x" },
    });
    await expectError(await attributes({ bucket, query: "attributes&versionId=" }), 400, "InvalidArgument", {
      message: "Version id cannot be the empty string",
      details: { ArgumentName: "versionId", ArgumentValue: "" },
    });
  });
});
