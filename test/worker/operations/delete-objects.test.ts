import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createAccount, type TestAccount } from "../../support/accounts.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { expectError } from "../../support/errors.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { putObject, type SendOptions, STYLES, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { createVersionedBucket, putVersion } from "../../support/versions.ts";
import { all, documentOf, fields, textIn, texts } from "../../support/xml.ts";

const ONE_KEY = deletion(["k"]);

describeRefusals("DeleteObjects", {
  method: "POST",
  query: "delete",
  body: ONE_KEY,
  headers: { "content-md5": md5(ONE_KEY) },
  success: 200,
});

function md5(text: string): string {
  return createHash("md5").update(text).digest("base64");
}

function escapeXml(text: string): string {
  return text.replace(/[&<>\r\n\t]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function deletion(keys: readonly string[], quiet?: string): string {
  const objects = keys.map((key) => `<Object><Key>${escapeXml(key)}</Key></Object>`).join("");
  const flag = quiet === undefined ? "" : `<Quiet>${quiet}</Quiet>`;
  return `<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${flag}${objects}</Delete>`;
}

function post(bucket: string, body: string, options: SendOptions = {}): Promise<Response> {
  const headers = { "content-md5": md5(body), ...options.headers };
  return send({ method: "POST", bucket, query: "delete", body, ...options, headers });
}

async function remove(bucket: string, body: string, options: SendOptions = {}) {
  const root = await documentOf(await post(bucket, body, options), "DeleteResult");
  return {
    deleted: texts(root, "Deleted", "Key"),
    errors: all(root, "Error").map(fields),
    versions: all(root, "Deleted").map((deleted) => textIn(deleted, "VersionId")),
  };
}

async function keysOf(bucket: string): Promise<string[]> {
  return texts(await documentOf(await send({ bucket }), "ListBucketResult"), "Contents", "Key");
}

async function fill(keys: readonly string[]): Promise<string> {
  const bucket = await createBucket();
  await Promise.all(keys.map((key) => putObject(bucket, key)));
  return bucket;
}

describe("DeleteObjects", () => {
  it.each(STYLES)("DeleteObjects removes the keys and lists each, absent ones too, %s style", async (style) => {
    const bucket = await fill(["a", "b", "c"]);
    const result = await remove(bucket, deletion(["b", "absent", "a"]), { style });
    expect(result).toMatchObject({ deleted: ["b", "absent", "a"], errors: [] });
    expect(await keysOf(bucket)).toEqual(["c"]);
  });

  it.each(["true", "True", " TRUE "])("DeleteObjects with Quiet %j lists only failures", async (quiet) => {
    const bucket = await fill(["a", "b"]);
    expect(await remove(bucket, deletion(["a", "b"], quiet))).toMatchObject({ deleted: [], errors: [] });
    expect(await keysOf(bucket)).toEqual([]);
  });

  it.each(["false", "False", ""])("DeleteObjects with Quiet %j lists every key", async (quiet) => {
    expect((await remove(await createBucket(), deletion(["a"], quiet))).deleted).toEqual(["a"]);
  });

  it.each(["false", "true"])("DeleteObjects removes 1,000 keys at once, quiet: %s", async (quiet) => {
    const keys = Array.from({ length: 1000 }, (_, index) => `key-${String(index).padStart(4, "0")}`);
    const bucket = await fill([...keys.slice(0, 40), "stays"]);
    const result = await remove(bucket, deletion(keys, quiet));
    expect(result).toMatchObject({ deleted: quiet === "true" ? [] : keys, errors: [] });
    expect(await keysOf(bucket)).toEqual(["stays"]);
  });

  it("DeleteObjects removes hostile keys and no others", async () => {
    const keys = [" a ", "a&b<c>", "a\rb\nc\td", "ünï", "007", "true", "a/..b", "%41", "]]>", "\u{1F600}", "'\""];
    const bucket = await fill([...keys, "a", "A", "7"]);
    expect((await remove(bucket, deletion(keys))).deleted).toEqual(keys);
    expect(await keysOf(bucket)).toEqual(["7", "A", "a"]);
  });

  it("DeleteObjects answers a key given twice twice", async () => {
    const bucket = await fill(["a"]);
    expect((await remove(bucket, deletion(["a", "a"]))).deleted).toEqual(["a", "a"]);
  });

  it("DeleteObjects accepts the version null and refuses each other one with NoSuchVersion", async () => {
    const bucket = await fill(["a", "b"]);
    const body =
      "<Delete><Object><Key>a</Key><VersionId>null</VersionId></Object><Object><Key>b</Key><VersionId>v1</VersionId></Object></Delete>";
    const result = await remove(bucket, body);
    expect([result.deleted, result.versions]).toEqual([["a"], ["null"]]);
    expect(result.errors).toEqual([
      { Key: "b", VersionId: "v1", Code: "NoSuchVersion", Message: "The specified version does not exist." },
    ]);
    expect(await keysOf(bucket)).toEqual(["b"]);
  });

  it("DeleteObjects lists errors in the order of the request, whatever was refused first", async () => {
    const bucket = await fill(["a"]);
    const body =
      "<Delete><Object><Key>absent</Key><ETag>*</ETag></Object><Object><Key>a</Key><VersionId>v1</VersionId></Object></Delete>";
    const { errors } = await remove(bucket, body);
    expect(errors.map(({ Key, Code }) => [Key, Code])).toEqual([
      ["absent", "NoSuchKey"],
      ["a", "NoSuchVersion"],
    ]);
  });

  it("DeleteObjects with ETags removes six keys at a time, and a repeated key only once", async () => {
    const bucket = await createBucket();
    const keys = Array.from({ length: 40 }, (_, index) => `key-${index}`);
    const etags = await Promise.all(keys.map((key) => putObject(bucket, key)));
    const item = (key: string, etag: string | undefined) => `<Object><Key>${key}</Key><ETag>${etag}</ETag></Object>`;
    const items = keys.map((key, index) => item(key, etags[index]));
    let atOnce = 0;
    let most = 0;
    const STORE = new Proxy(testEnv.STORE, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return async (...parameters: unknown[]) => {
          most = Math.max(most, ++atOnce);
          await scheduler.wait(1);
          try {
            return await Reflect.apply(value, target, parameters);
          } finally {
            atOnce--;
          }
        };
      },
    });
    const body = `<Delete>${items.join("")}${items[3]}</Delete>`;
    const { deleted, errors } = await remove(bucket, body, { env: { ...testEnv, STORE } });
    expect([deleted, errors]).toMatchObject([keys, [{ Key: "key-3", Code: "NoSuchKey" }]]);
    expect(most).toBe(6);
  });

  it("DeleteObjects with ETags removes what matches and refuses the rest each with its code", async () => {
    const bucket = await createBucket();
    const etag = await putObject(bucket, "match");
    await putObject(bucket, "quoted");
    await putObject(bucket, "other");
    await putObject(bucket, "any");
    const item = (key: string, value: string) => `<Object><Key>${key}</Key><ETag>${value}</ETag></Object>`;
    const body = `<Delete>${item("match", etag)}${item("quoted", `"${etag}"`)}${item("other", "0".repeat(32))}${item("any", "*")}${item("absent", "*")}</Delete>`;
    const result = await remove(bucket, body);
    expect(result.deleted).toEqual(["match", "quoted", "any"]);
    expect(result.errors).toEqual([
      {
        Key: "other",
        Code: "PreconditionFailed",
        Message: "At least one of the pre-conditions you specified did not hold",
      },
      { Key: "absent", Code: "NoSuchKey", Message: "The specified key does not exist." },
    ]);
    expect(await keysOf(bucket)).toEqual(["other"]);
  });

  it.each([
    ["LastModifiedTime", "Thu, 01 Jan 2015 00:00:00 GMT"],
    ["LastModifiedTime", "2015-01-01T00:00:00Z"],
    ["Size", "3"],
  ])("DeleteObjects refuses only the key whose %s is not %s with PreconditionFailed", async (name, value) => {
    const bucket = await fill(["a", "b"]);
    const body = `<Delete><Object><Key>a</Key><${name}>${value}</${name}></Object><Object><Key>b</Key></Object><Object><Key>absent</Key><${name}>${value}</${name}></Object></Delete>`;
    const { deleted, errors } = await remove(bucket, body);
    expect(deleted).toEqual(["b", "absent"]);
    expect(errors).toEqual([
      {
        Key: "a",
        Code: "PreconditionFailed",
        Message: "At least one of the pre-conditions you specified did not hold",
      },
    ]);
    expect(await keysOf(bucket)).toEqual(["a"]);
  });

  it("DeleteObjects removes what has the size and time", async () => {
    const bucket = await fill(["a"]);
    const time = (await send({ method: "HEAD", bucket, key: "a" })).headers.get("last-modified");
    const body = `<Delete><Object><Key>a</Key><LastModifiedTime>${time}</LastModifiedTime><Size>7</Size></Object></Delete>`;
    expect((await remove(bucket, body)).deleted).toEqual(["a"]);
    expect(await keysOf(bucket)).toEqual([]);
  });

  it("DeleteObjects refuses only a key of more than 1,024 bytes with KeyTooLongError", async () => {
    const bucket = await fill(["a"]);
    const long = "é".repeat(513);
    const { deleted, errors } = await remove(bucket, deletion([long, "a"]));
    expect(deleted).toEqual(["a"]);
    expect(errors).toEqual([{ Key: long, Code: "KeyTooLongError", Message: "Your key is too long" }]);
  });

  it.each([
    ["no document", ""],
    ["another document", "<CreateBucketConfiguration/>"],
    ["no key", "<Delete/>"],
    ["an object without a key", "<Delete><Object/></Delete>"],
    ["an empty key", "<Delete><Object><Key></Key></Object></Delete>"],
    ["1,001 keys", deletion(Array.from({ length: 1001 }, (_, index) => `k${index}`))],
    ["an unknown element", "<Delete><Object><Key>k</Key><Surprise/></Object></Delete>"],
    ["two keys in one object", "<Delete><Object><Key>k</Key><Key>l</Key></Object></Delete>"],
    ["an invalid Quiet", deletion(["k"], "yes")],
    ["an invalid Size", "<Delete><Object><Key>k</Key><Size>-1</Size></Object></Delete>"],
    ["an invalid date", "<Delete><Object><Key>k</Key><LastModifiedTime>now</LastModifiedTime></Object></Delete>"],
    ["a custom entity", '<!DOCTYPE d [<!ENTITY k "k">]><Delete><Object><Key>&k;</Key></Object></Delete>'],
    ["an unclosed element", "<Delete><Object><Key>k</Key></Object>"],
  ])("DeleteObjects refuses %s with MalformedXML and removes nothing", async (_name, body) => {
    const bucket = await fill(["k"]);
    await expectError(await post(bucket, body), 400, "MalformedXML");
    expect(await keysOf(bucket)).toEqual(["k"]);
  });

  // API_DeleteObjects: "The Content-MD5 request header is required ... or another checksum".
  it.each(STYLES)("DeleteObjects refuses a body without a digest with InvalidRequest, %s style", async (style) => {
    const bucket = await fill(["k"]);
    const response = await send({ method: "POST", bucket, query: "delete", body: ONE_KEY, style });
    await expectError(response, 400, "InvalidRequest", {
      message: "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
    });
    expect(await keysOf(bucket)).toEqual(["k"]);
  });

  it("DeleteObjects accepts a checksum instead of Content-MD5", async () => {
    const bucket = await fill(["k"]);
    const headers = { "x-amz-checksum-sha256": createHash("sha256").update(ONE_KEY).digest("base64") };
    const response = await send({ method: "POST", bucket, query: "delete", body: ONE_KEY, headers });
    expect(response.status, await response.text()).toBe(200);
    expect(await keysOf(bucket)).toEqual([]);
  });

  it.each([
    ["content-md5", "AAAAAAAAAAAAAAAAAAAAAA==", "The Content-MD5 you specified did not match what we received."],
    ["x-amz-checksum-crc32", "AAAAAA==", "The CRC32 you specified did not match the calculated checksum."],
  ])("DeleteObjects refuses a wrong %s with BadDigest and removes nothing", async (name, value, message) => {
    const bucket = await fill(["k"]);
    const headers = { [name]: value };
    const response = await send({ method: "POST", bucket, query: "delete", body: ONE_KEY, headers });
    await expectError(response, 400, "BadDigest", {
      message,
      ...(name === "content-md5" && {
        details: { ExpectedDigest: "0".repeat(32), CalculatedDigest: md5(ONE_KEY) },
      }),
    });
    expect(await keysOf(bucket)).toEqual(["k"]);
  });

  it("DeleteObjects refuses an invalid Content-MD5 with InvalidDigest", async () => {
    const bucket = await fill(["k"]);
    await expectError(await post(bucket, ONE_KEY, { headers: { "content-md5": "abc" } }), 400, "InvalidDigest", {
      message: "The Content-MD5 you specified was invalid.",
      details: { "Content-MD5": "abc" },
    });
  });

  it("DeleteObjects refuses a document of more than 2 MiB with MaxMessageLengthExceeded", async () => {
    const bucket = await createBucket();
    const body = `${ONE_KEY}${" ".repeat(2 * 1024 * 1024)}`;
    await expectError(await post(bucket, body), 400, "MaxMessageLengthExceeded", {
      message: "Your request was too big.",
      details: { MaxMessageLengthBytes: "2097152" },
    });
  });

  it("DeleteObjects refuses x-amz-mfa with NotImplemented", async () => {
    const bucket = await fill(["k"]);
    await expectError(await post(bucket, ONE_KEY, { headers: { "x-amz-mfa": "serial 1" } }), 501, "NotImplemented", {
      message: "A header you provided implies functionality that is not implemented",
      details: { Header: "x-amz-mfa" },
    });
    expect(await keysOf(bucket)).toEqual(["k"]);
  });

  it.each(["true", "false"])(
    "DeleteObjects refuses a bypass of locks (%s) where the bucket has none",
    async (value) => {
      const bucket = await fill(["k"]);
      const headers = { "x-amz-bypass-governance-retention": value };
      await expectError(await post(bucket, ONE_KEY, { headers }), 400, "InvalidArgument", {
        message: "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.",
        details: { ArgumentName: "x-amz-bypass-governance-retention" },
      });
      expect(await keysOf(bucket)).toEqual(["k"]);
    },
  );

  it("DeleteObjects does not read the document of an anonymous caller", async () => {
    const bucket = await fill(["k"]);
    await expectError(await post(bucket, "not even XML", { as: null }), 403, "AccessDenied");
    expect(await keysOf(bucket)).toEqual(["k"]);
  });
});

/** "For the bucket and object owners of existing objects, also allows deletions" (ACL overview, WRITE of a bucket). */
describe("a bucket whose ACL allows everyone to write", () => {
  async function openBucket() {
    const bucket = await createBucket();
    const response = await send({ method: "PUT", bucket, query: "acl", headers: { "x-amz-acl": "public-read-write" } });
    expect(response.status).toBe(200);
    const stranger = await createAccount("stranger");
    await putObject(bucket, "owners");
    await putObject(bucket, "strangers", "content", { as: stranger });
    await putObject(bucket, "nobodys", "content", { as: null });
    return { bucket, stranger };
  }
  const KEYS = ["owners", "strangers", "nobodys", "absent"];
  const refused = (key: string) => ({ Key: key, Code: "AccessDenied", Message: "Access Denied" });

  it("DeleteObjects removes a caller's own objects and refuses the others with AccessDenied", async () => {
    const { bucket, stranger } = await openBucket();
    expect(await remove(bucket, deletion(KEYS), { as: null })).toMatchObject({
      deleted: ["nobodys", "absent"],
      errors: [refused("owners"), refused("strangers")],
    });
    expect(await remove(bucket, deletion(KEYS), { as: stranger })).toMatchObject({
      deleted: ["strangers", "nobodys", "absent"],
      errors: [refused("owners")],
    });
    expect(await keysOf(bucket)).toEqual(["owners"]);
  });

  it("DeleteObject is decided in the same way, and the bucket's owner can delete everything", async () => {
    const { bucket, stranger } = await openBucket();
    const statusOf = async (key: string, as: TestAccount | null) =>
      (await send({ method: "DELETE", bucket, key, as })).status;
    expect(await Promise.all(["owners", "strangers"].map((key) => statusOf(key, null)))).toEqual([403, 403]);
    expect(await Promise.all(["owners", "nobodys"].map((key) => statusOf(key, stranger)))).toEqual([403, 403]);
    expect([await statusOf("nobodys", null), await statusOf("strangers", stranger)]).toEqual([204, 204]);
    await putObject(bucket, "strangers", "content", { as: stranger });
    await putObject(bucket, "nobodys", "content", { as: null });
    const { deleted } = await remove(bucket, deletion(["owners", "strangers", "nobodys"]));
    expect(deleted).toEqual(["owners", "strangers", "nobodys"]);
  });

  it("objects of anonymous callers have one common owner, and their ACL decides who reads them", async () => {
    const { bucket } = await openBucket();
    const acl = await documentOf(await send({ bucket, key: "nobodys", query: "acl" }), "AccessControlPolicy");
    expect(textIn(acl, "Owner", "ID")).toBe("65a011a29cdf8ec533ec3d1ccaae921c");
    expect((await send({ bucket, key: "nobodys", as: null })).status).toBe(403);
    expect((await send({ bucket, key: "nobodys" })).status).toBe(200);
    await putObject(bucket, "shown", "content", { as: null, headers: { "x-amz-acl": "public-read" } });
    expect((await send({ bucket, key: "shown", as: null })).status).toBe(200);
  });
});

// LocalStack's recordings of AWS: test_delete_objects_versioned, test_delete_keys_in_versioned_bucket.
describe("DeleteObjects in a versioned bucket", () => {
  const item = (key: string, versionId?: string, more = "") =>
    `<Object><Key>${key}</Key>${versionId === undefined ? "" : `<VersionId>${versionId}</VersionId>`}${more}</Object>`;

  async function run(bucket: string, items: readonly string[], options: SendOptions = {}) {
    const root = await documentOf(await post(bucket, `<Delete>${items.join("")}</Delete>`, options), "DeleteResult");
    return { deleted: all(root, "Deleted").map(fields), errors: all(root, "Error").map(fields) };
  }

  it("DeleteObjects answers with the markers it makes and removes", async () => {
    const bucket = await createVersionedBucket();
    const version = await putVersion(bucket, "k", "v");
    const { deleted } = await run(bucket, [item("k"), item("never-written")]);
    expect(deleted).toEqual(
      ["k", "never-written"].map((Key) => ({
        Key,
        DeleteMarker: "true",
        DeleteMarkerVersionId: expect.stringMatching(/^[0-9A-Za-z]{32}$/),
      })),
    );
    const marker = deleted[0]?.DeleteMarkerVersionId ?? "";
    const again = await run(bucket, [item("k", marker), item("k", version)]);
    expect(again.deleted).toEqual([
      { Key: "k", VersionId: marker, DeleteMarker: "true", DeleteMarkerVersionId: marker },
      { Key: "k", VersionId: version },
    ]);
    expect((await send({ bucket, key: "k" })).status).toBe(404);
  });

  it("DeleteObjects where versioning is suspended answers with the version null", async () => {
    const bucket = await createVersionedBucket("Suspended");
    await putObject(bucket, "k");
    expect((await run(bucket, [item("k")])).deleted).toEqual([
      { Key: "k", DeleteMarker: "true", DeleteMarkerVersionId: "null" },
    ]);
  });

  it("DeleteObjects refuses each version that is no version id with NoSuchVersion", async () => {
    const bucket = await createVersionedBucket();
    const version = "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD";
    expect(await run(bucket, [item("a", version), item("b", version)])).toEqual({
      deleted: [],
      errors: ["a", "b"].map((Key) => ({
        Key,
        VersionId: version,
        Code: "NoSuchVersion",
        Message: "The specified version does not exist.",
      })),
    });
  });

  it("DeleteObjects decides conditions about the version that is named, and the current one otherwise", async () => {
    const bucket = await createVersionedBucket();
    const old = await putVersion(bucket, "k", "old");
    await putVersion(bucket, "k", "current");
    const size = (bytes: number) => `<Size>${bytes}</Size>`;
    const { deleted, errors } = await run(bucket, [
      item("k", old, size(7)),
      item("k", undefined, size(3)),
      item("k", old, size(3)),
      item("k", undefined, size(7)),
      item("k", undefined, size(7)),
      item("k", undefined, "<ETag>*</ETag>"),
    ]);
    expect(deleted).toMatchObject([{ VersionId: old }, { DeleteMarker: "true" }]);
    expect(errors.map(({ VersionId, Code }) => [VersionId, Code])).toEqual([
      [old, "PreconditionFailed"],
      [undefined, "PreconditionFailed"],
      [undefined, "PreconditionFailed"],
      [undefined, "NoSuchKey"],
    ]);
  });

  it("DeleteObjects decides the permission of each deletion by whether it names a version", async () => {
    const bucket = await createVersionedBucket();
    const version = await putVersion(bucket, "k", "v");
    const other = await createAccount();
    const Resource = `arn:aws:s3:::${bucket}/*`;
    for (const [Action, allowed] of [
      ["s3:DeleteObject", [undefined]],
      ["s3:DeleteObjectVersion", [version]],
    ] as const) {
      const Statement = [{ Effect: "Allow", Principal: "*", Action, Resource }];
      const body = JSON.stringify({ Version: "2012-10-17", Statement });
      await send({ method: "PUT", bucket, query: "policy", body });
      const { deleted, errors } = await run(bucket, [item("k"), item("k", version)], { as: other });
      expect(deleted.map(({ VersionId }) => VersionId)).toEqual(allowed);
      expect(errors.map(({ Code }) => Code)).toEqual(["AccessDenied"]);
    }
  });

  it("DeleteObjects makes at most three R2 calls a key, six at a time", async () => {
    const bucket = await createVersionedBucket();
    const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`);
    const versions = await Promise.all(keys.map((key) => putVersion(bucket, key, "1")));
    for (const key of keys) await putVersion(bucket, key, "2");
    const { env, counts, reset } = countingEnv(testEnv);
    reset();
    expect(
      (
        await run(
          bucket,
          keys.map((key) => item(key)),
          { env },
        )
      ).deleted,
    ).toHaveLength(20);
    expect(counts.r2).toBeLessThanOrEqual(3 * 20);
    reset();
    const items = keys.map((key, index) => item(key, versions[index]));
    expect((await run(bucket, items, { env })).deleted).toHaveLength(20);
    expect(counts.r2).toBeLessThanOrEqual(2 * 20);
  });
});
