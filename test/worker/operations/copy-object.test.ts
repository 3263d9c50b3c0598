import { beforeAll, describe, expect, it } from "vitest";
import { createAccount, rootAccount } from "../../support/accounts.ts";
import { copied, copy, headOf, LAST_MODIFIED } from "../../support/copy.ts";
import { contentMd5 } from "../../support/cors.ts";
import { expectError } from "../../support/errors.ts";
import {
  checksumOf,
  createUpload,
  digestGet,
  MIB,
  md5,
  newTarget,
  noise,
  type UploadTarget,
} from "../../support/multipart.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { encode, handDirectly, presign, putObject, STYLES, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { all, documentOf, textIn, texts } from "../../support/xml.ts";

const SHARED_SOURCE = "source-of-refused-copies";

beforeAll(async () => {
  await send({ method: "PUT", bucket: SHARED_SOURCE });
  await putObject(SHARED_SOURCE, "k");
});

describeRefusals("CopyObject", {
  method: "PUT",
  key: "k",
  headers: { "x-amz-copy-source": `${SHARED_SOURCE}/k` },
  success: 200,
});

/** A bucket with an object "source" that has everything an object can have. */
async function prepared(body: string | Uint8Array = "content") {
  const target = await newTarget();
  await putObject(target.bucket, "source", body, {
    headers: {
      "content-type": "text/x-test",
      "cache-control": "max-age=5",
      expires: "whenever",
      "x-amz-meta-a": "1",
      "x-amz-tagging": "a=1&b=2",
      "x-amz-website-redirect-location": "/there",
      "x-amz-storage-class": "STANDARD_IA",
    },
  });
  return { target, source: `${target.bucket}/source` };
}

async function tagsOf(target: UploadTarget): Promise<string[]> {
  const root = await documentOf(await send({ ...target, query: "tagging" }), "Tagging");
  return all(root, "TagSet").flatMap((set) => texts(set, "Tag", "Key"));
}

describe("CopyObject", () => {
  it.each(STYLES)("CopyObject answers with ETag and time, %s style", async (style) => {
    const { target, source } = await prepared();
    const result = await copied({ ...target, style }, `/${source}`);
    expect(result).toEqual({
      LastModified: expect.stringMatching(LAST_MODIFIED),
      ETag: `"${md5("content")}"`,
      ChecksumCRC64NVME: await checksumOf("CRC64NVME", "content"),
      ChecksumType: "FULL_OBJECT",
    });
    expect(await (await send(target)).text()).toBe("content");
  });

  it.each([0, 1, MIB, MIB + 1, 7 * MIB])("CopyObject copies %i bytes unchanged", async (sizeBytes) => {
    const body = noise(sizeBytes);
    const { target, source } = await prepared(body);
    expect((await copied(target, source)).ETag).toBe(`"${md5(body)}"`);
    expect(await digestGet(target)).toEqual({ status: 200, sizeBytes, md5: md5(body) });
  });

  it.each([" ", "?versionId", "a/ä+%25", "//", "a&b=c"])(
    "CopyObject reads from and writes to the key %j",
    async (key) => {
      const from = await createBucket();
      await putObject(from, key);
      const target = { bucket: await createBucket(), key };
      await copied(target, `${from}/${encode(key)}`);
      expect(await (await send(target)).text()).toBe("content");
    },
  );

  it("CopyObject copies metadata and tags of the source, but not its class or redirect", async () => {
    const { target, source } = await prepared();
    const ignored = { "x-amz-meta-b": "2", "content-type": "text/other", "x-amz-tagging": "c=3" };
    await copied(target, source, ignored);
    const head = await headOf(target);
    expect(head).toMatchObject({
      "content-type": "text/x-test",
      "cache-control": "max-age=5",
      expires: "whenever",
      "x-amz-meta-a": "1",
      "x-amz-tagging-count": "2",
    });
    for (const name of ["x-amz-meta-b", "x-amz-website-redirect-location", "x-amz-storage-class"]) {
      expect(head, name).not.toHaveProperty(name);
    }
    expect(await tagsOf(target)).toEqual(["a", "b"]);
  });

  it("CopyObject with both directives REPLACE takes everything from the request", async () => {
    const { target, source } = await prepared();
    await copied(target, source, {
      "x-amz-metadata-directive": "REPLACE",
      "x-amz-tagging-directive": "REPLACE",
      "content-language": "de",
      "x-amz-meta-b": "2",
      "x-amz-tagging": "c=3",
      "x-amz-storage-class": "REDUCED_REDUNDANCY",
      "x-amz-website-redirect-location": "/here",
    });
    const head = await headOf(target);
    expect(head).toMatchObject({
      "content-type": "binary/octet-stream",
      "content-language": "de",
      "x-amz-meta-b": "2",
      "x-amz-tagging-count": "1",
      "x-amz-storage-class": "REDUCED_REDUNDANCY",
      "x-amz-website-redirect-location": "/here",
    });
    for (const name of ["x-amz-meta-a", "cache-control", "expires"]) expect(head, name).not.toHaveProperty(name);
    expect(await tagsOf(target)).toEqual(["c"]);
  });

  it("CopyObject with x-amz-tagging-directive REPLACE and no tags removes them", async () => {
    const { target, source } = await prepared();
    await copied(target, source, { "x-amz-tagging-directive": "REPLACE" });
    expect(await tagsOf(target)).toEqual([]);
    expect(await headOf(target)).toMatchObject({ "x-amz-meta-a": "1" });
  });

  it.each([
    ["metadata", "Unknown metadata directive."],
    ["tagging", "Unknown tagging directive."],
  ])("CopyObject refuses an unknown %s directive with InvalidArgument", async (subject, message) => {
    const { target, source } = await prepared();
    const name = `x-amz-${subject}-directive`;
    await expectError(await copy(target, source, { [name]: "MERGE" }), 400, "InvalidArgument", {
      message,
      details: { ArgumentName: name, ArgumentValue: "MERGE" },
    });
  });

  it("CopyObject makes the caller the owner of the copy", async () => {
    const as = await createAccount();
    const bucket = await createBucket({ key: as });
    await putObject(bucket, "source", "content", { as });
    const response = await send({
      method: "PUT",
      bucket,
      key: "k",
      headers: { "x-amz-copy-source": `${bucket}/source` },
      as,
    });
    expect(response.status).toBe(200);
    const listing = await documentOf(await send({ bucket, as }), "ListBucketResult");
    expect(all(listing, "Contents").map((row) => textIn(row, "Owner", "ID"))).toEqual([as.canonicalId, as.canonicalId]);
    expect((await rootAccount()).canonicalId).not.toBe(as.canonicalId);
  });
});

describe("CopyObject and checksums", () => {
  it("CopyObject keeps the source's checksum", async () => {
    const target = await newTarget();
    const value = await checksumOf("SHA256", "content");
    await putObject(target.bucket, "source", "content", { headers: { "x-amz-checksum-sha256": value } });
    const result = await copied(target, `${target.bucket}/source`);
    expect(result).toMatchObject({ ChecksumSHA256: value, ChecksumType: "FULL_OBJECT" });
    const head = await send({ ...target, method: "HEAD", headers: { "x-amz-checksum-mode": "ENABLED" } });
    expect(head.headers.get("x-amz-checksum-sha256")).toBe(value);
  });

  it.each(["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128"])(
    "CopyObject computes %s on request",
    async (algorithm) => {
      const target = await newTarget();
      const headers = { "x-amz-checksum-crc32": await checksumOf("CRC32", "content") };
      await putObject(target.bucket, "source", "content", { headers });
      const result = await copied(target, `${target.bucket}/source`, { "x-amz-checksum-algorithm": algorithm });
      expect(result).toEqual({
        LastModified: expect.stringMatching(LAST_MODIFIED),
        ETag: `"${md5("content")}"`,
        [`Checksum${algorithm}`]: await checksumOf(algorithm, "content"),
        ChecksumType: "FULL_OBJECT",
      });
    },
  );

  it("CopyObject refuses an unknown algorithm with InvalidRequest", async () => {
    const { target, source } = await prepared();
    await expectError(await copy(target, source, { "x-amz-checksum-algorithm": "MD4" }), 400, "InvalidRequest", {
      message:
        "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
    });
  });
});

describe("CopyObject onto itself", () => {
  const MESSAGE =
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.";

  it.each([
    {},
    { "x-amz-metadata-directive": "COPY" },
    { "x-amz-meta-a": "2" },
    { "x-amz-tagging-directive": "REPLACE", "x-amz-tagging": "c=3" },
    { "x-amz-checksum-algorithm": "SHA256" },
  ])("CopyObject refuses %j without a change with InvalidRequest", async (headers) => {
    const { target, source } = await prepared();
    const place = { bucket: target.bucket, key: "source" };
    const response = await copy(place, source, { ...headers } as Record<string, string>);
    await expectError(response, 400, "InvalidRequest", { message: MESSAGE });
  });

  it("CopyObject treats an encryption configuration of the bucket as a change", async () => {
    const { target, source } = await prepared();
    const place = { bucket: target.bucket, key: "source" };
    const rule =
      "<ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>";
    const body = `<ServerSideEncryptionConfiguration><Rule>${rule}</Rule></ServerSideEncryptionConfiguration>`;
    const headers = contentMd5(body);
    expect((await send({ method: "PUT", bucket: target.bucket, query: "encryption", body, headers })).status).toBe(200);
    await copied(place, source);
    expect((await send({ method: "DELETE", bucket: target.bucket, query: "encryption" })).status).toBe(204);
    await expectError(await copy(place, source), 400, "InvalidRequest", { message: MESSAGE });
  });

  // "even the same as source": seen on AWS (LocalStack's recordings of 2026-02).
  it.each([
    { "x-amz-metadata-directive": "REPLACE", "x-amz-meta-b": "2" },
    { "x-amz-storage-class": "STANDARD_IA" },
    { "x-amz-storage-class": "STANDARD" },
    { "x-amz-website-redirect-location": "/there" },
    { "x-amz-server-side-encryption": "AES256" },
  ])("CopyObject accepts the change %j", async (headers) => {
    for (const body of ["content", noise(2 * MIB)]) {
      const { target, source } = await prepared(body);
      const place = { bucket: target.bucket, key: "source" };
      await copied(place, source, { ...headers } as Record<string, string>);
      expect(await digestGet(place)).toEqual({ status: 200, sizeBytes: body.length, md5: md5(body) });
      if ("x-amz-meta-b" in headers) expect(await headOf(place)).toMatchObject({ "x-amz-meta-b": "2" });
    }
  });

  it("CopyObject accepts the same key in another bucket", async () => {
    const { source } = await prepared();
    const target = { bucket: await createBucket(), key: "source" };
    expect((await copied(target, source)).ETag).toBe(`"${md5("content")}"`);
  });
});

describe("CopyObject with conditions", () => {
  const PAST = "Mon, 01 Jan 2001 00:00:00 GMT";
  const FUTURE = "Fri, 01 Jan 2100 00:00:00 GMT";
  const ETAG = `"${md5("content")}"`;

  it.each([
    [{ "if-match": '"other"' }, "If-Match"],
    [{ "if-none-match": ETAG }, "If-None-Match"],
    [{ "if-none-match": md5("content") }, "If-None-Match"],
    [{ "if-unmodified-since": PAST }, "If-Unmodified-Since"],
    [{ "if-none-match": ETAG, "if-unmodified-since": PAST }, "If-Unmodified-Since"],
    [{ "if-none-match": ETAG, "if-modified-since": PAST }, "If-None-Match"],
  ])("CopyObject refuses a source that fails %j with PreconditionFailed", async (conditions, condition) => {
    const { target, source } = await prepared();
    const headers = Object.fromEntries(
      Object.entries(conditions).map(([name, value]) => [`x-amz-copy-source-${name}`, value]),
    );
    await expectError(await copy(target, source, headers), 412, "PreconditionFailed", {
      details: { Condition: `x-amz-copy-source-${condition}` },
    });
    expect((await send({ ...target, method: "HEAD" })).status).toBe(404);
  });

  it("CopyObject refuses a source not modified since its own date with PreconditionFailed", async () => {
    const { target, source } = await prepared();
    const { "last-modified": date = "" } = await headOf({ bucket: target.bucket, key: "source" });
    const headers = { "x-amz-copy-source-if-modified-since": date };
    await expectError(await copy(target, source, headers), 412, "PreconditionFailed", {
      details: { Condition: "x-amz-copy-source-If-Modified-Since" },
    });
  });

  it.each([
    { "if-match": ETAG },
    { "if-match": ETAG, "if-unmodified-since": PAST },
    { "if-none-match": '"other"' },
    { "if-modified-since": PAST },
    // S3 ignores what lies in the future.
    { "if-modified-since": FUTURE },
    { "if-unmodified-since": FUTURE },
  ])("CopyObject copies a source that meets %j", async (conditions) => {
    const { target, source } = await prepared();
    const headers = Object.fromEntries(
      Object.entries(conditions).map(([name, value]) => [`x-amz-copy-source-${name}`, value]),
    );
    expect((await copied(target, source, headers)).ETag).toBe(ETAG);
  });

  it("CopyObject with If-None-Match: * never replaces", async () => {
    const { target, source } = await prepared();
    await copied(target, source, { "if-none-match": "*" });
    await expectError(await copy(target, source, { "if-none-match": "*" }), 412, "PreconditionFailed", {
      details: { Condition: "If-None-Match" },
    });
  });

  it("CopyObject with If-Match replaces the object with that ETag", async () => {
    const { target, source } = await prepared();
    await expectError(await copy(target, source, { "if-match": ETAG }), 404, "NoSuchKey", {
      details: { Key: "k" },
    });
    const etag = await putObject(target.bucket, "k", "old");
    await expectError(await copy(target, source, { "if-match": ETAG }), 412, "PreconditionFailed", {
      details: { Condition: "If-Match" },
    });
    expect((await copied(target, source, { "if-match": `"${etag}"` })).ETag).toBe(ETAG);
  });
});

describe("CopyObject and its source", () => {
  it("CopyObject refuses a source that does not exist with NoSuchKey or NoSuchBucket", async () => {
    const { target } = await prepared();
    await expectError(await copy(target, `${target.bucket}/none`), 404, "NoSuchKey", {
      details: { Key: "none" },
    });
    await expectError(await copy(target, "no-bucket-of-this-name/k"), 404, "NoSuchBucket", {
      details: { BucketName: "no-bucket-of-this-name" },
    });
  });

  it("CopyObject refuses a source of another account with AccessDenied, whether it exists or not", async () => {
    const { target } = await prepared();
    const as = await createAccount();
    const foreign = await createBucket({ key: as });
    await putObject(foreign, "k", "content", { as });
    for (const key of ["k", "none"]) {
      await expectError(await copy(target, `${foreign}/${key}`), 403, "AccessDenied");
    }
  });

  it.each([
    ["nothing", "Invalid copy source object key", "x-amz-copy-source"],
    ["/bucket/", "Invalid copy source object key", "x-amz-copy-source"],
    ["bucket/%zz", "Invalid copy source encoding"],
    ["Not_A_Bucket/k", "Invalid copy source bucket name"],
    ["192.168.1.1/k", "Invalid copy source bucket name"],
    ["arn:aws:s3:us-east-1:123456789012:accesspoint/a/object/k", "Invalid copy source bucket name"],
  ])("CopyObject refuses the source %s with InvalidArgument", async (source, message, value = source) => {
    const { target } = await prepared();
    await expectError(await copy(target, source), 400, "InvalidArgument", {
      message,
      details: { ArgumentName: "x-amz-copy-source", ArgumentValue: value },
    });
  });

  it("CopyObject refuses an invalid source before it verifies the caller, and after that in a presigned URL", async () => {
    const target = await newTarget();
    const invalid = {
      message: "Invalid copy source encoding",
      details: { ArgumentName: "x-amz-copy-source", ArgumentValue: "bucket/%zz" },
    };
    for (const method of ["PUT", "GET"]) {
      const headers = { "x-amz-copy-source": "bucket/%zz" };
      await expectError(await send({ ...target, method, headers, as: null }), 400, "InvalidArgument", invalid);
    }
    const url = await presign({ ...target, method: "PUT", query: "x-amz-copy-source=bucket%2F%25zz" });
    const put = (at: string) => handDirectly(new Request(at, { method: "PUT" }));
    await expectError(await put(url), 400, "InvalidArgument", invalid);
    const changed = await put(url.replace("%25zz", "%25yy"));
    expect([changed.status, await changed.text()]).toEqual([
      403,
      expect.stringContaining("<Code>SignatureDoesNotMatch</Code>"),
    ]);
  });

  it("CopyObject reads a plus sign in the source as a space, and accepts a whole URL", async () => {
    const target = await newTarget();
    const { bucket } = target;
    await putObject(bucket, "my file.txt", "with a space");
    await putObject(bucket, "c++.txt", "with plus signs");
    for (const [source, body] of [
      [`${bucket}/my+file.txt`, "with a space"],
      [`${bucket}%2Fmy+file.txt`, "with a space"],
      [`${bucket}/my+file.txt?versionId=null`, "with a space"],
      [`/${bucket}/c%2B%2B.txt`, "with plus signs"],
      [`https://s3.amazonaws.com/${bucket}/my+file.txt`, "with a space"],
      [`http://localhost:8787/${bucket}/c%2B%2B.txt?versionId=null`, "with plus signs"],
    ] as const) {
      expect((await copied(target, source)).ETag).toBe(`"${md5(body)}"`);
    }
  });

  it("CopyObject accepts the version null and refuses others with InvalidArgument", async () => {
    const { target, source } = await prepared();
    expect((await copied(target, `${source}?versionId=null`)).ETag).toBe(`"${md5("content")}"`);
    await expectError(await copy(target, `${source}?versionId=3HL4kqtJlcpXrof3`), 400, "InvalidArgument", {
      message: "Invalid version id specified",
      details: { ArgumentName: "x-amz-copy-source", ArgumentValue: "3HL4kqtJlcpXrof3" },
    });
  });

  it("CopyObject refuses another expected owner of the source with AccessDenied", async () => {
    const { target, source } = await prepared();
    const headers = { "x-amz-source-expected-bucket-owner": "000000000000" };
    await expectError(await copy(target, source, headers), 403, "AccessDenied");
    const { accountId } = await rootAccount();
    expect(await copied(target, source, { "x-amz-source-expected-bucket-owner": accountId })).toHaveProperty("ETag");
  });

  it("CopyObject does not change open uploads of the target's key", async () => {
    const { target, source } = await prepared();
    await createUpload(target);
    await copied(target, source);
    const root = await documentOf(
      await send({ bucket: target.bucket, query: "uploads" }),
      "ListMultipartUploadsResult",
    );
    expect(texts(root, "Upload", "Key")).toEqual(["k"]);
  });
});
