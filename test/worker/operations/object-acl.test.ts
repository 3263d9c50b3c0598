import { describe, expect, it } from "vitest";
import { createAccount, rootAccount } from "../../support/accounts.ts";
import {
  ALL_USERS,
  AUTHENTICATED_USERS,
  aclDocument,
  getAcl,
  LOG_DELIVERY,
  putAcl,
  setOwnership,
  setPublicAccessBlock,
} from "../../support/acl.ts";
import { expectError } from "../../support/errors.ts";
import { complete, createUpload, digestGet, md5, noise, putMultipart, putPart } from "../../support/multipart.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { putObject, STYLES, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";

describeRefusals("GetObjectAcl", { key: "k", query: "acl", success: 200 });
describeRefusals("PutObjectAcl", {
  method: "PUT",
  key: "k",
  query: "acl",
  headers: { "x-amz-acl": "private" },
  success: 200,
});

const OTHER = "f".repeat(64);
const MIB = 1024 * 1024;

async function newObject(headers: Record<string, string> = {}): Promise<{ bucket: string; key: string }> {
  const bucket = await createBucket();
  await putObject(bucket, "k", "content", { headers });
  return { bucket, key: "k" };
}

describe("GetObjectAcl", () => {
  it.each(STYLES)("GetObjectAcl returns the owner's full control by default, %s style", async (style) => {
    const { canonicalId, displayName } = await rootAccount();
    expect(await getAcl({ ...(await newObject()), style })).toEqual({
      owner: { id: canonicalId, displayName },
      grants: [`${canonicalId} FULL_CONTROL`],
    });
  });

  it("GetObjectAcl does not return the bucket's ACL", async () => {
    const { canonicalId } = await rootAccount();
    const object = await newObject();
    expect((await putAcl({ bucket: object.bucket, headers: { "x-amz-acl": "public-read" } })).status).toBe(200);
    expect((await getAcl(object)).grants).toEqual([`${canonicalId} FULL_CONTROL`]);
  });

  it.each(["GET", "PUT"])("%s ?acl refuses a key that does not exist with NoSuchKey", async (method) => {
    const bucket = await createBucket();
    const headers = method === "PUT" ? { "x-amz-acl": "private" } : {};
    const response = await send({ method, bucket, key: "a/b", query: "acl", headers });
    await expectError(response, 404, "NoSuchKey", { details: { Key: "a/b" } });
  });

  it("GetObjectAcl returns the bucket owner's full control while ACLs are disabled, and the ACL afterwards", async () => {
    const { canonicalId } = await rootAccount();
    const object = await newObject({ "x-amz-acl": "public-read" });
    await setOwnership(object.bucket, "BucketOwnerEnforced");
    expect((await getAcl(object)).grants).toEqual([`${canonicalId} FULL_CONTROL`]);
    await setOwnership(object.bucket, "ObjectWriter");
    expect((await getAcl(object)).grants).toEqual([`${canonicalId} FULL_CONTROL`, `${ALL_USERS} READ`]);
  });
});

describe("PutObjectAcl", () => {
  it.each([
    ["private", []],
    ["public-read", [`${ALL_USERS} READ`]],
    ["public-read-write", [`${ALL_USERS} READ`, `${ALL_USERS} WRITE`]],
    ["authenticated-read", [`${AUTHENTICATED_USERS} READ`]],
    ["bucket-owner-read", []],
    ["bucket-owner-full-control", []],
  ])("PutObjectAcl sets %s, and removes it", async (name, added) => {
    const { canonicalId } = await rootAccount();
    const object = await newObject();
    const response = await putAcl({ ...object, headers: { "x-amz-acl": name } });
    expect([response.status, await response.text()]).toEqual([200, ""]);
    expect((await getAcl(object)).grants).toEqual([`${canonicalId} FULL_CONTROL`, ...added]);
    expect((await putAcl({ ...object, headers: { "x-amz-acl": "private" } })).status).toBe(200);
    expect((await getAcl(object)).grants).toEqual([`${canonicalId} FULL_CONTROL`]);
  });

  it("PutObjectAcl sets the grants of the headers, and none for the owner", async () => {
    const object = await newObject();
    const headers = { "x-amz-grant-read": `uri="${LOG_DELIVERY}"`, "x-amz-grant-write-acp": `id=${OTHER}` };
    expect((await putAcl({ ...object, headers })).status).toBe(200);
    expect((await getAcl(object)).grants).toEqual([`${LOG_DELIVERY} READ`, `${OTHER} WRITE_ACP`]);
  });

  it("PutObjectAcl sets the grants of a document, or none", async () => {
    const { canonicalId } = await rootAccount();
    const object = await newObject();
    const body = aclDocument(canonicalId, [
      [OTHER, "READ"],
      [canonicalId, "WRITE"],
      [LOG_DELIVERY, "WRITE"],
    ]);
    expect((await putAcl({ ...object, body })).status).toBe(200);
    expect((await getAcl(object)).grants).toEqual([`${OTHER} READ`, `${canonicalId} WRITE`, `${LOG_DELIVERY} WRITE`]);
    expect((await putAcl({ ...object, body: aclDocument(canonicalId, []) })).status).toBe(200);
    expect((await getAcl(object)).grants).toEqual([]);
  });

  it.each<[string, number, Record<string, string>]>([
    ["a small object", 10, {}],
    ["a large object", MIB + 1, {}],
    ["a large object that is a manifest", MIB + 1, { "x-amz-storage-class": "STANDARD_IA" }],
  ])("PutObjectAcl keeps ETag, Last-Modified and bytes of %s", async (_name, sizeBytes, extra) => {
    const bucket = await createBucket();
    const bytes = noise(sizeBytes);
    const headers = { "content-type": "a/b", "x-amz-meta-a": "b", "x-amz-tagging": "t=v", ...extra };
    await putObject(bucket, "k", bytes, { headers });
    await expectUnchanged({ bucket, key: "k" }, bytes);
  });

  it("PutObjectAcl keeps ETag, Last-Modified and bytes of an object uploaded in parts", async () => {
    const target = { bucket: await createBucket(), key: "k" };
    const parts = [noise(5 * MIB, 1), noise(3, 2)] as const;
    await putMultipart(target, parts);
    await expectUnchanged(target, Uint8Array.from([...parts[0], ...parts[1]]));
  });

  /** Sets an ACL twice, because the first time can turn a large object into a manifest. */
  async function expectUnchanged(object: { bucket: string; key: string }, bytes: Uint8Array): Promise<void> {
    const { canonicalId } = await rootAccount();
    const headOf = async () => {
      const { headers } = await send({ method: "HEAD", ...object });
      const names = ["etag", "last-modified", "content-type", "content-length", "x-amz-meta-a", "x-amz-tagging-count"];
      return [...names, "x-amz-storage-class"].map((name) => headers.get(name));
    };
    // A listing reads the metadata of a changed entry, and then returns its checksum too.
    const listOf = async () =>
      (await (await send({ bucket: object.bucket })).text())
        .match(/<Contents>.*<\/Contents>/)?.[0]
        ?.replace(/<ChecksumAlgorithm>.*<\/ChecksumType>/, "");
    const before = [await headOf(), await listOf()];
    // Last-Modified is in whole seconds.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    for (const name of ["public-read", "authenticated-read"]) {
      expect((await putAcl({ ...object, headers: { "x-amz-acl": name } })).status).toBe(200);
    }
    expect((await getAcl(object)).grants).toEqual([`${canonicalId} FULL_CONTROL`, `${AUTHENTICATED_USERS} READ`]);
    expect([await headOf(), await listOf()]).toEqual(before);
    expect(await digestGet(object)).toEqual({ status: 200, sizeBytes: bytes.byteLength, md5: md5(bytes) });
  }

  // R2 has space for a hundred (test/unit/storage/entry-record.test.ts); the simulator of the tests has a quarter of R2's
  // space.
  it("PutObjectAcl accepts many grants to accounts", async () => {
    const { canonicalId } = await rootAccount();
    const object = await newObject();
    const ids = Array.from({ length: 20 }, (_, index) => index.toString(16).padStart(64, "0"));
    const body = aclDocument(
      canonicalId,
      ids.map((id) => [id, "READ"] as const),
    );
    expect((await putAcl({ ...object, body })).status).toBe(200);
    expect((await getAcl(object)).grants).toEqual(ids.map((id) => `${id} READ`));
  });

  it("PutObjectAcl refuses an ACL that does not fit into the object's metadata with InvalidRequest and changes nothing", async () => {
    const { canonicalId } = await rootAccount();
    const object = await newObject({ "x-amz-meta-a": "x".repeat(2000) });
    const ids = Array.from({ length: 100 }, (_, index) => index.toString(16).padStart(64, "0"));
    const body = aclDocument(
      canonicalId,
      ids.map((id) => [id, "READ"] as const),
    );
    const message = "The access control list is too long to be stored with the object's other metadata.";
    await expectError(await putAcl({ ...object, body }), 400, "InvalidRequest", { message });
    expect((await getAcl(object)).grants).toEqual([`${canonicalId} FULL_CONTROL`]);

    const headers = { "x-amz-meta-a": "x".repeat(2000), "x-amz-grant-read": ids.map((id) => `id=${id}`).join() };
    const put = await send({ method: "PUT", ...object, headers, body: "x" });
    await expectError(put, 400, "InvalidRequest", { message });
    const create = await send({ method: "POST", ...object, headers, query: "uploads" });
    await expectError(create, 400, "InvalidRequest", { message });
  });

  it("PutObjectAcl refuses an owner other than the object's with AccessDenied", async () => {
    const object = await newObject();
    const response = await putAcl({ ...object, body: aclDocument(OTHER, []) });
    await expectError(response, 403, "AccessDenied");
  });

  it("PutObjectAcl refuses a request without any ACL with MissingSecurityHeader", async () => {
    const object = await newObject();
    await expectError(await putAcl(object), 400, "MissingSecurityHeader", {
      message: "Your request was missing a required header",
      details: { MissingHeaderName: "x-amz-acl" },
    });
  });

  it("PutObjectAcl refuses headers together with a document with UnexpectedContent", async () => {
    const object = await newObject();
    const options = { ...object, headers: { "x-amz-acl": "private" }, body: aclDocument(OTHER, []) };
    await expectError(await putAcl(options), 400, "UnexpectedContent", {
      message: "This request does not support content",
    });
  });

  it("PutObjectAcl refuses a canned ACL together with grants with InvalidRequest", async () => {
    const object = await newObject();
    const headers = { "x-amz-acl": "private", "x-amz-grant-read": `id=${OTHER}` };
    await expectError(await putAcl({ ...object, headers }), 400, "InvalidRequest", {
      message: "Specifying both Canned ACLs and Header Grants is not allowed",
    });
  });

  it.each(["fake-acl", "log-delivery-write"])("PutObjectAcl refuses %s with InvalidArgument", async (value) => {
    const object = await newObject();
    await expectError(await putAcl({ ...object, headers: { "x-amz-acl": value } }), 400, "InvalidArgument", {
      message: "",
      details: { ArgumentName: "x-amz-acl", ArgumentValue: value },
    });
  });

  it("PutObjectAcl refuses a grantee by e-mail with UnresolvableGrantByEmailAddress", async () => {
    const object = await newObject();
    const headers = { "x-amz-grant-read": 'emailAddress="a@b.example"' };
    await expectError(await putAcl({ ...object, headers }), 400, "UnresolvableGrantByEmailAddress", {
      message: "The e-mail address you provided does not match any account on record.",
    });
  });

  it("PutObjectAcl refuses an invalid document with MalformedACLError", async () => {
    const object = await newObject();
    await expectError(await putAcl({ ...object, body: "<AccessControlPolicy/>" }), 400, "MalformedACLError", {
      message: "The XML you provided was not well-formed or did not validate against our published schema",
    });
  });

  it("PutObjectAcl refuses a version that is not the null version with InvalidArgument", async () => {
    const object = await newObject();
    const response = await send({
      method: "PUT",
      ...object,
      query: "acl&versionId=3",
      headers: { "x-amz-acl": "private" },
    });
    expect([response.status, /<Code>(.*)<\/Code>/.exec(await response.text())?.[1]]).toEqual([400, "InvalidArgument"]);
  });

  it("PutObjectAcl accepts only the bucket owner's full control where ACLs are disabled", async () => {
    const { canonicalId } = await rootAccount();
    const object = await newObject();
    await setOwnership(object.bucket, "BucketOwnerEnforced");
    const expected = { message: "The bucket does not allow ACLs" };
    for (const name of ["private", "public-read", "bucket-owner-read"]) {
      const response = await putAcl({ ...object, headers: { "x-amz-acl": name } });
      await expectError(response, 400, "AccessControlListNotSupported", expected);
    }
    const foreign = aclDocument(canonicalId, [[OTHER, "READ"]]);
    await expectError(await putAcl({ ...object, body: foreign }), 400, "AccessControlListNotSupported", expected);
    const headers = { "x-amz-acl": "bucket-owner-full-control" };
    expect((await putAcl({ ...object, headers })).status).toBe(200);
    const same = aclDocument(canonicalId, [[canonicalId, "FULL_CONTROL"]]);
    expect((await putAcl({ ...object, body: same })).status).toBe(200);
  });

  it("PutObjectAcl refuses a public ACL with AccessDenied where public ACLs are blocked", async () => {
    const object = await newObject();
    await setPublicAccessBlock(object.bucket, "BlockPublicAcls");
    const headers = { "x-amz-grant-read-acp": `uri=${AUTHENTICATED_USERS}` };
    const response = await putAcl({ ...object, headers });
    await expectError(response, 403, "AccessDenied");
  });

  it("PutObjectAcl requires WRITE_ACP and keeps the owner", async () => {
    const { canonicalId } = await rootAccount();
    const [object, as] = await Promise.all([newObject(), createAccount()]);
    const body = aclDocument(canonicalId, [[as.canonicalId, "FULL_CONTROL"]]);
    expect((await putAcl({ ...object, body })).status).toBe(200);
    const narrower = aclDocument(canonicalId, [[as.canonicalId, "READ_ACP"]]);
    expect((await putAcl({ ...object, body: narrower, as })).status).toBe(200);
    expect((await getAcl({ ...object, as })).owner.id).toBe(canonicalId);
    const again = await putAcl({ ...object, body: narrower, as });
    await expectError(again, 403, "AccessDenied");
  });
});

describe("ACL headers of operations that write an object", () => {
  const headers = { "x-amz-acl": "public-read" };

  it("PutObject sets the ACL, and the next PutObject without one removes it", async () => {
    const { canonicalId } = await rootAccount();
    const object = await newObject(headers);
    expect((await getAcl(object)).grants).toEqual([`${canonicalId} FULL_CONTROL`, `${ALL_USERS} READ`]);
    await putObject(object.bucket, "k", "other");
    expect((await getAcl(object)).grants).toEqual([`${canonicalId} FULL_CONTROL`]);
  });

  it("PutObject sets grants without a canned ACL", async () => {
    const object = await newObject({ "x-amz-grant-read": `id=${OTHER}`, "x-amz-grant-full-control": `id=${OTHER}` });
    expect((await getAcl(object)).grants).toEqual([`${OTHER} READ`, `${OTHER} FULL_CONTROL`]);
  });

  it("PutObject refuses invalid ACL headers, and stores nothing", async () => {
    const bucket = await createBucket();
    for (const bad of [{ "x-amz-acl": "fake-acl" }, { "x-amz-grant-read": "id=1" }]) {
      const response = await send({ method: "PUT", bucket, key: "k", headers: bad, body: "x" });
      expect([response.status, /<Code>(.*)<\/Code>/.exec(await response.text())?.[1]]).toEqual([
        400,
        "InvalidArgument",
      ]);
    }
    expect((await send({ method: "HEAD", bucket, key: "k" })).status).toBe(404);
  });

  it.each<[string, number]>([
    ["a small object", 3],
    ["an object uploaded in parts", 5 * MIB],
  ])("CopyObject of %s sets the ACL of its headers, never the source's", async (_name, sizeBytes) => {
    const { canonicalId } = await rootAccount();
    const bucket = await createBucket();
    const source = { bucket, key: "source" };
    if (sizeBytes > MIB) await putMultipart(source, [noise(sizeBytes), "end"], headers);
    else await putObject(bucket, "source", noise(sizeBytes), { headers });
    expect((await getAcl(source)).grants).toEqual([`${canonicalId} FULL_CONTROL`, `${ALL_USERS} READ`]);
    const copy = { "x-amz-copy-source": `/${bucket}/source` };
    expect((await send({ method: "PUT", bucket, key: "a", headers: copy })).status).toBe(200);
    expect((await getAcl({ bucket, key: "a" })).grants).toEqual([`${canonicalId} FULL_CONTROL`]);
    const open = { ...copy, "x-amz-acl": "authenticated-read" };
    expect((await send({ method: "PUT", bucket, key: "b", headers: open })).status).toBe(200);
    expect((await getAcl({ bucket, key: "b" })).grants).toEqual([
      `${canonicalId} FULL_CONTROL`,
      `${AUTHENTICATED_USERS} READ`,
    ]);
  });

  it("CreateMultipartUpload sets the ACL of the completed object", async () => {
    const { canonicalId } = await rootAccount();
    const target = { bucket: await createBucket(), key: "k" };
    const uploadId = await createUpload(target, { "x-amz-acl": "public-read-write" });
    await complete(target, uploadId, [await putPart(target, uploadId, 1, "content")]);
    expect((await getAcl(target)).grants).toEqual([
      `${canonicalId} FULL_CONTROL`,
      `${ALL_USERS} READ`,
      `${ALL_USERS} WRITE`,
    ]);
  });

  it("PutObjectTagging keeps the ACL", async () => {
    const object = await newObject(headers);
    const body = "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>";
    const digest = btoa(
      String.fromCharCode(...new Uint8Array(await crypto.subtle.digest("MD5", new TextEncoder().encode(body)))),
    );
    const tagging = { method: "PUT", ...object, query: "tagging", body, headers: { "content-md5": digest } };
    expect((await send(tagging)).status).toBe(200);
    expect((await getAcl(object)).grants).toContain(`${ALL_USERS} READ`);
  });

  it.each([
    ["PUT", undefined],
    ["POST", "uploads"],
  ])("%s ?%s refuses ACLs with AccessControlListNotSupported where ACLs are disabled", async (method, query) => {
    const bucket = await createBucket();
    await setOwnership(bucket, "BucketOwnerEnforced");
    const request = { method, bucket, key: "k", ...(query && { query }), ...(method === "PUT" && { body: "x" }) };
    for (const name of ["private", "public-read"]) {
      await expectError(
        await send({ ...request, headers: { "x-amz-acl": name } }),
        400,
        "AccessControlListNotSupported",
        {
          message: "The bucket does not allow ACLs",
        },
      );
    }
    expect((await send({ method: "HEAD", bucket, key: "k" })).status).toBe(404);
    expect((await send({ ...request, headers: { "x-amz-acl": "bucket-owner-full-control" } })).status).toBe(200);
  });
});
