/**
 * RenameObject on ordinary buckets, where AWS has it on directory buckets only. Headers, token and error of a token that is
 * used again: API_RenameObject. At every moment the object is at one of its keys, or at both.
 */
import { afterAll, describe, expect, it } from "vitest";
import { createAccount } from "../../support/accounts.ts";
import { headOf } from "../../support/copy.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { expectError } from "../../support/errors.ts";
import { callsToFail, failingEnv } from "../../support/failing-env.ts";
import { createUser, putPolicy } from "../../support/iam.ts";
import { completionDocument, createUpload, MIB, md5, noise, putPart } from "../../support/multipart.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { rename } from "../../support/rename.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { expectNoFindings } from "../../support/scrub.ts";
import { createVersionedBucket, versionHeaders } from "../../support/versions.ts";
import { documentOf, texts } from "../../support/xml.ts";

afterAll(() => expectNoFindings());

describeRefusals("RenameObject", {
  method: "PUT",
  key: "k",
  query: "renameObject",
  headers: { "x-amz-rename-source": "k", "x-amz-client-token": "t" },
  success: 400,
});

async function contentOf(bucket: string, key: string): Promise<string | number> {
  const response = await send({ bucket, key });
  const text = await response.text();
  return response.status === 200 ? text : response.status;
}

const tagsOf = async (bucket: string, key: string) => (await send({ bucket, key, query: "tagging" })).text();

/** What is at the source and at the destination. */
const both = async (bucket: string) => [await contentOf(bucket, "source"), await contentOf(bucket, "k")];

async function renamed(...parameters: Parameters<typeof rename>): Promise<void> {
  const response = await rename(...parameters);
  expect([response.status, await response.text()]).toEqual([200, ""]);
}

async function prepared(bucket?: string): Promise<string> {
  const name = bucket ?? (await createBucket());
  await putObject(name, "source", "content");
  return name;
}

describe("RenameObject", () => {
  it("RenameObject keeps bytes, ETag, metadata, tags, class, checksum and ACL", async () => {
    const bucket = await createBucket();
    const body = "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>";
    await send({ method: "PUT", bucket, query: "ownershipControls", body });
    await putObject(bucket, "source +%ü", "content", {
      headers: {
        "content-type": "text/x-test",
        expires: "whenever",
        "x-amz-meta-a": "1",
        "x-amz-tagging": "a=1",
        "x-amz-storage-class": "STANDARD_IA",
        "x-amz-website-redirect-location": "/there",
        "x-amz-acl": "authenticated-read",
        "x-amz-checksum-sha256": "7XACtDnprIRfIjV9giusFERzD722AW0+yUMil7nsn3M=",
      },
    });
    const about = async (key: string) => {
      const head = await headOf({ bucket, key });
      const acl = await (await send({ bucket, key, query: "acl" })).text();
      const tags = await tagsOf(bucket, key);
      const { "last-modified": _time, "x-amz-request-id": _id, "x-amz-id-2": _id2, date: _date, ...kept } = head;
      return { kept, acl, tags };
    };
    const before = await about("source +%ü");
    await renamed(bucket, "k", "source%20+%25%C3%BC");
    expect(await about("k")).toEqual(before);
    expect([await contentOf(bucket, "k"), await contentOf(bucket, "source +%ü")]).toEqual(["content", 404]);
  });

  it("RenameObject moves no bytes of an object that was uploaded in parts", async () => {
    const bucket = await createBucket();
    const uploadId = await createUpload({ bucket, key: "source" });
    const part = await putPart({ bucket, key: "source" }, uploadId, 1, noise(2 * MIB));
    const body = completionDocument([part]);
    await send({ method: "POST", bucket, key: "source", query: `uploadId=${uploadId}`, body });
    const before = await headOf({ bucket, key: "source" });
    const { env, log } = countingEnv(testEnv);
    await renamed(bucket, "k", "source", { env });
    const after = await headOf({ bucket, key: "k" });
    expect([after.etag, after["content-length"]]).toEqual([before.etag, before["content-length"]]);
    expect(log.filter((call) => call.includes("~b/"))).toEqual([]);
  });

  it("RenameObject needs no key of an object that is encrypted with a customer's key, and keeps the encryption", async () => {
    const bucket = await createBucket();
    const scheme = "https" as const;
    const prefix = "x-amz-server-side-encryption-customer-";
    const key = new Uint8Array(32).fill(7);
    const headers = {
      [`${prefix}algorithm`]: "AES256",
      [`${prefix}key`]: btoa(String.fromCharCode(...key)),
      [`${prefix}key-md5`]: btoa(String.fromCharCode(...Buffer.from(md5(key), "hex"))),
    };
    await putObject(bucket, "source", "secret", { scheme, headers });
    await renamed(bucket, "k", "source");
    expect((await send({ bucket, key: "k", scheme })).status).toBe(400);
    expect(await (await send({ bucket, key: "k", scheme, headers })).text()).toBe("secret");
  });

  it("RenameObject with headers of another encryption than the object's answers InvalidArgument", async () => {
    // Otherwise the object would pass a policy that asks for what only the headers have.
    const bucket = await prepared();
    const prefix = "x-amz-server-side-encryption";
    for (const headers of [
      { [prefix]: "aws:kms" },
      { [prefix]: "AES256", [`${prefix}-aws-kms-key-id`]: "alias/a" },
      { [`${prefix}-customer-algorithm`]: "AES256" },
    ]) {
      const answer = await rename(bucket, "k", "source", { scheme: "https", headers });
      const message = "The object is encrypted otherwise, and a rename keeps that.";
      await expectError(answer, 400, "InvalidArgument", { message });
      expect(await both(bucket)).toEqual(["content", 404]);
    }
    await renamed(bucket, "k", "source", { headers: { [prefix]: "AES256" } });
  });

  it("RenameObject replaces the object at the destination, and leaves one key in the listing", async () => {
    const bucket = await prepared();
    await putObject(bucket, "k", "old");
    await renamed(bucket, "k", "source");
    expect(await both(bucket)).toEqual([404, "content"]);
    const root = await documentOf(await send({ bucket, query: "list-type=2" }), "ListBucketResult");
    expect(texts(root, "Contents", "Key")).toEqual(["k"]);
  });

  it.each(["Enabled", "Suspended"] as const)("RenameObject puts a version and a delete marker, %s", async (status) => {
    const bucket = await prepared(await createVersionedBucket(status));
    await putObject(bucket, "k", "old");
    await renamed(bucket, "k", "source");
    expect(await both(bucket)).toEqual([404, "content"]);
    expect(versionHeaders(await send({ bucket, key: "source" })).marker).toBe("true");
    const listed = await documentOf(await send({ bucket, query: "versions" }), "ListVersionsResult");
    expect(texts(listed, "Version", "Key")).toEqual(status === "Enabled" ? ["k", "k", "source"] : ["k"]);
    expect(texts(listed, "DeleteMarker", "Key")).toEqual(["source"]);
  });

  const PAST = "Wed, 01 Jan 2020 00:00:00 GMT";
  const FUTURE = "Fri, 01 Jan 2100 00:00:00 GMT";
  const ETAG = '"9a0364b9e99bb480dd25e1f0284c8555"';
  it.each([
    ["if-none-match", "*", 412, 200],
    ["if-match", ETAG, 412, 404],
    ["if-match", "*", 200, 404],
    ["if-modified-since", PAST, 200, 404],
    ["if-modified-since", FUTURE, 412, 404],
    ["if-unmodified-since", PAST, 412, 200],
    ["if-unmodified-since", FUTURE, 200, 200],
    ["if-modified-since", "no date", 200, 200],
    ["if-none-match", ETAG, 501, 501],
    ["x-amz-rename-source-if-match", ETAG, 200, 200],
    ["x-amz-rename-source-if-match", '"other"', 412, 412],
    ["x-amz-rename-source-if-none-match", ETAG, 412, 412],
    ["x-amz-rename-source-if-none-match", '"other"', 200, 200],
    ["x-amz-rename-source-if-modified-since", PAST, 200, 200],
    ["x-amz-rename-source-if-unmodified-since", PAST, 412, 412],
    ["x-amz-rename-source-if-unmodified-since", FUTURE, 200, 200],
  ])("RenameObject with %s: %s answers %i over an object and %i without", async (name, value, over, without) => {
    for (const [old, status] of [
      ["old", over],
      [undefined, without],
    ] as const) {
      const bucket = await prepared();
      if (old !== undefined) await putObject(bucket, "k", old);
      const response = await rename(bucket, "k", "source", { headers: { [name]: value } });
      const text = await response.text();
      expect([response.status, await both(bucket)]).toEqual([
        status,
        status === 200 ? [404, "content"] : ["content", old ?? 404],
      ]);
      if (status === 412) expect(text.toLowerCase()).toContain(`<condition>${name}</condition>`);
    }
  });

  it("RenameObject refuses two conditions on the destination with NotImplemented", async () => {
    const headers = { "if-match": "*", "if-unmodified-since": FUTURE };
    await expectError(await rename(await prepared(), "k", "source", { headers }), 501, "NotImplemented", {
      message: /not implemented/,
      details: {
        Header: "If-Unmodified-Since",
        additionalMessage: "We don't accept the If-Unmodified-Since header for this API",
      },
    });
  });

  it.each([
    ["without a source", "", {}, "InvalidArgument"],
    ["with an incomplete escape", "%2", {}, "InvalidArgument"],
    ["onto itself", "k", {}, "InvalidRequest"],
    ["with a token of 65 characters", "source", { "x-amz-client-token": "t".repeat(65) }, "InvalidArgument"],
    ["with a blank in the token", "source", { "x-amz-client-token": "a b" }, "InvalidArgument"],
    ["of a key that is too long", "s".repeat(1025), {}, "KeyTooLongError"],
  ])("RenameObject %s is refused", async (_name, source, headers, code) => {
    const bucket = await prepared();
    const response = await rename(bucket, "k", source, { headers });
    expect([response.status, await response.text()]).toEqual([400, expect.stringContaining(`<Code>${code}</Code>`)]);
    expect(await both(bucket)).toEqual(["content", 404]);
  });

  it("RenameObject of nothing answers NoSuchKey with the source's key, and AccessDenied to those that may not list", async () => {
    const bucket = await createBucket();
    await expectError(await rename(bucket, "k", "source"), 404, "NoSuchKey", { details: { Key: "source" } });
    const user = await createUser([{ Effect: "Allow", NotAction: "s3:ListBucket", Resource: "*" }]);
    await expectError(await rename(bucket, "k", "source", { as: user.key }), 403, "AccessDenied");
  });

  it("RenameObject of a tagged object needs the permissions for tags at both keys", async () => {
    const bucket = await createBucket();
    const needed = ["s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:GetObjectTagging", "s3:PutObjectTagging"];
    await putObject(bucket, "source", "content", { headers: { "x-amz-tagging": "a=1" } });
    const user = await createUser();
    for (const left of needed) {
      const Action = needed.filter((action) => action !== left);
      await putPolicy(user.name, [{ Effect: "Allow", Action, Resource: "*" }]);
      await expectError(await rename(bucket, "k", "source", { as: user.key }), 403, "AccessDenied");
    }
    expect(await both(bucket)).toEqual(["content", 404]);
    await putPolicy(user.name, [{ Effect: "Allow", Action: needed, Resource: "*" }]);
    await renamed(bucket, "k", "source", { as: user.key });
  });

  it("RenameObject without If-None-Match is refused by a policy that requires it of operations that create objects", async () => {
    const bucket = await prepared();
    await putObject(bucket, "k", "kept");
    // "Enforce conditional writes on Amazon S3 buckets", AWS's guide.
    const Condition = { Null: { "s3:if-none-match": "true" }, Bool: { "s3:ObjectCreationOperation": "true" } };
    const user = await createUser([
      { Effect: "Allow", Action: "s3:*", Resource: "*" },
      { Effect: "Deny", Action: "s3:PutObject", Resource: "*", Condition },
    ]);
    await expectError(await rename(bucket, "k", "source", { as: user.key }), 403, "AccessDenied");
    expect(await both(bucket)).toEqual(["content", "kept"]);
    await renamed(bucket, "other", "source", { as: user.key, headers: { "if-none-match": "*" } });
  });

  it("RenameObject by an account that may only read the source is refused", async () => {
    const bucket = await prepared();
    const other = await createAccount();
    const Principal = { AWS: other.accountId };
    const Statement = [
      { Effect: "Allow", Principal, Action: ["s3:GetObject", "s3:PutObject"], Resource: `arn:aws:s3:::${bucket}/*` },
    ];
    const body = JSON.stringify({ Version: "2012-10-17", Statement });
    await send({ method: "PUT", bucket, query: "policy", body });
    await expectError(await rename(bucket, "k", "source", { as: other }), 403, "AccessDenied");
    expect(await both(bucket)).toEqual(["content", 404]);
  });
});

const TOKEN = { "x-amz-client-token": "0b4c~!" };

describe("RenameObject with a client token", () => {
  it("RenameObject repeated with its token succeeds, also when the destination has been deleted since", async () => {
    for (const bucket of [await prepared(), await prepared(await createVersionedBucket())]) {
      const headers = { ...TOKEN, "if-none-match": "*" };
      await renamed(bucket, "k", "source", { headers });
      await renamed(bucket, "k", "source", { headers });
      expect(await both(bucket)).toEqual([404, "content"]);
      await send({ method: "DELETE", bucket, key: "k" });
      await renamed(bucket, "k", "source", { headers });
      expect(await both(bucket)).toEqual([404, 404]);
    }
  });

  it("RenameObject repeated with its token leaves an object that was put at the source since", async () => {
    const bucket = await prepared();
    await renamed(bucket, "k", "source", { headers: TOKEN });
    await putObject(bucket, "source", "another");
    await renamed(bucket, "k", "source", { headers: TOKEN });
    expect(await both(bucket)).toEqual(["another", "content"]);
    await renamed(bucket, "k", "source");
    expect(await both(bucket)).toEqual([404, "another"]);
  });

  it("RenameObject with a token of a rename with other parameters answers IdempotencyParameterMismatch", async () => {
    const bucket = await prepared();
    await renamed(bucket, "k", "source", { headers: TOKEN });
    await putObject(bucket, "other", "other");
    for (const [key, source, more] of [
      ["k", "other", {}],
      ["k", "source", { "if-match": "*" }],
      ["elsewhere", "source", {}],
    ] as const) {
      const response = await rename(bucket, key, source, { headers: { ...TOKEN, ...more } });
      await expectError(response, 400, "IdempotencyParameterMismatch", { message: /inconsistent with parameters/ });
    }
    expect(await contentOf(bucket, "other")).toBe("other");
  });
});

describe("RenameObject that is interrupted", () => {
  it.each([
    ["never versioned", "before", "permanently"],
    ["never versioned", "after", "once"],
    ["versioned", "before", "permanently"],
    ["versioned", "after", "once"],
  ] as const)(
    "RenameObject, %s, whose call fails %s it is made, %s, loses nothing and is finished by its repetition",
    async (kind, when, lasting) => {
      const attempt = async (at: number) => {
        const bucket = await prepared(kind === "versioned" ? await createVersionedBucket() : undefined);
        const headers = { ...TOKEN, "if-none-match": "*" };
        const { env, calls } = failingEnv(testEnv, at === 0 ? undefined : { at, when, lasting });
        const response = await rename(bucket, "k", "source", { headers, env }).catch(() => undefined);
        await response?.body?.cancel();
        const seen = await both(bucket);
        const label = `${at}: ${response?.status}`;
        expect([label, seen.includes("content")]).toEqual([label, true]);
        if (response?.status === 200) expect([label, seen]).toEqual([label, [404, "content"]]);
        await renamed(bucket, "k", "source", { headers });
        expect([label, await both(bucket)]).toEqual([label, [404, "content"]]);
        return calls();
      };
      const calls = await attempt(0);
      expect(calls).toBeGreaterThanOrEqual(4);
      await Promise.all(callsToFail(calls, { when, lasting }).map(attempt));
    },
  );

  it("RenameObject of one object to several keys at once succeeds for one of them with If-None-Match", async () => {
    for (const bucket of [await prepared(), await prepared(await createVersionedBucket())]) {
      const keys = ["k1", "k2", "k3", "k4"];
      const headers = { "if-none-match": "*" };
      const statuses = await Promise.all(
        keys.map(async (key) => {
          const response = await rename(bucket, key, "source", { headers });
          await response.body?.cancel();
          return response.status;
        }),
      );
      const contents = await Promise.all(keys.map((key) => contentOf(bucket, key)));
      expect(statuses.filter((status) => status === 200)).toHaveLength(1);
      expect(contents).toEqual(statuses.map((status) => (status === 200 ? "content" : 404)));
    }
  });

  it("RenameObject at the same time as changes of tags and writes of the source loses neither", async () => {
    const bucket = await prepared();
    const body = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    const [response, tagging] = await Promise.all([
      rename(bucket, "k", "source"),
      send({ method: "PUT", bucket, key: "source", query: "tagging", body }),
    ]);
    await Promise.all([response.body?.cancel(), tagging.body?.cancel()]);
    expect(response.status).toBe(200);
    expect(await both(bucket)).toEqual([404, "content"]);
    if (tagging.status === 200) {
      expect(await tagsOf(bucket, "k")).toContain("<Key>a</Key>");
    }
  });
});
