import { describe, expect, it } from "vitest";
import { createAccount } from "../../support/accounts.ts";
import { digestOf, putAcl, setPublicAccessBlock } from "../../support/acl.ts";
import { expectError } from "../../support/errors.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { putObject, STYLES, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { documentOf, fields } from "../../support/xml.ts";

const QUERY = "publicAccessBlock";
const PUT = { method: "PUT", query: QUERY } as const;
const document = (inner: string) =>
  `<PublicAccessBlockConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</PublicAccessBlockConfiguration>`;
const body = document("<BlockPublicAcls>true</BlockPublicAcls>");

describeRefusals("PutPublicAccessBlock", { ...PUT, body, headers: await digestOf(body), success: 200 });
describeRefusals("DeletePublicAccessBlock", { method: "DELETE", query: QUERY, success: 204 });

async function expectNone(bucket: string): Promise<void> {
  await expectError(await send({ bucket, query: QUERY }), 404, "NoSuchPublicAccessBlockConfiguration", {
    message: "The public access block configuration was not found",
    details: { BucketName: bucket },
  });
}

describe("public access block", () => {
  it("GetPublicAccessBlock refuses another account's key and anonymous callers with AccessDenied", async () => {
    const [bucket, other] = await Promise.all([createBucket(), createAccount()]);
    for (const as of [other, null]) {
      const response = await send({ bucket, query: QUERY, as });
      await expectError(response, 403, "AccessDenied");
    }
  });

  it.each(STYLES)("is absent, set, replaced and deleted, %s style", async (style) => {
    const bucket = await createBucket();
    await expectNone(bucket);
    for (const value of ["true", "false"]) {
      const text = document(
        `<IgnorePublicAcls>${value}</IgnorePublicAcls><RestrictPublicBuckets>true</RestrictPublicBuckets>`,
      );
      const response = await send({ ...PUT, bucket, style, body: text, headers: await digestOf(text) });
      expect([response.status, await response.text()]).toEqual([200, ""]);
      const root = await documentOf(await send({ bucket, query: QUERY, style }), "PublicAccessBlockConfiguration");
      expect(fields(root)).toEqual({
        BlockPublicAcls: "false",
        IgnorePublicAcls: value,
        BlockPublicPolicy: "false",
        RestrictPublicBuckets: "true",
      });
    }
    for (let time = 0; time < 2; time++) {
      const response = await send({ method: "DELETE", bucket, query: QUERY, style });
      expect([response.status, await response.text()]).toEqual([204, ""]);
      await expectNone(bucket);
    }
  });

  it("PutPublicAccessBlock refuses a document without digest with InvalidRequest", async () => {
    const bucket = await createBucket();
    await expectError(await send({ ...PUT, bucket, body }), 400, "InvalidRequest", {
      message: "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
    });
  });

  it("PutPublicAccessBlock refuses an empty configuration with InvalidRequest", async () => {
    const bucket = await createBucket();
    const text = document("");
    const response = await send({ ...PUT, bucket, body: text, headers: await digestOf(text) });
    await expectError(response, 400, "InvalidRequest", {
      message: "Must specify at least one configuration.",
    });
  });

  it("PutPublicAccessBlock refuses a value that is neither true nor false with MalformedXML", async () => {
    const bucket = await createBucket();
    const text = document("<BlockPublicAcls>yes</BlockPublicAcls>");
    const response = await send({ ...PUT, bucket, body: text, headers: await digestOf(text) });
    await expectError(response, 400, "MalformedXML");
    await expectNone(bucket);
  });

  it("BlockPublicAcls refuses public ACLs in every operation that writes an object with AccessDenied", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "source", "x");
    await setPublicAccessBlock(bucket, "BlockPublicAcls");
    const headers = { "x-amz-acl": "public-read" };
    const copy = { ...headers, "x-amz-copy-source": `/${bucket}/source` };
    for (const request of [
      { method: "PUT", key: "k", headers, body: "x" },
      { method: "PUT", key: "k", headers: { "x-amz-acl": "authenticated-read" }, body: "x" },
      { method: "PUT", key: "k", headers: copy },
      { method: "POST", key: "k", headers, query: "uploads" },
      { method: "PUT", key: "source", headers, query: "acl" },
    ]) {
      const response = await send({ bucket, ...request });
      await expectError(response, 403, "AccessDenied");
    }
    expect((await send({ method: "HEAD", bucket, key: "k" })).status).toBe(404);
    await putObject(bucket, "k", "x", { headers: { "x-amz-acl": "private" } });
  });

  it("IgnorePublicAcls disables the access of public ACLs until it is deleted", async () => {
    const [bucket, as] = await Promise.all([createBucket(), createAccount()]);
    expect((await putAcl({ bucket, headers: { "x-amz-acl": "public-read" } })).status).toBe(200);
    await putObject(bucket, "k", "abcde", { headers: { "x-amz-acl": "public-read" } });
    const statuses = async () => {
      const list = await send({ bucket, as });
      const get = await send({ bucket, key: "k", as: null });
      await Promise.all([list.body?.cancel(), get.body?.cancel()]);
      return [list.status, get.status];
    };
    expect(await statuses()).toEqual([200, 200]);
    await setPublicAccessBlock(bucket, "IgnorePublicAcls");
    expect(await statuses()).toEqual([403, 403]);
    expect((await send({ method: "DELETE", bucket, query: QUERY })).status).toBe(204);
    expect(await statuses()).toEqual([200, 200]);
  });
});
