/**
 * PutObjectAnnotation, GetObjectAnnotation, ListObjectAnnotations and DeleteObjectAnnotation, with names, limits and errors of
 * their pages in the API reference, and the directive of CopyObject.
 */
import { afterAll, describe, expect, it } from "vitest";
import { MAX_ANNOTATIONS } from "../../../src/model/annotation.ts";
import { headOf } from "../../support/copy.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { expectError } from "../../support/errors.ts";
import { callsToFail, failingEnv } from "../../support/failing-env.ts";
import { createUser, putPolicy } from "../../support/iam.ts";
import { createKmsKey, env, kmsHeaders } from "../../support/kms.ts";
import { keepObjectsInMemory } from "../../support/memory-store.ts";
import { checksumOf, complete, createUpload, MIB, md5, putPart } from "../../support/multipart.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { encode, putObject, type SendOptions, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { expectNoFindings } from "../../support/scrub.ts";
import { createVersionedBucket, putMarker, putVersion, setVersioning } from "../../support/versions.ts";
import { all, documentOf, fields, texts } from "../../support/xml.ts";

keepObjectsInMemory();

afterAll(() => expectNoFindings());

describeRefusals("ListObjectAnnotations", { method: "GET", key: "k", query: "annotation", success: 200 });

type Options = Partial<SendOptions> & { readonly versionId?: string | undefined };

function annotation(method: string, bucket: string, name: string, options: Options = {}): Promise<Response> {
  const { versionId, key = "k", ...more } = options;
  const version = versionId === undefined ? "" : `&versionId=${versionId}`;
  return send({ ...more, method, bucket, key, query: `annotation&annotationName=${encode(name)}${version}` });
}

async function put(bucket: string, name: string, body: string | Uint8Array, options: Options = {}): Promise<Response> {
  const response = await annotation("PUT", bucket, name, { ...options, body });
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  return response;
}

async function textOf(bucket: string, name: string, options: Options = {}): Promise<string | number> {
  const response = await annotation("GET", bucket, name, options);
  const text = await response.text();
  return response.status === 200 ? text : response.status;
}

async function listOf(bucket: string, parameters = "", key = "k") {
  return documentOf(await send({ bucket, key, query: `annotation${parameters}` }), "ListObjectAnnotationsOutput");
}

async function namesOf(bucket: string, parameters = "", key = "k"): Promise<string[]> {
  const root = await listOf(bucket, parameters, key);
  return all(root, "Annotations").flatMap((list) => texts(list, "AnnotationEntry", "AnnotationName"));
}

async function prepared(bucket?: string): Promise<string> {
  const name = bucket ?? (await createBucket());
  await putObject(name, "k", "content");
  return name;
}

describe("annotations of an object", () => {
  it("PutObjectAnnotation keeps ETag and Last-Modified, and GetObjectAnnotation returns the text", async () => {
    const bucket = await prepared();
    const { "x-amz-request-id": _id, "x-amz-id-2": _id2, date: _date, ...before } = await headOf({ bucket, key: "k" });
    const response = await put(bucket, "ä/b +%", "tëxt", { headers: { "content-md5": btoa("x") } }).catch(String);
    expect(response).toMatch(/^Error: 400 .*InvalidDigest/s);
    const stored = await put(bucket, "ä/b +%", "tëxt");
    expect([stored.headers.get("etag"), stored.headers.get("x-amz-checksum-crc64nvme")]).toEqual([
      `"${md5("tëxt")}"`,
      await checksumOf("CRC64NVME", "tëxt"),
    ]);
    expect(fields(await documentOf(stored, "PutObjectAnnotationOutput"))).toEqual({
      Key: "k",
      AnnotationName: "ä/b +%",
    });
    const read = await annotation("GET", bucket, "ä/b +%", { headers: { "x-amz-checksum-mode": "ENABLED" } });
    expect(Object.fromEntries(read.headers)).toMatchObject({
      "content-length": "5",
      etag: `"${md5("tëxt")}"`,
      "x-amz-checksum-crc64nvme": await checksumOf("CRC64NVME", "tëxt"),
      "x-amz-server-side-encryption": "AES256",
    });
    expect(await read.text()).toBe("tëxt");
    const { "x-amz-request-id": _id3, "x-amz-id-2": _id4, date: _date2, ...after } = await headOf({ bucket, key: "k" });
    expect(after).toEqual(before);
    expect(await (await send({ bucket, key: "k" })).text()).toBe("content");
    await put(bucket, "ä/b +%", "replaced");
    expect([await textOf(bucket, "ä/b +%"), await namesOf(bucket)]).toEqual(["replaced", ["ä/b +%"]]);
    expect((await annotation("DELETE", bucket, "ä/b +%")).status).toBe(204);
    expect([await textOf(bucket, "ä/b +%"), await namesOf(bucket)]).toEqual([404, []]);
    await expectError(await annotation("DELETE", bucket, "ä/b +%"), 404, "NoSuchAnnotation", {
      message: /annotation does not exist/,
      details: { AnnotationName: "ä/b +%" },
    });
  });

  it("ListObjectAnnotations pages by prefix, and refuses a token of another object", async () => {
    const bucket = await prepared();
    for (const name of ["b2", "a", "b1", "b3"]) await put(bucket, name, name);
    expect(await namesOf(bucket)).toEqual(["a", "b1", "b2", "b3"]);
    const first = await listOf(bucket, "&annotation-prefix=b&max-annotation-results=2");
    const { NextContinuationToken: token = "", Annotations: _, ...rest } = fields(first);
    expect(rest).toEqual({
      Bucket: bucket,
      Key: "k",
      AnnotationPrefix: "b",
      MaxAnnotationResults: "2",
      AnnotationCount: "2",
    });
    const [entry] = all(first, "Annotations").flatMap((list) => list.children);
    expect(fields(entry)).toMatchObject({
      AnnotationName: "b1",
      Size: "2",
      ETag: `"${md5("b1")}"`,
      ChecksumAlgorithm: "CRC64NVME",
    });
    const next = `&annotation-prefix=b&max-annotation-results=2&continuation-token=${encodeURIComponent(token)}`;
    expect(await namesOf(bucket, next)).toEqual(["b3"]);
    await putObject(bucket, "other", "content");
    await put(bucket, "n", "n", { key: "other" });
    const response = await send({ bucket, key: "other", query: `annotation${next}` });
    await expectError(response, 400, "InvalidArgument", {
      message: "The continuation token provided is incorrect",
      details: { ArgumentName: "continuation-token" },
    });
    const zero = await send({ bucket, key: "k", query: "annotation&max-annotation-results=0" });
    expect([zero.status, await zero.text()]).toEqual([400, expect.stringContaining("InvalidArgument")]);
  });

  it.each([
    ["", 400, "InvalidAnnotationName"],
    ["aws-label", 400, "InvalidAnnotationName"],
    ["S3x", 400, "InvalidAnnotationName"],
    ["a\u0001b", 400, "InvalidAnnotationName"],
    ["x".repeat(513), 400, "AnnotationNameTooLong"],
    ["ü".repeat(257), 400, "AnnotationNameTooLong"],
  ])("PutObjectAnnotation with the name %j answers %i %s", async (name, status, code) => {
    const bucket = await prepared();
    const response = await annotation("PUT", bucket, name, { body: "text" });
    expect([response.status, await response.text()]).toEqual([status, expect.stringContaining(`<Code>${code}</Code>`)]);
  });

  it.each([
    ["nothing", "", 400, "InvalidRequest"],
    ["no UTF-8", new Uint8Array([0xff]), 415, "UnsupportedMediaType"],
    ["more than 1 MiB", new Uint8Array(MIB + 1).fill(97), 400, "EntityTooLarge"],
  ])("PutObjectAnnotation of %s answers %i with its code", async (_name, body, status, code) => {
    const bucket = await prepared();
    const response = await annotation("PUT", bucket, "n", { body });
    expect([response.status, await response.text()]).toEqual([status, expect.stringContaining(`<Code>${code}</Code>`)]);
    expect(await namesOf(bucket)).toEqual([]);
  });

  it("PutObjectAnnotation accepts a name of 512 bytes and 1 MiB of text", async () => {
    const bucket = await prepared();
    const body = new Uint8Array(MIB).fill(97);
    await put(bucket, "x".repeat(512), body);
    expect(String(await textOf(bucket, "x".repeat(512)))).toHaveLength(MIB);
  });

  it("PutObjectAnnotation beyond 1,000 annotations answers AnnotationLimitExceeded", async () => {
    const bucket = await prepared();
    await put(bucket, "n", "text");
    const [first] = (await testEnv.STORE.list({ prefix: "~b/" })).objects
      .filter(({ key }) => key.endsWith("/a.n"))
      .slice(-1);
    const prefix = first?.key.slice(0, -1) ?? "";
    const { customMetadata = {} } = (await testEnv.STORE.head(`${prefix}n`)) ?? {};
    await Promise.all(
      Array.from({ length: MAX_ANNOTATIONS - 1 }, (_, index) =>
        testEnv.STORE.put(`${prefix}m${index}`, "text", { customMetadata }),
      ),
    );
    await expectError(await annotation("PUT", bucket, "one more", { body: "text" }), 400, "AnnotationLimitExceeded", {
      message: /maximum number of annotations/,
    });
    await put(bucket, "n", "replaced");
    expect(await namesOf(bucket, "&max-annotation-results=2000")).toHaveLength(MAX_ANNOTATIONS);
  });

  it("x-amz-object-if-match compares with the object's ETag, and its absence answers NoSuchKey", async () => {
    const bucket = await prepared();
    for (const method of ["PUT", "DELETE"]) {
      const body = method === "PUT" ? { body: "text" } : {};
      const refused = await annotation(method, bucket, "n", {
        ...body,
        headers: { "x-amz-object-if-match": '"other"' },
      });
      await expectError(refused, 412, "PreconditionFailed", { details: { Condition: "x-amz-object-if-match" } });
      const headers = { "x-amz-object-if-match": `"${md5("content")}"` };
      expect((await annotation(method, bucket, "n", { ...body, headers })).ok).toBe(true);
      await expectError(await annotation(method, bucket, "n", { ...body, key: "absent" }), 404, "NoSuchKey", {
        details: { Key: "absent" },
      });
    }
    await expectError(await annotation("GET", bucket, "n", { key: "absent" }), 404, "NoSuchKey", {
      details: { Key: "absent" },
    });
  });

  it("an object with a customer's key has no annotations (InvalidRequest)", async () => {
    const bucket = await createBucket();
    const key = new Uint8Array(32).fill(7);
    const prefix = "x-amz-server-side-encryption-customer-";
    const headers = {
      [`${prefix}algorithm`]: "AES256",
      [`${prefix}key`]: btoa(String.fromCharCode(...key)),
      [`${prefix}key-md5`]: btoa(String.fromCharCode(...Buffer.from(md5(key), "hex"))),
    };
    await putObject(bucket, "k", "secret", { scheme: "https", headers });
    await expectError(await annotation("PUT", bucket, "n", { body: "text" }), 400, "InvalidRequest", {
      message: /SSE-C/,
    });
    await putObject(bucket, "plain", "content");
    await put(bucket, "n", "text", { key: "plain" });
    const copied = await send({
      method: "PUT",
      bucket,
      key: "copy",
      scheme: "https",
      headers: { ...headers, "x-amz-copy-source": `${bucket}/plain` },
    });
    await expectError(copied, 400, "InvalidRequest", { message: /SSE-C/ });
  });

  it("overwriting, deleting and tagging an object: only tagging keeps its annotations", async () => {
    const bucket = await prepared();
    await put(bucket, "n", "text");
    const body = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    await send({ method: "PUT", bucket, key: "k", query: "tagging", body });
    expect(await textOf(bucket, "n")).toBe("text");
    await putObject(bucket, "k", "content");
    expect([await textOf(bucket, "n"), await namesOf(bucket)]).toEqual([404, []]);
    await put(bucket, "n", "text");
    await send({ method: "DELETE", bucket, key: "k" });
    await putObject(bucket, "k", "content");
    expect(await textOf(bucket, "n")).toBe(404);
  });

  it("an object without annotations costs no call more, and one with them none more to read", async () => {
    const bucket = await prepared();
    const counting = countingEnv(testEnv);
    const read = async () => {
      counting.reset();
      await (await send({ bucket, key: "k", env: counting.env })).text();
      return JSON.stringify(counting.counts);
    };
    await read();
    const before = await read();
    await put(bucket, "n", "text");
    await read();
    expect(await read()).toBe(before);
  });
});

describe("annotations of versions", () => {
  it("belong to one version, current or not, also after a later one was deleted", async () => {
    const bucket = await createVersionedBucket();
    const first = await putVersion(bucket, "k", "one");
    await put(bucket, "n", "of one");
    const second = await putVersion(bucket, "k", "two");
    expect([await textOf(bucket, "n"), await textOf(bucket, "n", { versionId: first })]).toEqual([404, "of one"]);
    const stored = await put(bucket, "n", "of two");
    expect(stored.headers.get("x-amz-object-version-id")).toBe(second);
    await put(bucket, "m", "of one too", { versionId: first });
    const marker = await putMarker(bucket, "k");
    expect((await annotation("GET", bucket, "n")).status).toBe(405);
    for (const versionId of [marker, second]) {
      await send({ method: "DELETE", bucket, key: "k", query: `versionId=${versionId}` });
    }
    expect([await textOf(bucket, "n"), await textOf(bucket, "m")]).toEqual(["of one", "of one too"]);
    expect(await textOf(bucket, "n", { versionId: second })).toBe(404);
    const unknown = await annotation("PUT", bucket, "n", { versionId: second, body: "text" });
    expect([unknown.status, await unknown.text()]).toEqual([404, expect.stringContaining("NoSuchVersion")]);
  });

  it("stay with the null version of a bucket that becomes versioned", async () => {
    const bucket = await prepared();
    await put(bucket, "n", "of null");
    await setVersioning(bucket, "Enabled");
    await putVersion(bucket, "k", "two");
    expect([await textOf(bucket, "n"), await textOf(bucket, "n", { versionId: "null" })]).toEqual([404, "of null"]);
  });

  it("of a locked version are added, and neither replaced nor deleted without the bypass", async () => {
    const bucket = await createBucket({ headers: { "x-amz-bucket-object-lock-enabled": "true" } });
    const headers = {
      "x-amz-object-lock-mode": "GOVERNANCE",
      "x-amz-object-lock-retain-until-date": "2140-01-01T00:00:00Z",
      "content-md5": btoa(String.fromCharCode(...Buffer.from(md5("content"), "hex"))),
    };
    await putObject(bucket, "k", "content", { headers });
    await put(bucket, "n", "text");
    for (const method of ["PUT", "DELETE"]) {
      const body = method === "PUT" ? { body: "other" } : {};
      await expectError(await annotation(method, bucket, "n", body), 403, "AccessDenied", { message: /object lock/ });
      const bypass = { "x-amz-bypass-governance-retention": "true" };
      expect((await annotation(method, bucket, "n", { ...body, headers: bypass })).ok).toBe(true);
    }
  });
});

describe("annotations of copies", () => {
  const copy = (bucket: string, headers: Record<string, string> = {}, options: SendOptions = {}) =>
    send({
      ...options,
      method: "PUT",
      bucket,
      key: "copy",
      headers: { "x-amz-copy-source": `${bucket}/k`, ...headers },
    });

  it("CopyObject takes annotations along unless the directive excludes them", async () => {
    const bucket = await prepared();
    for (const name of ["a", "b"]) await put(bucket, name, name);
    expect((await copy(bucket)).status).toBe(200);
    expect(await namesOf(bucket, "", "copy")).toEqual(["a", "b"]);
    await put(bucket, "a", "of the copy", { key: "copy" });
    expect([await textOf(bucket, "a"), await textOf(bucket, "a", { key: "copy" })]).toEqual(["a", "of the copy"]);
    expect((await copy(bucket, { "x-amz-object-annotation-directive": "EXCLUDE" })).status).toBe(200);
    expect(await namesOf(bucket, "", "copy")).toEqual([]);
    await expectError(await copy(bucket, { "x-amz-object-annotation-directive": "SOME" }), 400, "InvalidArgument", {
      message: "Unknown annotation directive.",
      details: { ArgumentName: "x-amz-object-annotation-directive", ArgumentValue: "SOME" },
    });
  });

  it("CopyObject onto itself and RenameObject keep annotations, completed uploads have none", async () => {
    const bucket = await prepared();
    await put(bucket, "n", "text");
    const headers = { "x-amz-copy-source": `${bucket}/k`, "x-amz-storage-class": "STANDARD_IA" };
    expect((await send({ method: "PUT", bucket, key: "k", headers })).status).toBe(200);
    expect(await textOf(bucket, "n")).toBe("text");
    const rename = {
      method: "PUT",
      bucket,
      key: "renamed",
      query: "renameObject",
      headers: { "x-amz-rename-source": "k" },
    };
    expect((await send(rename)).status).toBe(200);
    expect(await textOf(bucket, "n", { key: "renamed" })).toBe("text");
    const target = { bucket, key: "renamed" };
    const uploadId = await createUpload(target);
    await complete(target, uploadId, [await putPart(target, uploadId, 1, "part")]);
    expect(await namesOf(bucket, "", "renamed")).toEqual([]);
  });

  it("CopyObject of an object with annotations needs the permissions for them at both ends", async () => {
    const bucket = await prepared();
    await put(bucket, "n", "text");
    const needed = ["s3:GetObject", "s3:PutObject", "s3:GetObjectAnnotation", "s3:PutObjectAnnotation"];
    const user = await createUser();
    for (const left of needed) {
      await putPolicy(user.name, [{ Effect: "Allow", Action: needed.filter((each) => each !== left), Resource: "*" }]);
      await expectError(await copy(bucket, {}, { as: user.key }), 403, "AccessDenied");
    }
    await putPolicy(user.name, [{ Effect: "Allow", Action: needed.slice(0, 2), Resource: "*" }]);
    expect((await copy(bucket, { "x-amz-object-annotation-directive": "EXCLUDE" }, { as: user.key })).status).toBe(200);
    await putPolicy(user.name, [{ Effect: "Allow", Action: needed, Resource: "*" }]);
    expect((await copy(bucket, {}, { as: user.key })).status).toBe(200);
    expect(await textOf(bucket, "n", { key: "copy" })).toBe("text");
  });
});

describe("annotations of an object under aws:kms", () => {
  it("have its key, are copied to other keys, and need kms:Decrypt", async () => {
    const bucket = await createBucket();
    const headers = kmsHeaders(await createKmsKey());
    const other = kmsHeaders(await createKmsKey());
    await putObject(bucket, "k", "content", { headers, env });
    const stored = await put(bucket, "n", "text", { env });
    expect(stored.headers.get("x-amz-server-side-encryption")).toBe("aws:kms");
    expect(stored.headers.get("etag")).not.toBe(`"${md5("text")}"`);
    expect(await textOf(bucket, "n", { env })).toBe("text");
    expect(await namesOf(bucket)).toEqual(["n"]);
    const source = { "x-amz-copy-source": `${bucket}/k` };
    for (const [key, about] of Object.entries({ same: headers, other, none: {} })) {
      const copied = await send({ method: "PUT", bucket, key, headers: { ...about, ...source }, env });
      expect([key, copied.status, await textOf(bucket, "n", { key, env })]).toEqual([key, 200, "text"]);
    }
    const renaming = {
      method: "PUT",
      bucket,
      key: "renamed",
      query: "renameObject",
      headers: { "x-amz-rename-source": "k" },
    };
    const Action = ["s3:*", "kms:GenerateDataKey"];
    const user = await createUser([{ Effect: "Allow", Action, Resource: "*" }]);
    for (const response of [
      await annotation("GET", bucket, "n", { as: user.key, env }),
      await annotation("PUT", bucket, "n", { as: user.key, env, body: "other" }),
      await send({ ...renaming, as: user.key, env }),
    ]) {
      expect([response.status, await response.text()]).toEqual([403, expect.stringContaining("kms:Decrypt")]);
    }
    expect((await send({ ...renaming, env })).status).toBe(200);
    const read = await send({ bucket, key: "renamed", env });
    expect([await read.text(), read.headers.get("x-amz-server-side-encryption")]).toEqual(["content", "aws:kms"]);
    expect(await textOf(bucket, "n", { key: "renamed", env })).toBe("text");
    expect((await send({ bucket, key: "k", env })).status).toBe(404);
  });
});

describe("annotations whose write is interrupted", () => {
  it.each([
    ["before", "permanently"],
    ["after", "once"],
  ] as const)(
    "leave the object whole and can be put again, any call failing %s it is made, %s",
    async (when, lasting) => {
      const attempt = async (at: number, change: (bucket: string, options: SendOptions) => Promise<Response>) => {
        const bucket = await prepared(at % 2 === 0 ? undefined : await createVersionedBucket());
        await put(bucket, "present", "old");
        const failing = failingEnv(testEnv, at === 0 ? undefined : { at, when, lasting });
        const response = await change(bucket, { env: failing.env }).catch(() => undefined);
        await response?.body?.cancel();
        expect(await (await send({ bucket, key: "k" })).text()).toBe("content");
        expect(["old", "new"]).toContain(await textOf(bucket, "present"));
        expect((await change(bucket, {})).status).toBe(200);
        return { bucket, calls: failing.calls() };
      };
      const putAgain = (bucket: string, options: SendOptions) =>
        annotation("PUT", bucket, "present", { ...options, body: "new" });
      const copyIt = (bucket: string, options: SendOptions) =>
        send({ ...options, method: "PUT", bucket, key: "copy", headers: { "x-amz-copy-source": `${bucket}/k` } });
      for (const change of [putAgain, copyIt]) {
        const { calls } = await attempt(0, change);
        const outcomes = await Promise.all(callsToFail(calls, { when, lasting }).map((at) => attempt(at, change)));
        for (const { bucket } of outcomes) {
          const key = change === copyIt ? "copy" : "k";
          expect(await textOf(bucket, "present", { key })).toBe(change === copyIt ? "old" : "new");
        }
      }
    },
  );
});
