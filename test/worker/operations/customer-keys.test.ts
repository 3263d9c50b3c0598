/**
 * Objects with customers' keys (SSE-C), on an R2 that checks the key of each call and changes the bytes by it: the simulator
 * ignores keys.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { contentMd5 } from "../../support/cors.ts";
import { expectError } from "../../support/errors.ts";
import { customerKey, type KeyedCall, keyedEnv, keyHeaders } from "../../support/keyed-r2.ts";
import { completionDocument, concat, MIB, md5, noise, type Part } from "../../support/multipart.ts";
import { BOUNDARY, encodeForm, signPolicy, tomorrow } from "../../support/post-form.ts";
import { handDirectly, putObject, type SendOptions, send, urlOf } from "../../support/request.ts";
import { createBucket, ROOT } from "../../support/s3.ts";
import { documentOf, textIn } from "../../support/xml.ts";

const KEY = customerKey(11);
const OTHER = customerKey(12);
const NAME = "x-amz-server-side-encryption-customer-";
const ALGORITHM = "x-amz-server-side-encryption";

let env: ReturnType<typeof keyedEnv>["env"];
let calls: KeyedCall[];
let bucket: string;

beforeEach(async () => {
  ({ env, calls } = keyedEnv());
  bucket = await createBucket();
});

const call = (options: SendOptions) => send({ bucket, key: "k", env, ...options });
const put = (key: string, body: string | Uint8Array, headers: Record<string, string> = keyHeaders(KEY)) =>
  putObject(bucket, key, body, { headers, env });
const bytesAt = async (key: string, headers: Record<string, string> = keyHeaders(KEY), to = bucket) => {
  const response = await call({ bucket: to, key, headers });
  expect(response.status).toBeLessThan(300);
  return response.bytes();
};

/** By their digests: comparing megabytes takes the test framework seconds. */
function expectSame(bytes: Uint8Array, expected: string | Uint8Array): void {
  expect([bytes.length, md5(bytes)]).toEqual([expected.length, md5(expected)]);
}

function expectKeyAnswer({ headers }: Response, key = KEY): void {
  expect(headers.get(`${NAME}algorithm`)).toBe("AES256");
  expect(headers.get(`${NAME}key-md5`)).toBe(key.md5);
  expect(headers.get(ALGORITHM)).toBeNull();
}

/** Which blobs and entries were put or read, and with which key. */
function keysOf(kind: "blobs" | "entries"): (string | undefined)[] {
  const isBlob = ({ r2Key }: KeyedCall) => r2Key.startsWith("~b/");
  return calls.filter((each) => isBlob(each) === (kind === "blobs")).map(({ key }) => key);
}

describe("PutObject with a key", () => {
  it.each([
    ["empty", 0],
    ["small", 5],
    ["1 MiB", MIB],
    ["more than 1 MiB", MIB + 3],
  ])("PutObject and GetObject of an object that is %s give R2 the key for its blob only", async (_, sizeBytes) => {
    const body = noise(sizeBytes, 7);
    const response = await call({ method: "PUT", body, headers: keyHeaders(KEY) });
    expect(response.status).toBe(200);
    expectKeyAnswer(response);
    const etag = response.headers.get("etag");
    expect(etag).toMatch(/^"[0-9a-f]{32}"$/);
    expect(etag).not.toBe(`"${md5(body)}"`);
    expect(keysOf("blobs")).toEqual([KEY.key]);
    const read = await call({ headers: keyHeaders(KEY) });
    expectKeyAnswer(read);
    expect([read.headers.get("etag"), read.headers.get("content-length")]).toEqual([etag, String(sizeBytes)]);
    expectSame(await read.bytes(), body);
    expect(new Set(keysOf("blobs"))).toEqual(new Set([KEY.key]));
    expect(new Set(keysOf("entries"))).toEqual(new Set([undefined]));
  });

  it("PutObject stores bytes that are not those of the object", async () => {
    await put("k", "the plain text");
    const stored = await env.STORE.list({ prefix: "~b/", limit: 1000 });
    expect(stored.objects.length).toBeGreaterThan(0);
    await expect(env.STORE.get(stored.objects.at(-1)?.key ?? "")).rejects.toThrow("the key of");
  });

  it("HeadObject and GetObjectAttributes describe it with the key", async () => {
    const etag = await put("k", "content");
    const head = await call({ method: "HEAD", headers: { ...keyHeaders(KEY), "x-amz-checksum-mode": "ENABLED" } });
    expectKeyAnswer(head);
    expect(head.headers.get("content-length")).toBe("7");
    expect(head.headers.get("x-amz-checksum-crc64nvme")).not.toBeNull();
    const headers = { ...keyHeaders(KEY), "x-amz-object-attributes": "ETag,ObjectSize,Checksum" };
    const root = await documentOf(await call({ query: "attributes", headers }), "GetObjectAttributesResponse");
    expect([textIn(root, "ETag"), textIn(root, "ObjectSize")]).toEqual([etag, "7"]);
  });

  it("GetObject serves ranges, and evaluates conditions with the key", async () => {
    const body = noise(2 * MIB, 3);
    const etag = await put("k", body);
    const range = await call({ headers: { ...keyHeaders(KEY), range: "bytes=1000-1099" } });
    expect([range.status, range.headers.get("content-range")]).toEqual([206, `bytes 1000-1099/${2 * MIB}`]);
    expectSame(await range.bytes(), body.subarray(1000, 1100));
    const notModified = await call({ headers: { ...keyHeaders(KEY), "if-none-match": `"${etag}"` } });
    expect(notModified.status).toBe(304);
    const failed = await call({ headers: { ...keyHeaders(KEY), "if-match": '"other"' } });
    await expectError(failed, 412, "PreconditionFailed", { details: { Condition: "If-Match" } });
  });

  it.each([
    ["small", 5],
    ["large", MIB + 3],
  ])("PutObject of a %s body with a wrong Content-MD5 is BadDigest, and leaves nothing", async (_, sizeBytes) => {
    const headers = { ...keyHeaders(KEY), "content-md5": Buffer.from(md5("other"), "hex").toString("base64") };
    const response = await call({ method: "PUT", body: noise(sizeBytes, 2), headers });
    expect([response.status, await response.text()]).toEqual([400, expect.stringContaining("<Code>BadDigest</Code>")]);
    expect((await call({ headers: keyHeaders(KEY) })).status).toBe(404);
    const blobs = calls.filter(({ method, r2Key }) => method === "put" && r2Key.startsWith("~b/"));
    for (const { r2Key } of blobs) expect(await env.STORE.head(r2Key)).toBeNull();
  });

  it.each([5, MIB + 3])("PutObject of %i bytes verifies the right Content-MD5", async (sizeBytes) => {
    const body = noise(sizeBytes, 2);
    const headers = { ...keyHeaders(KEY), "content-md5": Buffer.from(md5(body), "hex").toString("base64") };
    expect((await call({ method: "PUT", body, headers })).status).toBe(200);
    expectSame(await bytesAt("k"), body);
  });

  it("PutObject under a condition is refused before its bytes are stored", async () => {
    await put("k", "first");
    calls.length = 0;
    const headers = { ...keyHeaders(OTHER), "if-none-match": "*" };
    const details = { Condition: "If-None-Match" };
    await expectError(await call({ method: "PUT", body: "second", headers }), 412, "PreconditionFailed", { details });
    expect(keysOf("blobs")).toEqual([]);
  });

  it("PutObject replaces an object with another key, and with none", async () => {
    await put("k", "first");
    await put("k", "second", keyHeaders(OTHER));
    expectSame(await bytesAt("k", keyHeaders(OTHER)), "second");
    await put("k", "third", {});
    expectSame(await bytesAt("k", {}), "third");
  });

  it("ListObjectsV2 lists its size and ETag without a key", async () => {
    const etag = await put("k", "content");
    const root = await documentOf(await call({ key: "", query: "list-type=2" }), "ListBucketResult");
    expect([textIn(root, "Contents", "Size"), textIn(root, "Contents", "ETag")]).toEqual(["7", `"${etag}"`]);
  });

  it("PutObjectTagging and PutObjectAcl need no key, and change no byte", async () => {
    const etag = await put("k", noise(2 * MIB, 1));
    calls.length = 0;
    const body = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    expect((await call({ method: "PUT", query: "tagging", body, headers: contentMd5(body) })).status).toBe(200);
    expect((await call({ method: "PUT", query: "acl", headers: { "x-amz-acl": "public-read" } })).status).toBe(200);
    expect(keysOf("blobs")).toEqual([]);
    const read = await call({ headers: keyHeaders(KEY) });
    expect([read.headers.get("etag"), read.headers.get("x-amz-tagging-count")]).toEqual([`"${etag}"`, "1"]);
    expectSame(await read.bytes(), noise(2 * MIB, 1));
    // Everyone may read it, with the key only.
    expect((await call({ as: null, headers: keyHeaders(KEY) })).status).toBe(200);
    expect((await call({ as: null })).status).toBe(400);
  });
});

describe("PostObject with a key", () => {
  it.each([
    ["a small file", 5],
    ["a file of more than 1 MiB", MIB + 3],
  ])("PostObject of %s encrypts it", async (_, sizeBytes) => {
    const content = noise(sizeBytes, 8);
    const fields = { key: "k", ...keyHeaders(KEY) };
    const conditions = [{ bucket }, ...Object.keys(fields).map((name) => ["starts-with", `$${name}`, ""])];
    const document = (signing: readonly object[]) => ({
      expiration: tomorrow(),
      conditions: [...conditions, ...signing],
    });
    const signed = signPolicy({ key: ROOT, document });
    const body = encodeForm([...Object.entries({ ...fields, ...signed }), ["file", { content, name: "a.txt" }]]);
    const headers = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
    const request = () => new Request(urlOf({ bucket }), { method: "POST", headers, body });
    const response = await handDirectly(request(), env);
    expect(response.status).toBe(204);
    expectKeyAnswer(response);
    expect(response.headers.get("etag")).not.toBe(`"${md5(content)}"`);
    expect(new Set(keysOf("blobs"))).toEqual(new Set([KEY.key]));
    expectSame(await bytesAt("k"), content);
    // Without the setting of the local servers it needs HTTPS.
    expect((await handDirectly(request())).status).toBe(400);
  });
});

describe("versions with keys", () => {
  it("GetObject of each version takes the key of that version, also when it becomes current again", async () => {
    const enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    await (await call({ key: "", method: "PUT", query: "versioning", body: enabled })).text();
    const versions: string[] = [];
    for (const [body, key] of [
      ["version1", KEY],
      ["version2", OTHER],
    ] as const) {
      const response = await call({ method: "PUT", body, headers: keyHeaders(key) });
      versions.push(response.headers.get("x-amz-version-id") ?? "");
    }
    const [first = "", second = ""] = versions;
    const read = (versionId: string, key = KEY) => call({ query: `versionId=${versionId}`, headers: keyHeaders(key) });
    expect(await (await read(first)).text()).toBe("version1");
    expect(await (await read(second, OTHER)).text()).toBe("version2");
    expect((await read(first, OTHER)).status).toBe(403);
    const copied = await call({
      method: "PUT",
      key: "copy",
      headers: { "x-amz-copy-source": `/${bucket}/k?versionId=${first}`, ...keyHeaders(KEY, "source") },
    });
    expect(copied.headers.get(ALGORITHM)).toBe("AES256");
    expectSame(await bytesAt("copy", {}), "version1");
    expect((await call({ method: "DELETE", query: `versionId=${second}` })).status).toBe(204);
    expectSame(await bytesAt("k"), "version1");
    expect((await call({ headers: keyHeaders(OTHER) })).status).toBe(403);
  });
});

describe("CopyObject", () => {
  const copy = (headers: Record<string, string>, options: SendOptions = {}) =>
    call({ method: "PUT", key: "copy", ...options, headers: { "x-amz-copy-source": `/${bucket}/k`, ...headers } });
  const source = keyHeaders(KEY, "source");

  it("CopyObject under the same key shares the blobs", async () => {
    const body = noise(MIB + 9, 5);
    await put("k", body);
    calls.length = 0;
    const response = await copy({ ...source, ...keyHeaders(KEY) });
    expectKeyAnswer(response);
    await response.text();
    expect(keysOf("blobs")).toEqual([]);
    expectSame(await bytesAt("copy"), body);
    // The copy has a proof of its own.
    expect((await call({ key: "copy", headers: keyHeaders(OTHER) })).status).toBe(403);
  });

  it.each([
    ["another key", keyHeaders(OTHER), OTHER.key],
    ["no key", {}, undefined],
  ])("CopyObject to %s reads the bytes with one key and writes them with the other", async (_, target, written) => {
    for (const sizeBytes of [0, 9, MIB + 9]) {
      const body = noise(sizeBytes, 5);
      await put("k", body);
      calls.length = 0;
      const response = await copy({ ...source, ...target });
      expect([response.status, await response.text()]).toEqual([200, expect.stringContaining("ETag")]);
      const puts = calls.filter(({ method, r2Key }) => method === "put" && r2Key.startsWith("~b/"));
      for (const { key } of puts) expect(key).toBe(written);
      expectSame(await bytesAt("copy", target), body);
    }
  });

  it("CopyObject without a key of an object has the MD5 as its ETag again", async () => {
    await put("k", "content");
    const root = await documentOf(await copy(source), "CopyObjectResult");
    expect(textIn(root, "ETag")).toBe(`"${md5("content")}"`);
  });

  it("CopyObject encrypts an object that has no key, small and large", async () => {
    for (const body of ["content", noise(MIB + 1, 4)]) {
      await put("k", body, {});
      await (await copy(keyHeaders(KEY))).text();
      expectSame(await bytesAt("copy"), body);
      expect((await call({ key: "copy" })).status).toBe(400);
    }
  });

  it("CopyObject onto itself changes the key", async () => {
    await put("k", "content");
    const response = await copy({ ...source, ...keyHeaders(OTHER) }, { key: "k" });
    expectKeyAnswer(response, OTHER);
    await response.text();
    expectSame(await bytesAt("k", keyHeaders(OTHER)), "content");
    expect((await call({ headers: keyHeaders(KEY) })).status).toBe(403);
  });

  it("CopyObject onto itself with metadata keeps the blobs under the same key", async () => {
    await put("k", noise(MIB + 1, 6));
    calls.length = 0;
    const change = { "x-amz-metadata-directive": "REPLACE", "x-amz-meta-a": "b" };
    await (await copy({ ...source, ...keyHeaders(KEY), ...change }, { key: "k" })).text();
    expect(keysOf("blobs")).toEqual([]);
    const read = await call({ headers: keyHeaders(KEY) });
    expect(read.headers.get("x-amz-meta-a")).toBe("b");
    expectSame(await read.bytes(), noise(MIB + 1, 6));
  });

  it("CopyObject to another region encrypts there", async () => {
    const location =
      "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";
    const far = await createBucket({ body: location });
    await put("k", noise(MIB + 1, 6));
    await (await copy({ ...source, ...keyHeaders(KEY) }, { bucket: far })).text();
    expectSame(await bytesAt("copy", keyHeaders(KEY), far), noise(MIB + 1, 6));
  });

  it("CopyObject with another storage class or checksum writes the blobs again under the key", async () => {
    const body = noise(MIB + 1, 6);
    await put("k", body);
    for (const change of [{ "x-amz-storage-class": "STANDARD_IA" }, { "x-amz-checksum-algorithm": "SHA256" }]) {
      await (await copy({ ...source, ...keyHeaders(KEY), ...change })).text();
      expectSame(await bytesAt("copy"), body);
    }
  });
});

describe("an upload with a key", () => {
  async function begin(headers: Record<string, string> = keyHeaders(KEY)) {
    const response = await call({ method: "POST", query: "uploads", headers });
    if (headers === keyHeaders(KEY)) expectKeyAnswer(response);
    return textIn(await documentOf(response, "InitiateMultipartUploadResult"), "UploadId") ?? "";
  }
  async function part(uploadId: string, partNumber: number, options: SendOptions): Promise<Part> {
    const response = await call({
      method: "PUT",
      query: `partNumber=${partNumber}&uploadId=${uploadId}`,
      ...options,
      headers: { ...keyHeaders(KEY), ...options.headers },
    });
    expect(response.status).toBe(200);
    expectKeyAnswer(response);
    const text = await response.text();
    const etag = (
      /<ETag>&quot;([^&]*)&quot;|<ETag>"([^"]*)"/.exec(text)?.slice(1).find(Boolean) ??
      response.headers.get("etag") ??
      ""
    ).replaceAll('"', "");
    return { partNumber, etag };
  }
  const complete = (uploadId: string, parts: readonly Part[], headers: Record<string, string> = {}) =>
    call({ method: "POST", query: `uploadId=${uploadId}`, body: completionDocument(parts), headers });

  it("CompleteMultipartUpload joins parts and copied parts under the key, and needs no key", async () => {
    const first = noise(5 * MIB, 1);
    const whole = noise(5 * MIB + 100, 2);
    await put("source", whole, keyHeaders(OTHER));
    await put("plain", "the end", {});
    const uploadId = await begin();
    const ranged = {
      "x-amz-copy-source": `/${bucket}/source`,
      "x-amz-copy-source-range": `bytes=50-${5 * MIB + 49}`,
      ...keyHeaders(OTHER, "source"),
    };
    const parts = [
      await part(uploadId, 1, { body: first }),
      await part(uploadId, 2, { headers: ranged }),
      await part(uploadId, 3, { headers: { "x-amz-copy-source": `/${bucket}/plain` } }),
    ];
    expect(parts[0]?.etag).not.toBe(md5(first));
    const listed = await call({ query: `uploadId=${uploadId}` });
    expect((await listed.text()).match(/<PartNumber>/g)).toHaveLength(3);
    const completed = await complete(uploadId, parts);
    expect([completed.status, completed.headers.get(ALGORITHM)]).toEqual([200, null]);
    expect(await completed.text()).toMatch(/<ETag>(&quot;|")[0-9a-f]{32}-3/);
    const body = concat([first, whole.subarray(50, 5 * MIB + 50), "the end"]);
    expect(md5(await bytesAt("k"))).toBe(md5(body));
    const second = await call({ query: "partNumber=3", headers: keyHeaders(KEY) });
    expect([second.status, await second.text()]).toEqual([206, "the end"]);
    expect((await call({})).status).toBe(400);
    // A completion that is repeated has the same answer.
    expect((await complete(uploadId, parts, keyHeaders(KEY))).status).toBe(200);
    // The whole object is shared by a copy under its key.
    calls.length = 0;
    const headers = { "x-amz-copy-source": `/${bucket}/k`, ...keyHeaders(KEY, "source"), ...keyHeaders(KEY) };
    await (await call({ method: "PUT", key: "copy", headers })).text();
    expect(keysOf("blobs")).toEqual([]);
  });

  it("UploadPart keeps the checksum, and CompleteMultipartUpload takes the key with it", async () => {
    const uploadId = await begin({ ...keyHeaders(KEY), "x-amz-checksum-algorithm": "CRC32C" });
    const one = await part(uploadId, 1, { body: "123456789", headers: { "x-amz-checksum-crc32c": "4waSgw==" } });
    const parts = [{ ...one, checksums: { ChecksumCRC32C: "4waSgw==" } }];
    const completed = await complete(uploadId, parts, keyHeaders(KEY));
    expect([completed.status, await completed.text()]).toEqual([200, expect.stringContaining("ChecksumCRC32C")]);
  });

  it("UploadPart with a wrong Content-MD5 is BadDigest", async () => {
    const uploadId = await begin();
    for (const sizeBytes of [5, MIB + 5]) {
      const headers = { ...keyHeaders(KEY), "content-md5": Buffer.from(md5("other"), "hex").toString("base64") };
      const query = `partNumber=1&uploadId=${uploadId}`;
      const response = await call({ method: "PUT", query, body: noise(sizeBytes, 3), headers });
      expect([response.status, await response.text()]).toEqual([400, expect.stringContaining("BadDigest")]);
    }
  });

  it("UploadPart in another storage class encrypts too", async () => {
    const uploadId = await begin({ ...keyHeaders(KEY), "x-amz-storage-class": "STANDARD_IA" });
    const parts = [await part(uploadId, 1, { body: "content" })];
    await (await complete(uploadId, parts)).text();
    const read = await call({ headers: keyHeaders(KEY) });
    expect([read.headers.get("x-amz-storage-class"), await read.text()]).toEqual(["STANDARD_IA", "content"]);
  });
});

describe("the condition key s3:x-amz-server-side-encryption-customer-algorithm", () => {
  it("PutObject without a key is AccessDenied where a policy requires one", async () => {
    const statement = {
      Effect: "Deny",
      Principal: "*",
      Action: "s3:PutObject",
      Resource: `arn:aws:s3:::${bucket}/*`,
      Condition: { Null: { "s3:x-amz-server-side-encryption-customer-algorithm": "true" } },
    };
    const body = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
    expect((await call({ key: "", method: "PUT", query: "policy", body, as: ROOT })).status).toBe(204);
    expect((await call({ method: "PUT", body: "content" })).status).toBe(403);
    expect((await call({ method: "PUT", body: "content", headers: keyHeaders(KEY) })).status).toBe(200);
  });
});
