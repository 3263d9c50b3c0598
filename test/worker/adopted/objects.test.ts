/** Objects of an adopted bucket that a Worker with the same binding uses too: what one writes, the other reads. */
import { createHash } from "node:crypto";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createAccount, rootAccount } from "../../support/accounts.ts";
import { ALL_USERS, getAcl } from "../../support/acl.ts";
import { adopt, keysIn, r2 } from "../../support/adopted.ts";
import { copied, copy } from "../../support/copy.ts";
import { expectError } from "../../support/errors.ts";
import { noise } from "../../support/multipart.ts";
import { BOUNDARY, encodeForm, signPolicy, tomorrow } from "../../support/post-form.ts";
import { handDirectly, presign, putObject, type SendOptions, send, urlOf } from "../../support/request.ts";
import { createBucket, ROOT } from "../../support/s3.ts";
import { sha256 } from "../../support/signer.ts";

const MIB = 1024 * 1024;
const RESERVED = "workers-s3";
const md5 = (data: string | Uint8Array) => createHash("md5").update(data).digest("hex");
const store = r2("ADOPT_PHOTOS");
let bucket = "";
let ordinary = "";

beforeAll(async () => {
  ordinary = await createBucket();
  bucket = await adopt("ADOPT_PHOTOS");
});

beforeEach(async () => {
  for (let keys = await keysIn(store); keys.length > 0; keys = await keysIn(store)) await store.delete(keys);
});

async function found(key: string): Promise<{ text: string; object: R2ObjectBody }> {
  const object = await store.get(key);
  if (object === null) throw new Error(`no ${key}`);
  return { text: await object.text(), object };
}

/** With the digest that S3 requires of documents. */
function ask({ headers, ...options }: SendOptions): Promise<Response> {
  const digest = {
    "content-md5": createHash("md5")
      .update(options.body ?? "")
      .digest("base64"),
  };
  return send({
    bucket,
    headers: { ...(options.query && options.body !== undefined && digest), ...headers },
    ...options,
  });
}

async function accepted(options: SendOptions, status = 200): Promise<Response> {
  const response = await ask(options);
  if (response.status !== status) throw new Error(`${response.status} ${await response.text()}`);
  return response;
}

const tagging = (tags: Record<string, string>) =>
  `<Tagging><TagSet>${Object.entries(tags)
    .map(([key, value]) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`)
    .join("")}</TagSet></Tagging>`;

async function tagsOf(key: string): Promise<string> {
  const text = await (await accepted({ key, query: "tagging" })).text();
  return /<TagSet>(.*)<\/TagSet>/s.exec(text)?.[1] ?? "";
}

describe("what another Worker writes", () => {
  it("is read with R2's ETag, size, headers and metadata", async () => {
    const put = await store.put("a/b c", "content", {
      httpMetadata: {
        contentType: "text/plain",
        cacheControl: "max-age=60",
        contentDisposition: "inline",
        contentEncoding: "identity",
        contentLanguage: "de",
        cacheExpiry: new Date("2030-01-01T00:00:00Z"),
      },
      customMetadata: { Color: "red", "not a header": "x", ü: "y", [RESERVED.toUpperCase()]: "z" },
    });
    const read = await accepted({ key: "a/b c" });
    expect(Object.fromEntries(read.headers)).toMatchObject({
      etag: `"${put?.etag}"`,
      "content-type": "text/plain",
      "cache-control": expect.stringContaining("max-age=60"),
      "content-disposition": "inline",
      "content-language": "de",
      expires: "Tue, 01 Jan 2030 00:00:00 GMT",
      "last-modified": put?.uploaded.toUTCString(),
      "x-amz-meta-color": "red",
      "x-amz-missing-meta": "2",
      "accept-ranges": "bytes",
    });
    expect(await read.text()).toBe("content");
    const head = await accepted({ method: "HEAD", key: "a/b c" });
    expect([head.headers.get("content-length"), head.headers.get("etag")]).toEqual(["7", `"${put?.etag}"`]);
    expect((await getAcl({ bucket, key: "a/b c" })).grants).toHaveLength(1);
    expect(await tagsOf("a/b c")).toBe("");
  });

  it("is served by ranges, conditions and part number", async () => {
    const put = await store.put("k", "0123456789");
    const etag = `"${put?.etag}"`;
    const range = await accepted({ key: "k", headers: { range: "bytes=2-4" } }, 206);
    expect([range.headers.get("content-range"), await range.text()]).toEqual(["bytes 2-4/10", "234"]);
    expect((await send({ bucket, key: "k", headers: { range: "bytes=-3" } })).status).toBe(206);
    expect((await send({ bucket, key: "k", headers: { range: "bytes=10-" } })).status).toBe(416);
    expect((await send({ bucket, key: "k", headers: { "if-none-match": etag } })).status).toBe(304);
    expect((await send({ bucket, key: "k", headers: { "if-match": '"other"' } })).status).toBe(412);
    expect((await send({ method: "HEAD", bucket, key: "k", headers: { "if-match": etag } })).status).toBe(200);
    const part = await accepted({ key: "k", query: "partNumber=1" }, 206);
    expect([part.headers.get("x-amz-mp-parts-count"), await part.text()]).toEqual([null, "0123456789"]);
    expect((await send({ bucket, key: "k", query: "partNumber=2" })).status).toBe(416);
    await store.put("empty", "");
    expect(await (await accepted({ key: "empty" })).text()).toBe("");
    expect((await send({ bucket, key: "empty", headers: { range: "bytes=0-0" } })).status).toBe(416);
  });

  it("has one version, null", async () => {
    await store.put("k", "content");
    expect(await (await accepted({ key: "k", query: "versionId=null" })).text()).toBe("content");
    const other = await send({ bucket, key: "k", query: "versionId=0123456789" });
    expect([404, 400]).toContain(other.status);
    const versions = await (await accepted({ query: "versions" })).text();
    expect(versions).toContain("<Key>k</Key><VersionId>null</VersionId><IsLatest>true</IsLatest>");
    const attributes = await accepted({
      key: "k",
      query: "attributes",
      headers: { "x-amz-object-attributes": "ETag,ObjectSize,ObjectParts,StorageClass,Checksum" },
    });
    expect(await attributes.text()).toContain("<ObjectSize>7</ObjectSize>");
  });

  it("replaces what was written here, with all that was kept of it", async () => {
    const headers = { "x-amz-tagging": "a=1", "x-amz-meta-a": "1", "x-amz-acl": "public-read" };
    await putObject(bucket, "k", "old", { headers });
    await store.put("k", "new");
    const read = await accepted({ key: "k" });
    expect([await read.text(), read.headers.get("x-amz-meta-a"), await tagsOf("k")]).toEqual(["new", null, ""]);
    expect((await send({ bucket, key: "k", as: null })).status).toBe(403);
  });
});

describe("what is written here", () => {
  it.each([0, 1, MIB, MIB + 1, 3 * MIB])("PutObject of %i bytes is an ordinary R2 object at its key", async (size) => {
    const bytes = noise(size);
    const headers = {
      "content-type": "image/png",
      "cache-control": "max-age=1",
      expires: "Tue, 01 Jan 2030 00:00:00 GMT",
      "x-amz-meta-color": "red",
    };
    expect(await putObject(bucket, "2024/a.png", bytes, { headers })).toBe(md5(bytes));
    const object = await store.get("2024/a.png");
    expect(md5(new Uint8Array((await object?.arrayBuffer()) ?? new ArrayBuffer(1)))).toBe(md5(bytes));
    expect(object).toMatchObject({
      etag: md5(bytes),
      customMetadata: { color: "red" },
      httpMetadata: {
        contentType: "image/png",
        cacheControl: "max-age=1",
        cacheExpiry: new Date("2030-01-01T00:00:00Z"),
      },
    });
    expect(await keysIn(store)).toEqual(["2024/a.png"]);
    expect(md5(new Uint8Array(await (await accepted({ key: "2024/a.png" })).arrayBuffer()))).toBe(md5(bytes));
  });

  it.each(["whenever it suits", "2030-01-01", "Tue, 01 Jan 2030 00:00:00 GMT"])(
    "Expires is returned as it was sent: %s",
    async (expires) => {
      await putObject(bucket, "k", "content", { headers: { expires } });
      expect((await accepted({ method: "HEAD", key: "k" })).headers.get("expires")).toBe(expires);
    },
  );

  it("keeps tags, ACL, checksum and redirect for itself, and leaves R2's fields as they are", async () => {
    const headers = {
      "x-amz-tagging": "a=1&b=%C3%BC",
      "x-amz-acl": "public-read",
      "x-amz-website-redirect-location": "/other",
      "x-amz-checksum-crc32": "DUoRhQ==",
      "x-amz-meta-a": "1",
    };
    await putObject(bucket, "k", "hello world", { headers });
    const { customMetadata } = (await found("k")).object;
    expect(Object.keys(customMetadata ?? {}).sort()).toEqual(["a", RESERVED]);
    expect(customMetadata?.[RESERVED]).toMatch(/^[\x20-\x7e]*$/);
    const head = await accepted({ method: "HEAD", key: "k", headers: { "x-amz-checksum-mode": "ENABLED" } });
    expect(Object.fromEntries(head.headers)).toMatchObject({
      "x-amz-tagging-count": "2",
      "x-amz-website-redirect-location": "/other",
      "x-amz-checksum-crc32": "DUoRhQ==",
      "x-amz-meta-a": "1",
    });
    expect(head.headers.has(`x-amz-meta-${RESERVED}`)).toBe(false);
    expect(await tagsOf("k")).toBe("<Tag><Key>a</Key><Value>1</Value></Tag><Tag><Key>b</Key><Value>ü</Value></Tag>");
    expect(await (await accepted({ key: "k", as: null })).text()).toBe("hello world");
  });

  it.each([10, 2 * MIB])("of %i bytes with a wrong digest or checksum changes nothing", async (size) => {
    await store.put("k", "old");
    const body = noise(size);
    const refused = async (headers: Record<string, string>, code: string) => {
      const answer = await send({ method: "PUT", bucket, key: "k", body, headers });
      expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining(`<Code>${code}</Code>`)]);
      expect((await found("k")).text).toBe("old");
    };
    await refused({ "content-md5": Buffer.from(md5("other"), "hex").toString("base64") }, "BadDigest");
    await refused({ "x-amz-checksum-crc32": "AAAAAA==" }, "BadDigest");
    await refused({ "x-amz-checksum-sha256": Buffer.from(sha256("other"), "hex").toString("base64") }, "BadDigest");
    await refused({ "x-amz-content-sha256": sha256("other") }, "XAmzContentSHA256Mismatch");
  });

  it("is refused where its condition does not hold, and nothing else", async () => {
    const put = (headers: Record<string, string>, body: string | Uint8Array = "new") =>
      send({ method: "PUT", bucket, key: "k", body, headers });
    expect((await put({ "if-match": '"x"' })).status).toBe(404);
    expect((await put({ "if-none-match": "*" }, "first")).status).toBe(200);
    expect((await put({ "if-none-match": "*" })).status).toBe(412);
    expect((await put({ "if-none-match": "*" }, noise(2 * MIB))).status).toBe(412);
    expect((await put({ "if-match": `"${md5("other")}"` })).status).toBe(412);
    expect((await found("k")).text).toBe("first");
    expect((await put({ "if-match": `"${md5("first")}"` }, "second")).status).toBe(200);
    expect((await put({ "if-match": `"${md5("second")}"` }, noise(2 * MIB))).status).toBe(200);
    expect((await put({ "if-match": "*" }, "third")).status).toBe(200);
    expect((await found("k")).text).toBe("third");
  });

  it("of several writers on one condition one succeeds", async () => {
    const statuses = await Promise.all(
      ["a", "b", "c", "d"].map(async (body) => {
        const headers = { "if-none-match": "*" };
        return (await send({ method: "PUT", bucket, key: "k", body, headers })).status;
      }),
    );
    expect(statuses.sort()).toEqual([200, 412, 412, 412]);
  });

  it("is deleted by DeleteObject and DeleteObjects", async () => {
    for (const key of ["a", "b", "c"]) await store.put(key, key);
    await accepted({ method: "DELETE", key: "a" }, 204);
    await accepted({ method: "DELETE", key: "nothing" }, 204);
    const body = "<Delete><Object><Key>b</Key></Object><Object><Key>nothing</Key></Object></Delete>";
    const answer = await accepted({ method: "POST", query: "delete", body });
    expect(await answer.text()).toContain("<Deleted><Key>b</Key></Deleted>");
    expect(await keysIn(store)).toEqual(["c"]);
  });

  it("comes from a presigned URL, and from a form of any size", async () => {
    const url = await presign({ method: "PUT", bucket, key: "p" });
    expect((await handDirectly(new Request(url, { method: "PUT", body: "presigned" }))).status).toBe(200);
    expect((await found("p")).text).toBe("presigned");
    for (const size of [7, 2 * MIB, 7 * MIB]) {
      const content = noise(size);
      const fields = {
        key: "form/${filename}",
        "x-amz-meta-a": "1",
        "Content-Type": "image/png",
        tagging: tagging({ t: "1" }),
      };
      const document = (signing: readonly object[]) => ({
        expiration: tomorrow(),
        conditions: [{ bucket }, ...Object.keys(fields).map((name) => ["starts-with", `$${name}`, ""]), ...signing],
      });
      const signed = { ...fields, ...signPolicy({ key: ROOT, document }) };
      const body = encodeForm([...Object.entries(signed), ["file", { content, name: "f.png", type: "image/png" }]]);
      const headers = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
      const answer = await handDirectly(
        new Request(urlOf({ bucket }), { method: "POST", headers, body: body as BodyInit }),
      );
      expect([answer.status, await answer.text()]).toEqual([204, ""]);
      const object = await store.get("form/f.png");
      expect(md5(new Uint8Array((await object?.arrayBuffer()) ?? new ArrayBuffer(0)))).toBe(md5(content));
      expect([object?.httpMetadata?.contentType, object?.customMetadata?.a]).toEqual(["image/png", "1"]);
      expect(await tagsOf("form/f.png")).toBe("<Tag><Key>t</Key><Value>1</Value></Tag>");
    }
  });
});

describe("changes of tags, ACL and metadata", () => {
  it.each([7, 2 * MIB])("keep %i bytes, headers and custom metadata of an object of another Worker", async (size) => {
    const bytes = noise(size);
    await store.put("k", bytes, { httpMetadata: { contentType: "image/png" }, customMetadata: { Color: "red" } });
    await accepted({ method: "PUT", key: "k", query: "tagging", body: tagging({ a: "1" }) });
    await accepted({ method: "PUT", key: "k", query: "acl", headers: { "x-amz-acl": "public-read" } });
    const object = await store.get("k");
    expect(md5(new Uint8Array((await object?.arrayBuffer()) ?? new ArrayBuffer(0)))).toBe(md5(bytes));
    expect(object).toMatchObject({
      etag: md5(bytes),
      httpMetadata: { contentType: "image/png" },
      customMetadata: { Color: "red", [RESERVED]: expect.any(String) },
    });
    expect(await tagsOf("k")).toBe("<Tag><Key>a</Key><Value>1</Value></Tag>");
    expect((await getAcl({ bucket, key: "k" })).grants).toContain(`${ALL_USERS} READ`);
    expect((await send({ bucket, key: "k", as: null })).status).toBe(200);
    await accepted({ method: "DELETE", key: "k", query: "tagging" }, 204);
    expect(await tagsOf("k")).toBe("");
    await expectError(await ask({ method: "PUT", key: "no", query: "tagging", body: tagging({}) }), 404, "NoSuchKey", {
      details: { Key: "no" },
    });
  });

  it("lose no write of another Worker that comes meanwhile", async () => {
    for (let round = 0; round < 5; round++) {
      await store.put("k", `old ${round}`);
      const [answer] = await Promise.all([
        ask({ method: "PUT", key: "k", query: "tagging", body: tagging({ a: "1" }) }),
        store.put("k", `new ${round}`),
      ]);
      expect(answer.status).toBe(200);
      expect((await found("k")).text).toBe(`new ${round}`);
    }
  });

  it("are made by a copy onto itself with new metadata", async () => {
    await store.put("k", "content", { customMetadata: { a: "1" } });
    await expectError(await copy({ bucket, key: "k" }, `/${bucket}/k`), 400, "InvalidRequest", { message: /illegal/ });
    const headers = { "x-amz-metadata-directive": "REPLACE", "x-amz-meta-b": "2", "content-type": "text/css" };
    await copied({ bucket, key: "k" }, `/${bucket}/k`, headers);
    const { object, text } = await found("k");
    expect([text, object.customMetadata?.a, object.customMetadata?.b]).toEqual(["content", undefined, "2"]);
    expect(object.httpMetadata?.contentType).toBe("text/css");
  });
});

describe("CopyObject", () => {
  it.each([7, 3 * MIB])("copies %i bytes between adopted and ordinary buckets, both ways", async (size) => {
    const bytes = noise(size);
    await store.put("from", bytes, { httpMetadata: { contentType: "image/png" }, customMetadata: { color: "red" } });
    await copied({ bucket: ordinary, key: "k" }, `/${bucket}/from`);
    const read = await send({ bucket: ordinary, key: "k" });
    expect([read.headers.get("content-type"), read.headers.get("x-amz-meta-color")]).toEqual(["image/png", "red"]);
    expect(md5(new Uint8Array(await read.arrayBuffer()))).toBe(md5(bytes));

    const tagged = { "x-amz-tagging-directive": "REPLACE", "x-amz-tagging": "t=1" };
    await copied({ bucket, key: "to" }, `/${ordinary}/k`, tagged);
    const object = await store.get("to");
    expect(md5(new Uint8Array((await object?.arrayBuffer()) ?? new ArrayBuffer(0)))).toBe(md5(bytes));
    expect(object).toMatchObject({ httpMetadata: { contentType: "image/png" }, customMetadata: { color: "red" } });
    expect(await tagsOf("to")).toBe("<Tag><Key>t</Key><Value>1</Value></Tag>");

    await copied({ bucket, key: "again" }, `/${bucket}/to`);
    expect([await tagsOf("again"), (await store.head("again"))?.etag]).toEqual([await tagsOf("to"), md5(bytes)]);
  });

  it("replaces nothing with If-None-Match", async () => {
    await store.put("from", "new");
    await store.put("to", "old");
    const headers = { "if-none-match": "*" };
    const details = { Condition: "If-None-Match" };
    await expectError(await copy({ bucket, key: "to" }, `/${bucket}/from`, headers), 412, "PreconditionFailed", {
      details,
    });
    expect((await found("to")).text).toBe("old");
    await copied({ bucket, key: "free" }, `/${bucket}/from`, headers);
    expect((await found("free")).text).toBe("new");
  });
});

describe("the record in customMetadata", () => {
  it("cannot be set by clients, by headers, forms or copies", async () => {
    const headers = { [`x-amz-meta-${RESERVED}`]: "x" };
    const answer = await send({ method: "PUT", bucket, key: "k", body: "x", headers });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining("InvalidArgument")]);
    await putObject(ordinary, "reserved", "x", { headers });
    expect((await copy({ bucket, key: "k" }, `/${ordinary}/reserved`)).status).toBe(400);
    expect(await keysIn(store)).toEqual([]);
  });

  it("counts only for its own key, bucket and bytes", async () => {
    const headers = { "x-amz-acl": "public-read", "x-amz-tagging": "a=1" };
    await putObject(bucket, "public", "content", { headers });
    const { customMetadata = {} } = (await found("public")).object;
    const isPublic = async (key: string) => (await send({ bucket, key, as: null })).status === 200;
    expect(await isPublic("public")).toBe(true);
    // On another key, on other bytes of the same length, of another length, and changed.
    await store.put("secret", "content", { customMetadata });
    await store.put("public", "CONTENT", { customMetadata });
    await store.put("longer", "content and more", { customMetadata });
    const text = customMetadata[RESERVED] ?? "";
    const forgeries = [
      "",
      "{}",
      "x",
      text.slice(23),
      text.replace(/.$/, " }"),
      `A${text.slice(1)}`,
      `${"A".repeat(22)}.{"w":"x","a":["R*"]}`,
    ];
    for (const [index, forged] of forgeries.entries()) {
      await store.put(`forged-${index}`, "content", { customMetadata: { [RESERVED]: forged } });
    }
    for (const key of ["secret", "public", "longer", ...forgeries.map((_, index) => `forged-${index}`)]) {
      expect([key, await isPublic(key)]).toEqual([key, false]);
      expect(await tagsOf(key)).toBe("");
      expect((await accepted({ method: "HEAD", key })).headers.has(`x-amz-meta-${RESERVED}`)).toBe(false);
    }
  });

  it("is not taken from metadata that means something in a region's store", async () => {
    const record = JSON.stringify({
      w: "x",
      t: 1,
      k: "other",
      f: { n: 1, e: "x", b: "x".repeat(27) },
      a: ["R*"],
      o: "x",
    });
    await store.put("k", "content", { customMetadata: { s3: record, bucket: "{" } });
    const read = await accepted({ key: "k" });
    expect([await read.text(), read.headers.get("x-amz-meta-s3")]).toEqual(["content", record]);
    expect((await send({ bucket, key: "k", as: null })).status).toBe(403);
    await accepted({ method: "PUT", key: "k", query: "tagging", body: tagging({ a: "1" }) });
    const headers = { "if-match": `"${md5("content")}"`, "x-amz-meta-s3": "{}" };
    await putObject(bucket, "k", "new", { headers });
    expect(await (await accepted({ key: "k" })).text()).toBe("new");
    expect(await (await accepted({ query: "list-type=2" })).text()).toContain("<Key>k</Key>");
    await accepted({ method: "DELETE", key: "k" }, 204);
    expect(await keysIn(store)).toEqual([]);
  });

  it("says who owns an object that another account has written", async () => {
    const account = await createAccount();
    const root = await rootAccount();
    const Statement = [
      { Effect: "Allow", Principal: "*", Action: "s3:PutObject", Resource: `arn:aws:s3:::${bucket}/*` },
    ];
    const policy = JSON.stringify({ Version: "2012-10-17", Statement });
    await accepted({ method: "PUT", query: "policy", body: policy }, 204);
    await putObject(bucket, "theirs", "content", { as: account });
    expect((await getAcl({ bucket, key: "theirs", as: account })).owner.id).toBe(account.canonicalId);
    await putObject(bucket, "given", "content", { as: account, headers: { "x-amz-acl": "bucket-owner-full-control" } });
    expect((await getAcl({ bucket, key: "given" })).grants.join()).toContain(root.canonicalId);
    await accepted({ method: "DELETE", query: "policy" }, 204);
  });
});

describe("isolation", () => {
  it("reserved prefixes are ordinary keys of an adopted bucket, and lead to nothing else", async () => {
    await putObject(ordinary, "secret", "tenant's secret");
    const entries = (await r2("STORE").list()).objects.map(({ key }) => key);
    expect(entries.length).toBeGreaterThan(1);
    for (const key of entries) expect((await send({ bucket, key })).status).toBe(404);
    const before = (await r2("STORE").list()).objects.map(({ key, version }) => `${key} ${version}`);
    const keys = [...entries.slice(0, 3), "~b/1/1", "~m/abcdefghijkl", "~v/x", "a//b", "/", "x".repeat(1024)];
    for (const key of keys) {
      await putObject(bucket, key, "mine");
      expect((await found(key)).text).toBe("mine");
      expect(await (await accepted({ key })).text()).toBe("mine");
    }
    expect((await keysIn(store)).length).toBe(new Set(keys).size);
    for (const key of keys) await accepted({ method: "DELETE", key }, 204);
    expect((await r2("STORE").list()).objects.map(({ key, version }) => `${key} ${version}`)).toEqual(before);
    expect(await (await send({ bucket: ordinary, key: "secret" })).text()).toBe("tenant's secret");
  });
});

const WITH_KMS =
  "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>";
const ARN = "arn:aws:s3:::elsewhere";

describe("what cannot be kept answers NotImplemented and changes nothing", () => {
  it.each<[what: string, options: SendOptions]>([
    [
      "versioning",
      {
        method: "PUT",
        query: "versioning",
        body: "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
      },
    ],
    [
      "object lock",
      {
        method: "PUT",
        query: "object-lock",
        body: "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>",
      },
    ],
    [
      "a retention",
      {
        method: "PUT",
        key: "k",
        query: "retention",
        body: "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2099-01-01T00:00:00Z</RetainUntilDate></Retention>",
      },
    ],
    [
      "a legal hold",
      { method: "PUT", key: "k", query: "legal-hold", body: "<LegalHold><Status>ON</Status></LegalHold>" },
    ],
    [
      "lifecycle",
      {
        method: "PUT",
        query: "lifecycle",
        body: "<LifecycleConfiguration><Rule><ID>a</ID><Status>Enabled</Status><Filter/><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>",
      },
    ],
    ["inventory", { method: "PUT", query: "inventory&id=a", body: "<InventoryConfiguration/>" }],
    [
      "replication",
      {
        method: "PUT",
        query: "replication",
        body: `<ReplicationConfiguration><Role>${ARN}</Role></ReplicationConfiguration>`,
      },
    ],
    ["SSE-KMS by default", { method: "PUT", query: "encryption", body: WITH_KMS }],
    [
      "SSE-KMS",
      { method: "PUT", key: "k", body: "new", headers: { "x-amz-server-side-encryption": "aws:kms" }, scheme: "https" },
    ],
    ["annotations", { method: "PUT", key: "k", query: "annotation&annotationName=a", body: "x" }],
    [
      "REDUCED_REDUNDANCY",
      { method: "PUT", key: "k", body: "new", headers: { "x-amz-storage-class": "REDUCED_REDUNDANCY" } },
    ],
    ["deletion on a condition", { method: "DELETE", key: "k", headers: { "if-match": `"${md5("old")}"` } }],
    ["renaming", { method: "PUT", key: "k", query: "renameObject", headers: { "x-amz-rename-source": "other" } }],
    ["deletion of the bucket", { method: "DELETE" }],
  ])("%s", async (_what, options) => {
    await store.put("k", "old");
    const body = options.body ?? "";
    const digest = { "content-md5": createHash("md5").update(body).digest("base64") };
    const answer = await send({ bucket, ...options, headers: { ...(options.body && digest), ...options.headers } });
    const text = await answer.text();
    expect([answer.status, text]).toEqual([501, expect.stringContaining("adopted")]);
    expect([await keysIn(store), (await found("k")).text]).toEqual([["k"], "old"]);
  });

  it("SSE-C", async () => {
    await store.put("k", "old");
    const key = new Uint8Array(32);
    const headers = {
      "x-amz-server-side-encryption-customer-algorithm": "AES256",
      "x-amz-server-side-encryption-customer-key": Buffer.from(key).toString("base64"),
      "x-amz-server-side-encryption-customer-key-md5": Buffer.from(md5(key), "hex").toString("base64"),
    };
    const answer = await send({ method: "PUT", bucket, key: "k", body: "new", headers, scheme: "https" });
    expect([answer.status, (await found("k")).text]).toEqual([501, "old"]);
  });

  it("replication from a bucket of the deployment", async () => {
    const rule = `<Rule><ID>a</ID><Status>Enabled</Status><Priority>1</Priority><Filter/><DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication><Destination><Bucket>arn:aws:s3:::${bucket}</Bucket></Destination></Rule>`;
    const body = `<ReplicationConfiguration><Role>arn:aws:iam::000000000000:role/r</Role>${rule}</ReplicationConfiguration>`;
    const headers = { "content-md5": createHash("md5").update(body).digest("base64") };
    const answer = await send({ method: "PUT", bucket: ordinary, query: "replication", body, headers });
    expect([answer.status, await answer.text()]).toEqual([501, expect.stringContaining("adopted")]);
  });
});
